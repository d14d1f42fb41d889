package validator

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/build"
	"github.com/bedrock-bft/bedrock/controllers/names"
)

// pending is a pod of the identity Job that does not come up.
func (w *world) pending(status corev1.PodStatus) {
	w.t.Helper()
	var job batchv1.Job
	w.must(&job, names.IdentityJob("net-0", 1))
	pod := w.podOf(job.Name+"-x1", job.Spec.Template)
	ofJob(pod, &job)
	w.create(pod)
	status.Phase = corev1.PodPending
	pod.Status = status
	w.status(pod)
}

func (w *world) identityWaits(reason, message string) {
	w.t.Helper()
	w.network()
	w.validator(0)
	w.reconcile("net-0")
	w.pending(corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{Name: build.Container, Image: "bedrock.dev/node:dev",
		State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}}}})
}

func (w *world) foreign(configMap string, hash v1alpha1.Hash) {
	w.t.Helper()
	w.validator(0, func(v *v1alpha1.Validator) {
		v.Spec.Image = "bedrock.dev/node:dev"
		v.Spec.Chain = v1alpha1.ChainRef{Type: v1alpha1.ChainForeign, Foreign: &v1alpha1.ForeignChain{
			Genesis: v1alpha1.GivenGenesis{ConfigMap: v1alpha1.Name(configMap), Hash: hash}, Peers: []string{strings.Repeat("ab", 32) + "@node.example:7600"}}}
	})
}

// changed brings net-0 up and changes its spec then.
func (w *world) changed(change func(*v1alpha1.Validator)) {
	w.t.Helper()
	v := w.running()
	change(v)
	if err := w.c.Update(w.t.Context(), v); err != nil {
		w.t.Fatal(err)
	}
}

// clusterCases are bad specs that the API server cannot know to be bad.
var clusterCases = []struct {
	name         string
	given        func(*world)
	kind, reason string
	says         []string // what is wrong, and what to do
	runs         bool     // a pod was there before, and stays
}{
	{"a StorageClass that is not there", func(w *world) {
		class := "none-of-that-name"
		w.network()
		w.validator(0, func(v *v1alpha1.Validator) {
			v.Spec.Storage.Chain = v1alpha1.Volume{Size: quantity("1Gi"), StorageClassName: &class}
		})
		w.reconcile("net-0")
		claim := w.claim("net-0-chain-1")
		claim.Status.Phase = corev1.ClaimPending
		w.status(claim)
	}, v1alpha1.ValidatorVolumesReady, "StorageClassMissing", []string{"none-of-that-name", "make it"}, false},
	{"the Secret of a brought key", func(w *world) { w.identityWaits("CreateContainerConfigError", `secret "brought" not found`) },
		v1alpha1.ValidatorIdentified, "ConfigurationMissing", []string{`secret "brought" not found`}, false},
	{"an image that cannot be pulled", func(w *world) { w.identityWaits("ImagePullBackOff", "not found") },
		v1alpha1.ValidatorIdentified, "ImageUnavailable", []string{"bedrock.dev/node:dev", "cannot be had"}, false},
	{"no node has room", func(w *world) {
		w.network()
		w.validator(0)
		w.reconcile("net-0")
		w.pending(corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable, Message: "0/4 nodes are available: 4 Insufficient memory"}}})
	}, v1alpha1.ValidatorIdentified, "Unschedulable", []string{"no node takes its pod", "Insufficient memory"}, false},
	{"an identity that cannot be made", func(w *world) {
		w.network()
		w.validator(0)
		w.reconcile("net-0")
		w.jobPod("net-0", 1, 1, "wrong password")
	}, v1alpha1.ValidatorIdentified, "IdentityFailed", []string{"wrong password"}, false},
	{"a network that is not there", func(w *world) { w.validator(0) },
		v1alpha1.ValidatorReady, v1alpha1.ReasonNetworkNotFound, []string{"no BedrockNetwork net", "make it"}, false},
	{"a genesis ConfigMap that is not there", func(w *world) { w.foreign("nowhere", v1alpha1.Hash(strings.Repeat("cd", 32))) },
		v1alpha1.ValidatorReady, "GenesisUnreadable", []string{"ConfigMap nowhere", "not found"}, false},
	{"a genesis of another chain", func(w *world) {
		w.foreign(names.GenesisConfigMap("net", w.genesis()), v1alpha1.Hash(strings.Repeat("cd", 32)))
	}, v1alpha1.ValidatorReady, "GenesisUnreadable", []string{"wanted is cdcd", "bring the document"}, false},
	{"a volume of somebody else's", func(w *world) {
		w.create(claimNamed(w.ns, "net-0-signer-1", nil, nil))
		w.network()
		w.validator(0)
	}, v1alpha1.ValidatorVolumesReady, "VolumeNotOurs", []string{"net-0-signer-1", "label it"}, false},
	{"a volume of another chain", func(w *world) {
		w.create(claimNamed(w.ns, "net-0-signer-1", map[string]string{v1alpha1.LabelValidator: "net-0"}, map[string]string{build.AnnotationChainID: "other-chain"}))
		w.network()
		w.validator(0)
	}, v1alpha1.ValidatorVolumesReady, v1alpha1.ReasonGenesisConflict, []string{"other-chain", "another name"}, false},
	{"a key that another Validator has", func(w *world) {
		w.network()
		w.validator(0)
		w.reconcile("net-0")
		w.identify(0)
		v := w.reconcile("net-0")
		w.takeUp(w.genesis(), recordOf(v))
		w.claimed("net-0", metav1.ConditionFalse, v1alpha1.ReasonKeyClaimedElsewhere)
	}, v1alpha1.ValidatorRunning, v1alpha1.ReasonKeyClaimedElsewhere, []string{"of a test"}, false},
	{"a host port in a restricted namespace", func(w *world) {
		port := int32(30600)
		w.changed(func(v *v1alpha1.Validator) {
			v.Spec.Exposure = v1alpha1.Exposure{Type: v1alpha1.ExposureHostPort, HostPort: &port}
		})
	}, v1alpha1.ValidatorExposed, v1alpha1.ReasonHostPortForbidden, []string{`"restricted"`, "use NodePort"}, true},
	{"a load balancer that nobody gives", func(w *world) {
		w.changed(func(v *v1alpha1.Validator) { v.Spec.Exposure.Type = v1alpha1.ExposureLoadBalancer })
	}, v1alpha1.ValidatorExposed, "LoadBalancerPending", []string{"no address yet", "use NodePort"}, true},
	{"a node that ends again and again", func(w *world) {
		w.running()
		var pod corev1.Pod
		w.must(&pod, names.Pod("net-0", 1))
		pod.Status.ContainerStatuses[0].State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}}
		pod.Status.ContainerStatuses[0].LastTerminationState = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1, Message: "schema 9 is newer than this program"}}
		w.status(&pod)
	}, v1alpha1.ValidatorRunning, "NodeEnds", []string{"schema 9 is newer"}, true},
}

func claimNamed(namespace, name string, labels, notes map[string]string) *corev1.PersistentVolumeClaim {
	return &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: labels, Annotations: notes},
		Spec: corev1.PersistentVolumeClaimSpec{AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: quantity("64Mi")}}}}
}

// What only the cluster can know is a condition that says what to do; no pod is started
// into it, and the controller itself neither fails nor writes again.
func TestWhatOnlyTheClusterKnows(t *testing.T) {
	for _, tt := range clusterCases {
		t.Run(strings.ReplaceAll(tt.name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			tt.given(w)
			v := w.reconcile("net-0")
			c := w.wantCondition(v, tt.kind, metav1.ConditionFalse, tt.reason)
			for _, words := range tt.says {
				if !strings.Contains(c.Message, words) {
					t.Errorf("it does not say %q: %s", words, c.Message)
				}
			}
			if ready := condition(v, v1alpha1.ValidatorReady); tt.kind != v1alpha1.ValidatorExposed && ready.Status == metav1.ConditionTrue {
				t.Errorf("it is Ready all the same: %s", ready.Message)
			}
			if there := w.get(&appsv1.StatefulSet{}, names.Instance("net-0", 1)); there != tt.runs {
				t.Errorf("a StatefulSet is there: %v, want %v", there, tt.runs)
			}
			counted := &counting{Client: w.c}
			w.r.Client = counted
			for range 3 {
				if err := w.reconcileOnce(t.Context(), "net-0"); err != nil {
					t.Fatalf("it fails: %v", err)
				}
			}
			if counted.writes > 0 {
				t.Errorf("it writes again and again: %v", counted.what)
			}
		})
	}
}
