package takeover

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	v1alpha1ac "github.com/bedrock-bft/bedrock/api/v1alpha1/applyconfiguration/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/apply"
	"github.com/bedrock-bft/bedrock/controllers/chain"
	"github.com/bedrock-bft/bedrock/controllers/faults"
	"github.com/bedrock-bft/bedrock/controllers/fleet"
	"github.com/bedrock-bft/bedrock/controllers/metrics"
	"github.com/bedrock-bft/bedrock/controllers/takeover/plan"
	"github.com/bedrock-bft/bedrock/controllers/verdict"
)

// validHeights is for how many heights a rotation holds: about an hour of an idle chain,
// minutes of a busy one; then it is made anew.
const validHeights = 1000

// errNobody says that no node took a transaction.
var errNobody = errors.New("no node of the chain takes a transaction")

// act does a step, and tells it.
func (p *pass) act(ctx context.Context, s plan.Step) error {
	status := p.validator.Status.DeepCopy()
	switch s.Act {
	case plan.Begin:
		status.Takeover = &v1alpha1.TakeoverStatus{Reason: s.Why, Successor: s.Successor, Since: metav1.NewTime(p.now.UTC())}
		status.Instances = append(status.Instances, v1alpha1.Instance{Number: s.Successor, Role: v1alpha1.InstanceSuccessor})
		status.LastTakeoverRequest = p.validator.Annotations[v1alpha1.AnnotationTakeover]
	case plan.Sign:
		var refused *plan.Step
		var err error
		if refused, err = p.sign(ctx, status, s.Successor); err != nil {
			return err
		}
		if refused != nil {
			s = *refused
		}
	case plan.Renew:
		status.Takeover.Transaction, status.Takeover.Expect = "", ""
	case plan.Send: // rule: takeover
		err := faults.Do(ctx, "takeover/send", func() error { return p.send(ctx, &s) })
		if errors.Is(err, errNobody) { // it is stored, and sent when somebody answers
			s.OK, s.Reason, s.Message = false, v1alpha1.ReasonWaiting, s.Message+"; "+err.Error()
		} else if err != nil {
			return err
		}
	case plan.Follow:
		p.follow(status, s)
	}
	if err := p.write(ctx, status, s); err != nil {
		return err
	}
	if s.Ended != "" {
		metrics.TakeoversTotal.WithLabelValues(p.validator.Namespace, string(p.validator.Spec.Chain.Network), s.Ended).Inc()
	}
	return nil
}

// follow gives the roles that the chain names.
func (p *pass) follow(status *v1alpha1.ValidatorStatus, s plan.Step) {
	for i := range status.Instances {
		in := &status.Instances[i]
		if in.Number == s.Active {
			in.Role = v1alpha1.InstanceActive
		} else {
			in.Role = v1alpha1.InstanceSuperseded
		}
	}
	if s.Active > 0 {
		status.ActiveInstance = s.Active
	}
	status.Takeover = nil
}

// sign has the successor consent and the delegate sign, for the identity that the chain
// names now. Nothing is sent before the bytes are stored. // rule: chain-over-API
func (p *pass) sign(ctx context.Context, status *v1alpha1.ValidatorStatus, successor int32) (refused *plan.Step, err error) {
	refuse := func(reason string, err error) (*plan.Step, error) {
		return &plan.Step{Reason: reason, Message: err.Error()}, nil
	}
	key, err := p.key(ctx)
	if errors.Is(err, fleet.ErrNoKey) {
		return refuse(v1alpha1.ReasonKeyMissing, err)
	}
	if err != nil {
		return nil, err
	}
	if p.Administer == nil {
		return refuse(v1alpha1.ReasonWaiting, errors.New("this operator administers no nodes"))
	}
	admin, err := p.Administer(key)
	if err != nil {
		return nil, err
	}
	answers, _ := fleet.Ask(ctx, p.chain, p.nodes)
	view := p.look(ctx, answers)
	if !view.Known || !view.Listed { // it was a moment ago
		return refuse("ChainUnknown", errors.New("no two nodes of the chain tell its set any more: nothing is signed for an identity that nobody names"))
	}
	name := fleet.ChainName(p.validator)
	for i := range status.Instances {
		in := &status.Instances[i]
		if in.Number != successor {
			continue
		}
		until := view.Height + validHeights
		consent, err := admin.ConsentToRotate(ctx, fleet.NodeOf(p.validator, in).Admin, name, view.Identity, until)
		if err != nil {
			return refuse("NoConsent", fmt.Errorf("instance %d does not consent yet: %w", successor, err))
		}
		tx, err := chain.Rotate(key, p.genesis, consent.Rotate(name, view.Identity), until)
		if err != nil {
			return refuse("NoConsent", err)
		}
		status.Takeover.Transaction = base64.StdEncoding.EncodeToString(tx)
		status.Takeover.Expect = v1alpha1.Ed25519Key(view.Identity.String())
	}
	return nil, nil
}

// send offers the bytes to nodes until one has an answer. Its refusal is told; the chain
// has the last word.
func (p *pass) send(ctx context.Context, s *plan.Step) error {
	for _, n := range p.answered {
		v, err := p.chain.Submit(ctx, n.At, p.sentBytes)
		if err != nil {
			continue
		}
		if !v.Admitted {
			s.OK, s.Reason, s.Message = false, s.IfRefused, fmt.Sprintf("a node refuses the transaction (%s): %s", v.Reason, v.Text)
		}
		return nil
	}
	return errNobody
}

// unread are the conditions of which none is asked here.
var unread = []string{
	v1alpha1.ValidatorReady, v1alpha1.ValidatorVolumesReady, v1alpha1.ValidatorVolumesSized, v1alpha1.ValidatorIdentified, v1alpha1.ValidatorKeyClaimed,
	v1alpha1.ValidatorExposed, v1alpha1.ValidatorRunning, v1alpha1.ValidatorInSet, v1alpha1.ValidatorSigning, v1alpha1.ValidatorDisruption,
}

// tell writes only the condition.
func (p *pass) tell(ctx context.Context, s plan.Step) error {
	return p.write(ctx, p.validator.Status.DeepCopy(), s)
}

// write is the one status patch: roles of instances that this controller owns, the
// takeover, and its condition.
func (p *pass) write(ctx context.Context, status *v1alpha1.ValidatorStatus, s plan.Step) error {
	v := p.validator
	say := verdict.False(v1alpha1.ValidatorTakeover, s.Reason, s.Message)
	if s.OK {
		say.Status = metav1.ConditionTrue
	}
	ac := v1alpha1ac.ValidatorStatus().WithConditions(verdict.Conditions(v.Status.Conditions, v.Generation, p.now, say)...)
	if active := status.ActiveInstance; active > 0 {
		ac.WithActiveInstance(active)
	} else if in := fleet.Active(v); in != nil {
		ac.WithActiveInstance(in.Number)
	}
	if status.LastTakeoverRequest != "" {
		ac.WithLastTakeoverRequest(status.LastTakeoverRequest)
	}
	if status.ActiveInstance > 0 || len(status.Instances) > 1 || status.Instances[0].Role == v1alpha1.InstanceSuperseded {
		for _, in := range status.Instances {
			one := v1alpha1ac.Instance().WithNumber(in.Number)
			if in.Role != "" {
				one.WithRole(in.Role)
			}
			ac.WithInstances(one)
		}
	}
	if t := status.Takeover; t != nil {
		one := v1alpha1ac.TakeoverStatus().WithReason(t.Reason).WithSuccessor(t.Successor).WithSince(t.Since)
		if t.Expect != "" {
			one.WithExpect(t.Expect)
		}
		if t.Transaction != "" {
			one.WithTransaction(t.Transaction)
		}
		ac.WithTakeover(one)
	}
	want := v1alpha1ac.Validator(v.Name, v.Namespace).WithStatus(ac)
	owned, err := v1alpha1ac.ExtractValidatorStatus(v, Manager)
	if err != nil {
		return fmt.Errorf("read the status of validator %s: %w", v.Name, err)
	}
	if same, err := apply.Same(want, owned); err != nil || same {
		return err
	}
	version, err := apply.Version(ctx, p.Client, v, unread...)
	if err != nil {
		return err
	}
	want.WithResourceVersion(version) // what was decided from is still so
	err = faults.Do(ctx, "takeover/status", func() error {
		err := p.Status().Apply(ctx, want, client.FieldOwner(Manager), client.ForceOwnership)
		if client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("apply the status of validator %s: %w", v.Name, err)
		}
		return nil // or it was deleted meanwhile
	})
	if err == nil {
		p.announce(say)
	}
	return err
}

// maxNote bounds an event's text, as the API server does.
const maxNote = 1000

// announce makes an event of a reason that changed.
func (p *pass) announce(say verdict.Verdict) {
	if p.Events == nil {
		return
	}
	for _, b := range p.validator.Status.Conditions {
		if b.Type == say.Type && b.Reason == say.Reason {
			return
		}
	}
	p.Events.Eventf(p.validator, nil, corev1.EventTypeNormal, say.Reason, say.Type, "%s", strings.ToValidUTF8(say.Message[:min(len(say.Message), maxNote)], ""))
}
