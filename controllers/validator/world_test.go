package validator

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/apitest"
	"github.com/bedrock-bft/bedrock/controllers/build"
	"github.com/bedrock-bft/bedrock/controllers/chain"
	"github.com/bedrock-bft/bedrock/controllers/chain/chaintest"
	"github.com/bedrock-bft/bedrock/controllers/names"
	"github.com/bedrock-bft/bedrock/node/genesis"
	nodetypes "github.com/bedrock-bft/bedrock/node/types"
)

var api *apitest.Server

func TestMain(m *testing.M) { os.Exit(apitest.Main(m, &api, apitest.Options{})) }

// standard is the cluster's default StorageClass, made once.
var standard sync.Once

// world is a namespace of a real API server, a chain in memory, and the controller,
// whose reconciles the test calls. What a kubelet, the Job controller and the other
// controllers do, the test does.
type world struct {
	t     *testing.T
	c     client.Client
	ns    string
	chain *chaintest.Chain
	clock *clocktesting.FakePassiveClock
	r     *Reconciler
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, c: api.Client(t, v1alpha1.AddToScheme), ns: api.Namespace(t), chain: chaintest.New(chaintest.Options{Validators: 4})}
	standard.Do(func() {
		w.create(&storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "standard", Annotations: map[string]string{"storageclass.kubernetes.io/is-default-class": "true"}}, Provisioner: "example.test/disk"})
	})
	w.clock = clocktesting.NewFakePassiveClock(time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC))
	w.r = &Reconciler{Client: w.c, live: w.c, deps: Deps{Clock: w.clock, Dial: func([]byte) (chain.Client, error) { return w.chain, nil }, OperatorNamespace: "bedrock-system"},
		chains: map[v1alpha1.Hash]chain.Client{}, schemes: map[v1alpha1.Hash]v1alpha1.Scheme{}, namespaces: map[string]string{}, asked: map[string]answer{}}
	for i := range 4 {
		w.chain.AddNode(chain.EndpointOf(w.ns, fmt.Sprintf("net-%d", i), 1), fmt.Sprintf("val-%d", i))
		w.chain.RemoveNode(chain.Endpoint(fmt.Sprintf("http://val-%d:7601", i)))
	}
	return w
}

func (w *world) create(o client.Object) {
	w.t.Helper()
	if err := w.c.Create(w.t.Context(), o); err != nil {
		w.t.Fatalf("create %s: %v", o.GetName(), err)
	}
}

func (w *world) status(o client.Object) {
	w.t.Helper()
	if err := w.c.Status().Update(w.t.Context(), o); err != nil {
		w.t.Fatalf("update the status of %s: %v", o.GetName(), err)
	}
}

// get reads an object; false: there is none.
func (w *world) get(o client.Object, name string) bool {
	w.t.Helper()
	err := w.c.Get(w.t.Context(), client.ObjectKey{Namespace: w.ns, Name: name}, o)
	if client.IgnoreNotFound(err) != nil {
		w.t.Fatal(err)
	}
	return err == nil
}

func (w *world) must(o client.Object, name string) {
	w.t.Helper()
	if !w.get(o, name) {
		w.t.Fatalf("there is no %T %s", o, name)
	}
}

// network makes a network of four validators.
func (w *world) network(change ...func(*v1alpha1.BedrockNetwork)) *v1alpha1.BedrockNetwork {
	w.t.Helper()
	count := int32(4)
	n := &v1alpha1.BedrockNetwork{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: "net"}, Spec: v1alpha1.BedrockNetworkSpec{
		ChainID: "test-chain", Image: "bedrock.dev/node:dev", Validators: v1alpha1.Validators{Count: &count}}}
	for _, f := range change {
		f(n)
	}
	w.create(n)
	return n
}

// validator makes net-i.
func (w *world) validator(i int, change ...func(*v1alpha1.Validator)) *v1alpha1.Validator {
	w.t.Helper()
	v := &v1alpha1.Validator{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: fmt.Sprintf("net-%d", i)},
		Spec: v1alpha1.ValidatorSpec{Chain: v1alpha1.ChainRef{Type: v1alpha1.ChainNetwork, Network: "net"}}}
	for _, f := range change {
		f(v)
	}
	w.create(v)
	return v
}

func (w *world) reconcileOnce(ctx context.Context, name string) error {
	_, err := w.r.Reconcile(ctx, ctrl.Request{NamespacedName: types.NamespacedName{Namespace: w.ns, Name: name}})
	return err
}

// reconcile runs the controller until nothing changes any more.
func (w *world) reconcile(name string) *v1alpha1.Validator {
	w.t.Helper()
	var v v1alpha1.Validator
	for range 12 {
		before := v.ResourceVersion
		if err := w.reconcileOnce(w.t.Context(), name); err != nil {
			w.t.Fatalf("reconcile %s: %v", name, err)
		}
		if !w.get(&v, name) || v.ResourceVersion == before {
			return &v
		}
	}
	w.t.Fatalf("%s does not come to rest: %+v", name, v.Status)
	return nil
}

func condition(v *v1alpha1.Validator, kind string) metav1.Condition {
	for _, c := range v.Status.Conditions {
		if c.Type == kind {
			return c
		}
	}
	return metav1.Condition{Type: kind, Status: "absent"}
}

func (w *world) wantCondition(v *v1alpha1.Validator, kind string, status metav1.ConditionStatus, reason string) metav1.Condition {
	w.t.Helper()
	c := condition(v, kind)
	if c.Status != status || c.Reason != reason {
		w.t.Fatalf("%s of %s is %s %s (%s), want %s %s", kind, v.Name, c.Status, c.Reason, c.Message, status, reason)
	}
	return c
}

// jobPod ends the identity Job's pod with a message, as a kubelet would.
func (w *world) jobPod(v string, number int32, code int32, message string) *corev1.Pod {
	w.t.Helper()
	var job batchv1.Job
	w.must(&job, names.IdentityJob(v, number))
	pod := w.podOf(job.Name+"-x1", job.Spec.Template)
	ofJob(pod, &job)
	w.create(pod)
	pod.Status = corev1.PodStatus{Phase: corev1.PodSucceeded, ContainerStatuses: []corev1.ContainerStatus{{Name: build.Container,
		State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Message: message}}}}}
	w.status(pod)
	return pod
}

// ofJob makes a pod one of a Job's, as the Job controller does.
func ofJob(pod *corev1.Pod, job *batchv1.Job) {
	pod.Labels[batchv1.JobNameLabel] = job.Name
	pod.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(job, batchv1.SchemeGroupVersion.WithKind("Job"))}
}

func (w *world) podOf(name string, template corev1.PodTemplateSpec) *corev1.Pod {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: name, Labels: map[string]string{}, Annotations: template.Annotations}, Spec: template.Spec}
	for k, v := range template.Labels {
		pod.Labels[k] = v
	}
	pod.Spec.ServiceAccountName = "" // no controller makes tokens here
	return pod
}

// nodePod runs an instance's pod, as the StatefulSet controller and a kubelet would.
func (w *world) nodePod(v string, number int32) *corev1.Pod {
	w.t.Helper()
	var set appsv1.StatefulSet
	w.must(&set, names.Instance(v, number))
	pod := w.podOf(names.Pod(v, number), set.Spec.Template)
	w.create(pod)
	pod.Status = corev1.PodStatus{Phase: corev1.PodRunning, HostIP: "192.0.2.10", HostIPs: []corev1.HostIP{{IP: "192.0.2.10"}}, ContainerStatuses: []corev1.ContainerStatus{{Name: build.Container,
		State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}}}
	w.status(pod)
	return pod
}

// identify ends the identity Job of net-i with the chain's own record of it.
func (w *world) identify(i int) {
	w.t.Helper()
	name := fmt.Sprintf("net-%d", i)
	w.jobPod(name, 1, 0, chaintest.Record(fmt.Sprintf("val-%d", i), 1))
	w.complete(names.IdentityJob(name, 1))
}

// complete ends a Job as the Job controller does.
func (w *world) complete(name string) {
	w.t.Helper()
	var job batchv1.Job
	w.must(&job, name)
	now := metav1.NewTime(w.clock.Now())
	job.Status = batchv1.JobStatus{Succeeded: 1, StartTime: &now, CompletionTime: &now, Conditions: []batchv1.JobCondition{
		{Type: batchv1.JobSuccessCriteriaMet, Status: corev1.ConditionTrue, LastTransitionTime: now}, {Type: batchv1.JobComplete, Status: corev1.ConditionTrue, LastTransitionTime: now}}}
	w.status(&job)
}

// budget makes the PodDisruptionBudget, as the disruption controller does.
func (w *world) budget(v string) {
	w.t.Helper()
	w.create(&policyv1.PodDisruptionBudget{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: names.Disruption(v),
		Labels: map[string]string{v1alpha1.LabelManagedBy: v1alpha1.ManagedBy, v1alpha1.LabelValidator: v}}})
}

// claimed gives the keyclaim controller's condition.
func (w *world) claimed(name string, status metav1.ConditionStatus, reason string) {
	w.t.Helper()
	var v v1alpha1.Validator
	w.must(&v, name)
	v.Status.Conditions = append(v.Status.Conditions, metav1.Condition{Type: v1alpha1.ValidatorKeyClaimed, Status: status, Reason: reason, Message: "of a test", LastTransitionTime: metav1.NewTime(w.clock.Now())})
	w.status(&v)
}

// document is a genesis, in a ConfigMap, taken up by the network.
func (w *world) genesis() v1alpha1.Hash {
	w.t.Helper()
	key := func(b byte) []byte {
		return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{b}, 32)).Public().(ed25519.PublicKey)
	}
	g, err := genesis.New(genesis.Document{AppState: []byte("{}"), Block: genesis.Block{MaxBytes: 1 << 20, MaxGas: 1 << 30}, ChainID: "test-chain", Engine: 1,
		ExecutorHash: nodetypes.Hash{1}, Scheme: "ed25519", TimeMs: 1, Timing: genesis.DevnetTiming(),
		Validators: []genesis.Validator{{ConsensusKey: key(1), NetworkKey: key(2), Power: 1}}})
	if err != nil {
		w.t.Fatal(err)
	}
	hash := v1alpha1.Hash(g.Hash().String())
	name := names.GenesisConfigMap("net", hash)
	w.create(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: name, Labels: map[string]string{
		v1alpha1.LabelNetwork: "net", v1alpha1.LabelComponent: v1alpha1.ComponentGenesis}}, Data: map[string]string{build.GenesisKey: string(g.Bytes())}})
	return hash
}

func (w *world) takeUp(hash v1alpha1.Hash, records ...v1alpha1.CeremonyRecord) {
	w.t.Helper()
	var n v1alpha1.BedrockNetwork
	w.must(&n, "net")
	n.Status.Genesis = &v1alpha1.GenesisStatus{Hash: hash, ConfigMap: names.GenesisConfigMap("net", hash), Time: metav1.NewTime(w.clock.Now())}
	n.Status.Records = records
	w.status(&n)
}

// recordOf is the network's record of net-i.
func recordOf(v *v1alpha1.Validator) v1alpha1.CeremonyRecord {
	e := v.Status.Instances[0]
	return v1alpha1.CeremonyRecord{Validator: v1alpha1.Name(v.Name), Identity: e.Identity, ConsensusKey: e.ConsensusKey, Power: 1}
}

// running brings net-0 up to a running pod.
func (w *world) running(change ...func(*v1alpha1.Validator)) *v1alpha1.Validator {
	w.t.Helper()
	w.network()
	w.validator(0, change...)
	w.reconcile("net-0")
	w.identify(0)
	v := w.reconcile("net-0")
	w.takeUp(w.genesis(), recordOf(v))
	w.claimed("net-0", metav1.ConditionTrue, "Claimed")
	w.budget("net-0")
	w.reconcile("net-0")
	w.nodePod("net-0", 1)
	return w.reconcile("net-0")
}

// claim reads one of net-0's volume claims.
func (w *world) claim(name string) *corev1.PersistentVolumeClaim {
	w.t.Helper()
	var c corev1.PersistentVolumeClaim
	w.must(&c, name)
	return &c
}

// lose deletes an object and what keeps it.
func (w *world) lose(o client.Object, name string) {
	w.t.Helper()
	w.must(o, name)
	if err := w.c.Delete(w.t.Context(), o, client.GracePeriodSeconds(0)); err != nil {
		w.t.Fatal(err)
	}
	if w.get(o, name) {
		o.SetFinalizers(nil)
		if err := w.c.Update(w.t.Context(), o); client.IgnoreNotFound(err) != nil {
			w.t.Fatal(err)
		}
	}
	if w.get(o, name) {
		w.t.Fatalf("%s is still there", name)
	}
}

func quantity(s string) resource.Quantity { return resource.MustParse(s) }
