package disruption

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/chain/chaintest"
	"github.com/bedrock-bft/bedrock/controllers/disruption/plan"
	"github.com/bedrock-bft/bedrock/controllers/names"
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

// A network that goes has its ledger deleted with it: none is made again once its
// Validators are gone. // rule: token-ledger
func TestNoLedgerOfANetworkThatGoes(t *testing.T) {
	g := newRig(t, chaintest.Options{})
	g.pass()
	n := g.look().network
	n.Finalizers = append(n.Finalizers, v1alpha1.FinalizerHold)
	g.must(g.c.Update(t.Context(), n))
	g.must(g.c.Delete(t.Context(), n))
	g.pass()
	g.ledger() // Validators are there, and may hold tokens

	tokens := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: names.TokenLedger("net"), Namespace: g.ns}}
	g.must(g.c.DeleteAllOf(t.Context(), &v1alpha1.Validator{}, client.InNamespace(g.ns)))
	g.must(g.c.Delete(t.Context(), tokens))
	g.pass()
	if err := g.c.Get(t.Context(), client.ObjectKeyFromObject(tokens), tokens); !apierrors.IsNotFound(err) {
		t.Errorf("the ledger of a network that goes, and has nobody: %v", err)
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
