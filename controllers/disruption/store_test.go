package disruption

import (
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/chain/chaintest"
	"github.com/bedrock-bft/bedrock/controllers/disruption/plan"
)

// look is what a pass begins with, to act on the store alone.
func (g *rig) look() *pass {
	g.t.Helper()
	var n v1alpha1.BedrockNetwork
	g.must(g.c.Get(g.t.Context(), client.ObjectKey{Namespace: g.ns, Name: "net"}, &n))
	p := &pass{Reconciler: g.r, network: &n, now: g.clock.Now()}
	g.must(p.gather(g.t.Context(), &plan.Input{Now: p.now}))
	return p
}

// rule: token-ledger
func TestALedgerThatChangedIsNotWrittenOver(t *testing.T) {
	g := newRig(t, chaintest.Options{})
	p := g.look()
	_, at, err := p.readLedger(t.Context(), g.c, nil)
	g.must(err)
	write := func(turns uint64, at version) error {
		l := plan.Empty()
		l.Turns = turns
		data, err := l.Encode()
		g.must(err)
		_, err = p.write(t.Context(), data, at)
		return err
	}
	g.must(write(1, at))
	if err := write(2, at); !apierrors.IsConflict(err) {
		t.Errorf("written at a version that is gone: %v", err)
	}
	if err := write(3, ""); !apierrors.IsAlreadyExists(err) {
		t.Errorf("made anew where there is one: %v", err)
	}
	if l := g.ledger(); l.Turns != 1 {
		t.Errorf("the ledger is that of write %d", l.Turns)
	}
}

// Who read a closed budget opens it only if nobody closed it again since.
// rule: close-then-read
func TestACloseIsAlwaysANewVersion(t *testing.T) {
	g := newRig(t, chaintest.Options{})
	g.pass()
	for range 2 {
		p := g.look()
		read := version(p.budgets["net-1"].ResourceVersion)
		if _, err := p.close(t.Context(), "net-1"); err != nil {
			t.Fatal(err)
		}
		if err := p.open(t.Context(), "net-1", read); !apierrors.IsConflict(err) {
			t.Errorf("opened at a version from before a close: %v", err)
		}
	}
	if b := g.budget("net-1"); b.Spec.MaxUnavailable.IntVal != 0 {
		t.Error("the budget is open")
	}
}

// rule: one-gate
func TestOneGateTheOperatorIsRefusedLikeAnybody(t *testing.T) {
	g := newRig(t, chaintest.Options{})
	g.pass()
	g.budgetStatus()
	evict := func(uid string) bool {
		t.Helper()
		p := g.look()
		p.Reconciler = New(g.drain, g.drain, g.r.Deps) // takes a refusal for an answer
		g.must(p.evict(t.Context(), "net-1", uid))
		return g.podOf("net-1").DeletionTimestamp != nil
	}
	own := string(g.podOf("net-1").UID)
	if evict(own) {
		t.Fatal("it evicts under a closed budget")
	}
	g.cordon("net-1", true)
	g.pass()
	g.budgetStatus()
	if evict("of-another-pod") {
		t.Fatal("it evicts another pod than the one that has the token")
	}
	b := g.budget("net-1") // the refused one took its place; the controller of budgets gives it back after a while
	b.Status.DisruptedPods = nil
	g.must(g.c.Status().Update(t.Context(), b))
	g.budgetStatus()
	if !evict(own) {
		t.Fatal("under an open budget it does not evict")
	}
}
