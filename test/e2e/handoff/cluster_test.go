//go:build e2e

package handoff

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/apitest"
	"github.com/bedrock-bft/bedrock/controllers/build"
	"github.com/bedrock-bft/bedrock/controllers/chain"
	"github.com/bedrock-bft/bedrock/controllers/disruption"
	"github.com/bedrock-bft/bedrock/controllers/fleet"
	"github.com/bedrock-bft/bedrock/controllers/keyclaim"
	"github.com/bedrock-bft/bedrock/controllers/names"
	"github.com/bedrock-bft/bedrock/controllers/network"
	"github.com/bedrock-bft/bedrock/controllers/takeover"
	"github.com/bedrock-bft/bedrock/controllers/validator"
	"github.com/bedrock-bft/bedrock/executor/module"
)

// hosts gives the addresses of pods, behind those of the chain's own nodes.
type hosts struct {
	mu   sync.Mutex
	next int
}

func (h *hosts) take() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.next++
	return fmt.Sprintf("127.0.0.%d", h.next-1)
}

// cluster is an API server with the operator in it, and a stand-in for the rest.
type cluster struct {
	client.Client
	t          *testing.T
	name, ns   string
	kubeconfig string
	kubelet    *kubelet
	free       *hosts

	mu    sync.Mutex
	given map[string]string // instance -> its pod's address
}

// newCluster runs the operator's controllers against a server, until the test's end.
func newCluster(c *moved, name string, server *apitest.Server) *cluster {
	k := &cluster{Client: server.Client(c.T, v1alpha1.AddToScheme), t: c.T, name: name, ns: server.Namespace(c.T), kubeconfig: server.Kubeconfig(c.T),
		free: &c.free, given: map[string]string{}}
	k.kubelet = &kubelet{c: k, dir: filepath.Join(c.TempDir(), name), pods: map[string]*node{}, done: map[string]bool{}}
	class := &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "standard", Annotations: map[string]string{"storageclass.kubernetes.io/is-default-class": "true"}}, Provisioner: "example.test/disk"}
	document, err := os.ReadFile(c.Net.Genesis())
	if err != nil {
		c.Fatal(err)
	}
	for _, o := range []client.Object{class, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: k.ns, Name: "genesis"}, Data: map[string]string{build.GenesisKey: string(document)}}} {
		if err := k.Create(c.Context(), o); client.IgnoreAlreadyExists(err) != nil {
			c.Fatalf("%s: create %s: %v", name, o.GetName(), err)
		}
	}
	mgr := k.operator(server)
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() {
		if err := mgr.Start(ctx); err != nil {
			c.Errorf("%s: the operator: %v", name, err)
		}
	})
	all.Go(func() { k.kubelet.run(ctx) })
	c.Cleanup(func() {
		cancel()
		all.Wait()
		for name, n := range k.kubelet.pods {
			if c.Failed() {
				c.Logf("--- %s of %s\n%s", name, k.name, n.lastLines(12))
			}
			if err := n.end(); err != nil {
				c.Errorf("%s of %s: %v", name, k.name, err)
			}
		}
		volumes, err := filepath.Glob(filepath.Join(k.kubelet.dir, "volumes", "*", "instance"))
		if err != nil || len(volumes) == 0 {
			c.Errorf("%s has no signer volume to compare (%v)", k.name, err)
		}
		for _, dir := range volumes {
			c.KeepFolder(dir)
		}
	})
	return k
}

// operator is the manager with all controllers, as the program sets them up.
func (k *cluster) operator(server *apitest.Server) ctrl.Manager {
	k.t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			k.t.Fatal(err)
		}
	}
	twice := true // two operators in one process: their controllers have the same names
	mgr, err := ctrl.NewManager(server.Config, ctrl.Options{Scheme: scheme, Metrics: metricsserver.Options{BindAddress: "0"},
		HealthProbeBindAddress: "0", Controller: config.Controller{SkipNameValidation: &twice}})
	if err != nil {
		k.t.Fatal(err)
	}
	over := chain.NewDialer(chain.Options{})
	dial := func(document []byte) (chain.Client, error) {
		c, err := over(document)
		if err != nil {
			return nil, err
		}
		return &routed{Client: c, address: k.address}, nil
	}
	executor, err := module.Hash()
	if err != nil {
		k.t.Fatal(err)
	}
	for _, err := range []error{
		fleet.IndexValidators(k.t.Context(), mgr.GetFieldIndexer()),
		network.Setup(mgr, network.Deps{Dial: dial, Administer: chain.NewAdminDialer(), Executor: executor}),
		validator.Setup(mgr, validator.Deps{Dial: dial, OperatorNamespace: "bedrock-system"}),
		disruption.Setup(mgr, disruption.Deps{Dial: dial, Nodes: true}),
		takeover.Setup(mgr, takeover.Deps{Dial: dial, Administer: chain.NewAdminDialer(), Nodes: true}),
		keyclaim.Setup(mgr, keyclaim.Deps{}),
	} {
		if err != nil {
			k.t.Fatalf("%s: set up the operator: %v", k.name, err)
		}
	}
	return mgr
}

// host is the address of an instance's pod, given once.
func (k *cluster) host(instance string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.given[instance] == "" {
		k.given[instance] = k.free.take()
	}
	return k.given[instance]
}

// address is what a name of the cluster means.
func (k *cluster) address(name string) (string, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	instance, ok := strings.CutSuffix(name, "."+k.ns+".svc")
	host, known := k.given[instance]
	return host, ok && known
}

// resolve puts the pods' addresses in the place of their Services' names.
func (k *cluster) resolve(text string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	for instance, host := range k.given {
		text = strings.ReplaceAll(text, instance+"-p2p."+k.ns+".svc", host)
		text = strings.ReplaceAll(text, instance+"."+k.ns+".svc", host)
	}
	return text
}

// join makes a Validator that is to take the place of the chain's validator of that name.
func (k *cluster) join(c *moved, name, takes string) {
	c.Helper()
	var peers, rpc []string
	for i := range 4 {
		peers = append(peers, fmt.Sprintf("%s@%s:7600", c.identity(i), c.Net.Host(i)))
		rpc = append(rpc, c.Net.RPC(i))
	}
	hash := v1alpha1.Hash(c.Trust.Genesis.String())
	v := &v1alpha1.Validator{ObjectMeta: metav1.ObjectMeta{Namespace: k.ns, Name: name}, Spec: v1alpha1.ValidatorSpec{
		Chain:   v1alpha1.ChainRef{Type: v1alpha1.ChainForeign, Foreign: &v1alpha1.ForeignChain{Genesis: v1alpha1.GivenGenesis{ConfigMap: "genesis", Hash: hash}, Peers: peers, RPC: rpc}},
		Image:   "bedrock.dev/node:dev",
		Handoff: &v1alpha1.Handoff{Validator: v1alpha1.Hash(takes)},
		Compute: v1alpha1.Compute{CPU: resource.MustParse("250m"), Memory: resource.MustParse("512Mi")},
	}}
	k.host(names.Instance(name, 1)) // its names are known before its files are written
	if err := k.Create(c.Context(), v); err != nil {
		c.Fatalf("%s: make Validator %s: %v", k.name, name, err)
	}
}

func (k *cluster) get(name string) *v1alpha1.Validator {
	k.t.Helper()
	var v v1alpha1.Validator
	if err := k.Client.Get(k.t.Context(), client.ObjectKey{Namespace: k.ns, Name: name}, &v); err != nil {
		k.t.Fatalf("%s: read Validator %s: %v", k.name, name, err)
	}
	return &v
}

// says is a condition's reason and message.
func (k *cluster) says(name, kind string) (reason, text string) {
	k.t.Helper()
	if c := meta.FindStatusCondition(k.get(name).Status.Conditions, kind); c != nil {
		return c.Reason, c.Message
	}
	return "", "nothing is said of " + kind
}

// born is the identity of a Validator's first instance, empty before it has one.
func (k *cluster) born(name string) string {
	k.t.Helper()
	for _, in := range k.get(name).Status.Instances {
		if in.Number == 1 {
			return string(in.Identity)
		}
	}
	return ""
}

// hand writes an authorisation into a Validator, whatever it is.
func (k *cluster) hand(name, transaction string) {
	k.t.Helper()
	v := k.get(name)
	before := v.DeepCopy()
	v.Spec.Handoff.Transaction = transaction
	if err := k.Patch(k.t.Context(), v, client.MergeFrom(before)); err != nil {
		k.t.Fatalf("%s: write the authorisation: %v", k.name, err)
	}
}

// drop deletes a Validator, and its StatefulSet as garbage collection would.
func (k *cluster) drop(name string) {
	k.t.Helper()
	for _, o := range []client.Object{
		&v1alpha1.Validator{ObjectMeta: metav1.ObjectMeta{Namespace: k.ns, Name: name}},
		&appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Namespace: k.ns, Name: names.Instance(name, 1)}},
	} {
		if err := k.Delete(k.t.Context(), o); err != nil {
			k.t.Fatalf("%s: delete %s: %v", k.name, o.GetName(), err)
		}
	}
}

// bedrock runs kubectl-bedrock in the cluster's namespace.
func (k *cluster) bedrock(args ...string) (string, error) {
	cmd := exec.CommandContext(k.t.Context(), plugin, append([]string{"--kubeconfig", k.kubeconfig, "-n", k.ns}, args...)...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

func (k *cluster) mustBedrock(args ...string) string {
	k.t.Helper()
	out, err := k.bedrock(args...)
	if err != nil {
		k.t.Fatalf("%s: kubectl bedrock %s: %v\n%s", k.name, strings.Join(args, " "), err, out)
	}
	return out
}
