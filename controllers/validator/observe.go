package validator

import (
	"context"
	"time"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/chain"
	"github.com/bedrock-bft/bedrock/controllers/validator/plan"
)

// askTimeout bounds one question to a node.
const askTimeout = 4 * time.Second

// maxAsked bounds the other nodes that are asked in one reconcile.
const maxAsked = 2

// observe asks the validator's own node and up to two others. What nodes say changes
// conditions alone. // rule: chain-over-API
func (s *scope) observe(ctx context.Context) error {
	if !s.facts.known {
		return nil
	}
	heard := s.ask(ctx)
	if own := heard.Own; own != nil && own.Schema > 0 { // rule: schema-after-fleet
		e := &s.active().entry
		e.DatabaseSchema, e.NewestSchema = int32(own.Schema), int32(own.NewestSchema)
	}
	s.set(plan.InSet(heard))
	s.set(plan.Signing(heard))
	s.set(plan.Ready(heard, s.verdicts[v1alpha1.ValidatorVolumesReady], s.verdicts[v1alpha1.ValidatorIdentified],
		s.verdicts[v1alpha1.ValidatorRunning], s.verdicts[v1alpha1.ValidatorInSet], s.verdicts[v1alpha1.ValidatorSigning]))
	return nil
}

func (s *scope) ask(ctx context.Context) *plan.Heard {
	in := s.active()
	h := &plan.Heard{Identity: in.entry.Identity, OwnError: "it does not run yet", SetError: "the chain does not run yet"}
	if h.Identity == "" || s.facts.genesis == "" || in.set == nil {
		return h
	}
	c, err := s.dial(ctx)
	if err != nil {
		h.OwnError, h.SetError = err.Error(), err.Error()
		return h
	}
	own := chain.EndpointOf(s.validator.Namespace, s.validator.Name, in.entry.Number)
	if h.Own, err = within(ctx, own, c.Status); err != nil {
		h.OwnError = err.Error()
	}
	others := s.others()
	h.Unasked = len(others) == 0
	for _, at := range append(others, own) { // its own word comes last
		set, err := within(ctx, at, c.Set)
		if err != nil {
			h.SetError = err.Error()
			continue
		}
		if h.Set == nil {
			h.Set = set
		}
		h.Alone = len(set.Members) <= 1
		h.FinalHeight = max(h.FinalHeight, highest(set))
		if at == own {
			break
		}
		for i := range set.Members {
			if set.Members[i].Identity.String() == string(h.Identity) {
				h.Others = append(h.Others, set.Members[i].Seen)
				return h
			}
		}
	}
	return h
}

// highest is the height up to which a node has seen votes of anybody.
func highest(set *chain.Set) uint64 {
	var out uint64
	for i := range set.Members {
		out = max(out, set.Members[i].Seen.VoteHeight)
	}
	return out
}

// within asks one node, for a bounded time.
func within[T any](ctx context.Context, at chain.Endpoint, ask func(context.Context, chain.Endpoint) (*T, error)) (*T, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	return ask(ctx, at)
}

// others are nodes other than the validator's own, begun behind it in the order of
// names, so that not everybody asks the first.
func (s *scope) others() []chain.Endpoint {
	if s.validator.Spec.Chain.Type == v1alpha1.ChainForeign {
		var out []chain.Endpoint
		for _, at := range s.validator.Spec.Chain.Foreign.RPC {
			out = append(out, chain.Endpoint(at))
		}
		return out[:min(len(out), maxAsked)]
	}
	var after, before []chain.Endpoint
	for i := range s.siblings {
		v := &s.siblings[i]
		if v.Name == s.validator.Name || v.DeletionTimestamp != nil {
			continue
		}
		for _, e := range v.Status.Instances {
			if e.Identity == "" || e.Role != v1alpha1.InstanceActive {
				continue
			}
			at := chain.EndpointOf(v.Namespace, v.Name, e.Number)
			if v.Name > s.validator.Name {
				after = append(after, at)
			} else {
				before = append(before, at)
			}
		}
	}
	out := append(after, before...)
	return out[:min(len(out), maxAsked)]
}

// askOne is what an instance's own node says.
func (s *scope) askOne(ctx context.Context, number int32) (*chain.Status, error) {
	c, err := s.dial(ctx)
	if err != nil {
		return nil, err
	}
	return within(ctx, chain.EndpointOf(s.validator.Namespace, s.validator.Name, number), c.Status)
}
