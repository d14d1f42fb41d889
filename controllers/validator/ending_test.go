package validator

import (
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
)

// A policy that is not wanted any more goes; one that somebody else made stays.
func TestAPolicyThatIsNotWantedGoes(t *testing.T) {
	w := newWorld(t)
	w.running()
	w.must(&networkingv1.NetworkPolicy{}, "net-0")
	var n v1alpha1.BedrockNetwork
	w.must(&n, "net")
	n.Spec.NetworkPolicy = v1alpha1.Disabled
	if err := w.c.Update(t.Context(), &n); err != nil {
		t.Fatal(err)
	}
	w.reconcile("net-0")
	if w.get(&networkingv1.NetworkPolicy{}, "net-0") {
		t.Fatal("networkPolicy is Disabled, and the policy stays")
	}
	w.create(&networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: "net-0"}})
	w.reconcile("net-0")
	w.must(&networkingv1.NetworkPolicy{}, "net-0")
}

// In a namespace that is being deleted nothing fails: it takes nothing new.
func TestANamespaceThatEnds(t *testing.T) {
	w := newWorld(t)
	w.network()
	w.validator(0)
	api.EndNamespace(t, w.ns)
	v := w.reconcile("net-0")
	w.wantCondition(v, v1alpha1.ValidatorReady, metav1.ConditionFalse, v1alpha1.ReasonNamespaceEnds)
}
