package network

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	v1alpha1ac "github.com/bedrock-bft/bedrock/api/v1alpha1/applyconfiguration/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/apply"
	"github.com/bedrock-bft/bedrock/controllers/faults"
	"github.com/bedrock-bft/bedrock/controllers/fleet"
	"github.com/bedrock-bft/bedrock/controllers/network/plan"
	"github.com/bedrock-bft/bedrock/controllers/verdict"
)

// readWanted reads what the spec asks for and which Validators are there.
func (p *pass) readWanted(ctx context.Context) error {
	all, err := fleet.Validators(ctx, p, p.network.Namespace, p.network.Name)
	if err != nil {
		return err
	}
	p.live = map[string]*v1alpha1.Validator{}
	for i := range all {
		p.live[all[i].Name] = &all[i]
	}
	if p.wanted, err = plan.Validators(p.network.Name, &p.network.Spec.Validators); err != nil {
		p.say(verdict.False(v1alpha1.NetworkMembership, "SpecInvalid", err.Error()))
		return errDone
	}
	return nil
}

// owned says whether this network made a Validator; the others were made by hand.
func (p *pass) owned(v *v1alpha1.Validator) bool { return metav1.IsControlledBy(v, p.network) }

// validators applies one Validator for each that is wanted.
func (p *pass) validators(ctx context.Context) error {
	for i := range p.wanted {
		w := &p.wanted[i]
		live := p.live[w.Name]
		if live == nil {
			var other v1alpha1.Validator
			if there, err := p.there(ctx, w.Name, &other); err != nil {
				return err
			} else if there && string(other.Spec.Chain.Network) != p.network.Name {
				p.wake(later)
				p.say(verdict.False(v1alpha1.NetworkMembership, v1alpha1.ReasonNameTaken,
					fmt.Sprintf("Validator %s is of another chain and has the name of one of this network's: delete it, or give one of the two another name", w.Name)))
				return errDone
			}
		}
		if live != nil && !p.owned(live) && live.DeletionTimestamp == nil && metav1.GetControllerOf(live) == nil {
			p.say(verdict.False(v1alpha1.NetworkMembership, v1alpha1.ReasonNameTaken,
				fmt.Sprintf("Validator %s was made by hand and has the name of one of this network's: delete it or give it another name", w.Name)))
			return errDone
		}
		if live != nil && live.DeletionTimestamp != nil {
			p.wake(soon) // deleted by hand: made again once it is gone
			continue
		}
		want, err := p.validatorOf(w, p.validatorImage())
		if err != nil {
			return err
		}
		if err := p.applyValidator(ctx, want, live); err != nil {
			return err
		}
	}
	for _, name := range sortedNames(p.live) {
		if v := p.live[name]; metav1.GetControllerOf(v) == nil && v.DeletionTimestamp == nil {
			if err := p.leaveHold(ctx, v, true); err != nil {
				return err
			}
		}
	}
	return nil
}

// finalizerLeave keeps a Validator that was made by hand until the chain has let it go.
// rule: leave-only-by-scale
const finalizerLeave = "bedrock.dev/leave"

// leaveHold puts that finalizer on a hand-made Validator, or takes it away.
func (p *pass) leaveHold(ctx context.Context, v *v1alpha1.Validator, wanted bool) error {
	if controllerutil.ContainsFinalizer(v, finalizerLeave) == wanted {
		return nil
	}
	next := v.DeepCopy()
	if wanted {
		controllerutil.AddFinalizer(next, finalizerLeave)
	} else {
		controllerutil.RemoveFinalizer(next, finalizerLeave)
	}
	patch := client.MergeFromWithOptions(v, client.MergeFromWithOptimisticLock{})
	err := faults.Do(ctx, "network/leave-hold", func() error { return client.IgnoreNotFound(p.Client.Patch(ctx, next, patch)) })
	if err != nil {
		return fmt.Errorf("change the finalizers of Validator %s: %w", v.Name, err)
	}
	return nil
}

func (p *pass) applyValidator(ctx context.Context, want *v1alpha1ac.ValidatorApplyConfiguration, live *v1alpha1.Validator) error {
	var owned *v1alpha1ac.ValidatorApplyConfiguration
	if live != nil {
		var err error
		if owned, err = v1alpha1ac.ExtractValidator(live, Manager); err != nil {
			return fmt.Errorf("read Validator %s: %w", live.Name, err)
		}
		if same, err := apply.Same(want, owned); err != nil || same {
			return err
		}
	}
	return faults.Do(ctx, "network/apply-validator", func() error {
		_, err := apply.Object(ctx, p.Client, Manager, want, owned)
		return err
	})
}

// validatorOf is the Validator of the template.
func (p *pass) validatorOf(w *plan.Wanted, image string) (*v1alpha1ac.ValidatorApplyConfiguration, error) {
	t := &p.network.Spec.Validators.Template
	scheduling := *t.Scheduling.DeepCopy()
	scheduling.Zone = w.Zone
	// Defaults of the API server are written out: a later change of the template
	// then removes what it no longer says.
	spec := v1alpha1.ValidatorSpec{
		Chain:   v1alpha1.ChainRef{Type: v1alpha1.ChainNetwork, Network: v1alpha1.Name(p.network.Name)},
		Moniker: w.Name, Power: w.Power, Image: image, Keys: v1alpha1.KeySource{Source: v1alpha1.KeysVolume},
		Bootstrap: v1alpha1.Bootstrap{Type: v1alpha1.BootstrapPeers},
		Compute:   t.Compute, Storage: t.Storage, Scheduling: scheduling, Exposure: t.Exposure,
		DeletionProtection: p.network.Spec.DeletionProtection, DeletionPolicy: p.network.Spec.DeletionPolicy,
	}
	specAC := &v1alpha1ac.ValidatorSpecApplyConfiguration{}
	if err := into(&spec, specAC); err != nil {
		return nil, err
	}
	return v1alpha1ac.Validator(w.Name, p.network.Namespace).
		WithLabels(p.labels(v1alpha1.ComponentValidator)).
		WithLabels(map[string]string{v1alpha1.LabelValidator: w.Name}).
		WithOwnerReferences(p.owner()).
		WithSpec(specAC), nil
}

// owner is the reference of what goes with the network.
func (p *pass) owner() *metav1ac.OwnerReferenceApplyConfiguration {
	return metav1ac.OwnerReference().
		WithAPIVersion(v1alpha1.SchemeGroupVersion.String()).WithKind("BedrockNetwork").
		WithName(p.network.Name).WithUID(p.network.UID).WithController(true)
}
