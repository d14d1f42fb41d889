package fleet

import (
	"context"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
)

// OfNetwork maps an object to the network to which it belongs, for a watch: a Validator
// names it in its spec (one that was made by hand has no labels), anything else by label.
func OfNetwork(_ context.Context, o client.Object) []reconcile.Request {
	name := o.GetLabels()[v1alpha1.LabelNetwork]
	if v, ok := o.(*v1alpha1.Validator); ok {
		name = string(v.Spec.Chain.Network)
	}
	if name == "" {
		return nil
	}
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: o.GetNamespace(), Name: name}}}
}
