package local

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Bounds of a command, and of a start that may compile the cluster's programs first.
const (
	commandLimit = 5 * time.Minute
	startLimit   = 40 * time.Minute
)

// Options of a cluster.
type Options struct {
	// Index is the cluster's own, 1 to 9.
	Index int
	// Nodes are its nodes, 1 to 16.
	Nodes int
	// AllRevisions has etcd keep every revision, for a search through them.
	AllRevisions bool
}

// Cluster is a running cluster.
type Cluster struct {
	// Dir holds its state; it is removed with the cluster.
	Dir string
	// Kubeconfig is the administrator's.
	Kubeconfig string

	root    string
	kubectl string
	env     []string
}

// Up starts a cluster that ends with the test.
func Up(t testing.TB, o Options) *Cluster {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("a local cluster needs root: run the test by 'sudo -E make e2e'")
	}
	c := &Cluster{root: repository(t), Dir: filepath.Join("/var/tmp", fmt.Sprintf("bedrock-e2e-%d", o.Index))}
	c.env = append(os.Environ(),
		fmt.Sprint("BEDROCK_CLUSTER_INDEX=", o.Index), "BEDROCK_CLUSTER_DIR="+c.Dir, fmt.Sprint("NODES=", o.Nodes))
	if o.AllRevisions {
		c.env = append(c.env, "BEDROCK_CLUSTER_REVISIONS=all")
	}
	// What an earlier run left when it was killed would be taken for this run's.
	c.Ctl(t, "down")
	t.Cleanup(func() {
		if t.Failed() {
			c.showLogs(t)
		}
		c.Ctl(t, "down")
	})
	c.ctl(t, startLimit, "up")
	c.Kubeconfig = strings.TrimSpace(c.Ctl(t, "kubeconfig"))
	c.kubectl = filepath.Join(strings.TrimSpace(c.Ctl(t, "assets", "--check")), "kubectl")
	return c
}

// Ctl runs hack/cluster/ctl on this cluster and returns its output.
func (c *Cluster) Ctl(t testing.TB, args ...string) string {
	t.Helper()
	return c.ctl(t, commandLimit, args...)
}

func (c *Cluster) ctl(t testing.TB, limit time.Duration, args ...string) string {
	t.Helper()
	out, err := c.run(limit, nil, filepath.Join(c.root, "hack", "cluster", "ctl"), args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Kubectl runs kubectl as the administrator and returns its output.
func (c *Cluster) Kubectl(t testing.TB, args ...string) string {
	t.Helper()
	out, err := c.TryKubectl(args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TryKubectl is Kubectl for commands that may fail: the error holds what kubectl said.
func (c *Cluster) TryKubectl(args ...string) (string, error) {
	return c.run(commandLimit, nil, c.kubectl, append([]string{"--kubeconfig", c.Kubeconfig}, args...)...)
}

// KubectlCommand returns a command that has not started, for what runs beside a test, as
// port-forward does.
func (c *Cluster) KubectlCommand(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, c.kubectl, append([]string{"--kubeconfig", c.Kubeconfig}, args...)...)
	cmd.Env = c.env
	return cmd
}

// Apply applies manifests, server-side.
func (c *Cluster) Apply(t testing.TB, manifests string) {
	t.Helper()
	_, err := c.run(commandLimit, strings.NewReader(manifests), c.kubectl, "--kubeconfig", c.Kubeconfig, "apply", "--server-side", "-f", "-")
	if err != nil {
		t.Fatal(err)
	}
}

// Get reads an object into out, which encoding/json fills. It says whether it was there.
func (c *Cluster) Get(t testing.TB, out any, args ...string) bool {
	t.Helper()
	text, err := c.TryKubectl(append([]string{"get", "-o", "json", "--ignore-not-found"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	if strings.TrimSpace(text) == "" {
		return false
	}
	if err := json.Unmarshal([]byte(text), out); err != nil {
		t.Fatalf("read what kubectl get %v printed: %v", args, err)
	}
	return true
}

// Wait polls until ready returns an empty text; what it returns is said when the limit
// passes.
func Wait(t testing.TB, limit time.Duration, what string, ready func() string) {
	t.Helper()
	var last string
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if last = ready(); last == "" {
			return
		}
	}
	t.Fatalf("waited %v for %s; at the end: %s", limit, what, last)
}

func (c *Cluster) run(limit time.Duration, in *strings.Reader, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = c.env
	// Programs that go on in the background must not hold the output open.
	cmd.WaitDelay = time.Second
	if in != nil {
		cmd.Stdin = in
	}
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s %s: %w\n%s", filepath.Base(name), strings.Join(args, " "), err, strings.TrimSpace(said.String()))
	}
	return out.String(), nil
}

// showLogs keeps what goes with the cluster: where things stood, and each program's end.
func (c *Cluster) showLogs(t testing.TB) {
	for _, args := range [][]string{{"get", "nodes,pods,pvc", "-A", "-o", "wide"}, {"get", "events", "-A", "--sort-by", ".lastTimestamp"}} {
		out, err := c.TryKubectl(args...)
		t.Logf("kubectl %s (%v):\n%s", strings.Join(args, " "), err, tail(out, 60))
	}
}

func tail(text string, lines int) string {
	all := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

func repository(t testing.TB) string {
	t.Helper()
	folder, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for at := folder; at != "/"; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "hack", "cluster", "ctl")); err == nil {
			return at
		}
	}
	t.Fatalf("%s is not in the repository: hack/cluster/ctl is in no folder above it", folder)
	return ""
}
