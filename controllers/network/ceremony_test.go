package network_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/names"
)

func TestCeremony(t *testing.T) {
	g := newRig(t)
	g.apply(4)
	g.until("ready", g.isReady)
	n := g.network()
	doc := g.document()
	if doc == nil || doc.Hash().String() != string(n.Status.Genesis.Hash) || doc.ChainID != "try-it" || len(doc.Validators) != 4 {
		t.Fatalf("genesis %+v, recorded %+v", doc, n.Status.Genesis)
	}
	if n.Status.Summary != "4/4" {
		t.Errorf("summary %q", n.Status.Summary)
	}
	// rule: no-owner
	var m corev1.ConfigMap
	var s corev1.Secret
	for _, o := range []client.Object{&m, &s} {
		name := n.Status.Genesis.ConfigMap
		if o == client.Object(&s) {
			name = names.OperatorKeys
		}
		if err := g.c.Get(g.ctx(), client.ObjectKey{Namespace: g.ns, Name: name}, o); err != nil {
			t.Fatal(err)
		}
		if len(o.GetOwnerReferences()) > 0 {
			t.Errorf("%s: owners %v: garbage collection may remove it", name, o.GetOwnerReferences())
		}
	}
	if m.Immutable == nil || !*m.Immutable || m.Annotations[v1alpha1.AnnotationOwnerUID] != string(n.UID) {
		t.Error("the genesis can be changed in place, or is bound to nobody")
	}
}

// A network in a steady state writes nothing.
func TestSteadyStateWritesNothing(t *testing.T) {
	g := newRig(t)
	g.apply(4)
	g.until("ready", g.isReady)
	for range 3 {
		g.turn()
	}
	before, passed := g.network().ResourceVersion, len(g.script.Passed())
	for range 20 {
		g.turn()
	}
	if after := g.network().ResourceVersion; after != before {
		t.Errorf("the network went from version %s to %s", before, after)
	}
	if more := g.script.Passed()[passed:]; len(more) > 0 {
		t.Errorf("it wrote %v", more)
	}
}

// Killed before and after every write of a ceremony, it ends with one genesis, made of
// the records that were written first. // rule: ceremony
func TestCeremonyConvergesWhenKilledAnywhere(t *testing.T) {
	g := newRig(t)
	g.apply(4)
	g.until("ready", g.isReady)
	passed := g.script.Passed()
	if len(passed) < 12 {
		t.Fatalf("only %d fault points in a ceremony: %v", len(passed), passed)
	}
	for _, at := range places(passed) {
		t.Run(at.String(), func(t *testing.T) {
			t.Parallel()
			g := newRig(t)
			g.script.At = &at
			g.apply(4)
			var first v1alpha1.BedrockNetworkStatus
			g.until("ready", func() bool {
				if s := g.network().Status; first.Genesis == nil && s.Genesis != nil {
					first = s
				}
				return g.isReady()
			})
			if !g.script.Fired() {
				t.Fatalf("%s was never passed", at)
			}
			last := g.network().Status
			if diff := cmp.Diff(first.Genesis, last.Genesis); diff != "" {
				t.Errorf("the genesis changed after it was recorded: %s", diff)
			}
			if diff := cmp.Diff(first.Records, last.Records); diff != "" {
				t.Errorf("the records changed: %s", diff)
			}
			var documents corev1.ConfigMapList
			if err := g.c.List(g.ctx(), &documents, client.InNamespace(g.ns), client.MatchingLabels{v1alpha1.LabelComponent: v1alpha1.ComponentGenesis}); err != nil {
				t.Fatal(err)
			}
			if len(documents.Items) != 1 || g.document().Hash().String() != string(last.Genesis.Hash) {
				t.Errorf("%d genesis documents", len(documents.Items))
			}
		})
	}
}

// Deleted and applied again: the same chain goes on; another count or chain id over
// what was kept is refused, naming both. // rule: ceremony
func TestKeptNetwork(t *testing.T) {
	g := newRig(t)
	g.apply(4)
	g.until("ready", g.isReady)
	before := g.network().Status
	g.remove()

	g.apply(3)
	g.until("refused", func() bool { return g.condition(v1alpha1.NetworkGenesisReady).Reason == v1alpha1.ReasonGenesisConflict })
	if m := g.condition(v1alpha1.NetworkGenesisReady).Message; !strings.Contains(m, "4 validators") || !strings.Contains(m, "3 (") {
		t.Errorf("the refusal does not name both counts: %s", m)
	}
	if len(g.listed()) > 0 {
		t.Error("Validators were made over what was kept")
	}
	g.remove()

	g.apply(4, func(n *v1alpha1.BedrockNetwork) { n.Spec.ChainID = "another" })
	g.until("refused", func() bool { return g.condition(v1alpha1.NetworkGenesisReady).Reason == v1alpha1.ReasonGenesisConflict })
	if m := g.condition(v1alpha1.NetworkGenesisReady).Message; !strings.Contains(m, "try-it") || !strings.Contains(m, "another") {
		t.Errorf("the refusal does not name both chains: %s", m)
	}
	g.remove()

	g.apply(4, func(n *v1alpha1.BedrockNetwork) {
		n.Spec.Genesis = v1alpha1.Genesis{Type: v1alpha1.GenesisCeremony, Ceremony: &v1alpha1.Ceremony{Timing: v1alpha1.TimingWideArea}}
	})
	g.until("refused", func() bool { return g.condition(v1alpha1.NetworkGenesisReady).Reason == v1alpha1.ReasonGenesisConflict })
	if m := g.condition(v1alpha1.NetworkGenesisReady).Message; !strings.Contains(m, string(before.Genesis.Hash)) {
		t.Errorf("the refusal does not name the kept genesis: %s", m)
	}
	g.remove()

	g.apply(4)
	g.until("ready", g.isReady)
	after := g.network().Status
	if after.Genesis.Hash != before.Genesis.Hash || after.OperatorKey != before.OperatorKey {
		t.Errorf("another chain: %+v, before %+v", after, before)
	}
}

// remove deletes the network and waits for its end.
func (g *rig) remove() {
	g.t.Helper()
	if err := g.c.Delete(g.ctx(), g.network()); err != nil {
		g.t.Fatal(err)
	}
	g.gone()
}

// gone waits for the end of a deleted network.
func (g *rig) gone() {
	g.t.Helper()
	for range turns {
		err := g.c.Get(g.ctx(), client.ObjectKey{Namespace: g.ns, Name: g.name}, &v1alpha1.BedrockNetwork{})
		if apierrors.IsNotFound(err) {
			return
		}
		if err != nil {
			g.t.Fatal(err)
		}
		g.reconcile()
	}
	g.t.Fatalf("the network is still there: %+v", g.network().Status.Conditions)
}

// An operator key that is gone where a chain is is never made anew. // rule: ceremony
func TestKeyMissingIsNeverGenerated(t *testing.T) {
	g := newRig(t)
	g.apply(4)
	g.until("ready", g.isReady)
	g.remove()
	key := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: g.ns, Name: names.OperatorKeys}}
	if err := g.c.Delete(g.ctx(), key); err != nil {
		t.Fatal(err)
	}
	g.apply(4)
	g.until("said", func() bool { return g.condition(v1alpha1.NetworkAuthority).Reason == v1alpha1.ReasonKeyMissing })
	for range 5 {
		g.reconcile()
	}
	if err := g.c.Get(g.ctx(), client.ObjectKeyFromObject(key), key); client.IgnoreNotFound(err) != nil || err == nil {
		t.Errorf("the operator's key was made anew: %v", err)
	}
}

// Who finds another document under its genesis' name stops, and names both.
// rule: ceremony
func TestGenesisConflictNamesBoth(t *testing.T) {
	g := newRig(t)
	g.apply(4)
	g.until("recorded", func() bool { return g.network().Status.Genesis != nil })
	recorded := g.network().Status.Genesis
	foreign := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: g.ns, Name: recorded.ConfigMap}, Data: map[string]string{"genesis.json": "{}"}}
	if err := g.c.Create(g.ctx(), foreign); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		g.reconcile()
	}
	c := g.condition(v1alpha1.NetworkGenesisReady)
	if c.Reason != v1alpha1.ReasonGenesisConflict || !strings.Contains(c.Message, string(recorded.Hash)) || !strings.Contains(c.Message, recorded.ConfigMap) {
		t.Errorf("condition %+v", c)
	}
}
