package network_test

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/names"
)

// A protected network that is deleted stops nothing and says so; released, it goes, and
// what carries no owner stays by default. // rule: hold
func TestHold(t *testing.T) {
	g := newRig(t)
	g.apply(4, func(n *v1alpha1.BedrockNetwork) { n.Spec.DeletionProtection = v1alpha1.Enabled })
	g.until("ready", g.isReady)
	genesis := g.network().Status.Genesis
	if err := g.c.Delete(g.ctx(), g.network()); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		g.turn()
	}
	c := g.condition(v1alpha1.NetworkDeletion)
	if c.Status != metav1.ConditionTrue || c.Reason != v1alpha1.ReasonDeletionProtected || !strings.Contains(c.Message, "`kubectl bedrock release net`") {
		t.Errorf("condition %+v", c)
	}
	if n := len(g.listed()); n != 4 || !g.isReady() {
		t.Errorf("%d Validators, ready %v: a held deletion stops nothing", n, g.isReady())
	}
	g.apply(4, func(n *v1alpha1.BedrockNetwork) {
		n.Annotations = map[string]string{v1alpha1.AnnotationRelease: "yes"}
	})
	g.gone()
	for name, o := range map[string]client.Object{genesis.ConfigMap: &corev1.ConfigMap{}, names.OperatorKeys: &corev1.Secret{}, names.SignerClaim("net-0", 1): &corev1.PersistentVolumeClaim{}} {
		g.get(name, o)
		if o.GetDeletionTimestamp() != nil {
			t.Errorf("%s is deleted though deletionPolicy is Retain", name)
		}
	}
	if n := len(g.chain.Submitted()); n > 0 {
		t.Errorf("%d transactions: deleting only stops", n)
	}
}

// deletionPolicy Delete takes volumes, genesis, key and token ledger with the network.
func TestDeletionPolicyDelete(t *testing.T) {
	g := newRig(t)
	g.apply(4, func(n *v1alpha1.BedrockNetwork) { n.Spec.DeletionPolicy = v1alpha1.DeletionDelete })
	g.until("ready", g.isReady)
	genesis := g.network().Status.Genesis
	other := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "others", Namespace: g.ns}}
	tokens := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: names.TokenLedger(g.name), Namespace: g.ns, Labels: map[string]string{
		v1alpha1.LabelName: "bedrock", v1alpha1.LabelManagedBy: v1alpha1.ManagedBy, v1alpha1.LabelNetwork: g.name, v1alpha1.LabelComponent: v1alpha1.ComponentLedger}}}
	for _, o := range []client.Object{other, tokens} {
		if err := g.c.Create(g.ctx(), o); err != nil {
			t.Fatal(err)
		}
	}
	g.remove()
	for name, o := range map[string]client.Object{genesis.ConfigMap: &corev1.ConfigMap{}, names.OperatorKeys: &corev1.Secret{},
		names.SignerClaim("net-0", 1): &corev1.PersistentVolumeClaim{}, tokens.Name: &corev1.ConfigMap{}} {
		err := g.c.Get(g.ctx(), client.ObjectKey{Namespace: g.ns, Name: name}, o)
		if err == nil && o.GetDeletionTimestamp() == nil || err != nil && !apierrors.IsNotFound(err) {
			t.Errorf("%s is still there (%v)", name, err)
		}
	}
	g.get("others", other)
}

// Paused, nothing is written but what deletion needs.
func TestPaused(t *testing.T) {
	g := newRig(t)
	g.apply(4)
	g.until("ready", g.isReady)
	g.apply(7, func(n *v1alpha1.BedrockNetwork) { n.Spec.Reconciliation = v1alpha1.ReconciliationPaused })
	g.until("said", func() bool { return g.condition(v1alpha1.NetworkReady).Reason == v1alpha1.ReasonPaused })
	passed := len(g.script.Passed())
	for range 10 {
		g.turn()
	}
	if more := g.script.Passed()[passed:]; len(more) > 0 || len(g.listed()) != 4 {
		t.Errorf("paused, it did %v", more)
	}
	g.apply(4, func(n *v1alpha1.BedrockNetwork) { n.Spec.Reconciliation = v1alpha1.ReconciliationActive })
	g.until("ready again", g.isReady)
	g.apply(4, func(n *v1alpha1.BedrockNetwork) { n.Spec.Reconciliation = v1alpha1.ReconciliationPaused })
	g.remove()
}

// Killed anywhere, a deletion comes to its end.
func TestDeletionConvergesWhenKilledAnywhere(t *testing.T) {
	start := func(t *testing.T) *rig {
		g := newRig(t)
		g.apply(2, func(n *v1alpha1.BedrockNetwork) { n.Spec.DeletionPolicy = v1alpha1.DeletionDelete })
		g.until("ready", g.isReady)
		return g
	}
	g := start(t)
	before := len(g.script.Passed())
	g.remove()
	passed := g.script.Passed()[before:]
	if len(passed) < 10 {
		t.Fatalf("only %d fault points: %v", len(passed), passed)
	}
	for _, at := range places(passed) {
		t.Run(at.String(), func(t *testing.T) {
			t.Parallel()
			g := newRig(t)
			g.script.At = &at
			g.apply(2, func(n *v1alpha1.BedrockNetwork) { n.Spec.DeletionPolicy = v1alpha1.DeletionDelete })
			g.until("ready", g.isReady)
			g.remove()
			if !g.script.Fired() {
				t.Fatalf("%s was never passed", at)
			}
			var claims corev1.PersistentVolumeClaimList
			if err := g.c.List(g.ctx(), &claims, client.InNamespace(g.ns)); err != nil {
				t.Fatal(err)
			}
			for i := range claims.Items {
				if claims.Items[i].DeletionTimestamp == nil {
					t.Errorf("%s stays though the policy is Delete", claims.Items[i].Name)
				}
			}
		})
	}
}

// deletionPolicy Delete is about what the network made: a Validator that was made by hand
// stays, and its keys with it. // rule: hold
func TestDeletionPolicyDeleteSparesHandMadeVolumes(t *testing.T) {
	g := newRig(t)
	g.apply(4, func(n *v1alpha1.BedrockNetwork) { n.Spec.DeletionPolicy = v1alpha1.DeletionDelete })
	g.until("ready", g.isReady)
	guest := &v1alpha1.Validator{ObjectMeta: metav1.ObjectMeta{Name: "guest", Namespace: g.ns},
		Spec: v1alpha1.ValidatorSpec{Chain: v1alpha1.ChainRef{Type: v1alpha1.ChainNetwork, Network: v1alpha1.Name(g.name)}, DeletionPolicy: v1alpha1.DeletionRetain}}
	if err := g.c.Create(g.ctx(), guest); err != nil {
		t.Fatal(err)
	}
	g.until("the guest has its volume", func() bool { return g.volumes["guest"] != "" })
	g.remove()
	g.get("guest", &v1alpha1.Validator{})
	var claim corev1.PersistentVolumeClaim
	g.get(names.SignerClaim("guest", 1), &claim)
	if claim.DeletionTimestamp != nil {
		t.Error("the keys of a Validator that stays are deleted with the network")
	}
	err := g.c.Get(g.ctx(), client.ObjectKey{Namespace: g.ns, Name: names.SignerClaim("net-0", 1)}, &claim)
	if err == nil && claim.DeletionTimestamp == nil || client.IgnoreNotFound(err) != nil {
		t.Errorf("the network's own volumes stay (%v)", err)
	}
}

// In a namespace that is being deleted nothing fails: it takes nothing new.
func TestANamespaceThatEnds(t *testing.T) {
	g := newRig(t)
	g.apply(4)
	api.EndNamespace(t, g.ns)
	for range 3 {
		g.reconcile()
	}
	if c := g.condition(v1alpha1.NetworkReady); c.Reason != v1alpha1.ReasonNamespaceEnds {
		t.Errorf("condition %+v", c)
	}
}
