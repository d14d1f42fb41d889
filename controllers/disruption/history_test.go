package disruption

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/bedrock-bft/bedrock/controllers/disruption/plan"
	"github.com/bedrock-bft/bedrock/controllers/faults"
)

// mutant is a rule that is off.
type mutant struct {
	next  func(plan.Input) plan.Step
	store func(*world) store
	see   func(*observed)
}

func (m mutant) pass(ctx context.Context, w *world) error {
	o := w.observe()
	if m.see != nil {
		m.see(&o)
	}
	next, st := plan.Next, store(w)
	if m.next != nil {
		next = m.next
	}
	if m.store != nil {
		st = m.store(w)
	}
	_, err := act(ctx, st, o, next)
	if err != nil && !errors.Is(err, errConflict) && !errors.Is(err, faults.ErrInjected) {
		return err
	}
	return nil
}

// history runs an operator over random events. It dies, or another one acts in its
// midst, at random points before and after writes. It answers what was violated.
func history(seed uint64, powers []uint64, events int, failures bool, m mutant) (w *world, violation string) {
	w = newWorld(seed, powers, plan.Policy{})
	dice := rand.New(rand.NewPCG(seed, 7))
	for e := range events {
		w.turn(failures)
		var inside func(depth int) faults.Injector
		inside = func(depth int) faults.Injector {
			return func(string, faults.Moment) error {
				switch n := dice.IntN(24); {
				case n == 0:
					return faults.ErrInjected // dies here
				case n < 3: // an eviction or a kubelet comes between
					w.turn(failures)
				case n == 3 && depth < 2: // another operator takes over, and this one goes on
					for range 1 + dice.IntN(3) {
						if err := m.pass(faults.With(context.Background(), inside(depth+1)), w); err != nil {
							w.violation = err.Error()
						}
						w.turn(failures)
					}
				}
				return nil
			}
		}
		if err := m.pass(faults.With(context.Background(), inside(0)), w); err != nil {
			return w, err.Error()
		}
		if v := w.judge(); v != "" {
			return w, fmt.Sprintf("event %d: %s", e, v)
		}
	}
	return w, w.settle(m)
}

// judge says what must hold between any two events.
func (w *world) judge() string {
	if w.violation != "" || w.ledgerRV == 0 {
		return w.violation
	}
	l, err := plan.Parse(w.ledger)
	if err != nil {
		return err.Error()
	}
	for _, p := range w.pods {
		if p.out && l.Token(p.name) == nil {
			return fmt.Sprintf("%s was evicted and does not vote, and its token is lost", p.name)
		}
	}
	return ""
}

// settle heals everything: then every ask is served, and every token comes back.
func (w *world) settle(m mutant) string {
	for _, p := range w.pods {
		if p.failed && !p.stopped {
			p.failed = false
			w.node(p.i).Start()
		}
	}
	for range 80 * len(w.pods) {
		if err := m.pass(context.Background(), w); err != nil {
			return err.Error()
		}
		for _, p := range w.pods {
			if p.ask != nil {
				w.tryEvict(p)
			}
			if p.state != plan.PodRunning || p.disrupted == p.uid || p.stopped {
				w.lifecycle(p)
			}
		}
		w.blocks(2)
		if v := w.judge(); v != "" {
			return "healed: " + v
		}
	}
	l, err := plan.Parse(w.ledger)
	if err != nil {
		return err.Error()
	}
	if len(l.Tokens)+len(l.Requests) > 0 {
		return fmt.Sprintf("all is healed, and the ledger still has %+v", l)
	}
	for _, p := range w.pods {
		if p.open || p.ask != nil || p.outdated != "" {
			return fmt.Sprintf("all is healed, and %s is %+v", p.name, *p)
		}
	}
	return ""
}

var sets = [][]uint64{{1, 1, 1, 1}, {12, 7, 7, 7, 7}, {1, 1, 1, 1, 1, 1, 1}, {5, 9, 2, 7, 7, 3, 8, 1, 4, 4}}

// Random histories of drains, rollouts, crashes, two operators at once and failures:
// what is evicted and does not vote again never reaches a third of the power, no token
// is lost, and when all heals every ask is served.
func TestHistories(t *testing.T) {
	evictions := 0
	for i := range 48 {
		seed, powers := uint64(i), sets[i%len(sets)]
		w, violation := history(seed, powers, 150, i%3 > 0, mutant{})
		if violation != "" {
			t.Fatalf("seed %d, powers %v: %s", seed, powers, violation)
		}
		evictions += w.evictions
	}
	if evictions < 250 {
		t.Fatalf("%d evictions in 48 histories: they show nothing", evictions)
	}
	t.Logf("48 histories, %d evictions", evictions)
}

// An eviction is let pass just before the close. Until its pod is deleted the answer to the
// close alone tells of it, and then the pod alone. rule: close-then-read
func TestEvictedBeforeTheClose(t *testing.T) {
	for name, deleted := range map[string]bool{"and not yet deleted": false, "and deleting": true} {
		t.Run(name, func(t *testing.T) {
			w, p := opened(t)
			p.ask = nil
			ctx := faults.With(t.Context(), func(name string, moment faults.Moment) error {
				if name == "disruption/close" && moment == faults.Before && w.tryEvict(p) && deleted {
					w.lifecycle(p)
				}
				return nil
			})
			if err := (mutant{}).pass(ctx, w); err != nil {
				t.Fatal(err)
			}
			if w.evictions != 1 || deleted != (p.state == plan.PodGoing) || deleted == (p.disrupted == p.uid) {
				t.Fatalf("%d evictions, and its pod is %+v", w.evictions, *p)
			}
			l, err := plan.Parse(w.ledger)
			if err != nil {
				t.Fatal(err)
			}
			if got := l.Token(p.name); got == nil || got.State != plan.Used {
				t.Errorf("its token is %+v, want a used one: %s", got, w.ledger)
			}
		})
	}
}

// opened is a world in which a drained validator has a token, and its budget is open.
func opened(t *testing.T) (*world, *worldPod) {
	t.Helper()
	w := newWorld(1, sets[0], plan.Policy{})
	p := w.pods[0]
	p.ask = &plan.Ask{Kind: plan.Drain, Reason: "drain:a"}
	for range 10 {
		if err := (mutant{}).pass(t.Context(), w); err != nil {
			t.Fatal(err)
		}
		if p.open {
			return w, p
		}
	}
	t.Fatalf("after 10 passes its budget is closed: %s", w.ledger)
	return nil, nil
}
