package disruption

import (
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/chain/chaintest"
	"github.com/bedrock-bft/bedrock/controllers/disruption/plan"
)

// The watch of pods is late: an evicted pod, whose process has not ended yet, is still
// shown as running while the budget's entry for it is gone already. Its token does not
// come back by votes of a process that is about to end. rule: token-back
func TestTokenBackReadsThePodLive(t *testing.T) {
	w := newWorld(1, []uint64{1, 1, 1, 1}, plan.Policy{})
	late := mutant{see: func(o *observed) {
		for i := range o.in.Fleet {
			if f := &o.in.Fleet[i]; f.PodState == plan.PodGoing {
				f.PodState, f.Disrupted = plan.PodRunning, false
			}
		}
	}}
	pass := func(m mutant) {
		t.Helper()
		if err := m.pass(t.Context(), w); err != nil {
			t.Fatal(err)
		}
		w.blocks(2)
		if v := w.judge(); v != "" {
			t.Fatal(v)
		}
	}
	first := w.pods[0]
	pass(mutant{})
	first.ask = &plan.Ask{Kind: plan.Drain, Reason: "drain:node-0"}
	pass(mutant{})
	if !first.open || !w.tryEvict(first) {
		t.Fatal("it was not granted")
	}
	pass(mutant{})
	w.lifecycle(first) // going, and its process signs on
	first.ask = nil
	for range 6 {
		pass(late)
	}
	w.pods[1].ask = &plan.Ask{Kind: plan.Drain, Reason: "drain:node-1"}
	for range 3 {
		pass(late)
		if w.tryEvict(w.pods[1]) {
			w.lifecycle(first) // gone
			t.Fatalf("a second one is evicted while the first goes: %s", w.violation)
		}
	}
}

// A deletion that is held stops nothing: the validator runs, its node may be drained, and
// an open budget of it is closed again. rule: hold
func TestDrainWhileADeletionIsHeld(t *testing.T) {
	g := newRig(t, chaintest.Options{})
	g.pass()
	for _, name := range g.names {
		var v v1alpha1.Validator
		g.must(g.c.Get(t.Context(), client.ObjectKey{Namespace: g.ns, Name: name}, &v))
		v.Finalizers = []string{v1alpha1.FinalizerHold}
		g.must(g.c.Update(t.Context(), &v))
		g.must(g.c.Delete(t.Context(), &v))
	}
	g.cordon("net-1", true)
	g.pass()
	g.budgetStatus()
	if !g.evict("net-1") {
		reason, message := g.reason("net-1", v1alpha1.ValidatorDisruption)
		t.Fatalf("its node cannot be drained: %s: %s", reason, message)
	}
	g.until("it to be back", "bedrock:1", func() bool { l := g.ledger(); return len(l.Tokens) == 0 })
	if b := g.budget("net-1"); b.Spec.MaxUnavailable.IntVal != 0 {
		t.Errorf("its budget stays open: %+v", b.Spec)
	}
}
