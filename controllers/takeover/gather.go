package takeover

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/controllers/chain"
	disruption "github.com/bedrock-bft/bedrock/controllers/disruption/plan"
	"github.com/bedrock-bft/bedrock/controllers/fleet"
	"github.com/bedrock-bft/bedrock/controllers/names"
	"github.com/bedrock-bft/bedrock/controllers/takeover/plan"
	"github.com/bedrock-bft/bedrock/node/types"
)

func signerClaim(v *v1alpha1.Validator, in *v1alpha1.Instance) string {
	return names.SignerClaim(v.Name, in.Number)
}

func podName(v *v1alpha1.Validator, in *v1alpha1.Instance) string {
	return names.Pod(v.Name, in.Number)
}

// gather reads the chain first, then what the API server has. // rule: chain-over-API
func (p *pass) gather(ctx context.Context) (plan.Input, error) {
	v := p.validator
	in := plan.Input{Now: p.now, Paused: v.Spec.Reconciliation == v1alpha1.ReconciliationPaused, Automatic: true,
		Request: v.Annotations[v1alpha1.AnnotationTakeover], LastRequest: v.Status.LastTakeoverRequest,
		Handoff: v.Spec.Handoff != nil, Unsigned: v.Spec.Handoff != nil && v.Spec.Handoff.Transaction == "", Active: v.Status.ActiveInstance, Takeover: v.Status.Takeover}
	if err := p.dial(ctx); err != nil {
		return in, err
	}
	if p.network != nil {
		in.Paused = in.Paused || p.network.Spec.Reconciliation == v1alpha1.ReconciliationPaused
		in.Automatic = p.network.Spec.Takeover != v1alpha1.TakeoverManual
	}
	var answers []disruption.Answer
	answers, p.answered = fleet.Ask(ctx, p.chain, p.nodes)
	in.Chain = p.look(ctx, answers)
	for _, one := range v.Status.Instances {
		i := plan.Instance{Number: one.Number, Role: one.Role, Identity: fleet.ID(string(one.Identity))}
		if in.Awaits(one.Number) {
			if status, err := p.chain.Status(ctx, chain.EndpointOf(v.Namespace, v.Name, one.Number)); err == nil && status.Identity == i.Identity {
				i.Answers, i.Syncing, i.Height = true, status.Syncing, status.FinalHeight
			}
		}
		in.Instances = append(in.Instances, i)
	}
	if c := p.missing(); c != nil {
		in.Missing, in.Since, in.Unasked = true, c.LastTransitionTime.Time, c.Reason == v1alpha1.ReasonWitnessesUnasked
	}
	if active := fleet.Active(v); active != nil && in.Missing {
		var err error
		if in.OutOfReach, in.SignerLost, err = p.reach(ctx, active); err != nil {
			return in, err
		}
	}
	in.Sent = p.sent(ctx, &in)
	return in, nil
}

// dial reads who the chain is, and whom to ask.
func (p *pass) dial(ctx context.Context) error {
	v := p.validator
	var document []byte
	if v.Spec.Chain.Type == v1alpha1.ChainForeign {
		given := v.Spec.Chain.Foreign.Genesis
		var m corev1.ConfigMap
		if err := p.Reader.Get(ctx, client.ObjectKey{Namespace: v.Namespace, Name: string(given.ConfigMap)}, &m); err != nil {
			return errors.Join(fleet.ErrNoChain, client.IgnoreNotFound(err))
		}
		document, p.genesis = []byte(m.Data["genesis.json"]), fleet.ID(string(given.Hash))
		for _, url := range v.Spec.Chain.Foreign.RPC {
			p.nodes = append(p.nodes, fleet.Node{At: chain.Endpoint(url)})
		}
	} else {
		p.network = &v1alpha1.BedrockNetwork{}
		if err := p.Get(ctx, client.ObjectKey{Namespace: v.Namespace, Name: string(v.Spec.Chain.Network)}, p.network); err != nil {
			return errors.Join(fleet.ErrNoChain, client.IgnoreNotFound(err))
		}
		var err error
		if document, err = fleet.Document(ctx, p.Client, p.network); err != nil {
			if document, err = fleet.Document(ctx, p.Reader, p.network); err != nil {
				return err
			}
		}
		p.genesis = fleet.ID(string(p.network.Status.Genesis.Hash))
		if err := p.others(ctx); err != nil {
			return err
		}
	}
	var err error
	if p.chain, err = p.Dial(document); err != nil {
		return fmt.Errorf("reach the chain: %w", err)
	}
	p.nodes = append(p.nodes, fleet.Nodes([]v1alpha1.Validator{*v})...)
	return nil
}

// others are the nodes of the network's other Validators.
func (p *pass) others(ctx context.Context) error {
	all, err := fleet.Validators(ctx, p, p.validator.Namespace, string(p.validator.Spec.Chain.Network))
	if err != nil {
		return err
	}
	p.nodes = fleet.Nodes(slices.DeleteFunc(all, func(o v1alpha1.Validator) bool { return o.Name == p.validator.Name }))
	return nil
}

// look is the chain's word about the validator. The set of the epoch comes before the
// row, which may be of the epoch that follows. // rule: chain-over-API
func (p *pass) look(ctx context.Context, answers []disruption.Answer) plan.Chain {
	view := disruption.NewView(answers)
	c := plan.Chain{Height: view.Height, TimeMs: view.TimeMs, Total: view.Total, Members: len(view.Members), Ledger: view.Ledger, Known: view.Told()}
	var newest *chain.Set
	for _, a := range answers {
		if newest == nil || a.Set.Epoch > newest.Epoch || a.Set.Epoch == newest.Epoch && a.Set.Height > newest.Height {
			newest = a.Set
		}
	}
	if newest == nil {
		return c
	}
	m := newest.Find(fleet.ChainName(p.validator))
	if m == nil {
		return c
	}
	c.Listed, c.InSet, c.Power, c.Identity = true, m.Index >= 0, m.Power, m.Identity
	c.Finalises = view.Finalises(m.Identity)
	if seen := view.Find(m.Name, m.Identity); seen != nil {
		c.Missing = seen.Presence == disruption.Missing
	}
	if said := p.missing(); said != nil {
		c.Voted = view.VotedSince(m.Identity, p.now, said.LastTransitionTime.Add(settling))
	}
	c.Window = p.window(ctx)
	for i := range newest.Members {
		o := &newest.Members[i]
		if o.Name != m.Name && o.Row.Rotated > 0 && o.Row.Rotated+c.Window > view.TimeMs {
			c.Rotated += o.Power
		}
	}
	return c
}

// window is the ledger's rotation window, 0 where it cannot be read: the ledger then
// refuses by itself.
func (p *pass) window(ctx context.Context) uint64 {
	if p.validator.Status.Takeover == nil && p.validator.Annotations[v1alpha1.AnnotationTakeover] == p.validator.Status.LastTakeoverRequest && p.missing() == nil {
		return 0 // nothing is due: it is not asked
	}
	for _, n := range p.answered {
		if parameters, err := p.chain.Parameters(ctx, n.At); err == nil {
			return parameters["rotation_window_ms"]
		}
	}
	return 0
}

// settling is for how long after a validator is found missing a vote of it says nothing
// here: whoever finds it so judges those, with times of its own. // rule: seen
const settling = time.Minute

// missing is the condition Missing where it is True; nil: it is not.
func (p *pass) missing() *metav1.Condition {
	c := apimeta.FindStatusCondition(p.validator.Status.Conditions, v1alpha1.ValidatorMissing)
	if c == nil || c.Status != metav1.ConditionTrue {
		return nil
	}
	return c
}

// sent is what became of the stored bytes, or of the owner's.
func (p *pass) sent(ctx context.Context, in *plan.Input) *plan.Sent {
	text := ""
	if in.Takeover != nil {
		text = in.Takeover.Transaction
	} else if in.Handoff {
		text = p.validator.Spec.Handoff.Transaction
	}
	if text == "" {
		return nil
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return &plan.Sent{Bad: "is no base64"}
	}
	t, err := ledger.Decode(raw)
	if err != nil {
		return &plan.Sent{Bad: "cannot be read: " + err.Error()}
	}
	rotate, ok := t.Body.Operation.(ledger.Rotate)
	if !ok {
		return &plan.Sent{Bad: "is no rotate transaction"}
	}
	s := &plan.Sent{Expires: t.Body.ValidUntil, Expect: rotate.Expected}
	if s.Bad = p.unfit(&rotate, t); s.Bad != "" {
		return s
	}
	if s.Bad = others(in, &rotate); s.Bad != "" {
		s.Other = true
		return s
	}
	p.sentBytes = raw
	for _, n := range p.answered {
		e, err := p.chain.Transaction(ctx, n.At, types.TxHash(raw))
		switch {
		case err == nil:
			s.Known, s.Final, s.Code, s.Word, s.Text = true, e.Final, e.Code, ledger.CodeName(e.Code), e.Log
			if e.Final {
				return s
			}
		case !errors.Is(err, chain.ErrNotFound):
			continue
		}
	}
	return s
}

// unfit says why a rotate transaction is not this validator's.
func (p *pass) unfit(r *ledger.Rotate, t *ledger.Transaction) string {
	switch {
	case r.Validator != fleet.ChainName(p.validator):
		return fmt.Sprintf("is for validator %s, not %s", r.Validator, fleet.ChainName(p.validator))
	case t.Body.Genesis != p.genesis:
		return "is for another chain"
	}
	if err := r.CheckConsent(p.genesis, t.Body.ValidUntil); err != nil {
		return "has no consent of its identity: " + err.Error()
	}
	return ""
}

// others says that a rotation is for another identity than that of the instance which
// is to take over.
func others(in *plan.Input, r *ledger.Rotate) string {
	number := int32(1)
	if in.Takeover != nil {
		number = in.Takeover.Successor
	}
	for _, i := range in.Instances {
		if i.Number == number && i.Identity != r.Identity {
			return fmt.Sprintf("is for identity %s, and instance %d has %s: have the owner sign for that", r.Identity, number, i.Identity)
		}
	}
	return ""
}
