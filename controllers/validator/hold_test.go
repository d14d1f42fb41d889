package validator

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/names"
)

// rule: hold
func TestHoldADeletionThatIsProtectedStopsNothing(t *testing.T) {
	w := newWorld(t)
	v := w.running(func(v *v1alpha1.Validator) { v.Spec.DeletionProtection = v1alpha1.Enabled })
	if err := w.c.Delete(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	v = w.reconcile("net-0")
	c := w.wantCondition(v, v1alpha1.ValidatorReady, metav1.ConditionFalse, v1alpha1.ReasonDeletionProtected)
	if !strings.Contains(c.Message, "`kubectl bedrock release --validator net-0`") {
		t.Error(c.Message)
	}
	var set appsv1.StatefulSet
	w.must(&set, names.Instance("net-0", 1))
	if *set.Spec.Replicas != 1 {
		t.Error("a held deletion stopped the node")
	}
	v.Annotations = map[string]string{v1alpha1.AnnotationRelease: "2026-05-01"}
	if err := w.c.Update(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	if err := w.reconcileOnce(t.Context(), "net-0"); err != nil {
		t.Fatal(err)
	}
	if w.get(&v1alpha1.Validator{}, "net-0") {
		t.Fatal("a released deletion is still held")
	}
	w.claim(names.SignerClaim("net-0", 1)) // deletionPolicy Retain
}

func TestDeletionPolicyDeleteTakesOnlyWhatIsRecorded(t *testing.T) {
	w := newWorld(t)
	v := w.running(func(v *v1alpha1.Validator) { v.Spec.DeletionPolicy = v1alpha1.DeletionDelete })
	// Another chain volume in the place of the recorded one, by hand.
	w.lose(&corev1.Pod{}, names.Pod("net-0", 1))
	w.lose(&corev1.PersistentVolumeClaim{}, names.ChainClaim("net-0", 1))
	other := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: names.ChainClaim("net-0", 1)},
		Spec: corev1.PersistentVolumeClaimSpec{AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: quantity("1Gi")}}}}
	w.create(other)
	if err := w.c.Delete(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	w.passAway(t.Context())
	if w.get(&corev1.PersistentVolumeClaim{}, names.SignerClaim("net-0", 1)) {
		t.Error("the recorded signer volume is still there")
	}
	if got := w.claim(names.ChainClaim("net-0", 1)); got.UID != other.UID {
		t.Error("a volume that is not the validator's was deleted")
	}
}

// Paused, nothing is changed.
func TestPausedDoesNothing(t *testing.T) {
	w := newWorld(t)
	v := w.running()
	v.Spec.Reconciliation = v1alpha1.ReconciliationPaused
	v.Spec.Image = "bedrock.dev/node:next"
	if err := w.c.Update(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	v = w.reconcile("net-0")
	w.wantCondition(v, v1alpha1.ValidatorReady, metav1.ConditionUnknown, v1alpha1.ReasonPaused)
	w.wantCondition(v, v1alpha1.ValidatorRunning, metav1.ConditionTrue, "Running")
	var set appsv1.StatefulSet
	w.must(&set, names.Instance("net-0", 1))
	if set.Spec.Template.Spec.Containers[0].Image != "bedrock.dev/node:dev" {
		t.Error("a paused validator got a new image")
	}
}
