package byzantine

import (
	"time"

	"github.com/bedrock-bft/bedrock/node/sim"
	"github.com/bedrock-bft/bedrock/node/types"
)

// ambush is the adversary that keeps a certificate to itself. In a view that one of its
// own leads, it shows the block to so many that their votes and its own are a quorum:
// to the next leader, to the dupe, and to more where that takes more. It holds its
// prepare votes back. When the first honest validator gives the view up it does so too, towards
// all but the dupe, so that the next leader enters by the timeout certificate, and shows
// its votes to the dupe alone, which is late since what goes to it takes longest: it has
// the certificate before it gave up, and votes for what the next leader proposed
// optimistically.
type ambush struct {
	k     *kit
	on    bool
	rng   interface{ IntN(int) int }
	epoch uint64 // of the highest view that honest nodes spoke of
	view  uint64
	done  map[[2]uint64]bool // views that were given up
}

func newAmbush(k *kit) *ambush {
	a := &ambush{k: k, rng: k.w.Rand(hidden), done: map[[2]uint64]bool{}}
	for _, name := range k.setup.Conduct {
		a.on = a.on || name == hidden
	}
	return a
}

// hides reports whether a node is one of those.
func (a *ambush) hides(node int) bool {
	p := a.k.puppets[node]
	return p != nil && p.name == hidden
}

// prey is the next leader after a view and the dupe; false: the view is not led by one
// of the adversary's, or the next one is.
func (a *ambush) prey(epoch, view uint64) (leader, dupe int, ok bool) {
	leads, ok := a.k.leader(epoch, view)
	if !ok || !a.hides(leads) {
		return 0, 0, false
	}
	leader, ok = a.k.leader(epoch, view+1)
	if !ok || a.k.faulty(leader) {
		return 0, 0, false
	}
	honest := a.k.honest()
	for i := range honest {
		dupe = honest[(int(view/2)+i)%len(honest)]
		if dupe != leader {
			return leader, dupe, true
		}
	}
	return 0, 0, false
}

// audience reports whether a node is shown the block of a view.
func (a *ambush) audience(epoch, view uint64, node int) bool {
	leader, dupe, ok := a.prey(epoch, view)
	set := a.k.set(epoch)
	if !ok || set == nil {
		return true
	}
	power := func(i int) uint64 {
		if j, ok := set.Epoch.IndexOfNetworkKey(a.k.w.Node(i).ID()); ok {
			return set.Power(j)
		}
		return 0
	}
	sum := power(leader) + power(dupe)
	for i := range a.k.w.Plan().Nodes {
		if a.hides(i) {
			sum += power(i)
		}
	}
	if node == leader || node == dupe || a.hides(node) {
		return true
	}
	for _, i := range a.k.honest() {
		if set.IsQuorum(sum) {
			return false
		}
		if i != leader && i != dupe {
			if sum += power(i); i == node {
				return true
			}
		}
	}
	return false
}

// hide is what leaves a node of the adversary's: proposals, to those who shall see them,
// and commit votes, so that nobody takes it for dead and gives its views up at once.
func hide(p *puppet, to int, m types.Message) []types.Message {
	if m.Commit != nil && p.own(&m) {
		return one(m)
	}
	if m.Proposal != nil && p.own(&m) && p.k.ambush.audience(m.Proposal.Epoch, m.Proposal.View, to) {
		return one(m)
	}
	p.did()
	return nil
}

// delay says how long a message takes: to the dupe as long as can be, but for the votes
// that it is shown, and from it to the next leader; else as short as can be. So the dupe
// is the last to enter the adversary's view, and the last to give it up.
func (a *ambush) delay(c *sim.Carried, m *types.Message) {
	bad := a.k.isFaulty(c.From)
	if e, v := m.Epoch(), m.View(); !bad && (e > a.epoch || e == a.epoch && v > a.view) {
		a.epoch, a.view = e, v
	}
	if !bad {
		a.gaveUp(m)
	}
	c.Delay = 0
	if bad && m.Prepare != nil {
		return
	}
	for v := max(a.view, 1) - 1; v <= a.view+2; v++ {
		if leader, dupe, ok := a.prey(a.epoch, v); ok {
			if c.To == dupe || c.From == dupe && c.To == leader {
				c.Delay = time.Hour // as much as the plan allows
			}
			return
		}
	}
}

// gaveUp springs the trap when the first honest validator gives up a view.
func (a *ambush) gaveUp(m *types.Message) {
	if m.Timeout == nil {
		return
	}
	epoch, view := m.Timeout.Epoch, m.Timeout.Vote.View
	_, dupe, ok := a.prey(epoch, view)
	if !ok || a.done[[2]uint64{epoch, view}] {
		return
	}
	a.done[[2]uint64{epoch, view}] = true
	wait := time.Duration(0)
	if a.rng.IntN(3) == 0 { // too late, now and then, when all know the timeout certificate
		wait = time.Duration(a.rng.IntN(200)) * time.Millisecond
	}
	for i := range a.k.w.Plan().Nodes {
		p := a.k.puppets[i]
		if p == nil || p.name != hidden || p.node == nil || !p.node.Up() {
			continue
		}
		p.acting = hidden
		timeout := p.gaveUp(epoch, view)
		for _, to := range a.k.honest() {
			if to != dupe {
				p.send(to, timeout)
			}
		}
		a.k.after(wait, func() { p.vote(dupe, epoch, view) })
	}
}

// vote shows a node a prepare vote on each block of a view.
func (p *puppet) vote(to int, epoch, view uint64) {
	for _, b := range p.k.memory.blocks {
		if h := &b.Header; h.Epoch == epoch && h.View == view {
			p.k.did(hidden + ": shown")
			p.send(to, p.sign(types.Message{Prepare: &types.SignedPrepare{Epoch: epoch, Vote: types.Prepare{View: view, Height: h.Height, Block: b.ID()}}}))
		}
	}
}
