package validator

import (
	"context"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	v1alpha1ac "github.com/bedrock-bft/bedrock/api/v1alpha1/applyconfiguration/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/apply"
	"github.com/bedrock-bft/bedrock/controllers/faults"
	"github.com/bedrock-bft/bedrock/controllers/names"
	"github.com/bedrock-bft/bedrock/controllers/verdict"
)

// hold keeps the finalizer where a deletion has to wait, and lets go of it; done says
// that nothing else is to be done in this reconcile. A held deletion stops nothing: the
// node runs, and is looked after. // rule: hold
func (s *scope) hold(ctx context.Context) (done bool, err error) {
	v := &s.validator
	protected := v.Spec.DeletionProtection == v1alpha1.Enabled && v.Annotations[v1alpha1.AnnotationRelease] == ""
	needed := protected || v.Spec.DeletionPolicy == v1alpha1.DeletionDelete
	if v.DeletionTimestamp == nil {
		return false, s.finalizer(ctx, needed)
	}
	if !slices.Contains(v.Finalizers, v1alpha1.FinalizerHold) {
		return true, nil // others' finalizers are waited for, and nothing is made any more
	}
	if protected {
		return false, nil
	}
	if v.Spec.DeletionPolicy == v1alpha1.DeletionDelete {
		if gone, err := s.deleteVolumes(ctx); err != nil || !gone {
			return true, err
		}
	}
	return true, s.finalizer(ctx, false)
}

// held is the verdict of a deletion that waits; nil: there is none.
func (s *scope) held() *verdict.Verdict {
	if s.validator.DeletionTimestamp == nil {
		return nil
	}
	v := verdict.False(v1alpha1.ValidatorReady, v1alpha1.ReasonDeletionProtected,
		"its deletion waits and stops nothing: deletionProtection is Enabled; `kubectl bedrock release --validator "+s.validator.Name+"` lets it go")
	return &v
}

func (s *scope) finalizer(ctx context.Context, wanted bool) error {
	v := &s.validator
	want := v1alpha1ac.Validator(v.Name, v.Namespace)
	if wanted {
		want.WithFinalizers(v1alpha1.FinalizerHold)
	}
	owned, err := v1alpha1ac.ExtractValidator(v, Manager)
	if err != nil {
		return fmt.Errorf("read what is owned of the Validator: %w", err)
	}
	if same, err := apply.Same(want, owned); same || err != nil {
		return err
	}
	want.WithUID(v.UID).WithResourceVersion(v.ResourceVersion)
	err = faults.Do(ctx, "validator/apply-finalizer", func() error {
		return s.r.Apply(ctx, want, client.FieldOwner(Manager), client.ForceOwnership)
	})
	if err != nil {
		return fmt.Errorf("write the finalizer: %w", err)
	}
	if want.ResourceVersion != nil { // the answer's: what this pass finds out is written over it
		v.ResourceVersion, v.Finalizers = *want.ResourceVersion, want.Finalizers
	}
	return nil
}

// deleteVolumes stops the pods, then deletes the claims that are recorded, each with
// its UID; it says whether all are gone. deletionPolicy Delete asked for it.
func (s *scope) deleteVolumes(ctx context.Context) (gone bool, err error) {
	gone = true
	for _, e := range s.validator.Status.Instances {
		for _, o := range []struct {
			name   string
			object client.Object
		}{
			{names.Instance(s.validator.Name, e.Number), &appsv1.StatefulSet{}},
			{names.IdentityJob(s.validator.Name, e.Number), &batchv1.Job{}}, // its pod holds the volumes
		} {
			found, err := s.r.find(ctx, client.ObjectKey{Namespace: s.validator.Namespace, Name: o.name}, o.object)
			if err != nil {
				return false, err
			}
			if !found {
				continue
			}
			gone = false
			if err := s.deleteObject(ctx, "validator/delete-workload", o.object, o.object.GetUID()); err != nil {
				return false, err
			}
		}
		for name, uid := range map[string]string{
			names.SignerClaim(s.validator.Name, e.Number): e.SignerClaimUID,
			names.ChainClaim(s.validator.Name, e.Number):  e.ChainClaimUID,
		} {
			there, err := s.deleteClaim(ctx, name, uid)
			if err != nil {
				return false, err
			}
			gone = gone && !there
		}
	}
	return gone, nil
}

// deleteClaim deletes a claim if it is the recorded one; it says whether that one was
// there.
func (s *scope) deleteClaim(ctx context.Context, name, uid string) (bool, error) {
	var claim corev1.PersistentVolumeClaim
	found, err := s.r.find(ctx, client.ObjectKey{Namespace: s.validator.Namespace, Name: name}, &claim)
	if err != nil || !found || string(claim.UID) != uid {
		return false, err
	}
	if claim.DeletionTimestamp != nil {
		return true, nil
	}
	return true, s.deleteObject(ctx, "validator/delete-claim", &claim, claim.UID)
}

func (s *scope) deleteObject(ctx context.Context, point string, o client.Object, uid types.UID) error {
	if o.GetDeletionTimestamp() != nil {
		return nil
	}
	s.log.Info("deletes by deletionPolicy", "name", o.GetName(), "uid", uid)
	return faults.Do(ctx, point, func() error {
		return client.IgnoreNotFound(s.r.Delete(ctx, o, client.Preconditions{UID: &uid}, client.PropagationPolicy("Foreground")))
	})
}
