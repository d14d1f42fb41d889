package fleet

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
)

// networkField is the field by which a network's Validators are selected: by the API
// server, since the type names it as selectable, and by a cache with its index.
const networkField = "spec.chain.network"

// IndexValidators has a cache give the Validators of one network without looking at all
// of their namespace, which every reconcile would do otherwise. Readers over a cache need
// it before Validators is called.
func IndexValidators(ctx context.Context, fields client.FieldIndexer) error {
	err := fields.IndexField(ctx, &v1alpha1.Validator{}, networkField, func(o client.Object) []string {
		v, ok := o.(*v1alpha1.Validator)
		if !ok {
			return nil
		}
		return []string{string(v.Spec.Chain.Network)}
	})
	if err != nil {
		return fmt.Errorf("index Validators by their network: %w", err)
	}
	return nil
}

// Validators are those of a namespace that name a network, made by it or by hand; with
// an empty name those of foreign chains.
func Validators(ctx context.Context, r client.Reader, namespace, network string) ([]v1alpha1.Validator, error) {
	var list v1alpha1.ValidatorList
	if err := r.List(ctx, &list, client.InNamespace(namespace), client.MatchingFields{networkField: network}); err != nil {
		return nil, fmt.Errorf("list the Validators of network %q: %w", network, err)
	}
	return list.Items, nil
}
