package validator

import (
	"context"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/build"
)

// rule: own-pvcs — ReadWriteOncePod where the driver has it.
func TestOwnPVCsSignerAccessFollowsTheDriver(t *testing.T) {
	w := newWorld(t)
	csi, plain := "csi-"+w.ns, "plain-"+w.ns
	w.create(&storagev1.CSIDriver{ObjectMeta: metav1.ObjectMeta{Name: w.ns + ".csi.example"}})
	w.create(&storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: csi}, Provisioner: w.ns + ".csi.example"})
	w.create(&storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: plain}, Provisioner: "example.test/local"})
	w.network()
	for i, tt := range []struct {
		class, wish string
		want        corev1.PersistentVolumeAccessMode
	}{
		{csi, "", corev1.ReadWriteOncePod},
		{plain, "", corev1.ReadWriteOnce},
		{plain, "ReadWriteOncePod", corev1.ReadWriteOncePod},
		{csi, "ReadWriteOnce", corev1.ReadWriteOnce},
		{"", "", corev1.ReadWriteOnce},
	} {
		v := w.validator(i, func(v *v1alpha1.Validator) {
			if tt.class != "" {
				v.Spec.Storage.Signer = v1alpha1.Volume{Size: quantity("64Mi"), StorageClassName: &tt.class}
			}
			if tt.wish != "" {
				v.Annotations = map[string]string{AnnotationSignerAccess: tt.wish}
			}
		})
		w.reconcile(v.Name)
		if got := w.claim(v.Name + "-signer-1").Spec.AccessModes; len(got) != 1 || got[0] != tt.want {
			t.Errorf("class %q, wish %q: %v, want %s", tt.class, tt.wish, got, tt.want)
		}
		if got := w.claim(v.Name + "-chain-1").Spec.AccessModes; got[0] != corev1.ReadWriteOnce {
			t.Errorf("the chain volume is %v", got)
		}
	}
}

// What only the cluster can know is a condition.
func TestAStorageClassThatIsNotThereIsSaid(t *testing.T) {
	w := newWorld(t)
	w.network()
	class := "none-of-that-name"
	w.validator(0, func(v *v1alpha1.Validator) {
		v.Spec.Storage.Chain = v1alpha1.Volume{Size: quantity("1Gi"), StorageClassName: &class}
	})
	w.reconcile("net-0")
	claim := w.claim("net-0-chain-1")
	claim.Status.Phase = corev1.ClaimPending
	w.status(claim)
	v := w.reconcile("net-0")
	c := w.wantCondition(v, v1alpha1.ValidatorVolumesReady, metav1.ConditionFalse, "StorageClassMissing")
	if !strings.Contains(c.Message, class) {
		t.Error(c.Message)
	}
}

// rule: own-pvcs — volumes grow in place; what a class refuses is said.
func TestOwnPVCsGrowInPlace(t *testing.T) {
	w := newWorld(t)
	v := w.running()
	v.Spec.Storage.Chain.Size = quantity("40Gi")
	if err := w.c.Update(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	v = w.reconcile("net-0")
	// The API server lets only bound claims of a class that expands grow.
	w.wantCondition(v, v1alpha1.ValidatorVolumesSized, metav1.ConditionFalse, "VolumeCannotGrow")
	w.wantCondition(v, v1alpha1.ValidatorVolumesReady, metav1.ConditionTrue, "Ready")
	w.wantCondition(v, v1alpha1.ValidatorRunning, metav1.ConditionTrue, "Running")
	w.chain.Advance(3)
	v = w.reconcile("net-0")
	w.wantCondition(v, v1alpha1.ValidatorReady, metav1.ConditionTrue, "Ready") // it runs on

	class := "grows-" + w.ns
	yes := true
	w.create(&storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: class}, Provisioner: "example.test/disk", AllowVolumeExpansion: &yes})
	other := w.validator(1, func(v *v1alpha1.Validator) {
		v.Spec.Storage.Chain = v1alpha1.Volume{Size: quantity("1Gi"), StorageClassName: &class}
	})
	w.reconcile("net-1")
	claim := w.claim("net-1-chain-1")
	claim.Spec.VolumeName = "pv-" + w.ns
	if err := w.c.Update(t.Context(), claim); err != nil {
		t.Fatal(err)
	}
	claim.Status.Phase = corev1.ClaimBound
	w.status(claim)
	w.must(other, "net-1")
	other.Spec.Storage.Chain.Size = quantity("2Gi")
	if err := w.c.Update(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	other = w.reconcile("net-1")
	w.wantCondition(other, v1alpha1.ValidatorVolumesReady, metav1.ConditionTrue, "Ready")
	if got := w.claim("net-1-chain-1"); got.UID != claim.UID || got.Spec.Resources.Requests.Storage().String() != "2Gi" {
		t.Errorf("the claim asks for %s", got.Spec.Resources.Requests.Storage())
	}
}

// withoutCluster may not read kube-system.
type withoutCluster struct{ client.Reader }

func (c withoutCluster) Get(ctx context.Context, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
	if _, ok := o.(*metav1.PartialObjectMetadata); ok && key.Name == metav1.NamespaceSystem {
		return apierrors.NewForbidden(schema.GroupResource{Resource: "namespaces"}, key.Name, nil)
	}
	return c.Reader.Get(ctx, key, o, opts...)
}

// rule: identity-born — rights that come later do not change the marks.
func TestIdentityBornMarksStayWhenRightsChange(t *testing.T) {
	w := newWorld(t)
	w.r.live = withoutCluster{w.c}
	w.running()
	claim := w.claim("net-0-signer-1")
	if claim.Annotations[build.AnnotationClusterMark] != string(build.MarkNamespace) {
		t.Fatalf("the claim is marked %v", claim.Annotations)
	}
	before := w.template()
	w.r.live, w.r.namespaces = w.c, map[string]string{} // a new process, which may read more
	v := w.reconcile("net-0")
	w.wantCondition(v, v1alpha1.ValidatorRunning, metav1.ConditionTrue, "Running")
	if w.template() != before {
		t.Error("the marks changed: the volume would be foreign")
	}
}

// And rights that go: nothing is started under other marks.
func TestIdentityBornMarksAreNotGuessed(t *testing.T) {
	w := newWorld(t)
	w.running()
	before := w.template()
	w.r.live, w.r.clusterUID = withoutCluster{w.c}, ""
	if err := w.reconcileOnce(t.Context(), "net-0"); err == nil || !strings.Contains(err.Error(), "kube-system") {
		t.Errorf("it goes on with %v", err)
	}
	if w.template() != before {
		t.Error("the marks changed: the volume would be foreign")
	}
}

// A claim that somebody else made under a name of ours is not taken.
func TestAVolumeOfSomebodyElseIsNotTaken(t *testing.T) {
	w := newWorld(t)
	w.network()
	w.create(&corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: "net-0-signer-1"},
		Spec: corev1.PersistentVolumeClaimSpec{AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: quantity("1Gi")}}}})
	w.validator(0)
	v := w.reconcile("net-0")
	c := w.wantCondition(v, v1alpha1.ValidatorVolumesReady, metav1.ConditionFalse, "VolumeNotOurs")
	if !strings.Contains(c.Message, "bedrock.dev/validator=net-0") {
		t.Error(c.Message)
	}
	claim := w.claim("net-0-signer-1")
	claim.Labels = map[string]string{v1alpha1.LabelValidator: "net-0"} // as the message says
	if err := w.c.Update(t.Context(), claim); err != nil {
		t.Fatal(err)
	}
	v = w.reconcile("net-0")
	if got := w.claim("net-0-signer-1"); v.Status.Instances[0].SignerClaimUID != string(got.UID) || got.Labels[v1alpha1.LabelManagedBy] != v1alpha1.ManagedBy {
		t.Errorf("it was not taken up: %+v", got.Labels)
	}
}

// rule: volume-foreign — a StatefulSet that a backup brought with it tells its node the
// marks of the volume that was copied: it goes, whatever else is waited for.
func TestVolumeForeignACopiedStatefulSetGoes(t *testing.T) {
	w := newWorld(t)
	w.running()
	var copied appsv1.StatefulSet
	w.must(&copied, "net-0-i1")
	w.lose(&v1alpha1.Validator{}, "net-0")
	w.lose(&corev1.Pod{}, "net-0-i1-0")
	w.lose(&corev1.PersistentVolumeClaim{}, "net-0-signer-1")
	w.lose(&appsv1.StatefulSet{}, "net-0-i1")
	restored := &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: copied.Name, Labels: copied.Labels}, Spec: copied.Spec}
	w.create(restored)
	w.create(&corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: "net-0-signer-1", Labels: map[string]string{
		v1alpha1.LabelValidator: "net-0", v1alpha1.LabelManagedBy: v1alpha1.ManagedBy}},
		Spec: corev1.PersistentVolumeClaimSpec{AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: quantity("1Gi")}}}})
	w.validator(0)
	w.reconcile("net-0")
	if w.get(&appsv1.StatefulSet{}, "net-0-i1") {
		t.Errorf("it stays, and its node is told the marks of another volume: %v", restored.Spec.Template.Spec.Containers[0].Args)
	}
}

// A claim that was taken away by force and made again by somebody takes nobody's process:
// four of them would be a halted chain.
func TestAReplacedSignerClaimTakesNoProcess(t *testing.T) {
	w := newWorld(t)
	w.running()
	var before appsv1.StatefulSet
	w.must(&before, "net-0-i1")
	w.lose(&corev1.PersistentVolumeClaim{}, "net-0-signer-1")
	w.create(&corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: "net-0-signer-1", Labels: map[string]string{
		v1alpha1.LabelValidator: "net-0", v1alpha1.LabelManagedBy: v1alpha1.ManagedBy}},
		Spec: corev1.PersistentVolumeClaimSpec{AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: quantity("1Gi")}}}})
	w.reconcile("net-0")
	var now appsv1.StatefulSet
	w.must(&now, "net-0-i1")
	if now.UID != before.UID || *now.Spec.Replicas != 1 {
		t.Errorf("StatefulSet %s with %d replicas, before %s: its process votes", now.UID, *now.Spec.Replicas, before.UID)
	}
}
