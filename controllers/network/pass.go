package network

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	v1alpha1ac "github.com/bedrock-bft/bedrock/api/v1alpha1/applyconfiguration/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/apply"
	"github.com/bedrock-bft/bedrock/controllers/chain"
	"github.com/bedrock-bft/bedrock/controllers/faults"
	"github.com/bedrock-bft/bedrock/controllers/network/plan"
	"github.com/bedrock-bft/bedrock/controllers/verdict"
	"github.com/bedrock-bft/bedrock/node/genesis"
)

// pass is one reconcile: what was read, and what the status is to be.
type pass struct {
	*Reconciler
	network *v1alpha1.BedrockNetwork
	now     time.Time

	wanted []plan.Wanted
	// live are the Validators of this network, by name: those of the spec, those that
	// are to leave, and those made by hand.
	live map[string]*v1alpha1.Validator

	key      *operatorKey
	decision plan.Ceremony    // of the genesis
	chain    *genesis.Genesis // that runs; nil: none yet
	client   chain.Client
	views    []plan.View
	awaiting bool // a half-signed transaction waits for people

	status   v1alpha1.BedrockNetworkStatus
	verdicts map[string]verdict.Verdict
	again    time.Duration // the next look
	gone     bool          // the network is: no status to write
}

func newPass(r *Reconciler, network *v1alpha1.BedrockNetwork) *pass {
	p := &pass{Reconciler: r, network: network, now: r.Clock.Now(), verdicts: map[string]verdict.Verdict{}, again: asleep}
	network.Status.DeepCopyInto(&p.status)
	return p
}

// say sets the verdict of a condition.
func (p *pass) say(v verdict.Verdict) { p.verdicts[v.Type] = v }

// wake asks for the next look no later than in d.
func (p *pass) wake(d time.Duration) { p.again = min(p.again, d) }

// writeStatus applies the status, if it is another than before, against the version
// that was read: a stale read cannot overwrite what a later reconcile recorded.
func (p *pass) writeStatus(ctx context.Context, failed error) error {
	p.conclude(failed)
	verdicts := make([]verdict.Verdict, 0, len(p.verdicts))
	for _, v := range p.verdicts {
		verdicts = append(verdicts, v)
	}
	// What this reconcile did not come to keeps its condition.
	kept := keptConditions(p.network.Status.Conditions, p.verdicts)
	conditions := append(kept, verdict.Conditions(p.network.Status.Conditions, p.network.Generation, p.now, verdicts...)...)
	slices.SortFunc(conditions, func(a, b *metav1ac.ConditionApplyConfiguration) int {
		return compare(*a.Type, *b.Type)
	})
	p.status.ObservedGeneration, p.status.Conditions = p.network.Generation, nil
	status := &v1alpha1ac.BedrockNetworkStatusApplyConfiguration{}
	if err := into(&p.status, status); err != nil {
		return err
	}
	status.WithConditions(conditions...)
	want := v1alpha1ac.BedrockNetwork(p.network.Name, p.network.Namespace).WithStatus(status)
	owned, err := v1alpha1ac.ExtractBedrockNetworkStatus(p.network, Manager)
	if err != nil {
		return fmt.Errorf("read the status of network %s: %w", p.network.Name, err)
	}
	if same, err := apply.Same(want, owned); err != nil || same {
		return err
	}
	want.WithResourceVersion(p.network.ResourceVersion)
	return faults.Do(ctx, "network/status", func() error {
		if err := p.Client.Status().Apply(ctx, want, client.FieldOwner(Manager), client.ForceOwnership); err != nil {
			return fmt.Errorf("apply the status of network %s: %w", p.network.Name, err)
		}
		return nil
	})
}

// ownTypes are the conditions of this controller.
var ownTypes = []string{
	v1alpha1.NetworkReady, v1alpha1.NetworkGenesisReady, v1alpha1.NetworkFinalizing, v1alpha1.NetworkMembership,
	v1alpha1.NetworkDomainRisk, v1alpha1.NetworkReclaimDelete, v1alpha1.NetworkAuthority, v1alpha1.NetworkDeletion, v1alpha1.NetworkRights,
	v1alpha1.NetworkImage, v1alpha1.NetworkSchema, v1alpha1.NetworkVolumesSized,
}

func keptConditions(before []metav1.Condition, said map[string]verdict.Verdict) []*metav1ac.ConditionApplyConfiguration {
	var out []*metav1ac.ConditionApplyConfiguration
	for i := range before {
		c := &before[i]
		if _, again := said[c.Type]; again || !slices.Contains(ownTypes, c.Type) {
			continue
		}
		out = append(out, metav1ac.Condition().WithType(c.Type).WithStatus(c.Status).WithReason(c.Reason).WithMessage(c.Message).
			WithObservedGeneration(c.ObservedGeneration).WithLastTransitionTime(c.LastTransitionTime))
	}
	return out
}

// into copies between an API type and its apply configuration, which have the same form.
func into(from, to any) error {
	raw, err := json.Marshal(from)
	if err == nil {
		err = json.Unmarshal(raw, to)
	}
	if err != nil {
		return fmt.Errorf("turn %T into %T: %w", from, to, err)
	}
	return nil
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
