package validator

import (
	"context"
	"errors"
	"flag"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/faults"
	"github.com/bedrock-bft/bedrock/controllers/names"
)

// rest reconciles, through the faults of a context, until nothing changes any more. A
// reconcile that a fault ended is what a killed operator leaves; the next one is the
// new process's.
func (w *world) rest(ctx context.Context, name string) *v1alpha1.Validator {
	w.t.Helper()
	var v v1alpha1.Validator
	for range 20 {
		before := v.ResourceVersion
		err := w.reconcileOnce(ctx, name)
		if err != nil && !errors.Is(err, faults.ErrInjected) {
			w.t.Fatalf("reconcile %s: %v", name, err)
		}
		if err == nil && (!w.get(&v, name) || v.ResourceVersion == before) {
			return &v
		}
	}
	w.t.Fatalf("%s does not come to rest", name)
	return nil
}

// life brings net-0 up, has it lose its chain volume, get a larger one and be deleted
// with its volumes.
func (w *world) life(ctx context.Context) (up *v1alpha1.Validator) {
	w.t.Helper()
	w.network()
	w.validator(0, func(v *v1alpha1.Validator) { v.Spec.DeletionPolicy = v1alpha1.DeletionDelete })
	w.rest(ctx, "net-0")
	w.identify(0)
	v := w.rest(ctx, "net-0")
	w.takeUp(w.genesis(), recordOf(v))
	w.claimed("net-0", metav1.ConditionTrue, "Claimed")
	w.budget("net-0")
	w.rest(ctx, "net-0")
	w.nodePod("net-0", 1)
	w.chain.Advance(3)
	up = w.rest(ctx, "net-0")

	w.lose(&corev1.Pod{}, names.Pod("net-0", 1))
	w.lose(&corev1.PersistentVolumeClaim{}, names.ChainClaim("net-0", 1))
	again := w.rest(ctx, "net-0")
	if again.Status.Instances[0].Identity != up.Status.Instances[0].Identity || again.Status.Instances[0].ChainClaimUID == up.Status.Instances[0].ChainClaimUID {
		w.t.Errorf("after the chain volume was lost the instance is %+v, it was %+v", again.Status.Instances[0], up.Status.Instances[0])
	}

	w.must(again, "net-0")
	if err := w.c.Delete(w.t.Context(), again); err != nil {
		w.t.Fatal(err)
	}
	w.passAway(ctx)
	return up
}

// passAway ends a deletion: what is deleted in the foreground goes, as garbage
// collection has it, and volumes that no pod uses.
func (w *world) passAway(ctx context.Context) {
	w.t.Helper()
	for range 12 {
		err := w.reconcileOnce(ctx, "net-0")
		if err != nil && !errors.Is(err, faults.ErrInjected) {
			w.t.Fatal(err)
		}
		for name, o := range map[string]client.Object{
			names.Instance("net-0", 1): &appsv1.StatefulSet{}, names.IdentityJob("net-0", 1): &batchv1.Job{},
			names.SignerClaim("net-0", 1): &corev1.PersistentVolumeClaim{}, names.ChainClaim("net-0", 1): &corev1.PersistentVolumeClaim{},
		} {
			if w.get(o, name) && o.GetDeletionTimestamp() != nil {
				o.SetFinalizers(nil)
				if err := w.c.Update(w.t.Context(), o); client.IgnoreNotFound(err) != nil {
					w.t.Fatal(err)
				}
			}
		}
		if !w.get(&v1alpha1.Validator{}, "net-0") {
			return
		}
	}
	w.t.Fatal("the deletion does not come to its end")
}

var allFlag = flag.Bool("all", false, "die at every occurrence of every write (default: at the first of each kind)")

// Killed before and after every write of a validator's life it comes to the same end:
// one identity, volumes that are recorded, one node; and nothing is left of it.
func TestKilledAtEveryWrite(t *testing.T) {
	w := newWorld(t)
	script := &faults.Script{}
	w.life(faults.With(t.Context(), script.Inject))
	places := script.Passed()
	if len(places) < 24 {
		t.Fatalf("only %d fault points in a life: %v", len(places), places)
	}
	if !*allFlag {
		places = faults.Kinds(places)
	}
	for _, at := range places {
		t.Run(at.String(), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			script := &faults.Script{At: &at}
			up := w.life(faults.With(t.Context(), script.Inject))
			if !script.Fired() {
				t.Fatalf("%s was never passed", at)
			}
			w.wantCondition(up, v1alpha1.ValidatorReady, metav1.ConditionTrue, "Ready")
			if len(up.Status.Instances) != 1 {
				t.Errorf("instances %+v", up.Status.Instances)
			}
			var claims corev1.PersistentVolumeClaimList
			if err := w.c.List(t.Context(), &claims, client.InNamespace(w.ns)); err != nil || len(claims.Items) > 0 {
				t.Errorf("volumes are left: %d, %v", len(claims.Items), err)
			}
		})
	}
}
