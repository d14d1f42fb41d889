package disruption

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/controllers/chain"
	"github.com/bedrock-bft/bedrock/controllers/chain/chaintest"
	"github.com/bedrock-bft/bedrock/controllers/disruption/plan"
)

var errConflict = errors.New("conflict")

// world is an API server, kubelets and a chain in memory. An eviction is let pass in one
// event and its pod deleted in a later one, as in a real API server.
type world struct {
	rng    *rand.Rand
	chain  *chaintest.Chain
	now    time.Time
	policy plan.Policy

	ledger    string
	ledgerRV  int
	pods      []*worldPod
	order     []string
	paused    bool
	evictions int
	// open budgets in this world are judged by the spec that was written.
	violation string
}

type worldPod struct {
	name      string
	i         int
	power     uint64
	uid       int
	state     plan.PodState
	disrupted int // UID that an eviction was let pass for; 0: none
	made      bool
	open      bool
	rv        int
	ask       *plan.Ask
	outdated  string
	// out: evicted and not seen voting since, as the world itself knows.
	out     bool
	outAt   uint64
	stopped bool // its process was ended by the eviction
	failed  bool // its process is ended by something else
}

func newWorld(seed uint64, powers []uint64, policy plan.Policy) *world {
	w := &world{rng: rand.New(rand.NewPCG(seed, 5)), chain: chaintest.New(chaintest.Options{Powers: powers}), policy: policy,
		now: time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)}
	for i := range powers {
		name := fmt.Sprintf("val-%d", i)
		w.order = append(w.order, name)
		w.pods = append(w.pods, &worldPod{name: name, i: i, power: powers[i], uid: 1, state: plan.PodRunning})
	}
	w.chain.Advance(10)
	return w
}

func (w *world) pod0(name string) *worldPod {
	for _, p := range w.pods {
		if p.name == name {
			return p
		}
	}
	return nil
}

func (w *world) node(i int) *chaintest.Node { return w.chain.Node(w.chain.Endpoints()[i]) }

func (w *world) anyNode() chain.Endpoint {
	for _, at := range w.chain.Endpoints() {
		if _, err := w.chain.Status(context.Background(), at); err == nil {
			return at
		}
	}
	return ""
}

// observe reads budgets and pods first, the ledger after. // rule: token-ledger
func (w *world) observe() observed {
	o := observed{budgets: map[string]version{}}
	in := plan.Input{Now: w.now, Policy: w.policy, Paused: w.paused}
	for _, p := range w.pods {
		f := plan.Validator{Name: p.name, ID: w.chain.Name(p.i), Identities: []ledger.ID{w.node(p.i).Identity()},
			PodUID: strconv.Itoa(p.uid), PodState: p.state, Disrupted: p.disrupted == p.uid, Ask: p.ask, Outdated: p.outdated}
		if p.state == plan.PodGone {
			f.PodUID = ""
		}
		if f.Ask == nil && p.outdated != "" {
			f.Ask = &plan.Ask{Kind: plan.Rollout, Reason: "rollout:" + p.outdated}
		}
		if p.made {
			f.Budget = plan.BudgetClosed
			if p.open {
				f.Budget = plan.BudgetOpen
			}
		}
		in.Fleet = append(in.Fleet, f)
		o.budgets[p.name] = version(strconv.Itoa(p.rv))
	}
	in.View = plan.NewView(w.answers())
	in.Ledger = plan.Empty()
	if w.ledgerRV > 0 {
		l, err := plan.Parse(w.ledger)
		if err != nil {
			panic(err)
		}
		in.Ledger, o.ledger = l, version(strconv.Itoa(w.ledgerRV))
	}
	o.in = in
	return o
}

func (w *world) answers() []plan.Answer {
	var out []plan.Answer
	for _, at := range w.chain.Endpoints() {
		s, err := w.chain.Status(context.Background(), at)
		if err != nil {
			continue
		}
		set, err := w.chain.Set(context.Background(), at)
		if err != nil {
			continue
		}
		out = append(out, plan.Answer{Status: s, Set: set})
	}
	return out
}

func (w *world) open(_ context.Context, v string, at version) error {
	p := w.pod0(v)
	if !p.made || strconv.Itoa(p.rv) != string(at) {
		return errConflict
	}
	p.open, p.rv = true, p.rv+1
	return nil
}

func (w *world) close(_ context.Context, v string) (map[string]bool, error) {
	p := w.pod0(v)
	p.made, p.open, p.rv = true, false, p.rv+1
	out := map[string]bool{}
	if p.disrupted != 0 {
		out[fmt.Sprintf("%s-%d", v, p.disrupted)] = true
	}
	return out, nil
}

func (w *world) pod(_ context.Context, v string) (string, podNow, error) {
	p := w.pod0(v)
	return fmt.Sprintf("%s-%d", v, p.uid), podNow{UID: strconv.Itoa(p.uid), Gone: p.state == plan.PodGone, Going: p.state == plan.PodGoing}, nil
}

func (w *world) write(_ context.Context, data string, at version) (version, error) {
	have := ""
	if w.ledgerRV > 0 {
		have = strconv.Itoa(w.ledgerRV)
	}
	if have != string(at) {
		return "", errConflict
	}
	w.ledger, w.ledgerRV = data, w.ledgerRV+1
	return version(strconv.Itoa(w.ledgerRV)), nil
}

func (w *world) evict(_ context.Context, v, uid string) error {
	if p := w.pod0(v); strconv.Itoa(p.uid) == uid {
		w.tryEvict(p)
	}
	return nil
}

func (w *world) changing(context.Context) (string, error) { return "", nil } // nobody changes this set

func (w *world) send(ctx context.Context, tx []byte) error {
	_, err := w.chain.Submit(ctx, w.anyNode(), tx)
	return err
}

func (w *world) sign(_ context.Context, l plan.Lease) ([]byte, error) {
	return chain.Maintain(w.chain.Delegate(), w.chain.Genesis(), ledger.Maintain{Validator: l.Member.ID, ExpectedEnd: l.ExpectedEnd, End: l.End}, 0)
}

// tryEvict is what the API server does with an eviction. It is let pass only under an
// open budget; the invariant is checked there.
func (w *world) tryEvict(p *worldPod) bool {
	if !p.made || !p.open || p.state != plan.PodRunning && p.state != plan.PodPending || p.disrupted == p.uid {
		return false
	}
	p.disrupted, p.rv = p.uid, p.rv+1
	w.takenDown(p)
	return true
}

// takenDown notes an eviction and judges: what was evicted and does not vote again stays
// below a third.
func (w *world) takenDown(p *worldPod) {
	if !p.failed {
		p.out = true
	}
	w.evictions++
	var out, total uint64
	for _, q := range w.pods {
		total += q.power
		if q.out {
			out += q.power
		}
	}
	if 3*out >= total && !w.policy.Halt {
		w.violation = fmt.Sprintf("power %d of %d is evicted at once", out, total)
	}
}

// turn is one random event of kubelets, people and the chain.
func (w *world) turn(failures bool) {
	w.now = w.now.Add(time.Duration(w.rng.IntN(20)) * time.Second)
	p := w.pods[w.rng.IntN(len(w.pods))]
	switch w.rng.IntN(10) {
	case 0:
		if p.ask == nil {
			p.ask = &plan.Ask{Kind: plan.Drain, Reason: "drain:node-" + p.name}
		}
	case 1:
		if w.rng.IntN(4) == 0 {
			p.ask = nil
		}
	case 2:
		if w.rng.IntN(3) == 0 {
			p.outdated = "b"
		}
	case 3, 4:
		w.tryEvict(p)
	case 5, 6:
		w.lifecycle(p)
	case 7:
		if failures && w.rng.IntN(4) == 0 {
			w.fail(p)
		}
	case 8:
		if p.failed && !p.stopped {
			p.failed = false
			w.node(p.i).Start()
		}
	}
	w.blocks(1 + w.rng.IntN(3))
}

func (w *world) fail(p *worldPod) {
	if !p.stopped {
		p.failed = true
		w.node(p.i).Stop()
	}
}

// lifecycle takes a pod one step on: evicted, going, gone, back on another node.
func (w *world) lifecycle(p *worldPod) {
	switch {
	case p.state == plan.PodRunning && p.disrupted == p.uid:
		p.state, p.disrupted = plan.PodGoing, 0
	case p.state == plan.PodGoing:
		p.state, p.stopped, p.out = plan.PodGone, true, true
		w.node(p.i).Stop()
	case p.state == plan.PodGone:
		p.state, p.uid, p.ask, p.outdated = plan.PodRunning, p.uid+1, nil, ""
	case p.stopped && p.state == plan.PodRunning:
		p.stopped, p.failed, p.outAt = false, false, w.chain.Height()
		w.node(p.i).Start()
	}
}

// blocks lets the chain run, and notes who votes again.
func (w *world) blocks(n int) {
	w.chain.Advance(n)
	if at := w.anyNode(); at != "" {
		set, err := w.chain.Set(context.Background(), at)
		if err != nil {
			return
		}
		for _, p := range w.pods {
			if p.out && !p.stopped && !p.failed && p.state == plan.PodRunning && p.disrupted != p.uid {
				if m := set.Find(w.chain.Name(p.i)); m.Seen.VoteHeight > p.outAt {
					p.out = false
				}
			}
		}
	}
}
