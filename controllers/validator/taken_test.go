package validator

import (
	"strings"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/build"
	"github.com/bedrock-bft/bedrock/controllers/chain/chaintest"
)

// An object of the same name that is somebody else's is not written over, and named: a
// Validator of the name of the namespace's default account leaves that alone.
func TestObjectsOfOthersAreLeftAlone(t *testing.T) {
	w := newWorld(t)
	w.network()
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: "net-0", Annotations: map[string]string{"of": "others"}}}
	w.create(account)
	w.validator(0)
	v := w.reconcile("net-0")
	var after corev1.ServiceAccount
	if w.must(&after, "net-0"); after.ResourceVersion != account.ResourceVersion {
		t.Errorf("the account is %+v now", after.ObjectMeta)
	}
	for _, kind := range []string{v1alpha1.ValidatorIdentified, v1alpha1.ValidatorRunning} {
		if c := w.wantCondition(v, kind, metav1.ConditionFalse, v1alpha1.ReasonNameTaken); !strings.Contains(c.Message, "ServiceAccount net-0") {
			t.Errorf("%s says %q", kind, c.Message)
		}
	}
	if err := w.c.Delete(t.Context(), account); err != nil {
		t.Fatal(err)
	}
	w.reconcile("net-0")
	w.must(&batchv1.Job{}, "net-0-identity-1")
}

// What the pod of a former identity Job said is of the volume before this one.
// rule: identity-born
func TestALeftOverPodGivesNoIdentity(t *testing.T) {
	w := newWorld(t)
	w.network()
	w.validator(0)
	w.reconcile("net-0")
	pod := w.jobPod("net-0", 1, 0, chaintest.Record("val-3", 1))
	pod.OwnerReferences[0].UID = "of-before"
	if err := w.c.Update(t.Context(), pod); err != nil {
		t.Fatal(err)
	}
	v := w.reconcile("net-0")
	w.wantCondition(v, v1alpha1.ValidatorIdentified, metav1.ConditionFalse, "Waiting")
	if id := v.Status.Instances[0].Identity; id != "" {
		t.Errorf("it has the identity %s", id)
	}
}

// A volume that was kept of a validator that has left gets another identity, and is an
// ordinary one from then on. rule: identity-once
func TestAKeptVolumeOfOneThatLeftGetsAnotherIdentity(t *testing.T) {
	w := newWorld(t)
	w.network()
	old := strings.Repeat("ab", 32)
	b := &build.Instance{Namespace: w.ns, Validator: "net-0", Network: "net", Number: 1, ChainID: "test-chain", ClusterMark: build.MarkCluster,
		Storage: v1alpha1.Storage{Signer: v1alpha1.Volume{Size: quantity("64Mi")}, Chain: v1alpha1.Volume{Size: quantity("64Mi")}}}
	kept := build.SignerClaim(b)
	kept.Annotations[v1alpha1.AnnotationLeft] = old
	w.create(kept)
	w.validator(0)
	w.reconcile("net-0")
	var job batchv1.Job
	w.must(&job, "net-0-identity-1")
	if args := strings.Join(job.Spec.Template.Spec.Containers[0].Args, " "); !strings.Contains(args, "--left "+old) {
		t.Fatalf("the Job is not told which identity has left: %s", args)
	}
	w.identify(0)
	v := w.reconcile("net-0")
	w.wantCondition(v, v1alpha1.ValidatorIdentified, metav1.ConditionTrue, "Identified")
	if mark, there := w.claim("net-0-signer-1").Annotations[v1alpha1.AnnotationLeft]; there {
		t.Errorf("its claim still says that %s has left", mark)
	}
}

// The signer's claim says of which chain it is, before its first node runs.
// rule: ceremony
func TestTheSignersClaimNamesItsGenesis(t *testing.T) {
	w := newWorld(t)
	w.running()
	var n v1alpha1.BedrockNetwork
	w.must(&n, "net")
	if got := w.claim("net-0-signer-1").Annotations[v1alpha1.AnnotationGenesisHash]; got != string(n.Status.Genesis.Hash) {
		t.Errorf("the claim names %q, the genesis is %s", got, n.Status.Genesis.Hash)
	}
}
