package disruption

import (
	"errors"
	"flag"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/chain/chaintest"
	"github.com/bedrock-bft/bedrock/controllers/disruption/plan"
	"github.com/bedrock-bft/bedrock/controllers/faults"
	"github.com/bedrock-bft/bedrock/controllers/names"
)

const granted = v1alpha1.ValidatorDisruption

// Two nodes are cordoned and drained at once: the second waits, and says for whom.
func TestTwoDrains(t *testing.T) {
	g := newRig(t, chaintest.Options{})
	g.pass()
	g.budgetStatus()
	if g.evict("net-1") || g.evict("net-2") {
		t.Fatal("evicted without a token")
	}
	g.cordon("net-1", true)
	g.cordon("net-2", true)
	g.pass()
	g.budgetStatus()
	if !g.evict("net-1") || g.evict("net-2") {
		t.Fatal("the first is let pass, the second is not")
	}
	g.pass()
	if reason, message := g.reason("net-2", granted); reason != "PowerBudgetExhausted" || message != "20 of 40 would be down, 13 allowed; net-1 draining since 12:03" {
		t.Errorf("%s: %s", reason, message)
	}
	g.until("the second", "bedrock:1", func() bool { return g.evict("net-2") })
	g.until("both to be back", "bedrock:1", func() bool { l := g.ledger(); return len(l.Tokens) == 0 })
	if reason, _ := g.reason("", v1alpha1.NetworkDisruptable); reason != "Ready" {
		t.Errorf("at the end: %s", reason)
	}
	before := g.budget("net-1").ResourceVersion
	for range 3 {
		g.pass()
	}
	if g.budget("net-1").ResourceVersion != before {
		t.Error("a steady network is written to")
	}
}

// rule: pdb-two-states
func TestUnreadyButVotingIsNotEvictable(t *testing.T) {
	g := newRig(t, chaintest.Options{})
	g.pass()
	pod := g.podOf("net-1")
	pod.Status.Conditions[0].Status = corev1.ConditionFalse
	g.must(g.c.Status().Update(t.Context(), pod))
	g.budgetStatus()
	if g.evict("net-1") {
		t.Fatal("an unready pod that votes was evicted under a closed budget")
	}
	g.cordon("net-1", true)
	g.pass()
	g.budgetStatus()
	if !g.evict("net-1") {
		t.Fatal("a broken pod under a token is not evictable")
	}
}

// The controller of budgets stands still between close and eviction: the API server then
// lets nothing pass. rule: close-then-read
func TestNobodySetsTheStatusOfBudgets(t *testing.T) {
	g := newRig(t, chaintest.Options{})
	g.cordon("net-1", true)
	g.pass()
	g.pass()
	g.budgetStatus()
	g.budgetsStand = true
	g.cordon("net-1", false)
	g.pass()
	if g.evict("net-1") {
		t.Fatal("evicted after its budget was closed")
	}
	if l := g.ledger(); len(l.Tokens) != 0 {
		t.Fatalf("%+v", l)
	}
}

// An eviction is let pass just before the close: its token stays. rule: close-then-read
func TestEvictedJustBeforeTheClose(t *testing.T) {
	g := newRig(t, chaintest.Options{})
	g.cordon("net-1", true)
	g.pass()
	g.pass()
	g.budgetStatus()
	ctx := faults.With(t.Context(), func(name string, m faults.Moment) error {
		if name == "disruption/close" && m == faults.Before && !g.evict("net-1") {
			return errors.New("it was open")
		}
		return nil
	})
	g.cordon("net-1", false)
	g.passIn(ctx)
	l := g.ledger()
	if token := l.Token("net-1"); token == nil || token.State != plan.Used {
		t.Fatalf("%+v", l)
	}
	g.cordon("net-2", true)
	g.pass()
	g.budgetStatus()
	if g.evict("net-2") {
		t.Fatal("two at once")
	}
}

// The operator dies between the grant and the opening, and everywhere else.
func TestKilledAtEveryWrite(t *testing.T) {
	g := newRig(t, chaintest.Options{})
	dice := rand.New(rand.NewPCG(6, 6))
	for _, name := range g.names {
		g.cordon(name, true)
		for i := range 12 {
			g.passIn(faults.With(t.Context(), func(string, faults.Moment) error {
				if i < 8 && dice.IntN(3) == 0 {
					return faults.ErrInjected
				}
				return nil
			}))
			g.budgetStatus()
		}
		if !g.evict(name) {
			t.Fatalf("%s has no token", name)
		}
		for _, other := range g.names {
			if other != name && g.evict(other) {
				t.Fatalf("%s too", other)
			}
		}
		g.until(name+" to be back", "bedrock:1", func() bool { l := g.ledger(); return len(l.Tokens) == 0 })
	}
}

// rule: token-ledger
func TestGarbledLedgerGrantsNothing(t *testing.T) {
	g := newRig(t, chaintest.Options{})
	g.cordon("net-1", true)
	g.pass()
	g.pass()
	var m corev1.ConfigMap
	g.must(g.c.Get(t.Context(), client.ObjectKey{Namespace: g.ns, Name: names.TokenLedger("net")}, &m))
	m.Data[plan.Key] = "{"
	g.must(g.c.Update(t.Context(), &m))
	g.pass()
	g.budgetStatus()
	if g.evict("net-1") {
		t.Fatal("evicted under a ledger that cannot be read")
	}
	if reason, message := g.reason("", v1alpha1.NetworkDisruptable); reason != v1alpha1.ReasonLedgerUnreadable || !strings.Contains(message, "delete it") {
		t.Errorf("%s: %s", reason, message)
	}
	g.must(g.c.Delete(t.Context(), &m))
	g.pass()
	if l := g.ledger(); len(l.Tokens) != 4 {
		t.Fatalf("made anew, everybody counts as down: %+v", l)
	}
	g.until("a token after it", "bedrock:1", func() bool { return g.evict("net-1") })
}

// Another budget selects a pod: the API server refuses every eviction, and that is said.
func TestSecondBudgetByOthers(t *testing.T) {
	g := newRig(t, chaintest.Options{})
	theirs := &policyv1.PodDisruptionBudget{ObjectMeta: metav1.ObjectMeta{Name: "theirs", Namespace: g.ns}, Spec: spec("net-1", false)}
	g.must(g.c.Create(t.Context(), theirs))
	g.cordon("net-1", true)
	g.pass()
	if reason, _ := g.reason("net-1", granted); reason != "ForeignDisruptionBudget" {
		t.Errorf("reason %s", reason)
	}
}

func TestPausedClosesAndOwnsItsBudgets(t *testing.T) {
	g := newRig(t, chaintest.Options{})
	g.cordon("net-1", true)
	g.pass()
	g.pass()
	var n v1alpha1.BedrockNetwork
	g.must(g.c.Get(t.Context(), client.ObjectKey{Namespace: g.ns, Name: "net"}, &n))
	n.Spec.Reconciliation = v1alpha1.ReconciliationPaused
	g.must(g.c.Update(t.Context(), &n))
	g.pass()
	g.budgetStatus()
	if l := g.ledger(); len(l.Tokens) != 0 || g.evict("net-1") {
		t.Fatalf("paused, and %+v", l)
	}
	b := g.budget("net-2")
	b.Spec = spec("net-2", true)
	g.must(g.c.Update(t.Context(), b))
	g.pass()
	if b = g.budget("net-2"); b.Spec.MaxUnavailable.IntVal != 0 {
		t.Error("a budget that somebody opened stays open")
	}
}

// A budget of a validator's name that somebody else made is not written over: nothing is
// granted, and it is named.
func TestABudgetOfOthersIsLeftAlone(t *testing.T) {
	g := newRig(t, chaintest.Options{})
	two := intstr.FromInt32(2)
	others := &policyv1.PodDisruptionBudget{ObjectMeta: metav1.ObjectMeta{Name: "net-1", Namespace: g.ns},
		Spec: policyv1.PodDisruptionBudgetSpec{MaxUnavailable: &two, Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"of": "others"}}}}
	g.must(g.c.Create(t.Context(), others))
	g.cordon("net-1", true)
	for range 3 {
		g.pass()
	}
	if b := g.budget("net-1"); b.ResourceVersion != others.ResourceVersion {
		t.Errorf("it is %+v now", b.Spec)
	}
	if reason, message := g.reason("net-1", granted); reason != v1alpha1.ReasonNameTaken || !strings.Contains(message, "net-1") {
		t.Errorf("%s: %s", reason, message)
	}
	g.must(g.c.Delete(t.Context(), others))
	g.until("a token", "bedrock:1", func() bool { l := g.ledger(); return l.Token("net-1") != nil })
}

// A Validator of a foreign chain has a budget of its own, closed before its first pod.
func TestForeignValidatorHasABudget(t *testing.T) {
	g := newRig(t, chaintest.Options{})
	v := &v1alpha1.Validator{ObjectMeta: metav1.ObjectMeta{Name: "guest", Namespace: g.ns}, Spec: v1alpha1.ValidatorSpec{Image: "bedrock:1", Chain: v1alpha1.ChainRef{Type: v1alpha1.ChainForeign,
		Foreign: &v1alpha1.ForeignChain{Genesis: v1alpha1.GivenGenesis{ConfigMap: "net-genesis", Hash: v1alpha1.Hash(g.chain.Genesis().String())},
			Peers: []string{strings.Repeat("a", 64) + "@host:7600"}, RPC: []string{"http://net-0.example:7601"}}}}}
	g.must(g.c.Create(t.Context(), v))
	if _, err := (&foreigners{g.r}).Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(v)}); err != nil {
		t.Fatal(err)
	}
	if b := g.budget("guest"); b.Spec.MaxUnavailable.IntVal != 0 {
		t.Errorf("%+v", b.Spec)
	}
	if reason, _ := g.reason("guest", v1alpha1.ValidatorMissing); reason != "ChainUnknown" {
		t.Errorf("reason %s", reason)
	}
	// Its ledger is that of no network's: names of networks have no dots.
	if err := g.c.Get(t.Context(), client.ObjectKey{Namespace: g.ns, Name: names.TokenLedger("foreign.guest")}, &corev1.ConfigMap{}); err != nil {
		t.Errorf("its ledger: %v", err)
	}
}

// A new image: one by one, each seen voting before the next; the operator evicts through
// the same budget. rule: one-gate
func TestRolloutOneByOne(t *testing.T) {
	g := newRig(t, chaintest.Options{})
	g.pass()
	for _, name := range g.names {
		s := g.set(name, "bedrock:2")
		g.must(g.c.Update(t.Context(), s))
	}
	g.until("the new image everywhere", "bedrock:2", func() bool {
		going := 0
		for _, name := range g.names {
			if p := g.podOf(name); p == nil || p.DeletionTimestamp != nil {
				going++
			}
		}
		if going > 1 {
			t.Fatalf("%d restart at once", going)
		}
		reason, _ := g.reason("", v1alpha1.NetworkRollout)
		return reason == "Ready"
	})
	for _, name := range g.names {
		if p := g.podOf(name); p.Spec.Containers[0].Image != "bedrock:2" {
			t.Errorf("%s runs %s", name, p.Spec.Containers[0].Image)
		}
	}
}

var allFlag = flag.Bool("all", false, "1,000 pairs of evictions (default: 200), rollouts killed at every place (default: at the middle one of each kind)")

// Random pairs of evictions against the API server, with drains, crashes, a
// controller of budgets that lags, and kubelets in any order: never both.
func TestPairsOfEvictions(t *testing.T) {
	g := newRig(t, chaintest.Options{Powers: []uint64{12, 7, 7, 7, 7}})
	dice := rand.New(rand.NewPCG(6, 1000))
	g.pass() // budgets are there before the first pod
	g.budgetStatus()
	out := map[string]uint64{} // evicted, and the height above which it must vote again
	pairs := 200
	if *allFlag {
		pairs = 1000
	}
	evicted := 0
	for i := range pairs {
		pair := dice.Perm(len(g.names))[:2]
		passed := make([]bool, 2)
		var both sync.WaitGroup
		for j, k := range pair {
			both.Go(func() { passed[j] = g.evict(g.names[k]) })
		}
		both.Wait()
		for j, k := range pair {
			if passed[j] {
				out[g.names[k]] = 0
				evicted++
			}
		}
		if len(out) > 1 { // any two are more than a third
			t.Fatalf("pair %d: %v are evicted at once", i, out)
		}
		g.shuffle(dice, out)
	}
	if 50*evicted < pairs {
		l, _ := g.reason("", v1alpha1.NetworkDisruptable)
		t.Fatalf("%d evictions were let pass of %d pairs: they show nothing; %s, ledger %+v", evicted, pairs, l, g.ledger())
	}
	t.Logf("%d pairs, %d evictions let pass", pairs, evicted)
}

// shuffle does one thing at random.
func (g *rig) shuffle(dice *rand.Rand, out map[string]uint64) {
	g.t.Helper()
	name := g.names[dice.IntN(len(g.names))]
	switch dice.IntN(6) {
	case 0, 1:
		g.passIn(faults.With(g.t.Context(), func(string, faults.Moment) error {
			if dice.IntN(8) == 0 {
				return faults.ErrInjected
			}
			return nil
		}))
	case 2:
		g.budgetStatus()
	case 3:
		if len(out) == 0 {
			g.cordon(name, dice.IntN(3) > 0)
		}
	}
	for _, name := range g.names {
		if pod := g.podOf(name); pod == nil || pod.DeletionTimestamp != nil {
			out[name] = 0
			if g.kubelet(name, "bedrock:1"); pod == nil {
				out[name] = g.chain.Height() + 1
			}
		}
	}
	g.chain.Advance(1 + dice.IntN(2))
	for name, above := range out {
		if above > 0 && g.chain.Height() > above {
			delete(out, name)
		}
	}
	g.clock.SetTime(g.clock.Now().Add(time.Duration(dice.IntN(30)) * time.Second))
}

// The API server refuses for good to open a budget: who waits is told why, and who waits
// behind it is told whom it waits for; nothing goes.
func TestARefusedOpeningIsSaid(t *testing.T) {
	g := newRig(t, chaintest.Options{})
	g.pass()
	g.cordon("net-1", true)
	g.cordon("net-2", true)
	refused := errors.New("denied by policy x")
	ctx := faults.With(t.Context(), func(name string, m faults.Moment) error {
		if name == "disruption/open" && m == faults.Before {
			return refused
		}
		return nil
	})
	for range 2 {
		if _, err := g.r.Reconcile(ctx, ctrl.Request{NamespacedName: client.ObjectKey{Namespace: g.ns, Name: "net"}}); !errors.Is(err, refused) {
			t.Fatalf("the refusal is not given back: %v", err)
		}
		g.budgetStatus()
		if l := g.ledger(); l.Token("net-1") == nil || g.evict("net-1") {
			t.Fatalf("a grant on record that nothing opens: %+v", l)
		}
		if reason, message := g.reason("net-1", granted); reason != "BudgetNotOpened" || !strings.Contains(message, "policy x") {
			t.Errorf("net-1: %s: %s", reason, message)
		}
		if reason, message := g.reason("net-2", granted); reason != "PowerBudgetExhausted" || !strings.Contains(message, "net-1 draining") {
			t.Errorf("net-2: %s: %s", reason, message)
		}
	}
	g.pass()
	g.budgetStatus()
	if !g.evict("net-1") {
		t.Fatal("it may be opened again, and is not")
	}
}

// Of three validators one is drained, and waits: a person's word lets it go while its node
// is cordoned, once. // rule: undrainable
func TestHaltByOneActOnACordonedNode(t *testing.T) {
	g := newRig(t, chaintest.Options{Validators: 3})
	g.pass()
	g.cordon("net-1", true)
	g.pass()
	g.budgetStatus()
	if reason, _ := g.reason("net-1", granted); reason != "Undrainable" || g.evict("net-1") {
		t.Fatalf("of three: %s", reason)
	}
	var v v1alpha1.Validator
	g.must(g.c.Get(t.Context(), client.ObjectKey{Namespace: g.ns, Name: "net-1"}, &v))
	v.Annotations = map[string]string{v1alpha1.AnnotationDisrupt: "halt:new disk"}
	g.must(g.c.Update(t.Context(), &v))
	g.pass()
	g.budgetStatus()
	if !g.evict("net-1") {
		reason, message := g.reason("net-1", granted)
		t.Fatalf("one explicit act, and it may not go: %s: %s", reason, message)
	}
	g.until("it to be back", "bedrock:1", func() bool { l := g.ledger(); return len(l.Tokens) == 0 })
	g.cordon("net-1", true)
	g.pass()
	g.budgetStatus()
	if reason, _ := g.reason("net-1", granted); reason != "Undrainable" || g.evict("net-1") {
		t.Errorf("the same word lets it go twice: %s", reason)
	}
}
