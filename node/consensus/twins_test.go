package consensus

import (
	"fmt"
	"math/rand"
	"reflect"
	"slices"
	"unsafe"

	"github.com/bedrock-bft/bedrock/node/types"
)

// cells says which instances hear each other in a view: those of one number. Of messages,
// the view that they are of counts, or the one that is on if that is later.
type cells []int8

// twinScenario is a run of validators of which some are two: one key, two Cores, and
// neither knows of the other.
type twinScenario struct {
	n       int
	powers  map[int]uint64 // 1 where none is given
	twins   []int          // validators; the second halves are instances n, n+1, ...
	newest  bool           // what was sent last is delivered first
	shuffle int64          // not 0: the order of delivery is drawn from it, and what is lost
	loss    float64        // of what is sent in a cell while there are more
	blind   bool           // look for conflicts alone, not for how an honest validator came to one
}

func (s *twinScenario) instances() int { return s.n + len(s.twins) }

// validator is whom instance i signs as.
func (s *twinScenario) validator(i int) int {
	if i < s.n {
		return i
	}
	return s.twins[i-s.n]
}

// honest reports whether instance i is all of its validator.
func (s *twinScenario) honest(i int) bool {
	for _, t := range s.twins {
		if s.validator(i) == t {
			return false
		}
	}
	return true
}

// twinWorld runs a scenario on real Cores, round by round. Within a round messages of its
// view and of earlier ones go back and forth in each cell until there are no more; then
// resend intervals pass; then those who are still in the view give it up.
type twinWorld struct {
	twinScenario
	epoch   types.Epoch
	set     *types.ValidatorSet
	nodes   []*twinNode
	rounds  []cells
	leaders []uint32 // by view, from 1
	queue   []twinParcel
	later   []twinParcel // of views to come
	rnd     *rand.Rand
	err     error

	final  map[uint64]types.Hash // height -> outcome
	signed map[string]types.Hash // what honest instances signed
}

// twinParcel is an event on its way.
type twinParcel struct {
	from, to int
	view     uint64
	event    Event
}

type twinNode struct {
	w      *twinWorld
	i      int // instance
	core   *Core
	now    uint64
	safety *types.SafetyState
	blocks map[types.Hash]*types.Block
	finals []FinalBlock // from height 1
}

// twinViews is how many views' leaders a world can appoint.
const twinViews = 24

func newTwinWorld(s twinScenario) *twinWorld {
	members := make([]int, s.n)
	for i := range members {
		members[i] = i
	}
	w := &twinWorld{twinScenario: s, epoch: fakeEpoch(1, members, s.powers), final: map[uint64]types.Hash{},
		signed: map[string]types.Hash{}}
	if s.shuffle != 0 {
		w.rnd = rand.New(rand.NewSource(s.shuffle))
	}
	w.set, _ = types.NewValidatorSet(fakeGenesis, w.epoch, fakeScheme{})
	for i := range s.instances() {
		w.nodes = append(w.nodes, &twinNode{w: w, i: i, now: 1, blocks: map[types.Hash]*types.Block{}})
	}
	for _, n := range w.nodes {
		n.start()
	}
	return w
}

// start makes a Core that may not sign yet, so that the schedule can be exchanged before
// anything depends on it.
func (n *twinNode) start() {
	w, root, t := n.w, fakeRoot(n.w.epoch), DevnetTiming()
	t.IdleMs = 1
	core, effects, err := New(n.clock(), Config{Genesis: fakeGenesis, Scheme: fakeScheme{}, Timing: t,
		NetworkKey: fakePeer(w.validator(n.i)), ConsensusKey: fakeKey(w.validator(n.i))},
		Start{Epoch: w.epoch, Root: root, Tip: root})
	if err != nil {
		w.fail("instance %d: %v", n.i, err)
		return
	}
	n.core = core
	n.carryOut(effects)
}

// begin lets everybody sign.
func (w *twinWorld) begin() {
	for _, n := range w.nodes {
		n.step(WorkWaiting{Waiting: true})
		n.step(SigningAllowed{Allowed: true})
	}
}

// appoint makes leaders those of the views from 1 on. The schedule follows from powers,
// and by those no validator could be given two views in a row: so a set's schedule is
// exchanged here, where it lies. Nothing in the product can do that.
func appoint(set *types.ValidatorSet, leaders []uint32) {
	slots := make([]uint32, max(twinViews, len(leaders)))
	for v := range slots {
		slots[(set.Epoch.Number+uint64(v))%uint64(len(slots))] = leaders[min(v, len(leaders)-1)]
	}
	field := reflect.ValueOf(set).Elem().FieldByName("leads")
	*(*[]uint32)(unsafe.Pointer(field.UnsafeAddr())) = slots
}

// lead names the leader of the next view, and those after that till more is said.
func (w *twinWorld) lead(leaders ...uint32) {
	w.leaders = append(w.leaders[:len(w.leaders):len(w.leaders)], leaders...)
	for _, n := range w.nodes {
		appoint(n.core.set, w.leaders)
	}
}

func (n *twinNode) clock() Now { return Now{MonoMs: n.now, WallMs: 1_000_000} }

func (n *twinNode) step(ev Event) {
	if n.w.err == nil {
		n.carryOut(n.core.Step(n.clock(), ev))
	}
}

func (w *twinWorld) fail(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf(format, args...)
	}
}

// send puts a message on its way to every instance of other validators; to -1 is all.
func (n *twinNode) send(to int, view uint64, ev Event) {
	for i := range n.w.nodes {
		if v := n.w.validator(i); v != n.w.validator(n.i) && (to < 0 || v == to) {
			n.w.queue = append(n.w.queue, twinParcel{from: n.i, to: i, view: view, event: ev})
		}
	}
}

// round plays the next view.
func (w *twinWorld) round(r cells) {
	w.rounds = append(w.rounds, r)
	w.queue, w.later = w.later, nil
	w.deliver()
	for _, n := range w.nodes {
		n.now += DevnetTiming().ResendMs + 1 // above settle
		n.step(Tick{})
	}
	w.deliver()
	view := uint64(len(w.rounds))
	for _, n := range w.nodes {
		if n.core.view <= view && w.err == nil {
			n.now = max(n.now+1, n.core.deadline())
			n.step(Tick{})
		}
	}
	w.deliver()
}

// deliver goes on until nothing is under way but what is of later views. What leaves its
// cell is lost: it is sent again, or not.
func (w *twinWorld) deliver() {
	now := w.rounds[len(w.rounds)-1]
	for len(w.queue) > 0 && w.err == nil {
		p := w.next()
		switch {
		case p.view > uint64(len(w.rounds)):
			w.later = append(w.later, p)
		case now[p.from] == now[p.to] && !w.lost(now):
			w.nodes[p.to].step(p.event)
		}
	}
}

// next takes what is delivered next.
func (w *twinWorld) next() twinParcel {
	last := len(w.queue) - 1
	if w.newest {
		p := w.queue[last]
		w.queue = w.queue[:last]
		return p
	}
	k := 0
	if w.rnd != nil {
		k = w.rnd.Intn(min(len(w.queue), 12))
	}
	p := w.queue[k]
	w.queue[k], w.queue = w.queue[0], w.queue[1:]
	return p
}

func (w *twinWorld) lost(now cells) bool {
	return w.loss > 0 && slices.Max(now) > 0 && w.rnd.Float64() < w.loss
}
