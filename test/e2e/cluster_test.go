//go:build e2e

package e2e

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bedrock-bft/bedrock/test/e2e/local"
)

//go:embed testdata/row0.yaml
var row0Manifests string

// limit bounds one step of a cluster that others share the machine with.
const limit = 3 * time.Minute

// Row 0: the local cluster does what the other rows count on.
func TestRow0Cluster(t *testing.T) {
	var folder string
	t.Run("up", func(t *testing.T) {
		c := local.Up(t, local.Options{Index: 9, Nodes: 2, AllRevisions: true})
		folder = c.Dir
		row := &row0{c}
		c.Ctl(t, "load", buildApp(t, c))
		c.Apply(t, row0Manifests)
		local.Wait(t, limit, "two ready pods on two nodes", func() string { return row.podsReady(t) })
		t.Run("names, services and host reach pods", row.names)
		t.Run("logs, exec and port-forward", row.streams)
		t.Run("a drained node's pod keeps its volume", row.drain)
		t.Run("containers outlive kubelet and containerd", row.nodeStop)
		t.Run("a node cut off from the API serves its peers", row.cutAPI)
		t.Run("a node cut off from all", row.cutAll)
		t.Run("the API server and controllers stop and come back", row.control)
		t.Run("etcd's copy has every revision and can be restored", row.etcd)
		t.Run("the audit log says who did what", row.audit)
	})
	t.Run("down leaves nothing", func(t *testing.T) { nothingLeft(t, folder) })
}

func buildApp(t *testing.T, c *local.Cluster) string {
	t.Helper()
	program, image := filepath.Join(t.TempDir(), "app"), filepath.Join(t.TempDir(), "app.tar")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", program, "./app")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the test's program: %v\n%s", err, out)
	}
	c.Ctl(t, "mkimage", "-t", "cluster.local/e2e-app:1", "-entrypoint", "/app", "-o", image, "/app="+program)
	return image
}

type row0 struct{ *local.Cluster }

type pod struct {
	Metadata struct{ Name, UID string }
	Spec     struct{ NodeName string }
	Status   struct {
		PodIP             string
		Conditions        []struct{ Type, Status string }
		ContainerStatuses []struct{ ContainerID string }
	}
}

func (p *pod) ready() bool {
	for _, c := range p.Status.Conditions {
		if c.Type == "Ready" {
			return c.Status == "True"
		}
	}
	return false
}

func (r *row0) pod(t *testing.T, name string) *pod {
	t.Helper()
	var p pod
	r.Get(t, &p, "pod", "-n", "row0", name)
	return &p
}

// on returns the ready pod that runs on a node.
func (r *row0) on(t *testing.T, node string) *pod {
	t.Helper()
	for _, name := range []string{"web-0", "web-1"} {
		if p := r.pod(t, name); p.Spec.NodeName == node {
			return p
		}
	}
	t.Fatalf("no pod runs on %s", node)
	return nil
}

func (r *row0) podsReady(t *testing.T) string {
	nodes := map[string]bool{}
	for _, name := range []string{"web-0", "web-1"} {
		p := r.pod(t, name)
		if !p.ready() {
			return name + " is not ready"
		}
		nodes[p.Spec.NodeName] = true
	}
	if len(nodes) != 2 {
		return fmt.Sprint("the pods are on ", nodes)
	}
	return ""
}

func (r *row0) nodeReady(t *testing.T, node, want string) {
	t.Helper()
	local.Wait(t, limit, node+" with Ready="+want, func() string {
		got := r.Kubectl(t, "get", "node", node, "-o", `jsonpath={.status.conditions[?(@.type=="Ready")].status}`)
		if got != want {
			return "Ready=" + got
		}
		return ""
	})
}

// ask gets a path of a pod from the host, as tests do.
func ask(address, path string) (string, error) {
	client := &http.Client{Timeout: 10 * time.Second}
	response, err := client.Get("http://" + address + path)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<16))
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s%s: %s: %s", address, path, response.Status, body)
	}
	return string(body), err
}

// through has one pod get another's address.
func through(p *pod, address string) (string, error) {
	return ask(p.Status.PodIP+":8080", "/get?url="+url.QueryEscape("http://"+address+"/starts"))
}

func (r *row0) names(t *testing.T) {
	zero, one := r.pod(t, "web-0"), r.pod(t, "web-1")
	local.Wait(t, limit, "the name of web-1", func() string {
		got, err := ask(zero.Status.PodIP+":8080", "/lookup?name=web-1.web.row0.svc.cluster.local")
		if err != nil || got != "["+one.Status.PodIP+"]" {
			return fmt.Sprint(got, err)
		}
		return ""
	})
	for _, address := range []string{"vip.row0.svc.cluster.local", one.Status.PodIP + ":8080", "10.210.9.11:30800", "10.210.9.12:30800"} {
		local.Wait(t, limit, address+" from a pod", func() string {
			if got, err := through(zero, address); err != nil || got != "start\n" {
				return fmt.Sprint(got, err)
			}
			return ""
		})
	}
	if got, err := ask("10.210.9.12:30800", "/starts"); err != nil || got != "start\n" {
		t.Errorf("a node's port from the host: %q, %v", got, err)
	}
}

func (r *row0) streams(t *testing.T) {
	if got := r.Kubectl(t, "logs", "-n", "row0", "web-0"); !strings.Contains(got, "listening on") {
		t.Errorf("logs: %q", got)
	}
	if got := r.Kubectl(t, "exec", "-n", "row0", "web-0", "--", "/app", "hello"); got != "said: hello\n" {
		t.Errorf("exec: %q", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	forward := r.KubectlCommand(ctx, "port-forward", "-n", "row0", "--address", "127.0.0.1", "pod/web-1", ":8080")
	said, err := forward.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := forward.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cancel()
		_ = forward.Wait()
	}()
	var address string
	if _, err := fmt.Fscanf(said, "Forwarding from %s ->", &address); err != nil {
		t.Fatalf("port-forward said nothing of its address: %v", err)
	}
	if got, err := ask(address, "/starts"); err != nil || got != "start\n" {
		t.Errorf("port-forward: %q, %v", got, err)
	}
}

func (r *row0) drain(t *testing.T) {
	before := r.on(t, "node2")
	r.Kubectl(t, "drain", "node2", "--ignore-daemonsets", "--delete-emptydir-data", "--timeout", "120s")
	local.Wait(t, limit, "a new pod that cannot be placed", func() string {
		p := r.pod(t, before.Metadata.Name)
		if p.Metadata.UID == "" || p.Metadata.UID == before.Metadata.UID || p.Spec.NodeName != "" {
			return fmt.Sprintf("UID %s (was %s) on %q", p.Metadata.UID, before.Metadata.UID, p.Spec.NodeName)
		}
		return ""
	})
	r.Kubectl(t, "uncordon", "node2")
	local.Wait(t, limit, "both pods ready again", func() string { return r.podsReady(t) })
	after := r.on(t, "node2")
	if got, err := ask(after.Status.PodIP+":8080", "/starts"); err != nil || got != "start\nstart\n" {
		t.Errorf("the volume holds %q, %v; want two starts", got, err)
	}
}

func (r *row0) nodeStop(t *testing.T) {
	before := r.on(t, "node2")
	r.Ctl(t, "node", "stop", "2")
	r.nodeReady(t, "node2", "Unknown")
	if got, err := ask(before.Status.PodIP+":8080", "/starts"); err != nil {
		t.Errorf("the container ended with kubelet and containerd: %q, %v", got, err)
	}
	r.Ctl(t, "node", "start", "2")
	r.nodeReady(t, "node2", "True")
	local.Wait(t, limit, "both pods ready again", func() string { return r.podsReady(t) })
	after := r.on(t, "node2")
	if before.Status.ContainerStatuses[0] != after.Status.ContainerStatuses[0] {
		t.Errorf("container %v is now %v", before.Status.ContainerStatuses, after.Status.ContainerStatuses)
	}
}

func (r *row0) cutAPI(t *testing.T) {
	one, two := r.on(t, "node1"), r.on(t, "node2")
	r.Ctl(t, "node", "cut", "2", "api")
	r.nodeReady(t, "node2", "Unknown")
	if _, err := through(one, two.Status.PodIP+":8080"); err != nil {
		t.Errorf("a peer is not reached: %v", err)
	}
	if got, err := through(two, "10.239.0.1:443"); err == nil {
		t.Errorf("a pod of the cut node reaches the API server: %q", got)
	}
	if got, err := ask(two.Status.PodIP+":8080", "/lookup?name=web-0.web.row0.svc.cluster.local"); err != nil {
		t.Errorf("names are gone too: %q, %v", got, err)
	}
	r.Ctl(t, "node", "heal", "2")
	r.nodeReady(t, "node2", "True")
}

func (r *row0) cutAll(t *testing.T) {
	one, two := r.on(t, "node1"), r.on(t, "node2")
	r.Ctl(t, "node", "cut", "2", "all")
	r.nodeReady(t, "node2", "Unknown")
	if got, err := through(one, two.Status.PodIP+":8080"); err == nil {
		t.Errorf("a peer is still reached: %q", got)
	}
	r.Ctl(t, "node", "heal", "2")
	r.nodeReady(t, "node2", "True")
	local.Wait(t, limit, "both pods ready again", func() string { return r.podsReady(t) })
	if _, err := through(r.on(t, "node1"), r.on(t, "node2").Status.PodIP+":8080"); err != nil {
		t.Errorf("a peer is not reached after the cut is healed: %v", err)
	}
}

func (r *row0) control(t *testing.T) {
	r.Ctl(t, "apiserver", "stop")
	if out, err := r.TryKubectl("get", "nodes", "--request-timeout", "2s"); err == nil {
		t.Errorf("the API server answers when it is stopped: %s", out)
	}
	if _, err := ask("10.210.9.11:30800", "/starts"); err != nil {
		t.Errorf("pods do not outlive the API server: %v", err)
	}
	r.Ctl(t, "apiserver", "start")
	r.Kubectl(t, "get", "nodes")

	r.Ctl(t, "controller-manager", "stop")
	r.Kubectl(t, "scale", "statefulset", "-n", "row0", "web", "--replicas", "1")
	r.Ctl(t, "controller-manager", "start")
	local.Wait(t, limit, "the controllers' return", func() string {
		if p := r.pod(t, "web-1"); p.Metadata.UID != "" {
			return "web-1 is still there"
		}
		return ""
	})
}

func (r *row0) etcd(t *testing.T) {
	const marker = "marker-of-an-old-revision"
	file := filepath.Join(t.TempDir(), "etcd.db")
	r.Kubectl(t, "create", "configmap", "-n", "row0", "a", "--from-literal", "k="+marker)
	r.Kubectl(t, "delete", "configmap", "-n", "row0", "a")
	r.Ctl(t, "etcd", "snapshot", file)
	copied, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(copied), marker) {
		t.Error("the copy lacks a revision that was deleted")
	}
	r.Kubectl(t, "create", "configmap", "-n", "row0", "b", "--from-literal", "k=v")
	r.Ctl(t, "etcd", "restore", file)
	if _, err := r.TryKubectl("get", "configmap", "-n", "row0", "b"); err == nil || !strings.Contains(err.Error(), "NotFound") {
		t.Errorf("what was made after the copy: %v, want NotFound", err)
	}
	for _, node := range []string{"node1", "node2"} {
		r.nodeReady(t, node, "True")
	}
}

func (r *row0) audit(t *testing.T) {
	log, err := os.ReadFile(strings.TrimSpace(r.Ctl(t, "audit")))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"resource":"statefulsets"`, `"username":"admin"`, `"subresource":"eviction"`, `"username":"system:node:node2"`} {
		if !strings.Contains(string(log), want) {
			t.Errorf("the audit log lacks %s", want)
		}
	}
}

// nothingLeft looks for what a cluster consists of.
func nothingLeft(t *testing.T, folder string) {
	for what, command := range map[string]string{
		"network namespaces": "ip netns list | grep bedrock9",
		"links":              "ip -o link show | grep -E ' bk9[c0-9]*[@:]'",
		"routes":             "ip route | grep -E '10\\.(210\\.9|229|239)\\.'",
		"mounts":             "grep " + folder + " /proc/mounts",
		"cgroups":            "find /sys/fs/cgroup -maxdepth 2 -name 'bedrock9-*'",
		"folders":            "ls -d " + folder,
		"plugins' records":   "ls -d /var/lib/cni/results/bedrock9-*",
	} {
		// The status is grep's or ls's: not zero when there is nothing.
		out, _ := exec.CommandContext(t.Context(), "bash", "-c", command+" 2>/dev/null").Output()
		if left := strings.TrimSpace(string(out)); left != "" {
			t.Errorf("%s are left: %s", what, left)
		}
	}
	commands, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range commands {
		// A process may end meanwhile.
		if line, err := os.ReadFile(c); err == nil && strings.Contains(string(line), folder+"/") {
			t.Errorf("a process is left: %s: %q", c, line)
		}
	}
}
