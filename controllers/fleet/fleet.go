package fleet

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/controllers/chain"
)

const documentKey = "genesis.json"

// ErrNoChain says that the network has no genesis yet.
var ErrNoChain = errors.New("the network has no genesis yet")

// Document is a network's genesis document.
func Document(ctx context.Context, r client.Reader, n *v1alpha1.BedrockNetwork) ([]byte, error) {
	if n.Status.Genesis == nil {
		return nil, fmt.Errorf("network %s: %w", n.Name, ErrNoChain)
	}
	var m corev1.ConfigMap
	if err := r.Get(ctx, client.ObjectKey{Namespace: n.Namespace, Name: n.Status.Genesis.ConfigMap}, &m); err != nil {
		return nil, fmt.Errorf("read the genesis of network %s: %w", n.Name, err)
	}
	if text, ok := m.Data[documentKey]; ok {
		return []byte(text), nil
	}
	return nil, fmt.Errorf("ConfigMap %s has no %s: make it again with the document", m.Name, documentKey)
}

// Active is the instance that the chain names, or that will be the first; nil: none.
func Active(v *v1alpha1.Validator) *v1alpha1.Instance {
	var found *v1alpha1.Instance
	for i := range v.Status.Instances {
		in := &v.Status.Instances[i]
		if in.Number == v.Status.ActiveInstance && in.Role != v1alpha1.InstanceSuperseded {
			return in
		}
		if in.Role == v1alpha1.InstanceActive || in.Role == "" && found == nil {
			found = in
		}
	}
	return found
}

// ID is a key of an API object as the ledger has it; zero for what is none.
func ID(key string) ledger.ID {
	raw, err := hex.DecodeString(key)
	if err != nil || len(raw) != len(ledger.ID{}) {
		return ledger.ID{}
	}
	return ledger.ID(raw)
}

// ChainName is a validator's name for life: what its status recorded, or what follows
// from its first identity; zero: neither is known.
func ChainName(v *v1alpha1.Validator) ledger.ID {
	if id := ID(string(v.Status.ChainName)); id != (ledger.ID{}) {
		return id
	}
	for _, in := range v.Status.Instances {
		if id := ID(string(in.Identity)); in.Number == 1 && id != (ledger.ID{}) && v.Spec.Handoff == nil {
			return ledger.ValidatorName(id)
		}
	}
	return ledger.ID{}
}

// Node is an instance that can be asked.
type Node struct {
	Validator string
	Instance  int32
	Identity  ledger.ID
	At        chain.Endpoint
	Admin     chain.AdminEndpoint
}

// NodeOf is one instance of a validator.
func NodeOf(v *v1alpha1.Validator, in *v1alpha1.Instance) Node {
	id := ID(string(in.Identity))
	return Node{Validator: v.Name, Instance: in.Number, Identity: id, At: chain.EndpointOf(v.Namespace, v.Name, in.Number),
		Admin: chain.AdminEndpoint{URL: chain.AdminURLOf(v.Namespace, v.Name, in.Number), Keys: []ledger.ID{id}}}
}

// Nodes are the instances that are not superseded and whose identity is known.
func Nodes(validators []v1alpha1.Validator) []Node {
	var out []Node
	for i := range validators {
		v := &validators[i]
		for j := range v.Status.Instances {
			if in := &v.Status.Instances[j]; in.Role != v1alpha1.InstanceSuperseded && in.Identity != "" {
				out = append(out, NodeOf(v, in))
			}
		}
	}
	return out
}
