package fleet

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
)

// An object wakes the network that it belongs to, and no other.
func TestOfNetwork(t *testing.T) {
	labelled := metav1.ObjectMeta{Namespace: "here", Name: "it", Labels: map[string]string{v1alpha1.LabelNetwork: "labelled"}}
	one := func(name string) []reconcile.Request {
		return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: "here", Name: name}}}
	}
	named := v1alpha1.ValidatorSpec{Chain: v1alpha1.ChainRef{Type: v1alpha1.ChainNetwork, Network: "named"}}
	foreign := v1alpha1.ValidatorSpec{Chain: v1alpha1.ChainRef{Type: v1alpha1.ChainForeign}}
	for what, tt := range map[string]struct {
		o    client.Object
		want []reconcile.Request
	}{
		"a labelled pod":                       {&corev1.Pod{ObjectMeta: labelled}, one("labelled")},
		"a pod of nobody":                      {&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "here", Name: "it"}}, nil},
		"a validator made by hand":             {&v1alpha1.Validator{ObjectMeta: metav1.ObjectMeta{Namespace: "here", Name: "it"}, Spec: named}, one("named")},
		"a validator whose label says another": {&v1alpha1.Validator{ObjectMeta: labelled, Spec: named}, one("named")},
		"a validator of a foreign chain":       {&v1alpha1.Validator{ObjectMeta: labelled, Spec: foreign}, nil},
	} {
		if diff := cmp.Diff(tt.want, OfNetwork(t.Context(), tt.o)); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
}
