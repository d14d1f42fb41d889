package validator

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/chain/chaintest"
	"github.com/bedrock-bft/bedrock/controllers/names"
)

// From nothing to Ready, each thing in its turn.
func TestAValidatorComesUpStepByStep(t *testing.T) {
	w := newWorld(t)
	w.network()
	w.validator(0)
	v := w.reconcile("net-0")
	entry := v.Status.Instances[0]
	signer, data := w.claim("net-0-signer-1"), w.claim("net-0-chain-1")
	if entry.SignerClaimUID != string(signer.UID) || entry.ChainClaimUID != string(data.UID) || entry.Role != v1alpha1.InstanceActive {
		t.Fatalf("recorded %+v, there are %s and %s", entry, signer.UID, data.UID)
	}
	w.wantCondition(v, v1alpha1.ValidatorIdentified, metav1.ConditionFalse, "Waiting")
	var job batchv1.Job
	w.must(&job, "net-0-identity-1")
	if args := strings.Join(job.Spec.Template.Spec.Containers[0].Args, " "); !strings.Contains(args, "--mark "+string(signer.UID)+" --mark ") {
		t.Errorf("the identity is not born under the claim's UID: %s", args)
	}

	w.identify(0)
	v = w.reconcile("net-0")
	w.wantCondition(v, v1alpha1.ValidatorIdentified, metav1.ConditionTrue, "Identified")
	if v.Status.Instances[0].Identity == "" || v.Status.Instances[0].VolumeID == "" || v.Status.ChainName == "" {
		t.Fatalf("the record was not taken: %+v", v.Status)
	}
	w.wantCondition(v, v1alpha1.ValidatorRunning, metav1.ConditionFalse, "Waiting")
	hash := w.genesis()
	w.takeUp(hash, recordOf(v))
	v = w.reconcile("net-0")
	if c := w.wantCondition(v, v1alpha1.ValidatorRunning, metav1.ConditionFalse, "Waiting"); !strings.Contains(c.Message, "claim on its key") {
		t.Errorf("without a key claim it says %q", c.Message)
	}
	w.claimed("net-0", metav1.ConditionTrue, "Claimed")
	v = w.reconcile("net-0")
	if c := w.wantCondition(v, v1alpha1.ValidatorRunning, metav1.ConditionFalse, "Waiting"); !strings.Contains(c.Message, "PodDisruptionBudget") {
		t.Errorf("without a budget it says %q", c.Message)
	}
	if w.get(&appsv1.StatefulSet{}, "net-0-i1") {
		t.Fatal("a node would run before its budget is there")
	}
	w.budget("net-0")
	v = w.reconcile("net-0")
	var set appsv1.StatefulSet
	w.must(&set, "net-0-i1")
	if args := strings.Join(set.Spec.Template.Spec.Containers[0].Args, " "); !strings.Contains(args, "--genesis-hash "+string(hash)) {
		t.Errorf("the node is not told its genesis: %s", args)
	}
	for _, o := range []struct{ name string }{{"net-0-i1"}, {"net-0-i1-p2p"}} {
		w.must(&corev1.Service{}, o.name)
	}
	w.must(&corev1.ServiceAccount{}, "net-0")
	w.must(&networkingv1.NetworkPolicy{}, "net-0")
	w.wantCondition(v, v1alpha1.ValidatorRunning, metav1.ConditionFalse, "PodMissing")
	w.wantCondition(v, v1alpha1.ValidatorExposed, metav1.ConditionTrue, "ClusterIP")

	w.nodePod("net-0", 1)
	w.chain.Advance(3)
	v = w.reconcile("net-0")
	w.wantCondition(v, v1alpha1.ValidatorRunning, metav1.ConditionTrue, "Running")
	w.wantCondition(v, v1alpha1.ValidatorInSet, metav1.ConditionTrue, "InSet")
	w.wantCondition(v, v1alpha1.ValidatorSigning, metav1.ConditionTrue, "Signing")
	w.wantCondition(v, v1alpha1.ValidatorReady, metav1.ConditionTrue, "Ready")
}

// A steady Validator costs no write, and no read past the cache.
func TestASteadyStateWritesNothing(t *testing.T) {
	w := newWorld(t)
	v := w.running()
	w.must(&appsv1.StatefulSet{}, "net-0-i1")
	counted := &counting{Client: w.c}
	past := &countingReader{Reader: w.c}
	w.r.Client, w.r.live = counted, past
	for range 3 {
		if err := w.reconcileOnce(t.Context(), "net-0"); err != nil {
			t.Fatal(err)
		}
	}
	if counted.writes != 0 {
		t.Errorf("%d writes in a steady state: %v", counted.writes, counted.what)
	}
	if past.reads != 0 {
		t.Errorf("%d reads past the cache in a steady state", past.reads)
	}
	w.wantCondition(v, v1alpha1.ValidatorRunning, metav1.ConditionTrue, "Running")
}

// rule: own-pvcs — a chain volume that is lost is made again without hands; its new UID
// is recorded.
func TestOwnPVCsChainVolumeIsMadeAgain(t *testing.T) {
	w := newWorld(t)
	before := w.running()
	w.lose(&corev1.Pod{}, "net-0-i1-0")
	w.lose(&corev1.PersistentVolumeClaim{}, "net-0-chain-1")
	v := w.reconcile("net-0")
	now := w.claim("net-0-chain-1")
	if got := v.Status.Instances[0]; got.ChainClaimUID != string(now.UID) || got.ChainClaimUID == before.Status.Instances[0].ChainClaimUID || got.Identity != before.Status.Instances[0].Identity {
		t.Errorf("the status has %+v, the claim is %s", got, now.UID)
	}
	w.wantCondition(v, v1alpha1.ValidatorVolumesReady, metav1.ConditionTrue, "Ready")
}

// rule: key-with-memory — a signer volume that is lost is never made again under the
// same instance.
func TestKeyWithMemorySignerVolumeIsNotMadeAgain(t *testing.T) {
	w := newWorld(t)
	before := w.running()
	w.lose(&corev1.PersistentVolumeClaim{}, "net-0-signer-1")
	v := w.reconcile("net-0")
	w.wantCondition(v, v1alpha1.ValidatorVolumesReady, metav1.ConditionFalse, "KeyMissing")
	var running appsv1.StatefulSet
	w.must(&running, "net-0-i1")
	if *running.Spec.Replicas != 1 {
		t.Fatal("a process that votes is ended because its claim was taken away: four such claims are a halted chain")
	}
	w.lose(&corev1.Pod{}, "net-0-i1-0")
	w.reconcile("net-0")
	if w.get(&corev1.PersistentVolumeClaim{}, "net-0-signer-1") {
		t.Fatal("a new signer volume stands in the place of the lost one")
	}
	var set appsv1.StatefulSet
	w.must(&set, "net-0-i1")
	if *set.Spec.Replicas != 0 {
		t.Error("its pod would end again and again without its volume")
	}
	// Somebody makes a claim of that name: it is another volume.
	claim := before.DeepCopy()
	w.create(&corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: "net-0-signer-1", Labels: map[string]string{
		v1alpha1.LabelValidator: "net-0", v1alpha1.LabelManagedBy: v1alpha1.ManagedBy}},
		Spec: corev1.PersistentVolumeClaimSpec{AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: quantity("1Gi")}}}})
	v = w.reconcile("net-0")
	w.wantCondition(v, v1alpha1.ValidatorVolumesReady, metav1.ConditionFalse, "VolumeReplaced")
	if v.Status.Instances[0] != claim.Status.Instances[0] {
		t.Errorf("the instance's record changed to %+v", v.Status.Instances[0])
	}
}

// A signer volume that is being deleted is in use: its pod is left alone.
func TestASignerVolumeThatIsBeingDeletedKeepsItsPod(t *testing.T) {
	w := newWorld(t)
	w.running()
	claim := w.claim("net-0-signer-1") // the API server's own finalizer holds it
	if len(claim.Finalizers) == 0 {
		claim.Finalizers = []string{"test.bedrock.dev/in-use"}
		if err := w.c.Update(t.Context(), claim); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.c.Delete(t.Context(), claim); err != nil {
		t.Fatal(err)
	}
	v := w.reconcile("net-0")
	w.wantCondition(v, v1alpha1.ValidatorVolumesReady, metav1.ConditionFalse, "VolumeDeleting")
	var set appsv1.StatefulSet
	w.must(&set, "net-0-i1")
	if *set.Spec.Replicas != 1 {
		t.Error("its pod was taken, and with it the key")
	}
}

// rule: no-owner — what is kept is found again by a Validator of the same name, and the
// same identity with it.
func TestNoOwnerVolumesAreTakenUpAgain(t *testing.T) {
	w := newWorld(t)
	first := w.running()
	claim := w.claim("net-0-signer-1")
	if len(claim.OwnerReferences) != 0 {
		t.Fatalf("garbage collection would take the key: %v", claim.OwnerReferences)
	}
	w.lose(&v1alpha1.Validator{}, "net-0")
	for _, o := range []string{"net-0-i1-0", "net-0-identity-1-x1"} {
		w.lose(&corev1.Pod{}, o)
	}
	if w.get(&batchv1.Job{}, "net-0-identity-1") {
		w.lose(&batchv1.Job{}, "net-0-identity-1")
	}
	w.lose(&appsv1.StatefulSet{}, "net-0-i1")
	for _, o := range []string{"net-0-i1", "net-0-i1-p2p"} {
		w.lose(&corev1.Service{}, o)
	}
	w.lose(&corev1.ConfigMap{}, "net-0-i1")
	w.lose(&corev1.ServiceAccount{}, "net-0")
	w.lose(&networkingv1.NetworkPolicy{}, "net-0")

	second := w.validator(0)
	v := w.reconcile("net-0")
	got := w.claim("net-0-signer-1")
	if v.Status.Instances[0].SignerClaimUID != first.Status.Instances[0].SignerClaimUID || got.Annotations[v1alpha1.AnnotationOwnerUID] != string(second.UID) {
		t.Fatalf("the volume was not taken up: %+v, %v", v.Status.Instances[0], got.Annotations)
	}
	var job batchv1.Job
	w.must(&job, "net-0-identity-1")
	w.identify(0) // finds the same identity
	v = w.reconcile("net-0")
	if v.Status.Instances[0].Identity != first.Status.Instances[0].Identity {
		t.Error("another identity")
	}
}

// Kept volumes of another chain are refused, with both named.
func TestAVolumeOfAnotherChainIsRefused(t *testing.T) {
	w := newWorld(t)
	w.running()
	claim := w.claim("net-0-signer-1")
	claim.Annotations["bedrock.dev/chain-id"] = "another-chain"
	if err := w.c.Update(t.Context(), claim); err != nil {
		t.Fatal(err)
	}
	w.lose(&v1alpha1.Validator{}, "net-0")
	w.validator(0)
	v := w.reconcile("net-0")
	c := w.wantCondition(v, v1alpha1.ValidatorVolumesReady, metav1.ConditionFalse, "GenesisConflict")
	if !strings.Contains(c.Message, "another-chain") || !strings.Contains(c.Message, "test-chain") {
		t.Errorf("it names not both: %s", c.Message)
	}
}

// rule: ceremony — where a genesis names this Validator, no new identity is made.
func TestCeremonyMissingKeysAreNeverGenerated(t *testing.T) {
	w := newWorld(t)
	v := w.running()
	record := recordOf(v)
	for _, tt := range []struct {
		name   string
		reason string
		before func()
	}{
		{"the genesis names it", "KeyMissing", func() { w.takeUp(v1alpha1.Hash(strings.Repeat("ab", 32)), record) }},
		{"a genesis is there and not read", "Waiting", func() {
			var n v1alpha1.BedrockNetwork
			w.must(&n, "net")
			n.Status = v1alpha1.BedrockNetworkStatus{}
			w.status(&n)
		}},
	} {
		w.lose(&v1alpha1.Validator{}, "net-0")
		for _, claim := range []string{"net-0-signer-1", "net-0-chain-1"} {
			if w.get(&corev1.PersistentVolumeClaim{}, claim) {
				w.lose(&corev1.PersistentVolumeClaim{}, claim)
			}
		}
		tt.before()
		w.validator(0)
		v := w.reconcile("net-0")
		w.wantCondition(v, v1alpha1.ValidatorVolumesReady, metav1.ConditionFalse, tt.reason)
		if w.get(&corev1.PersistentVolumeClaim{}, "net-0-signer-1") {
			t.Fatalf("%s: a new signer volume was made", tt.name)
		}
	}
}

// A Job that ended and whose record was lost is made again; one that failed says why.
func TestIdentityJobs(t *testing.T) {
	w := newWorld(t)
	w.network()
	w.validator(0)
	w.reconcile("net-0")
	pod := w.jobPod("net-0", 1, 1, "wrong password: nothing was changed; try again")
	v := w.reconcile("net-0")
	if c := w.wantCondition(v, v1alpha1.ValidatorIdentified, metav1.ConditionFalse, "IdentityFailed"); !strings.Contains(c.Message, "wrong password") {
		t.Errorf("it says %q", c.Message)
	}
	w.lose(&corev1.Pod{}, pod.Name)
	pod.ResourceVersion, pod.UID = "", ""
	w.create(pod)
	pod.Status = corev1.PodStatus{Phase: corev1.PodPending, ContainerStatuses: []corev1.ContainerStatus{{Name: "bedrock",
		State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CreateContainerConfigError", Message: `secret "brought" not found`}}}}}
	w.status(pod)
	v = w.reconcile("net-0")
	if c := w.wantCondition(v, v1alpha1.ValidatorIdentified, metav1.ConditionFalse, "ConfigurationMissing"); !strings.Contains(c.Message, "brought") {
		t.Errorf("it says %q", c.Message)
	}
	w.lose(&corev1.Pod{}, pod.Name)
	var job batchv1.Job
	w.must(&job, "net-0-identity-1")
	first := job.UID
	w.complete(job.Name)
	w.reconcile("net-0")
	for range 3 {
		if err := w.reconcileOnce(t.Context(), "net-0"); err != nil {
			t.Fatal(err)
		}
	}
	w.must(&job, "net-0-identity-1")
	if job.UID == first {
		t.Error("the record is lost, and no Job looks for it again")
	}
	w.jobPod("net-0", 1, 0, chaintest.Record("val-0", 1))
	v = w.reconcile("net-0")
	w.wantCondition(v, v1alpha1.ValidatorIdentified, metav1.ConditionTrue, "Identified")
}

// What cannot be read never takes a role back.
func TestARoleOfTheTakeoverControllerStays(t *testing.T) {
	w := newWorld(t)
	v := w.running()
	v.Status.Instances[0].Role = v1alpha1.InstanceSuperseded
	v.Status.Instances = append(v.Status.Instances, v1alpha1.Instance{Number: 2, Role: v1alpha1.InstanceActive})
	v.Status.ActiveInstance = 2
	w.status(v)
	v = w.reconcile("net-0")
	if v.Status.Instances[0].Role != v1alpha1.InstanceSuperseded || v.Status.Instances[1].SignerClaimUID == "" {
		t.Fatalf("instances are %+v", v.Status.Instances)
	}
	w.must(&batchv1.Job{}, "net-0-identity-2")
	// The superseded one runs until its own node says that its key is deleted.
	var set appsv1.StatefulSet
	w.must(&set, names.Instance("net-0", 1))
	if *set.Spec.Replicas != 1 {
		t.Fatal("a superseded instance was stopped before it deleted its key")
	}
	for _, at := range w.chain.Endpoints() {
		if n := w.chain.Node(at); strings.Contains(string(at), "net-0-i1.") {
			n.Foreign() // it was restarted: the identity is set aside
		}
	}
	w.reconcile("net-0")
	w.must(&set, names.Instance("net-0", 1))
	if *set.Spec.Replicas != 0 {
		t.Error("a superseded instance without its key still runs")
	}
	w.claim("net-0-signer-1") // its volumes stay
}
