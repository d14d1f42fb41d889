package consensus

import (
	"container/heap"
	"encoding/json"
	"fmt"
	"math/rand"

	"github.com/bedrock-bft/bedrock/node/types"
)

// world is a deterministic simulation of several Cores: one seed decides delays,
// losses, duplicates, crashes and what the Byzantine node does.
type world struct {
	rnd    *rand.Rand
	plan   plan
	now    uint64
	seq    uint64
	queue  timeline
	nodes  []*simNode
	epochs []types.Epoch // by number-1
	err    error

	final  map[uint64]types.Hash // height -> outcome hash
	signed map[string]string     // what honest nodes signed
	chaos  *chaos
	views  map[uint64]bool // views entered since the network healed -> certified
	trace  func(string)
}

// plan is what a run draws from.
type plan struct {
	n         int
	seed      int64
	byzantine bool
	hide      bool // the Byzantine node shows its votes to one validator only
	loss      float64
	duplicate float64
	maxDelay  int
	crash     float64 // per effect
	epochs    bool
	slowExec  int
	healAt    uint64
	until     uint64
	settle    uint64
	load      bool
}

type timelineItem struct {
	at, seq uint64
	do      func()
}
type timeline []timelineItem

func (t timeline) Len() int { return len(t) }
func (t timeline) Less(i, j int) bool {
	return t[i].at < t[j].at || t[i].at == t[j].at && t[i].seq < t[j].seq
}
func (t timeline) Swap(i, j int) { t[i], t[j] = t[j], t[i] }
func (t *timeline) Push(x any)   { *t = append(*t, x.(timelineItem)) }
func (t *timeline) Pop() any {
	old := *t
	x := old[len(old)-1]
	*t = old[:len(old)-1]
	return x
}

func (w *world) after(ms uint64, do func()) {
	w.seq++
	heap.Push(&w.queue, timelineItem{at: w.now + ms, seq: w.seq, do: do})
}

func (w *world) fail(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf("seed %d at %d ms: %s", w.plan.seed, w.now, fmt.Sprintf(format, args...))
	}
}

// disk is what survives a crash.
type disk struct {
	safety   *types.SafetyState
	blocks   map[types.Hash]*types.Block
	order    []types.Hash
	outcomes []types.SignedOutcome
	finals   []FinalBlock // from height 1
	certs    []*types.CC
	changes  map[uint64]*types.Epoch // by height
	synced   uint64
	epoch    int              // number of the epoch entered last
	roots    map[uint64]Final // epoch -> root
	starts   map[uint64]*types.CC
}

type simNode struct {
	w       *world
	i       int
	core    *Core
	disk    disk
	life    int
	tick    uint64
	changes map[types.Hash]*types.Epoch // of executed blocks
	execs   map[types.Hash]bool
}

func timingFor(p plan) Timing {
	t := DevnetTiming()
	if p.settle != 0 {
		t.SettleMs = p.settle
	}
	return t
}

func newWorld(p plan) *world {
	w := &world{rnd: rand.New(rand.NewSource(p.seed)), plan: p, now: 1, final: map[uint64]types.Hash{},
		signed: map[string]string{}, views: map[uint64]bool{}}
	pool := p.n
	if p.epochs {
		pool++
	}
	members := make([]int, p.n)
	for i := range members {
		members[i] = i
	}
	w.epochs = []types.Epoch{fakeEpoch(1, members, nil)}
	for i := range pool {
		n := &simNode{w: w, i: i, disk: disk{blocks: map[types.Hash]*types.Block{}, epoch: 1,
			changes: map[uint64]*types.Epoch{}, roots: map[uint64]Final{1: fakeRoot(w.epochs[0])}, starts: map[uint64]*types.CC{}}}
		w.nodes = append(w.nodes, n)
	}
	if p.byzantine {
		w.chaos = newChaos(w, w.nodes[p.n-1])
	}
	for _, n := range w.nodes {
		n.start()
	}
	return w
}

// epochAfter is what a block that ends epoch e asks for: the validators of the
// pool without one, which is another each time.
func (w *world) epochAfter(e uint64) types.Epoch {
	for uint64(len(w.epochs)) <= e {
		next := uint64(len(w.epochs)) + 1
		var members []int
		out := int(next) % w.plan.n
		if w.plan.byzantine && out == w.plan.n-1 {
			out = 0
		}
		for i := range w.nodes {
			if i != out {
				members = append(members, i)
			}
		}
		w.epochs = append(w.epochs, fakeEpoch(next, members, nil))
	}
	return w.epochs[e]
}

func (n *simNode) byzantine() bool { return n.w.chaos != nil && n.w.chaos.node == n }

func (n *simNode) now() Now { return Now{MonoMs: n.w.now, WallMs: 1_000_000 + n.w.now + uint64(n.i)*7} }

// start makes a Core from the disk.
func (n *simNode) start() {
	d := &n.disk
	n.life++
	n.changes, n.execs, n.tick = map[types.Hash]*types.Epoch{}, map[types.Hash]bool{}, 0
	d.finals, d.certs = d.finals[:d.synced], d.certs[:d.synced]
	e := n.w.epochAfter(uint64(d.epoch) - 1)
	root := d.roots[uint64(d.epoch)]
	s := Start{Epoch: e, Root: root, Tip: root, Safety: d.safety, Outcomes: d.outcomes, SigningAllowed: true}
	if d.epoch > 1 {
		prev := n.w.epochs[d.epoch-2]
		s.Previous = &prev
	}
	if h := uint64(len(d.finals)); h > root.Outcome.Height {
		f := d.finals[h-1]
		s.Tip = Final{View: f.Block.Header.View, TimestampMs: f.Block.Header.TimestampMs, Outcome: f.Outcome, Certificate: d.certs[h-1]}
		s.TipChange = d.changes[h]
	}
	for _, id := range d.order {
		s.Blocks = append(s.Blocks, d.blocks[id])
	}
	cfg := Config{Genesis: fakeGenesis, Scheme: fakeScheme{}, Timing: timingFor(n.w.plan), NetworkKey: fakePeer(n.i),
		ConsensusKey: fakeKey(n.i)}
	core, effects, err := New(n.now(), cfg, s)
	if err != nil {
		n.w.fail("node %d: %v", n.i, err)
		return
	}
	n.core = core
	n.carryOut(effects)
	n.step(WorkWaiting{Waiting: true})
}

func (n *simNode) crash() {
	n.core = nil
	n.life++
	n.w.after(uint64(n.w.rnd.Intn(400)), n.start)
}

// step gives an event to the Core and carries out what it answers.
func (n *simNode) step(ev Event) {
	if n.core == nil || n.w.err != nil {
		return
	}
	n.carryOut(n.core.Step(n.now(), ev))
	if n.core != nil {
		if err := n.core.invariants(); err != nil {
			n.w.fail("node %d after %T: %v", n.i, ev, err)
		}
	}
}

// later gives an event to the present life of the node.
func (n *simNode) later(ms uint64, ev Event) {
	life := n.life
	n.w.after(ms, func() {
		if n.life == life {
			n.step(ev)
		}
	})
}

func (n *simNode) carryOut(effects []Effect) {
	var own []Event
	life := n.life
	for _, x := range effects {
		if n.w.now < n.w.plan.healAt && n.w.plan.crash > 0 && n.w.rnd.Float64() < n.w.plan.crash {
			n.crash()
			return
		}
		if ev := n.carry(x); ev != nil {
			own = append(own, ev)
		}
		if n.w.err != nil {
			return
		}
	}
	for _, ev := range own {
		if n.life == life {
			n.step(ev)
		}
	}
}

// carry does one effect; an event that it gives at once is answered.
func (n *simNode) carry(x Effect) Event {
	w, d := n.w, &n.disk
	if w.trace != nil {
		b, err := json.Marshal(x)
		w.trace(fmt.Sprintf("%d %d %T %s %v", w.now, n.i, x, b, err))
	}
	switch x := x.(type) {
	case Persist:
		n.persist(x)
	case Sign:
		m := signMessage(x.Message, fakeKey(n.i))
		n.checkSigned(m)
		n.multicast(m, PresentValidators)
		return Received{Message: m}
	case Multicast:
		n.multicast(x.Message, x.To)
	case Send:
		n.send(x.To, x.Message)
	case BuildBlock:
		return n.build(x)
	case VerifyBlock:
		n.later(uint64(w.rnd.Intn(3)), BlockVerified{ID: x.Block.ID(), Valid: true})
	case ExecuteBlock:
		n.execute(x)
	case FetchBlock:
		n.fetch(x)
	case Finalize:
		n.finalize(x)
	case PrepareEpoch:
		d.synced = uint64(len(d.finals))
		n.later(uint64(w.rnd.Intn(30)), EpochReady{Number: x.Next.Number})
	case EnterEpoch:
		d.epoch = int(x.Epoch.Number)
		f := d.finals[len(d.finals)-1]
		d.roots[x.Epoch.Number] = Final{TimestampMs: f.Block.Header.TimestampMs, Outcome: f.Outcome, Certificate: x.Certificate}
		d.starts[x.Epoch.Number] = x.Certificate
	case WakeAt:
		n.tick = x.MonoMs
		n.wake(x.MonoMs)
	case AskCertificates:
		n.ask(x.Peer, CertificatesAsked{From: fakePeer(n.i), Epoch: x.Epoch, View: x.View})
	case AskEpochs:
		if p := w.byPeer(x.Peer); p != nil {
			for e := x.From; int(e) <= p.disk.epoch; e++ {
				p.send(fakePeer(n.i), types.Message{EpochStart: &types.EpochStart{Epoch: w.epochs[e-1], Certificate: p.disk.starts[e]}})
			}
		}
	case AnswerEpoch:
		if int(x.Epoch) <= d.epoch {
			n.send(x.Peer, types.Message{EpochStart: &types.EpochStart{Epoch: w.epochs[x.Epoch-1], Certificate: d.starts[x.Epoch]}})
		}
	case SyncNeeded:
		n.later(uint64(5+w.rnd.Intn(20)), Tick{})
		n.sync()
	case StopSigning:
		if !n.byzantine() {
			w.fail("node %d stopped signing: %s", n.i, x.Reason)
		}
	case EvidenceFound:
		set, err := types.NewValidatorSet(fakeGenesis, w.epochs[x.Evidence.Epoch-1], fakeScheme{})
		if err == nil {
			err = set.VerifyEvidence(&x.Evidence)
		}
		who := set.Epoch.Validators[x.Evidence.Validator].NetworkKey
		if err != nil || w.chaos == nil || Peer(who) != fakePeer(w.chaos.node.i) {
			w.fail("node %d found evidence against an honest validator (or none): %v %+v", n.i, err, x.Evidence)
		}
	case Alarm:
		if x.Kind == AlarmConflict || x.Kind == AlarmDivergenceSuspected && w.chaos == nil {
			w.fail("node %d: alarm %s: %s", n.i, x.Kind, x.Detail)
		}
	case EnteredView:
		if w.now > w.plan.healAt+2000 && !n.byzantine() {
			if _, ok := w.views[x.View]; !ok {
				w.views[x.View] = false
			}
			if !x.ByTC {
				w.views[x.View-1] = true
			}
		}
	}
	return nil
}

func (n *simNode) wake(at uint64) {
	life := n.life
	delay := uint64(0)
	if at > n.w.now {
		delay = at - n.w.now
	}
	n.w.after(delay, func() {
		if n.life == life && n.tick == at {
			n.step(Tick{})
		}
	})
}

func (n *simNode) persist(x Persist) {
	d := &n.disk
	if d.safety != nil && x.State.Epoch < d.safety.Epoch {
		n.w.fail("node %d: epoch of the SafetyState fell", n.i)
	}
	s := x.State
	d.safety = &s
	for _, b := range x.Blocks {
		if _, ok := d.blocks[b.ID()]; !ok {
			d.blocks[b.ID()] = b
			d.order = append(d.order, b.ID())
		}
	}
	d.outcomes = append(d.outcomes, x.Outcomes...)
	if d.epoch < int(s.Epoch) { // one write: the epoch's root comes with its certificate
		f := d.finals[len(d.finals)-1]
		d.epoch = int(s.Epoch)
		d.roots[s.Epoch] = Final{TimestampMs: f.Block.Header.TimestampMs, Outcome: f.Outcome, Certificate: s.Lock.Commit}
		d.starts[s.Epoch] = s.Lock.Commit
	}
}

func (n *simNode) build(x BuildBlock) Event {
	w := n.w
	b := &types.Block{}
	if !x.Empty && (w.plan.load || w.rnd.Intn(3) > 0) {
		b.Payload = [][]byte{fmt.Appendf(nil, "tx %d %d", n.i, w.rnd.Int63())}
		if w.plan.epochs && w.rnd.Intn(4) == 0 {
			b.Payload[0] = append([]byte("epoch "), b.Payload[0]...)
		}
	}
	if len(b.Payload) == 0 && !x.MayBeEmpty {
		n.later(uint64(50+w.rnd.Intn(100)), WorkWaiting{Waiting: true})
		return BlockBuilt{Kind: x.Kind, View: x.View}
	}
	b.Header = types.Header{Genesis: fakeGenesis, Epoch: x.Epoch, View: x.View, Height: x.Height, Parent: x.Parent,
		Proposer: x.Proposer, TimestampMs: max(x.MinTimestampMs, n.now().WallMs),
		PayloadRoot: types.ListRoot(b.Payload), EvidenceRoot: types.ListRoot(nil)}
	n.later(uint64(w.rnd.Intn(3)), BlockBuilt{Kind: x.Kind, View: x.View, Block: b})
	return nil
}

// agree is the safety property: one outcome a height.
func (w *world) agree(n *simNode, o types.Outcome) {
	if n.byzantine() {
		return
	}
	if was, ok := w.final[o.Height]; ok && was != o.Hash() {
		w.fail("node %d: CONFLICT at height %d", n.i, o.Height)
	}
	w.final[o.Height] = o.Hash()
}

// sync copies final blocks from the node that has most, as block sync would.
func (n *simNode) sync() {
	d := &n.disk
	var best *simNode
	for _, p := range n.w.nodes {
		if p != n && !p.byzantine() && len(p.disk.finals) > len(d.finals) && (best == nil || len(p.disk.finals) > len(best.disk.finals)) {
			best = p
		}
	}
	if best == nil {
		return
	}
	tip := len(d.finals)
	for h := tip; h < len(best.disk.finals); h++ {
		f := best.disk.finals[h]
		if f.Block.Header.Epoch != uint64(d.epoch) {
			break
		}
		n.w.agree(n, f.Outcome)
		d.finals, d.certs = append(d.finals, f), append(d.certs, best.disk.certs[h])
		d.changes[f.Outcome.Height] = best.disk.changes[f.Outcome.Height]
	}
	if len(d.finals) == tip {
		return
	}
	d.synced = uint64(len(d.finals))
	f := d.finals[len(d.finals)-1]
	n.later(1, Synced{Tip: Final{View: f.Block.Header.View, TimestampMs: f.Block.Header.TimestampMs, Outcome: f.Outcome,
		Certificate: d.certs[len(d.certs)-1]}, Change: d.changes[f.Outcome.Height]})
}
