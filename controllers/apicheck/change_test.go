package apicheck_test

import (
	"context"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// transitions are changes that the API server must refuse; from comes before to.
var transitions = []struct {
	name     string
	base     string
	from, to []at
	says     []string
}{
	{"the chain id", network, nil, []at{{"spec.chainID", "other"}}, []string{"chainID cannot change: it is part of every signature; make another BedrockNetwork"}},
	{"the genesis", network, nil, []at{{"spec.genesis", map[string]any{"type": "Ceremony", "ceremony": map[string]any{"timing": "WideArea"}}}}, []string{"genesis cannot change: it names the chain"}},
	{"the given genesis", network, []at{{"spec.genesis", given(hash)}}, []at{{"spec.genesis", given(other)}}, []string{"genesis cannot change"}},
	{"no genesis for one that was given", network, []at{{"spec.genesis", given(hash)}}, []at{{"spec.genesis", nil}}, []string{"genesis cannot change"}},
	{"the operator's key", network, []at{{"spec.operatorKey", map[string]any{"secret": "a"}}}, []at{{"spec.operatorKey", map[string]any{"secret": "b"}}}, []string{"operatorKey.secret cannot change while the network runs"}},
	{"an operator's key where there was none", network, nil, []at{{"spec.operatorKey", map[string]any{"secret": "b"}}}, []string{"operatorKey.secret cannot change while the network runs"}},
	{"a volume's size down", network, nil, []at{{"spec.validators.template.storage.chain.size", "10Gi"}}, []string{"a volume can grow but not shrink: give a size of at least the present one"}},
	{"a volume's class", network, []at{{"spec.fullNodes", map[string]any{"storage": map[string]any{"size": "2Gi", "storageClassName": "a"}}}}, []at{{"spec.fullNodes.storage.storageClassName", "b"}}, []string{"storageClassName cannot change", "delete its PVC"}},
	{"a volume's class where there was none", network, nil, []at{{"spec.validators.template.storage.signer.storageClassName", "b"}}, []string{"storageClassName cannot change"}},
	{"a Validator's chain", validator, nil, []at{{"spec.chain.network", "other"}}, []string{"chain cannot change: an identity belongs to one chain"}},
	{"a Validator's moniker", validator, []at{{"spec.moniker", "a"}}, []at{{"spec.moniker", "b"}}, []string{"moniker cannot change: it is on the chain"}},
	{"a Validator's moniker where there was none", validator, nil, []at{{"spec.moniker", "b"}}, []string{"moniker cannot change: it is on the chain"}},
	{"a Validator's keys", validator, nil, []at{{"spec.keys", map[string]any{"source": "Secret", "secret": "key"}}}, []string{"keys cannot change: a key is succeeded on chain, never moved; ask for a takeover"}},
	{"a Validator's volume's size down", validator, nil, []at{{"spec.storage.signer.size", "512Mi"}}, []string{"a volume can grow but not shrink"}},
	{"a Validator's volume's class", validator, nil, []at{{"spec.storage.chain.storageClassName", "b"}}, []string{"storageClassName cannot change"}},
	{"a claim", claim, nil, []at{{"spec.validator.name", "c"}}, []string{"a claim cannot change: delete it when its Validator is gone"}},
}

func given(hash string) any {
	return map[string]any{"type": "Given", "given": map[string]any{"configMap": "doc", "hash": hash}}
}

func TestUnchangeable(t *testing.T) {
	c := api.Client(t)
	for _, tc := range transitions {
		t.Run(tc.name, func(t *testing.T) {
			o := object(t, api.Namespace(t), tc.base, tc.from...)
			if err := c.Create(context.Background(), o); err != nil {
				t.Fatalf("the spec before is refused: %v", err)
			}
			defer func() {
				if err := client.IgnoreNotFound(c.Delete(context.Background(), o)); err != nil {
					t.Error(err)
				}
			}()
			change(t, o, tc.to...)
			refused(t, c.Update(context.Background(), o), tc.says)
		})
	}
}

func TestChangeable(t *testing.T) {
	c := api.Client(t)
	for _, tc := range []struct {
		name, base string
		to         []at
	}{
		{"the count", network, []at{{"spec.validators.count", int64(7)}}},
		{"the image", network, []at{{"spec.image", "bedrock.dev/node:next"}}},
		{"groups for a count", network, []at{{"spec.validators", map[string]any{"groups": []any{group("a", 4)}}}}},
		{"a volume's size up", network, []at{{"spec.validators.template.storage.chain.size", "40Gi"}}},
		{"the same size in other words", network, []at{{"spec.validators.template.storage.chain.size", "20480Mi"}}},
		{"protection", network, []at{{"spec.deletionProtection", "Disabled"}}},
		{"paused", network, []at{{"spec.reconciliation", "Paused"}}},
		{"a Validator's power", validator, []at{{"spec.power", int64(9)}}},
		{"a Validator's exposure", validator, []at{{"spec.exposure", map[string]any{"type": "LoadBalancer", "annotations": map[string]any{"a": "b"}}}}},
		{"an authorisation", validator, []at{{"spec.handoff", map[string]any{"validator": hash, "transaction": "AA=="}}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := object(t, api.Namespace(t), tc.base)
			if err := c.Create(context.Background(), o); err != nil {
				t.Fatal(err)
			}
			change(t, o, tc.to...)
			if err := c.Update(context.Background(), o); err != nil {
				t.Errorf("it is refused: %v", err)
			}
		})
	}
}
