package consensus

import (
	"fmt"
	"math/rand"
	"testing"

	"github.com/bedrock-bft/bedrock/node/consensus/spec"
	"github.com/bedrock-bft/bedrock/node/types"
)

// following is a walk of the model that Cores must follow: for each step drawn from the
// model, the Core whose step it is gets the certificates, the proposal or the time that
// allow it, and must do it. (refinement is the other way round, and watches here too.)
//
// Cores are held to less than the model allows: they sign nothing of views that they have
// left, and vote for the first proposal of a view alone. Such steps are not asked for.
type following struct {
	*walk
	done map[string]int
}

func newFollowing(seed int64) *following {
	w := &walk{mute: true, model: newRefinement(), rnd: rand.New(rand.NewSource(seed)), epoch: fakeEpoch(1, []int{0, 1, 2, 3}, nil),
		blocks: map[types.Hash]*types.Block{}, qcs: map[types.Hash]*types.QC{}, commit: map[types.Commit]int{}, votes: map[uint64]map[types.Hash]int{}, signed: map[string]string{}}
	w.set, _ = types.NewValidatorSet(fakeGenesis, w.epoch, fakeScheme{})
	for i := range 3 {
		n := &walkNode{w: w, i: i, now: 1}
		w.nodes = append(w.nodes, n)
		n.start()
	}
	return &following{walk: w, done: map[string]int{}}
}

// block is the one that the model numbers id; nil if nobody voted for it yet.
func (f *following) block(id int8) *types.Block {
	for h, k := range f.model.ids {
		if k == id {
			return f.blocks[h]
		}
	}
	return nil
}

func viewOfID(id int8) uint64 { return uint64(id+1) / 2 }

// qc is a certificate of those who voted for the block in the model, and of the Byzantine
// validator.
func (f *following) qc(id int8) *types.QC {
	if id == 0 {
		root := f.nodes[0].core.rootQC()
		return &root
	}
	b := f.block(id)
	v := types.Prepare{View: viewOfID(id), Height: b.Header.Height, Block: b.ID()}
	sigs := map[int][]byte{walkBad: fakeSign(fakeKey(walkBad), v.SignBytes(f.set.Domain()))}
	for i := range f.model.state.Validators {
		if f.model.state.Validators[i].Vote[v.View]&(2-id%2) != 0 {
			sigs[i] = fakeSign(fakeKey(i), v.SignBytes(f.set.Domain()))
		}
	}
	return &types.QC{Epoch: 1, View: v.View, Height: v.Height, Block: v.Block, Prepares: f.aggregate(sigs)}
}

// certified is a block of that view with a certificate in the model; -1: there is none.
func (f *following) certified(view uint64) int8 {
	if view == 0 {
		return 0
	}
	for _, id := range []int8{2*int8(view) - 1, 2 * int8(view)} {
		n := 0
		for i := range f.model.state.Validators {
			if f.model.state.Validators[i].Vote[view]&(2-id%2) != 0 {
				n++
			}
		}
		if n >= 2 {
			return id
		}
	}
	return -1
}

// tc is the certificate of that view with the lowest report, of the model's timeouts and
// the Byzantine one's, that reports view 0; nil if there are too few.
func (f *following) tc(view uint64) *types.TC {
	type report struct {
		who  int
		high uint64
	}
	reports := []report{{walkBad, 0}}
	for high := uint64(0); high < view; high++ {
		for i := range f.model.state.Validators {
			if f.model.state.Validators[i].Timeout[view] == int8(high)+1 && len(reports) < 3 {
				reports = append(reports, report{i, high})
			}
		}
	}
	if len(reports) < 3 {
		return nil
	}
	groups, top := map[uint64]map[int][]byte{}, uint64(0)
	for _, r := range reports {
		if groups[r.high] == nil {
			groups[r.high] = map[int][]byte{}
		}
		groups[r.high][r.who] = fakeSign(fakeKey(r.who), types.Timeout{View: view, HighView: r.high}.SignBytes(f.set.Domain()))
		top = max(top, r.high)
	}
	t := &types.TC{Epoch: 1, View: view, High: *f.qc(f.certified(top))}
	for h := uint64(0); h < view; h++ {
		if groups[h] != nil {
			t.Groups = append(t.Groups, types.TimeoutGroup{HighView: h, Sigs: *f.aggregate(groups[h])})
		}
	}
	return t
}

// show delivers a message, and waits for bodies that are fetched.
func (f *following) show(n *walkNode, m types.Message) {
	n.step(Received{From: Peer{9}, Message: m})
	n.now += DevnetTiming().SettleMs/2 + 1
	n.step(Tick{})
}

// lead brings a Core into a view, if anything can.
func (f *following) lead(n *walkNode, view uint64) bool {
	if n.core.view < view {
		if id := f.certified(view - 1); id > 0 {
			f.show(n, types.Message{QC: f.qc(id)})
		} else if t := f.tc(view - 1); t != nil {
			f.show(n, types.Message{TC: t})
		}
	}
	return n.core.view == view
}

// vote has n vote for block id on parent in view v.
func (f *following) vote(n *walkNode, v uint64, id, parent int8) (asked bool) {
	s := &n.core.safety
	if !f.lead(n, v) || s.TimeoutView >= v || s.VotedView >= v {
		return false
	}
	if p := n.core.proposalsOf(v); p != nil && p.main != nil {
		return false
	}
	q, leader := f.qc(parent), f.set.Leader(v)
	b := f.block(id)
	if b == nil {
		b = f.keep(&types.Block{Payload: [][]byte{fmt.Appendf(nil, "%d %d", id, f.rnd.Int63())}}, v, q.Height+1, q.Block, leader, 0)
	}
	p := &types.Proposal{Epoch: 1, Kind: types.KindProposeNormal, View: v, BlockID: b.ID(), Proposer: leader, Block: b, QC: q}
	if q.View+1 != v {
		p.Kind, p.TC = types.KindProposeFallback, f.tc(v-1)
	}
	f.show(n, signMessage(types.Message{Proposal: p}, fakeKey(int(leader))))
	if s.VotedView != v || s.VotedBlock != b.ID() {
		f.fail("node %d does not vote for block %d on %d in view %d: it is in view %d, voted in %d, lock %d", n.i, id, parent, v, n.core.view, s.VotedView, s.Lock.View)
	}
	return true
}

func (f *following) timeout(n *walkNode, v uint64) (asked bool) {
	if !f.lead(n, v) || n.core.safety.TimeoutView >= v {
		return false
	}
	n.now = max(n.now, n.core.deadline())
	n.step(Tick{})
	if n.core.safety.TimeoutView != v {
		f.fail("node %d does not give up view %d", n.i, v)
	}
	return true
}

// commit shows a certificate: n must lock it, and vote to commit it.
func (f *following) commit(n *walkNode, id int8, vote bool) (asked bool) {
	s, v := &n.core.safety, viewOfID(id)
	if s.Lock.View > v {
		return false
	}
	may := s.TimeoutView < v && (s.Commit == nil || s.Commit.View < v)
	f.show(n, types.Message{QC: f.qc(id)})
	switch {
	case s.Lock.View != v:
		f.fail("node %d does not lock block %d", n.i, id)
	case vote && may && (s.Commit == nil || s.Commit.View != v || s.Commit.Block != s.Lock.Block):
		f.fail("node %d does not vote to commit block %d", n.i, id)
	}
	return !vote || may
}

// step draws a step of the model and has it done.
func (f *following) step() {
	was := f.model.state
	var next []spec.State
	was.Next(spec.Rules{}, spec.Views, func(t spec.State) { next = append(next, t) })
	if len(next) == 0 {
		f.model.over = true
		return
	}
	t := next[f.rnd.Intn(len(next))]
	for i, n := range f.nodes {
		a, b := &was.Validators[i], &t.Validators[i]
		kind, asked := "", false
		for v := 1; v <= spec.Views; v++ {
			switch {
			case a.Vote[v] != b.Vote[v]:
				id := 2*int8(v) - 1
				if b.Vote[v]-a.Vote[v] != 2-id%2 {
					id++
				}
				kind, asked = "vote", f.vote(n, uint64(v), id, t.Parent[id])
			case a.Timeout[v] != b.Timeout[v]:
				kind, asked = "timeout", f.timeout(n, uint64(v))
			case a.Commit[v] != b.Commit[v]:
				kind, asked = "commit", f.commit(n, b.Commit[v], true)
			}
		}
		if kind == "" && a.Lock != b.Lock {
			kind, asked = "lock", f.commit(n, b.Lock, false)
		}
		if asked {
			f.done[kind]++
		}
	}
}

// TestStepFollowsModel draws walks of the model that Cores must follow.
func TestStepFollowsModel(t *testing.T) {
	done := map[string]int{}
	for k := range *walks / 5 {
		f := newFollowing(*firstSeed + int64(k))
		f.done = done
		for s := 0; s < 40 && !f.model.over && f.err == nil; s++ {
			f.step()
		}
		if f.err != nil {
			t.Fatalf("walk %d: %v", *firstSeed+int64(k), f.err)
		}
	}
	for _, kind := range []string{"vote", "timeout", "commit", "lock"} {
		if done[kind] < *walks/10 {
			t.Errorf("only %d steps of kind %s", done[kind], kind)
		}
	}
	t.Logf("%d walks of the model, steps that cores followed: %v", *walks/5, done)
}
