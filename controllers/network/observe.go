package network

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/controllers/chain"
	"github.com/bedrock-bft/bedrock/controllers/network/plan"
)

const (
	// askAtOnce nodes are asked together until wantViews have answered, at most
	// askMost in all: a steady network costs three questions.
	askAtOnce = 3
	wantViews = 3
	askMost   = 12
	// askTimeout bounds the questions to one node.
	askTimeout = 5 * time.Second
)

// node is one instance that can be asked.
type node struct {
	validator string
	instance  int32
	identity  ledger.ID
	endpoint  chain.Endpoint
	admin     chain.AdminEndpoint
}

// nodes are the active instances of the network's Validators, by name.
func (p *pass) nodes() []node {
	var out []node
	for name, v := range p.live {
		in := activeInstance(v)
		if in == nil || in.Identity == "" {
			continue
		}
		id, err := idOf(in.Identity)
		if err != nil {
			continue
		}
		out = append(out, node{validator: name, instance: in.Number, identity: id,
			endpoint: chain.EndpointOf(p.network.Namespace, name, in.Number),
			admin:    chain.AdminEndpoint{URL: chain.AdminURLOf(p.network.Namespace, name, in.Number), Keys: []ledger.ID{id}}})
	}
	slices.SortFunc(out, func(a, b node) int { return compare(a.validator, b.validator) })
	return out
}

// activeInstance is the one that the chain names, or that will be the first.
func activeInstance(v *v1alpha1.Validator) *v1alpha1.Instance {
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

func idOf(key v1alpha1.Ed25519Key) (ledger.ID, error) {
	raw, err := bytesOf(string(key))
	if err != nil {
		return ledger.ID{}, err
	}
	return chain.KeyID(raw)
}

// observe asks nodes for the chain's word. // rule: chain-over-API
func (p *pass) observe(ctx context.Context) error {
	client, err := p.Dial(p.chain.Bytes())
	if err != nil {
		return fmt.Errorf("reach the nodes: %w", err)
	}
	p.client = client
	p.ask(ctx, p.nodes())
	p.say(plan.Finality(p.views, len(p.live)))
	return nil
}

// ask fills views: a few nodes at a time, until enough have told the set.
func (p *pass) ask(ctx context.Context, nodes []node) {
	nodes = nodes[:min(len(nodes), askMost)]
	for told := 0; len(nodes) > 0 && told < wantViews; {
		batch := nodes[:min(len(nodes), askAtOnce)]
		nodes = nodes[len(batch):]
		views := make([]*plan.View, len(batch))
		var group sync.WaitGroup
		for i := range batch {
			group.Go(func() { views[i] = p.askOne(ctx, &batch[i]) })
		}
		group.Wait()
		for _, v := range views {
			if v != nil {
				p.views = append(p.views, *v)
				if v.Tells() {
					told++
				}
			}
		}
	}
}

// askOne is a node's view, nil if it does not answer or is another than it should be.
func (p *pass) askOne(ctx context.Context, n *node) *plan.View {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	status, err := p.client.Status(ctx, n.endpoint)
	if err != nil {
		return nil
	}
	v := &plan.View{Validator: n.validator, Status: status}
	if set, err := p.client.Set(ctx, n.endpoint); err == nil {
		v.Set = set
	}
	return v
}

// endpoints are the nodes that answered, for reads and submissions.
func (p *pass) endpoints() []chain.Endpoint {
	var out []chain.Endpoint
	for _, n := range p.nodes() {
		for i := range p.views {
			if p.views[i].Validator == n.validator {
				out = append(out, n.endpoint)
			}
		}
	}
	return out
}
