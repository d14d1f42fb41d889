package disruption

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/apitest"
	"github.com/bedrock-bft/bedrock/controllers/chain"
	"github.com/bedrock-bft/bedrock/controllers/chain/chaintest"
	"github.com/bedrock-bft/bedrock/controllers/disruption/plan"
	"github.com/bedrock-bft/bedrock/controllers/faults"
	"github.com/bedrock-bft/bedrock/controllers/names"
)

var api *apitest.Server

func TestMain(m *testing.M) { os.Exit(apitest.Main(m, &api, apitest.Options{})) }

// rig is a network on a real API server. The test plays kubelets, the StatefulSets and
// the controller of budgets; the chain is in memory.
type rig struct {
	t     *testing.T
	c     client.Client
	drain client.Client // does not try refused evictions again by itself
	r     *Reconciler
	ns    string
	chain *chaintest.Chain
	clock *clocktesting.FakePassiveClock
	names []string
	// budgetsStand: nobody sets the status of budgets.
	budgetsStand bool
}

func newRig(t *testing.T, opt chaintest.Options) *rig {
	t.Helper()
	g := &rig{t: t, c: api.Client(t, v1alpha1.AddToScheme), ns: api.Namespace(t), chain: chaintest.New(opt),
		clock: clocktesting.NewFakePassiveClock(time.Date(2026, 11, 22, 12, 3, 0, 0, time.UTC))}
	g.r = New(g.c, g.c, Deps{Dial: func([]byte) (chain.Client, error) { return g.chain, nil }, Clock: g.clock, Nodes: true})
	g.drain = impatient(t)
	count := int32(len(g.chain.Endpoints()))
	n := &v1alpha1.BedrockNetwork{ObjectMeta: metav1.ObjectMeta{Name: "net", Namespace: g.ns},
		Spec: v1alpha1.BedrockNetworkSpec{ChainID: "try-it", Image: "bedrock:1", Validators: v1alpha1.Validators{Count: &count}}}
	g.must(g.c.Create(t.Context(), n))
	g.must(g.c.Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "net-genesis", Namespace: g.ns}, Data: map[string]string{"genesis.json": "{}"}}))
	g.pass() // the ledger is made before there is a chain
	g.must(g.c.Get(t.Context(), client.ObjectKeyFromObject(n), n))
	n.Status.Genesis = &v1alpha1.GenesisStatus{Hash: v1alpha1.Hash(g.chain.Genesis().String()), ConfigMap: "net-genesis", Time: metav1.NewTime(g.clock.Now())}
	g.must(g.c.Status().Update(t.Context(), n))
	for i, at := range g.chain.Endpoints() {
		g.validator(i, at)
	}
	g.chain.Advance(10)
	return g
}

// validator makes the i-th Validator, its node of the cluster and its pod.
func (g *rig) validator(i int, at chain.Endpoint) {
	g.t.Helper()
	name := fmt.Sprintf("net-%d", i)
	g.names = append(g.names, name)
	g.chain.RemoveNode(at)
	node := g.chain.AddNode(chain.EndpointOf(g.ns, name, 1), fmt.Sprintf("val-%d", i))
	v := &v1alpha1.Validator{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: g.ns, Labels: map[string]string{v1alpha1.LabelNetwork: "net"}},
		Spec: v1alpha1.ValidatorSpec{Chain: v1alpha1.ChainRef{Type: v1alpha1.ChainNetwork, Network: "net"}}}
	g.must(g.c.Create(g.t.Context(), v))
	v.Status.ActiveInstance, v.Status.ChainName = 1, v1alpha1.Hash(g.chain.Name(i).String())
	v.Status.Instances = []v1alpha1.Instance{{Number: 1, Role: v1alpha1.InstanceActive, Identity: v1alpha1.Ed25519Key(node.Identity().String())}}
	g.must(g.c.Status().Update(g.t.Context(), v))
	g.must(g.c.Create(g.t.Context(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: g.host(name)}}))
	g.must(g.c.Create(g.t.Context(), g.set(name, "bedrock:1")))
	g.run(name, "bedrock:1")
}

func (g *rig) host(name string) string { return g.ns + "-" + name }

func podLabels(name string) map[string]string {
	return map[string]string{v1alpha1.LabelNetwork: "net", v1alpha1.LabelValidator: name, v1alpha1.LabelComponent: v1alpha1.ComponentValidator, v1alpha1.LabelManagedBy: v1alpha1.ManagedBy}
}

func podSpec(image string) corev1.PodSpec {
	no, yes := false, true
	return corev1.PodSpec{
		SecurityContext: &corev1.PodSecurityContext{RunAsNonRoot: &yes, SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}},
		Containers: []corev1.Container{{Name: "node", Image: image, SecurityContext: &corev1.SecurityContext{AllowPrivilegeEscalation: &no,
			Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}}}},
	}
}

func (g *rig) set(name, image string) *appsv1.StatefulSet {
	return &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Name: names.Instance(name, 1), Namespace: g.ns, Labels: podLabels(name)},
		Spec: appsv1.StatefulSetSpec{Selector: &metav1.LabelSelector{MatchLabels: podLabels(name)},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: podLabels(name)}, Spec: podSpec(image)}}}
}

// run starts a pod and its process.
func (g *rig) run(name, image string) {
	g.t.Helper()
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: names.Pod(name, 1), Namespace: g.ns, Labels: podLabels(name)}, Spec: podSpec(image)}
	pod.Spec.NodeName = g.host(name)
	g.must(g.c.Create(g.t.Context(), pod))
	pod.Status = corev1.PodStatus{Phase: corev1.PodRunning, Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}}
	g.must(g.c.Status().Update(g.t.Context(), pod))
	if n := g.node(name); n != nil {
		n.Start()
	}
}

func (g *rig) node(name string) *chaintest.Node {
	return g.chain.Node(chain.EndpointOf(g.ns, name, 1))
}

func (g *rig) must(err error) {
	g.t.Helper()
	if err != nil {
		g.t.Fatal(err)
	}
}

// pass is one reconcile. A conflict is another's write: the next pass sees it.
func (g *rig) pass() { g.t.Helper(); g.passIn(g.t.Context()) }

func (g *rig) passIn(ctx context.Context) {
	g.t.Helper()
	_, err := g.r.Reconcile(ctx, ctrl.Request{NamespacedName: client.ObjectKey{Namespace: g.ns, Name: "net"}})
	if err != nil && !errors.Is(err, faults.ErrInjected) {
		g.t.Fatal(err)
	}
}

func (g *rig) podOf(name string) *corev1.Pod {
	g.t.Helper()
	var p corev1.Pod
	if err := g.c.Get(g.t.Context(), client.ObjectKey{Namespace: g.ns, Name: names.Pod(name, 1)}, &p); apierrors.IsNotFound(err) {
		return nil
	} else if err != nil {
		g.t.Fatal(err)
	}
	return &p
}

func (g *rig) budget(name string) *policyv1.PodDisruptionBudget {
	g.t.Helper()
	var b policyv1.PodDisruptionBudget
	g.must(g.c.Get(g.t.Context(), client.ObjectKey{Namespace: g.ns, Name: name}, &b))
	return &b
}

// budgetStatus is what kube-controller-manager's controller of budgets sets.
func (g *rig) budgetStatus() {
	g.t.Helper()
	if g.budgetsStand {
		return
	}
	var list policyv1.PodDisruptionBudgetList
	g.must(g.c.List(g.t.Context(), &list, client.InNamespace(g.ns)))
	for i := range list.Items {
		b := &list.Items[i]
		pod, healthy := g.podOf(b.Name), int32(0)
		if pod == nil || pod.DeletionTimestamp != nil {
			b.Status.DisruptedPods = nil
		}
		if pod != nil && pod.DeletionTimestamp == nil && len(b.Status.DisruptedPods) == 0 && pod.Status.Conditions[0].Status == corev1.ConditionTrue {
			healthy = 1
		}
		most := b.Spec.MaxUnavailable.IntVal
		b.Status.ObservedGeneration, b.Status.ExpectedPods, b.Status.CurrentHealthy, b.Status.DesiredHealthy = b.Generation, 1, healthy, 1-most
		b.Status.DisruptionsAllowed = max(0, healthy-b.Status.DesiredHealthy)
		if err := g.c.Status().Update(g.t.Context(), b); err != nil && !apierrors.IsConflict(err) {
			g.t.Fatal(err)
		}
	}
}

// impatient is a client that takes a refusal for an answer.
func impatient(t *testing.T) client.Client {
	t.Helper()
	config := rest.CopyConfig(api.Config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTrip(func(r *http.Request) (*http.Response, error) {
			res, err := next.RoundTrip(r)
			if err == nil {
				res.Header.Del("Retry-After")
			}
			return res, err
		})
	})
	c, err := client.New(config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// evict is what `kubectl drain` does, once.
func (g *rig) evict(name string) bool {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: names.Pod(name, 1), Namespace: g.ns}}
	return g.drain.SubResource("eviction").Create(g.t.Context(), pod, &policyv1.Eviction{ObjectMeta: pod.ObjectMeta}) == nil
}

// kubelet takes a pod that is being deleted one step on: its process ends, the pod goes,
// a new one is there on a node that is not drained.
func (g *rig) kubelet(name, image string) {
	g.t.Helper()
	pod := g.podOf(name)
	switch {
	case pod == nil:
		g.cordon(name, false)
		g.run(name, image)
	case pod.DeletionTimestamp != nil:
		g.node(name).Stop()
		g.must(client.IgnoreNotFound(g.c.Delete(g.t.Context(), pod, client.GracePeriodSeconds(0))))
		g.budgetStatus()
	}
}

func (g *rig) cordon(name string, on bool) {
	g.t.Helper()
	var n corev1.Node
	g.must(g.c.Get(g.t.Context(), client.ObjectKey{Name: g.host(name)}, &n))
	if n.Spec.Unschedulable != on {
		n.Spec.Unschedulable = on
		g.must(g.c.Update(g.t.Context(), &n))
	}
}

func (g *rig) ledger() plan.Ledger {
	g.t.Helper()
	var m corev1.ConfigMap
	g.must(g.c.Get(g.t.Context(), client.ObjectKey{Namespace: g.ns, Name: names.TokenLedger("net")}, &m))
	l, err := plan.Parse(m.Data[plan.Key])
	g.must(err)
	return l
}

// reason is that of a validator's condition; of the network's with an empty name.
func (g *rig) reason(name, kind string) (reason, message string) {
	g.t.Helper()
	var conditions []metav1.Condition
	if name == "" {
		var n v1alpha1.BedrockNetwork
		g.must(g.c.Get(g.t.Context(), client.ObjectKey{Namespace: g.ns, Name: "net"}, &n))
		conditions = n.Status.Conditions
	} else {
		var v v1alpha1.Validator
		g.must(g.c.Get(g.t.Context(), client.ObjectKey{Namespace: g.ns, Name: name}, &v))
		conditions = v.Status.Conditions
	}
	for _, c := range conditions {
		if c.Type == kind {
			return c.Reason, c.Message
		}
	}
	return "", ""
}

// until turns the world until something holds.
func (g *rig) until(what string, image string, holds func() bool) {
	g.t.Helper()
	for range 60 {
		g.pass()
		g.budgetStatus()
		if holds() {
			return
		}
		for _, name := range g.names {
			if p := g.podOf(name); p == nil || p.DeletionTimestamp != nil {
				g.kubelet(name, image)
			}
		}
		g.chain.Advance(2)
		g.clock.SetTime(g.clock.Now().Add(2 * time.Second))
	}
	l := g.ledger()
	g.t.Fatalf("waited for %s in vain; ledger %+v", what, l)
}
