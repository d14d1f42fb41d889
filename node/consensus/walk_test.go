package consensus

import (
	"flag"
	"fmt"
	"math/rand"
	"slices"

	"github.com/bedrock-bft/bedrock/node/types"
)

var walks = flag.Int("walks", 1500, "random walks")

// walk is a random walk over what an adversary can do to three honest validators
// of four: it holds the fourth's key, joins any votes into certificates, delivers
// any message to anybody at any time or never, fires timers, and crashes nodes.
// Building, verification and execution answer at once.
type walk struct {
	rnd    *rand.Rand
	epoch  types.Epoch
	set    *types.ValidatorSet
	nodes  []*walkNode
	pool   []types.Message
	blocks map[types.Hash]*types.Block
	order  []*types.Block
	tcs    []*types.TC
	qcs    map[types.Hash]*types.QC
	known  []*types.QC
	commit map[types.Commit]int          // honest commit votes, a bit each
	votes  map[uint64]map[types.Hash]int // honest prepare votes by view
	signed map[string]string             // by honest nodes, by class and view
	err    error
	bias   [6]int
	views  uint64
	mask   int // whom messages reach for now
	model  *refinement
	mute   bool // leaders build nothing
}

type walkNode struct {
	w      *walk
	i      int
	core   *Core
	now    uint64
	wake   uint64
	safety *types.SafetyState
	logged []*types.Block
	seen   map[int]bool // of the pool, in this life
}

const walkBad = 3 // the Byzantine validator

func newWalk(seed int64) *walk { return followedWalk(seed, nil) }

// followedWalk is a walk that a model follows, if there is one.
func followedWalk(seed int64, model *refinement) *walk {
	w := &walk{model: model, rnd: rand.New(rand.NewSource(seed)), epoch: fakeEpoch(1, []int{0, 1, 2, 3}, nil),
		blocks: map[types.Hash]*types.Block{}, qcs: map[types.Hash]*types.QC{}, commit: map[types.Commit]int{}, votes: map[uint64]map[types.Hash]int{},
		views: 4 + uint64(seed%4)}
	w.set, _ = types.NewValidatorSet(fakeGenesis, w.epoch, fakeScheme{})
	w.bias = [6]int{60, 1 + w.rnd.Intn(4), 1 + w.rnd.Intn(8), 1 + w.rnd.Intn(8), 1 + w.rnd.Intn(6), 1 + w.rnd.Intn(3)}
	if seed%2 == 0 {
		w.bias[5] = 0 // half of the walks without crashes
	}
	for i := range 3 {
		n := &walkNode{w: w, i: i, now: 1}
		w.nodes = append(w.nodes, n)
		n.start()
	}
	root := w.nodes[0].core.rootQC()
	w.known = append(w.known, &root)
	return w
}

func (n *walkNode) start() {
	root := fakeRoot(n.w.epoch)
	t := DevnetTiming()
	t.IdleMs = 1
	core, effects, err := New(Now{n.now, 1_000_000}, Config{Genesis: fakeGenesis, Scheme: fakeScheme{}, Timing: t,
		NetworkKey: fakePeer(n.i), ConsensusKey: fakeKey(n.i)},
		Start{Epoch: n.w.epoch, Root: root, Tip: root, Safety: n.safety, Blocks: n.logged, SigningAllowed: true})
	if err != nil {
		n.w.err = err
		return
	}
	n.core, n.seen = core, map[int]bool{}
	n.carryOut(effects)
	n.step(WorkWaiting{Waiting: true})
}

func (n *walkNode) step(ev Event) {
	if n.w.err == nil {
		n.carryOut(n.core.Step(Now{n.now, 1_000_000}, ev))
	}
}

func (n *walkNode) carryOut(effects []Effect) {
	var own []Event
	for _, x := range effects {
		switch x := x.(type) {
		case Persist:
			s := x.State
			n.w.checkRecord(n, &s)
			n.safety = &s
			n.logged = append(n.logged, x.Blocks...)
		case Sign:
			m := signMessage(x.Message, fakeKey(n.i))
			n.w.note(n, m)
			own = append(own, Received{Message: m})
		case Multicast:
			n.w.pool = append(n.w.pool, x.Message)
		case Send:
			n.w.pool = append(n.w.pool, x.Message)
		case BuildBlock:
			own = append(own, n.w.build(n, x))
		case VerifyBlock:
			own = append(own, BlockVerified{ID: x.Block.ID(), Valid: true})
		case ExecuteBlock:
			id := x.Block.ID()
			own = append(own, BlockExecuted{ID: id, Success: true, ReceiptsRoot: types.ListRoot(nil),
				StateRoot: types.SumHash(append(x.Parent.StateRoot[:], id[:]...))})
		case FetchBlock:
			if b := n.w.blocks[x.ID]; b != nil {
				own = append(own, BlockFetched{From: x.From[0], Block: b})
			}
		case WakeAt:
			n.wake = x.MonoMs
		case StopSigning:
			n.w.fail("node %d stopped: %s", n.i, x.Reason)
		case Alarm:
			if x.Kind == AlarmConflict {
				n.w.fail("node %d: %s", n.i, x.Detail)
			}
		}
	}
	for _, ev := range own {
		n.step(ev)
	}
}

func (w *walk) fail(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf(format, args...)
	}
}

func (w *walk) build(n *walkNode, x BuildBlock) Event {
	if w.mute {
		return BlockBuilt{Kind: x.Kind, View: x.View}
	}
	b := &types.Block{}
	if !x.Empty {
		b.Payload = [][]byte{fmt.Appendf(nil, "%d %d", n.i, w.rnd.Int63())}
	}
	return BlockBuilt{Kind: x.Kind, View: x.View, Block: w.keep(b, x.View, x.Height, x.Parent, x.Proposer, x.MinTimestampMs)}
}

func (w *walk) keep(b *types.Block, view, height uint64, parent types.Hash, proposer uint32, at uint64) *types.Block {
	b.Header = types.Header{Genesis: fakeGenesis, Epoch: 1, View: view, Height: height, Parent: parent, Proposer: proposer,
		TimestampMs: max(at, 2000+view), PayloadRoot: types.ListRoot(b.Payload), EvidenceRoot: types.ListRoot(nil)}
	w.blocks[b.ID()] = b
	w.order = append(w.order, b)
	return b
}

// note keeps what an honest node signed, and checks that no two quorums commit
// blocks of which none is the other's ancestor.
func (w *walk) note(n *walkNode, m types.Message) {
	w.pool = append(w.pool, m)
	if w.model != nil {
		w.model.signed(w, n, m)
	}
	held := func(id types.Hash) bool {
		return slices.ContainsFunc(n.logged, func(b *types.Block) bool { return b.ID() == id })
	}
	if w.signed == nil {
		w.signed = map[string]string{}
	}
	if err := checkSigned(n.i, n.safety, held, w.signed, m); err != nil {
		w.fail("%v", err)
	}
	if m.Prepare != nil {
		w.noteVote(n, m.Prepare.Vote)
	}
	if m.Commit == nil {
		return
	}
	v := m.Commit.Vote
	// One vote each: a second one of the same node in its view is the mutation's.
	w.commit[v] |= 1 << n.i
	if !quorumWithBad(w.commit[v]) {
		return
	}
	for other, who := range w.commit {
		if quorumWithBad(who) && !w.related(other.Block, v.Block) {
			w.fail("CONFLICT: views %d and %d committed blocks of different chains", other.View, v.View)
		}
	}
}

// checkRecord checks that what a node puts on record forgets nothing that is there.
func (w *walk) checkRecord(n *walkNode, s *types.SafetyState) {
	old := n.safety
	if old == nil {
		return
	}
	voted := s.VotedView < old.VotedView || s.VotedView == old.VotedView && s.VotedBlock != old.VotedBlock
	commit := old.Commit != nil && (s.Commit == nil || s.Commit.View < old.Commit.View)
	if voted || commit || s.TimeoutView < old.TimeoutView || s.Lock.View < old.Lock.View ||
		s.OptimisticView < old.OptimisticView || s.ProposedView < old.ProposedView {
		w.fail("node %d forgets: %+v after %+v", n.i, s, old)
	}
}

// noteVote checks that at most one block is certified a view.
func (w *walk) noteVote(n *walkNode, v types.Prepare) {
	if w.votes[v.View] == nil {
		w.votes[v.View] = map[types.Hash]int{}
	}
	w.votes[v.View][v.Block] |= 1 << n.i
	certified := 0
	for _, who := range w.votes[v.View] {
		if quorumWithBad(who) {
			certified++
		}
	}
	if certified > 1 {
		w.fail("CONFLICT: two blocks are certified in view %d", v.View)
	}
}

func quorumWithBad(who int) bool { return who == 3 || who == 5 || who == 6 || who == 7 }

func (w *walk) related(a, b types.Hash) bool { return w.above(a, b) || w.above(b, a) }

func (w *walk) above(a, b types.Hash) bool {
	for {
		if a == b {
			return true
		}
		x := w.blocks[a]
		if x == nil {
			return false
		}
		a = x.Header.Parent
	}
}

// act does one random thing.
func (w *walk) act() {
	total := 0
	for _, b := range w.bias {
		total += b
	}
	r := w.rnd.Intn(total)
	n := w.nodes[w.rnd.Intn(3)]
	if w.rnd.Intn(25) == 0 {
		w.mask = w.rnd.Intn(8)
	}
	if w.mask&(1<<n.i) == 0 && r < w.bias[0] {
		n = w.nodes[w.rnd.Intn(3)]
	}
	for k, b := range w.bias {
		if r -= b; r >= 0 {
			continue
		}
		switch k {
		case 0:
			w.deliver(n)
		case 1:
			if n.core.view <= w.views {
				n.now = max(n.now+1, n.core.deadline())
				n.step(Tick{})
			}
		case 2:
			w.join()
		case 3:
			w.badVote()
		case 4:
			w.badProposal()
		case 5:
			n.start()
		}
		return
	}
}

func (w *walk) deliver(n *walkNode) {
	if len(w.pool) == 0 {
		return
	}
	for range 8 {
		x := w.rnd.Float64()
		k := len(w.pool) - 1 - int(x*x*float64(len(w.pool)))
		m := w.pool[k]
		if n.seen[k] || m.View()+2 <= n.core.view && w.rnd.Intn(8) > 0 {
			continue
		}
		n.seen[k] = true
		n.now++
		n.step(Received{From: Peer{9}, Message: m})
		return
	}
}

// join makes certificates from the votes seen: of prepare votes, and of any quorum
// of timeouts of a view, those with the lowest reports first.
func (w *walk) join() {
	votes := map[types.Prepare]map[int][]byte{}
	outs := map[uint64]map[int]*types.SignedTimeout{}
	var keys []types.Prepare
	var views []uint64
	for _, m := range w.pool {
		switch {
		case m.Prepare != nil:
			if votes[m.Prepare.Vote] == nil {
				votes[m.Prepare.Vote] = map[int][]byte{}
				keys = append(keys, m.Prepare.Vote)
			}
			votes[m.Prepare.Vote][int(m.Prepare.Validator)] = m.Prepare.Signature
		case m.Timeout != nil:
			v := m.Timeout.Vote.View
			if outs[v] == nil {
				outs[v] = map[int]*types.SignedTimeout{}
				views = append(views, v)
			}
			if old := outs[v][int(m.Timeout.Validator)]; old == nil || w.rnd.Intn(2) == 0 {
				outs[v][int(m.Timeout.Validator)] = m.Timeout
			}
		}
	}
	for _, v := range keys {
		if len(votes[v]) >= 3 && w.qcs[v.Block] == nil {
			q := &types.QC{Epoch: 1, View: v.View, Height: v.Height, Block: v.Block, Prepares: w.aggregate(votes[v])}
			w.qcs[v.Block] = q
			w.known = append(w.known, q)
			w.pool = append(w.pool, types.Message{QC: q})
			return
		}
	}
	if len(views) == 0 {
		return
	}
	v := views[w.rnd.Intn(len(views))]
	need := 3
	if len(outs[v]) < need {
		return
	}
	skip := -1
	if len(outs[v]) > need {
		skip = w.rnd.Intn(4)
	}
	groups := map[uint64]map[int][]byte{}
	top := (*types.SignedTimeout)(nil)
	for i, t := range outs[v] {
		if i == skip {
			continue
		}
		if groups[t.Vote.HighView] == nil {
			groups[t.Vote.HighView] = map[int][]byte{}
		}
		groups[t.Vote.HighView][i] = t.Signature
		if top == nil || t.Vote.HighView > top.Vote.HighView {
			top = t
		}
	}
	tc := &types.TC{Epoch: 1, View: v, High: top.High}
	for h := uint64(0); h < v; h++ {
		if groups[h] != nil {
			tc.Groups = append(tc.Groups, types.TimeoutGroup{HighView: h, Sigs: *w.aggregate(groups[h])})
		}
	}
	w.tcs = append(w.tcs, tc)
	w.pool = append(w.pool, types.Message{TC: tc})
}

func (w *walk) aggregate(sigs map[int][]byte) *types.Aggregate {
	var who []int
	var list [][]byte
	for i := range 4 {
		if sigs[i] != nil {
			who, list = append(who, i), append(list, sigs[i])
		}
	}
	a, _ := w.set.Aggregate(who, list)
	return &a
}
