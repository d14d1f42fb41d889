package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/apitest"
	"github.com/bedrock-bft/bedrock/controllers/chain"
	"github.com/bedrock-bft/bedrock/controllers/chain/chaintest"
	"github.com/bedrock-bft/bedrock/controllers/names"
)

var (
	api    *apitest.Server
	update = flag.Bool("update", false, "write the transcripts")
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(apitest.Main(m, &api, apitest.Options{}))
}

// world is a network of four in an API server, whose nodes are a chain in memory.
type world struct {
	t         *testing.T
	chain     *chaintest.Chain
	namespace string
	kube      client.Client
	cluster   *cluster
	app       *app
	out, err  bytes.Buffer
}

const netName = "net"

func newWorld(t *testing.T) *world {
	w := &world{t: t, chain: chaintest.New(chaintest.Options{ChainID: "net"}), namespace: api.Namespace(t), kube: api.Client(t, v1alpha1.AddToScheme)}
	w.chain.Advance(20)
	w.network()
	for i := range 4 {
		w.validator(i)
	}
	c, err := newCluster(api.Config, w.namespace)
	if err != nil {
		t.Fatal(err)
	}
	w.cluster = c
	c.logs = fake.NewSimpleClientset()
	c.dial = func([]byte) (chain.Client, error) { return w.chain, nil }
	c.administer = func(ed25519.PrivateKey) (chain.Admin, error) { return w.chain, nil }
	c.forward = func(_ context.Context, p *corev1.Pod, port int) (string, func(), error) {
		var i, number int
		if _, err := fmt.Sscanf(p.Name, netName+"-%d-i%d-0", &i, &number); err != nil {
			return "", nil, errors.New("the pod is of no validator")
		}
		return fmt.Sprintf("val-%d:%d", i, port), func() {}, nil
	}
	c.now = func() time.Time { return time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC) }
	w.app = &app{in: strings.NewReader(""), out: &w.out, err: &w.err, open: func(*flags) (*cluster, error) { return c, nil }}
	return w
}

func (w *world) create(o client.Object) {
	w.t.Helper()
	if err := w.kube.Create(context.Background(), o); err != nil {
		w.t.Fatalf("create %T: %v", o, err)
	}
}

func (w *world) status(o client.Object) {
	w.t.Helper()
	if err := w.kube.Status().Update(context.Background(), o); err != nil {
		w.t.Fatalf("write the status of %T: %v", o, err)
	}
}

func says(kind string, status metav1.ConditionStatus, reason, message string) metav1.Condition {
	return metav1.Condition{Type: kind, Status: status, Reason: reason, Message: message, LastTransitionTime: metav1.NewTime(time.Unix(1_790_000_000, 0))}
}

func (w *world) network() {
	four := int32(4)
	n := &v1alpha1.BedrockNetwork{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: netName}}
	n.Spec.ChainID, n.Spec.Image, n.Spec.Validators.Count = "net", "bedrock.dev/node:dev", &four
	n.Spec.Validators.Template.Exposure.Type = v1alpha1.ExposureClusterIP
	n.Spec.Genesis.Type = v1alpha1.GenesisCeremony
	n.Spec.Validators.Template.Storage = sizes()
	n.Spec.Validators.Template.Compute = compute()
	w.create(n)
	hash := v1alpha1.Hash(w.chain.Genesis().String())
	document := names.GenesisConfigMap(netName, hash)
	w.create(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: document, Labels: map[string]string{v1alpha1.LabelNetwork: netName}}, Data: map[string]string{genesisKey: "{}"}})
	n.Status.Genesis = &v1alpha1.GenesisStatus{Hash: hash, ConfigMap: document, Time: metav1.NewTime(time.Unix(1_790_000_000, 0))}
	n.Status.Conditions = []metav1.Condition{
		says(v1alpha1.NetworkReady, metav1.ConditionTrue, "Ready", "4 of 4 validators sign"),
		says(v1alpha1.NetworkReclaimDelete, metav1.ConditionTrue, "ReclaimDelete", "volumes go with their claims: use a StorageClass that retains"),
	}
	w.status(n)
}

func sizes() v1alpha1.Storage {
	return v1alpha1.Storage{Chain: v1alpha1.Volume{Size: resource.MustParse("2Gi")}, Signer: v1alpha1.Volume{Size: resource.MustParse("64Mi")}}
}

func compute() v1alpha1.Compute {
	return v1alpha1.Compute{CPU: resource.MustParse("250m"), Memory: resource.MustParse("512Mi")}
}

func (w *world) validator(i int) {
	name := names.Validator(netName, "", i)
	node := w.chain.Node(chain.Endpoint(fmt.Sprintf("http://val-%d:7601", i)))
	v := &v1alpha1.Validator{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: name, Labels: map[string]string{v1alpha1.LabelNetwork: netName}}}
	v.Spec = v1alpha1.ValidatorSpec{
		Chain: v1alpha1.ChainRef{Type: v1alpha1.ChainNetwork, Network: netName}, Keys: v1alpha1.KeySource{Source: v1alpha1.KeysVolume},
		Bootstrap: v1alpha1.Bootstrap{Type: v1alpha1.BootstrapGenesis}, Exposure: v1alpha1.Exposure{Type: v1alpha1.ExposureClusterIP}, Storage: sizes(), Compute: compute(),
	}
	w.create(v)
	v.Status.ActiveInstance, v.Status.ChainName = 1, v1alpha1.Hash(w.chain.Name(i).String())
	v.Status.Instances = []v1alpha1.Instance{{Number: 1, Role: v1alpha1.InstanceActive, Identity: v1alpha1.Ed25519Key(node.Identity().String()), ConsensusKey: v1alpha1.Key(hex.EncodeToString(node.ConsensusKey()))}}
	v.Status.Conditions = []metav1.Condition{says(v1alpha1.ValidatorReady, metav1.ConditionTrue, "Ready", "it signs")}
	w.status(v)
	w.pod(name)
}

func (w *world) pod(validator string) {
	no, yes := false, true
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: names.Pod(validator, 1), Labels: map[string]string{v1alpha1.LabelNetwork: netName, v1alpha1.LabelValidator: validator, v1alpha1.LabelComponent: v1alpha1.ComponentValidator}}}
	p.Spec.SecurityContext = &corev1.PodSecurityContext{RunAsNonRoot: &yes, SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}}
	p.Spec.AutomountServiceAccountToken = &no
	p.Spec.Containers = []corev1.Container{{Name: "node", Image: "bedrock.dev/node:dev", SecurityContext: &corev1.SecurityContext{AllowPrivilegeEscalation: &no, Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}}}}
	w.create(p)
	p.Status.Phase = corev1.PodRunning
	w.status(p)
}

// patch changes a Validator's status.
func (w *world) tell(i int, f func(v *v1alpha1.Validator)) {
	w.t.Helper()
	v := &v1alpha1.Validator{}
	if err := w.kube.Get(context.Background(), client.ObjectKey{Namespace: w.namespace, Name: names.Validator(netName, "", i)}, v); err != nil {
		w.t.Fatal(err)
	}
	f(v)
	w.status(v)
}

// run is a command's exit code, and what it printed for the transcript.
func (w *world) run(args ...string) (int, string) {
	w.t.Helper()
	w.out.Reset()
	w.err.Reset()
	w.app.flags = flags{}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	code := run(ctx, w.app, args)
	text := fmt.Sprintf("$ kubectl bedrock %s\n%s%s(exit %d)\n", strings.Join(args, " "), w.out.String(), w.err.String(), code)
	return code, strings.ReplaceAll(text, w.namespace, "NAMESPACE")
}

// transcript compares what was printed with testdata/NAME.txt.
func transcript(t *testing.T, name string, parts ...string) {
	t.Helper()
	got := strings.Join(parts, "\n")
	path := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; run with -update to write it", err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s differs (-want +got; -update writes it):\n%s", path, d)
	}
}
