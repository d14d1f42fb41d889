//go:build e2e

package operator

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
)

// cluster is the local cluster that hack/e2e started.
type cluster struct {
	client.Client
	kubeconfig string
	root       string // of the checkout
}

var shared *cluster

func TestMain(m *testing.M) {
	c, err := reach()
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		os.Exit(1)
	}
	shared = c
	if slow, err = slowness(os.Getenv("E2E_SLOW")); err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		os.Exit(1)
	}
	if slow > 1 {
		fmt.Fprintf(os.Stderr, "e2e: E2E_SLOW multiplies every bound by %d\n", slow)
	}
	os.Exit(m.Run())
}

// slow multiplies every bound: they are those of a machine that does nothing else.
var slow time.Duration = 1

func slowness(s string) (time.Duration, error) {
	if s == "" {
		return 1, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > 100 {
		return 0, fmt.Errorf("E2E_SLOW is %q: want how many times slower than a quiet machine this one is, 1 to 100", s)
	}
	return time.Duration(n), nil
}

func reach() (*cluster, error) {
	kubeconfig := os.Getenv("KUBECONFIG")
	if kubeconfig == "" {
		return nil, fmt.Errorf("KUBECONFIG is not set: run these tests by `make e2e`")
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", kubeconfig, err)
	}
	config.QPS, config.Burst = 100, 200
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		return nil, err
	}
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return nil, err
	}
	api, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("reach the cluster of %s: %w", kubeconfig, err)
	}
	root, err := filepath.Abs("../../..")
	if err != nil {
		return nil, err
	}
	return &cluster{Client: api, kubeconfig: kubeconfig, root: root}, nil
}

// ctl runs hack/cluster/ctl and gives its output.
func (c *cluster) ctl(t *testing.T, args ...string) string {
	t.Helper()
	return run(t, c.root, "hack/cluster/ctl", args...)
}

// ctlAfter runs hack/cluster/ctl when the test's context has ended.
func (c *cluster) ctlAfter(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.Command("hack/cluster/ctl", args...)
	cmd.Dir = c.root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("hack/cluster/ctl %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

// kubectl runs kubectl against the cluster.
func (c *cluster) kubectl(t *testing.T, args ...string) string {
	t.Helper()
	return run(t, c.root, "kubectl", args...)
}

// tryKubectl is kubectl that may fail.
func (c *cluster) tryKubectl(args ...string) (string, error) {
	cmd := exec.Command("kubectl", args...)
	cmd.Dir = c.root
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// namespace makes one that enforces restricted Pod Security, and deletes it at the end.
func (c *cluster) namespace(t *testing.T) string {
	t.Helper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		GenerateName: "e2e-",
		Labels:       map[string]string{"pod-security.kubernetes.io/enforce": "restricted"},
	}}
	if err := c.Create(t.Context(), ns); err != nil {
		t.Fatalf("make a namespace: %v", err)
	}
	t.Cleanup(func() {
		if t.Failed() && os.Getenv("E2E_KEEP") != "" {
			t.Logf("namespace %s is kept", ns.Name)
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := c.Delete(ctx, ns); client.IgnoreNotFound(err) != nil {
			t.Errorf("delete namespace %s: %v", ns.Name, err)
		}
	})
	return ns.Name
}

const pollEvery = 250 * time.Millisecond

// wait waits for done, at most bound (of a quiet machine), and says what it waited for
// and how far it was.
func wait(t *testing.T, what string, bound time.Duration, done func() (bool, string)) time.Duration {
	t.Helper()
	bound *= slow
	from := time.Now()
	deadline := time.NewTimer(bound)
	defer deadline.Stop()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		ok, state := done()
		if ok {
			took := time.Since(from)
			t.Logf("%s: after %.1f s", what, took.Seconds())
			return took
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("waited %s for %s; at the end: %s", bound, what, state)
		case <-t.Context().Done():
			t.Fatalf("the test ended while it waited for %s: %s", what, state)
		}
	}
}
