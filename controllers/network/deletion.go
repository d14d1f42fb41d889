package network

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/faults"
	"github.com/bedrock-bft/bedrock/controllers/verdict"
)

// deletion holds a network until it may go; while it is held everything goes on.
// Deleting only stops it: nobody leaves the chain. // rule: hold, leave-only-by-scale
func (p *pass) deletion(ctx context.Context) error {
	if p.network.DeletionTimestamp == nil {
		if controllerutil.ContainsFinalizer(p.network, v1alpha1.FinalizerHold) {
			return nil
		}
		return p.finalizer(ctx, "network/hold", controllerutil.AddFinalizer)
	}
	if !controllerutil.ContainsFinalizer(p.network, v1alpha1.FinalizerHold) {
		p.gone = true
		return errDone
	}
	if p.network.Spec.DeletionProtection != v1alpha1.Disabled && p.network.Annotations[v1alpha1.AnnotationRelease] == "" {
		p.say(verdict.True(v1alpha1.NetworkDeletion, v1alpha1.ReasonDeletionProtected,
			fmt.Sprintf("somebody deleted this network; it is protected, so that the chain goes on and nothing is removed. `kubectl bedrock release %s` lets it go", p.network.Name)))
		return nil
	}
	return p.takeDown(ctx)
}

// finalizer changes the finalizers against the version that was read.
func (p *pass) finalizer(ctx context.Context, point string, change func(client.Object, string) bool) error {
	next := p.network.DeepCopy()
	change(next, v1alpha1.FinalizerHold)
	patch := client.MergeFromWithOptions(p.network, client.MergeFromWithOptimisticLock{})
	err := faults.Do(ctx, point, func() error { return p.Client.Patch(ctx, next, patch) })
	if err != nil {
		return fmt.Errorf("change the finalizers: %w", err)
	}
	p.network = next
	return nil
}

// takeDown removes Validators first, then what carries no owner where the policy says
// so, and at last the hold.
func (p *pass) takeDown(ctx context.Context) error {
	if err := p.readWanted(ctx); err != nil && !errors.Is(err, errDone) {
		return err
	}
	p.wake(soon)
	left := 0
	for _, name := range sortedNames(p.live) {
		v := p.live[name]
		if !p.owned(v) {
			// Made by hand: it stays, and is held no more.
			if err := p.leaveHold(ctx, v, false); err != nil {
				return err
			}
			continue
		}
		left++
		if v.Annotations[v1alpha1.AnnotationRelease] == "" {
			if err := p.annotate(ctx, "network/release-validator", v, v1alpha1.AnnotationRelease, "the network was deleted"); err != nil {
				return err
			}
		}
		if v.DeletionTimestamp == nil {
			if err := p.deleteValidator(ctx, v); err != nil {
				return err
			}
		}
	}
	if left > 0 {
		p.say(verdict.True(v1alpha1.NetworkDeletion, "Stopping", fmt.Sprintf("%d validators are stopped and removed", left)))
		return errDone
	}
	if p.network.Spec.DeletionPolicy == v1alpha1.DeletionDelete {
		if err := p.deleteKept(ctx); err != nil {
			return err
		}
	}
	if err := p.finalizer(ctx, "network/unhold", controllerutil.RemoveFinalizer); err != nil {
		return client.IgnoreNotFound(err)
	}
	p.gone = true
	return errDone
}

// deleteKept removes what no garbage collector does: volumes, genesis, token ledger, the
// key that the operator made. Only what carries this network's labels.
func (p *pass) deleteKept(ctx context.Context) error {
	ns, labels := client.InNamespace(p.network.Namespace), client.MatchingLabels(p.labels(""))
	var claims corev1.PersistentVolumeClaimList
	if err := p.Reader.List(ctx, &claims, ns, labels); err != nil {
		return fmt.Errorf("list volumes: %w", err)
	}
	var documents corev1.ConfigMapList
	if err := p.Reader.List(ctx, &documents, p.genesisOf()...); err != nil {
		return fmt.Errorf("list genesis documents: %w", err)
	}
	var tokens corev1.ConfigMapList
	if err := p.List(ctx, &tokens, ns, client.MatchingLabels(p.labels(v1alpha1.ComponentLedger))); err != nil {
		return fmt.Errorf("list token ledgers: %w", err)
	}
	var objects []client.Object
	for i := range claims.Items {
		c := &claims.Items[i]
		if v := p.live[c.Labels[v1alpha1.LabelValidator]]; v != nil && !p.owned(v) {
			continue // made by hand: it stays, and so do its keys
		}
		objects = append(objects, c)
	}
	for i := range documents.Items {
		objects = append(objects, &documents.Items[i])
	}
	for i := range tokens.Items {
		if len(p.live) == 0 { // a Validator that was made by hand may hold a token
			objects = append(objects, &tokens.Items[i])
		}
	}
	for _, o := range objects {
		if o.GetDeletionTimestamp() != nil {
			continue
		}
		err := faults.Do(ctx, "network/delete-kept", func() error { return client.IgnoreNotFound(p.Client.Delete(ctx, o)) })
		if err != nil {
			return fmt.Errorf("delete %T %s: %w", o, o.GetName(), err)
		}
	}
	return p.dropKey(ctx)
}

// paused: nothing is done but what deletion does.
func (p *pass) paused(context.Context) error {
	if p.network.Spec.Reconciliation != v1alpha1.ReconciliationPaused {
		return nil
	}
	p.say(verdict.Unknown(v1alpha1.NetworkReady, v1alpha1.ReasonPaused, "spec.reconciliation is Paused: the nodes run on, the operator does nothing but delete"))
	return errDone
}
