package disruption

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	v1alpha1ac "github.com/bedrock-bft/bedrock/api/v1alpha1/applyconfiguration/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/apply"
	"github.com/bedrock-bft/bedrock/controllers/disruption/plan"
	"github.com/bedrock-bft/bedrock/controllers/faults"
	"github.com/bedrock-bft/bedrock/controllers/verdict"
)

// tell writes the conditions that changed.
func (p *pass) tell(ctx context.Context, v plan.Verdicts) error {
	for name, validator := range p.validators {
		var say []verdict.Verdict
		if m, ok := v.Missing[name]; ok {
			p.heard.note(validator, m, p.now)
			say = append(say, m)
		}
		if d, ok := v.Disruption[name]; ok {
			say = append(say, d)
		}
		conditions := p.conditions(validator.Status.Conditions, validator.Generation, []string{v1alpha1.ValidatorMissing, v1alpha1.ValidatorDisruption}, say)
		want := v1alpha1ac.Validator(name, validator.Namespace).WithStatus(v1alpha1ac.ValidatorStatus().WithConditions(conditions...))
		owned, err := v1alpha1ac.ExtractValidatorStatus(validator, Manager)
		if err != nil {
			return fmt.Errorf("read the status of validator %s: %w", name, err)
		}
		if err := faults.Do(ctx, "disruption/status", func() error {
			_, err := apply.Status(ctx, p.Client, Manager, want, owned)
			return client.IgnoreNotFound(err) // deleted meanwhile
		}); err != nil {
			return err
		}
		p.announce(validator, validator.Status.Conditions, say)
	}
	if p.alone != nil {
		return nil
	}
	conditions := p.conditions(p.network.Status.Conditions, p.network.Generation, nil, v.Network)
	want := v1alpha1ac.BedrockNetwork(p.network.Name, p.network.Namespace).WithStatus(v1alpha1ac.BedrockNetworkStatus().WithConditions(conditions...))
	owned, err := v1alpha1ac.ExtractBedrockNetworkStatus(p.network, Manager)
	if err != nil {
		return fmt.Errorf("read the status of network %s: %w", p.network.Name, err)
	}
	if err := faults.Do(ctx, "disruption/status", func() error {
		_, err := apply.Status(ctx, p.Client, Manager, want, owned)
		return client.IgnoreNotFound(err) // deleted meanwhile
	}); err != nil {
		return err
	}
	p.announce(p.network, p.network.Status.Conditions, v.Network)
	return nil
}

// maxNote bounds an event's text, as the API server does.
const maxNote = 1000

// announce makes an event of every condition whose reason changed.
func (p *pass) announce(about runtime.Object, before []metav1.Condition, say []verdict.Verdict) {
	if p.Events == nil {
		return
	}
	for _, v := range say {
		if slices.ContainsFunc(before, func(b metav1.Condition) bool { return b.Type == v.Type && b.Reason == v.Reason }) {
			continue
		}
		p.Events.Eventf(about, nil, corev1.EventTypeNormal, v.Reason, v.Type, "%s", strings.ToValidUTF8(v.Message[:min(len(v.Message), maxNote)], ""))
	}
}

// conditions are what is said now, and what is kept of our types of what was said before.
func (p *pass) conditions(before []metav1.Condition, generation int64, types []string, say []verdict.Verdict) []*metav1ac.ConditionApplyConfiguration {
	for _, b := range before {
		if slices.Contains(types, b.Type) && !slices.ContainsFunc(say, func(v verdict.Verdict) bool { return v.Type == b.Type }) {
			say = append(say, verdict.Verdict{Type: b.Type, Status: b.Status, Reason: b.Reason, Message: b.Message})
		}
	}
	return verdict.Conditions(before, generation, p.now, say...)
}
