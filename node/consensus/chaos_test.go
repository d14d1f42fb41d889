package consensus

import (
	"github.com/bedrock-bft/bedrock/node/types"
)

// chaos is a Byzantine validator: it follows the protocol with its Core, shows what
// that says to some only, and beside it votes for whatever it sees, gives up views
// with the stalest lock, and proposes in its views on every certificate that it
// has, to some of the others.
type chaos struct {
	w    *world
	node *simNode
	to   int // whom it favours for now

	qcs    []*types.QC
	tcs    []*types.TC
	blocks []*types.Block
	busy   bool
	gaveUp uint64 // hide: the last view
}

func newChaos(w *world, n *simNode) *chaos { return &chaos{w: w, node: n} }

// lets decides whether an honest-looking message goes out.
func (c *chaos) lets(to *simNode, m types.Message) bool {
	if !c.w.plan.hide {
		return c.w.rnd.Intn(3) > 0
	}
	// Votes and certificates are held back; see hideQC. Of its own blocks two hear,
	// the next leader among them: with its vote those two make a QC.
	if m.Proposal == nil {
		return false
	}
	return to.i == int(c.node.core.set.Leader(m.Proposal.View+1)) || to.i == c.second(m.Proposal.View)
}

// second is whom beside the next leader it shows its block of that view.
func (c *chaos) second(v uint64) int {
	return (int(c.node.core.set.Leader(v+1)) + 1 + int(v/4)%2) % 3
}

// hideQC waits until the first honest validator gives up a view. Then it gives the
// view up itself, towards all, and shows its votes on every block of that view to
// one validator only, at about the time when the others have their TC.
func (c *chaos) hideQC(m types.Message) {
	if m.Timeout == nil || m.Timeout.Vote.View <= c.gaveUp || c.node.core == nil || c.node.core.self < 0 {
		return
	}
	r, v := c.w.rnd, m.Timeout.Vote.View
	epoch, self := m.Timeout.Epoch, uint32(c.node.core.self)
	c.gaveUp = v
	favoured := c.w.nodes[c.second(v)]
	if int(c.node.core.set.Leader(v)) != c.node.i {
		favoured = c.w.nodes[r.Intn(c.w.plan.n-1)]
	}
	high := c.node.core.rootQC()
	out := signMessage(types.Message{Timeout: &types.SignedTimeout{Epoch: epoch, Validator: self,
		Vote: types.Timeout{View: v, HighView: high.View}, High: high}}, fakeKey(c.node.i))
	for _, p := range c.w.nodes {
		if p != c.node && p != favoured {
			c.w.put(c.node, p, out)
		}
	}
	for _, b := range c.blocks {
		if b.Header.View == v {
			vote := signMessage(types.Message{Prepare: &types.SignedPrepare{Epoch: epoch, Validator: self,
				Vote: types.Prepare{View: v, Height: b.Header.Height, Block: b.ID()}}}, fakeKey(c.node.i))
			c.w.after(uint64(r.Intn(c.w.plan.maxDelay)), func() { favoured.step(Received{From: fakePeer(c.node.i), Message: vote}) })
		}
	}
}

func (c *chaos) keepQC(q *types.QC) {
	if q == nil || q.View == 0 {
		return
	}
	for _, x := range c.qcs {
		if x.View == q.View && x.Block == q.Block {
			return
		}
	}
	if c.qcs = append(c.qcs, q); len(c.qcs) > 12 {
		c.qcs = c.qcs[1:]
	}
}

func (c *chaos) keepTC(t *types.TC) {
	if t == nil {
		return
	}
	c.keepQC(&t.High)
	for _, x := range c.tcs {
		if x.View == t.View && x.High.View == t.High.View {
			return
		}
	}
	if c.tcs = append(c.tcs, t); len(c.tcs) > 8 {
		c.tcs = c.tcs[1:]
	}
}

// see collects what passes by, and now and then does mischief.
func (c *chaos) see(m types.Message) {
	switch {
	case m.Proposal != nil:
		c.keepQC(m.Proposal.QC)
		c.keepTC(m.Proposal.TC)
		if b := m.Proposal.Block; b != nil {
			if c.blocks = append(c.blocks, b); len(c.blocks) > 12 {
				c.blocks = c.blocks[1:]
			}
		}
	case m.QC != nil:
		c.keepQC(m.QC)
	case m.TC != nil:
		c.keepTC(m.TC)
	case m.Timeout != nil:
		c.keepQC(&m.Timeout.High)
	}
	if core := c.node.core; core != nil {
		l := core.safety.Lock
		c.keepQC(&l)
		c.keepTC(core.highTC)
	}
	r := c.w.rnd
	if c.w.plan.hide {
		c.hideQC(m)
		return
	}
	if r.Intn(20) == 0 {
		c.to = r.Intn(c.w.plan.n - 1)
	}
	if c.busy || c.node.core == nil {
		return
	}
	c.busy = true
	c.w.after(uint64(r.Intn(20)), func() { c.busy = false; c.mischief() })
}

func (c *chaos) mischief() {
	core := c.node.core
	if core == nil || core.self < 0 {
		return
	}
	r, epoch, self := c.w.rnd, core.set.Epoch.Number, uint32(core.self)
	view := core.view
	switch r.Intn(5) {
	case 0: // votes for any block that it knows
		for _, b := range c.blocks {
			if b.Header.Epoch == epoch && r.Intn(2) == 0 {
				c.toSome(types.Message{Prepare: &types.SignedPrepare{Epoch: epoch, Validator: self,
					Vote: types.Prepare{View: b.Header.View, Height: b.Header.Height, Block: b.ID()}}})
			}
		}
	case 1: // commits whatever was executed, in any view
		for _, n := range core.order {
			if n.executed && n.view > 0 && r.Intn(2) == 0 {
				c.toSome(types.Message{Commit: &types.SignedCommit{Epoch: epoch, Validator: self,
					Vote: types.Commit{View: n.view, Height: n.height, Block: n.id, Outcome: n.outcome.Hash()}}})
			}
		}
	case 2: // gives up this view or a later one, with a stale lock
		high := core.rootQC()
		if len(c.qcs) > 0 && r.Intn(2) == 0 {
			if q := c.qcs[r.Intn(len(c.qcs))]; q.Epoch == epoch && q.View < view {
				high = *q
			}
		}
		v := view + uint64(r.Intn(2))
		c.toSome(types.Message{Timeout: &types.SignedTimeout{Epoch: epoch, Validator: self,
			Vote: types.Timeout{View: v, HighView: high.View}, High: high}})
	default:
		c.propose(core, epoch, self)
	}
}

// propose sends, in the views that it leads, proposals of all kinds on every
// certificate that it has.
func (c *chaos) propose(core *Core, epoch uint64, self uint32) {
	r := c.w.rnd
	for v := core.view; v <= core.view+2; v++ {
		if core.set.Leader(v) != self {
			continue
		}
		for k := 0; k < 3; k++ {
			parents := append([]*types.QC{}, c.qcs...)
			root := core.rootQC()
			parents = append(parents, &root)
			q := parents[r.Intn(len(parents))]
			if q.Epoch != epoch || q.View >= v {
				continue
			}
			b := &types.Block{Payload: [][]byte{{byte(r.Intn(256)), byte(r.Intn(256))}}}
			parentTime := uint64(1000)
			if n := core.nodes[q.Block]; n != nil {
				parentTime = n.timeMs
			}
			b.Header = types.Header{Genesis: fakeGenesis, Epoch: epoch, View: v, Height: q.Height + 1, Parent: q.Block,
				Proposer: self, TimestampMs: max(parentTime+1, c.node.now().WallMs), PayloadRoot: types.ListRoot(b.Payload),
				EvidenceRoot: types.ListRoot(nil)}
			p := &types.Proposal{Epoch: epoch, View: v, BlockID: b.ID(), Proposer: self, Block: b}
			switch {
			case q.View+1 == v && r.Intn(2) == 0:
				p.Kind, p.QC = types.KindProposeNormal, q
			case len(c.tcs) > 0 && r.Intn(3) > 0:
				t := c.tcs[r.Intn(len(c.tcs))]
				if t.Epoch != epoch {
					continue
				}
				p.Kind, p.QC, p.TC = types.KindProposeFallback, q, t
			default:
				p.Kind = types.KindProposeOptimistic
			}
			c.blocks = append(c.blocks, b)
			c.toSome(types.Message{Proposal: p})
		}
	}
}

// toSome signs and sends to a random part of the others.
func (c *chaos) toSome(m types.Message) {
	m = signMessage(m, fakeKey(c.node.i))
	for _, p := range c.w.nodes {
		if p != c.node && c.w.rnd.Intn(2) == 0 {
			c.w.put(c.node, p, m)
		}
	}
}
