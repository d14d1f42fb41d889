package disruption

import (
	"context"
	"testing"

	"github.com/bedrock-bft/bedrock/controllers/disruption/plan"
	"github.com/bedrock-bft/bedrock/controllers/faults"
)

// A rule that is off must show in the histories: what they hold is then not for show.
func mustBeCaught(t *testing.T, m mutant) {
	t.Helper()
	for seed := range 60 {
		if _, violation := history(uint64(seed), sets[seed%len(sets)], 120, true, m); violation != "" {
			t.Logf("seed %d: %s", seed, violation)
			return
		}
	}
	t.Fatal("60 histories hold with the rule off")
}

// unread believes that a token is unused without asking.
type unread struct{ *world }

func (u unread) close(ctx context.Context, v string) (map[string]bool, error) {
	_, err := u.world.close(ctx, v)
	return nil, err
}

func (u unread) pod(_ context.Context, v string) (string, podNow, error) {
	l, err := plan.Parse(u.ledger)
	if t := l.Token(v); err == nil && t != nil {
		return v, podNow{UID: t.Pod}, nil
	}
	return v, podNow{UID: "1"}, nil
}

func TestMutantCloseThenRead(t *testing.T) {
	mustBeCaught(t, mutant{store: func(w *world) store { return unread{w} }})
}

// ajar leaves budgets open that should be closed.
type ajar struct{ *world }

func (a ajar) close(ctx context.Context, v string) (map[string]bool, error) {
	p := a.pod0(v)
	open := p.open
	out, err := a.world.close(ctx, v)
	p.open = open
	return out, err
}

func TestMutantPDBTwoStates(t *testing.T) {
	mustBeCaught(t, mutant{store: func(w *world) store { return ajar{w} }})
}

// blunt writes the ledger whatever is there.
type blunt struct{ *world }

func (b blunt) write(_ context.Context, data string, _ version) (version, error) {
	b.ledger, b.ledgerRV = data, b.ledgerRV+1
	return "", nil
}

func TestMutantTokenLedger(t *testing.T) {
	mustBeCaught(t, mutant{store: func(w *world) store { return blunt{w} }})
}

// late opens at whatever version the budget has by then.
type late struct{ *world }

func (l late) open(_ context.Context, v string, _ version) error {
	p := l.pod0(v)
	p.open, p.rv = p.made, p.rv+1
	return nil
}

// A leader sleeps between its grant and the opening; meanwhile another one ends that
// token and gives one to another validator, which is evicted. Awake, the first opens
// nothing: the close made a new version, though the budget was closed before.
func TestSleeperOpensNothing(t *testing.T) {
	if n := sleeper(t, mutant{}); n != 1 {
		t.Errorf("%d evictions", n)
	}
}

func TestMutantTokenLedgerOpenedByASleeper(t *testing.T) {
	if n := sleeper(t, mutant{store: func(w *world) store { return late{w} }}); n != 2 {
		t.Errorf("%d evictions with the rule off", n)
	}
}

// sleeper answers how many were evicted at once.
func sleeper(t *testing.T, m mutant) int {
	t.Helper()
	w := newWorld(1, sets[0], plan.Policy{})
	pass := func(ctx context.Context) {
		if err := m.pass(ctx, w); err != nil {
			t.Fatal(err)
		}
	}
	pass(t.Context()) // makes the budgets
	first, second := w.pods[0], w.pods[1]
	first.ask = &plan.Ask{Kind: plan.Drain, Reason: "drain:a"}
	slept := false
	pass(faults.With(t.Context(), func(name string, moment faults.Moment) error {
		if name != "disruption/open" || moment != faults.Before || slept {
			return nil
		}
		slept = true
		first.ask = nil
		pass(t.Context())
		second.ask = &plan.Ask{Kind: plan.Drain, Reason: "drain:b"}
		pass(t.Context())
		pass(t.Context())
		w.tryEvict(second)
		return nil
	}))
	w.tryEvict(first)
	return w.evictions
}

func TestMutantTokenBack(t *testing.T) {
	mustBeCaught(t, mutant{next: func(in plan.Input) plan.Step {
		s := plan.Next(in)
		for _, token := range in.Ledger.Tokens {
			if token.State == plan.Returning { // by time: its pod runs, that is enough
				s.Ledger.Drop(token.Validator)
				s.Changed = true
			}
		}
		return s
	}})
}
