package disruption

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/chain"
	"github.com/bedrock-bft/bedrock/controllers/fleet"
)

// foreigners looks after Validators of chains that run elsewhere, each by itself: the
// budget is shared with other operators by leases on chain, which the owner takes.
type foreigners struct{ *Reconciler }

func setupForeign(mgr ctrl.Manager, r *Reconciler) error {
	foreign := predicate.NewPredicateFuncs(func(o client.Object) bool {
		v, ok := o.(*v1alpha1.Validator)
		return ok && v.Spec.Chain.Type == v1alpha1.ChainForeign
	})
	err := ctrl.NewControllerManagedBy(mgr).Named("disruption-foreign").
		For(&v1alpha1.Validator{}, builder.WithPredicates(foreign)).
		Complete(&foreigners{r})
	if err != nil {
		return fmt.Errorf("set up the disruption controller of foreign chains: %w", err)
	}
	return nil
}

// Reconcile is one pass for a Validator of a foreign chain.
func (r *foreigners) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var v v1alpha1.Validator
	if err := r.Get(ctx, req.NamespacedName, &v); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if v.Spec.Chain.Foreign == nil {
		return ctrl.Result{}, nil
	}
	given := v.Spec.Chain.Foreign.Genesis
	p := &pass{Reconciler: r.Reconciler, alone: &v, now: r.Clock.Now(), network: &v1alpha1.BedrockNetwork{
		// A dot: no network may have such a name, and so no ledger in common with it.
		ObjectMeta: metav1.ObjectMeta{Name: "foreign." + v.Name, Namespace: v.Namespace, UID: v.UID},
		Spec:       v1alpha1.BedrockNetworkSpec{Reconciliation: v.Spec.Reconciliation},
		Status:     v1alpha1.BedrockNetworkStatus{Genesis: &v1alpha1.GenesisStatus{Hash: given.Hash, ConfigMap: string(given.ConfigMap)}},
	}}
	for _, url := range v.Spec.Chain.Foreign.RPC {
		p.nodes = append(p.nodes, fleet.Node{At: chain.Endpoint(url)})
	}
	return r.turn(ctx, req, p)
}
