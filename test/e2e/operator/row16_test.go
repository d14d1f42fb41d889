//go:build e2e

package operator

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/controllers/names"
)

// Row 16: API server and operator are away under load, and two nodes' processes die one
// after the other: nodes need neither. // rule: safe-without-operator
func TestRow16WithoutControlPlane(t *testing.T) {
	away := lasting(t, "E2E_AWAY", 10*time.Minute)
	n := shared.deploy(t, nil)
	wait(t, "4 validators Ready and finalising", 90*time.Second, func() (bool, string) { return n.ready(4) })
	l := n.startLoad()
	wait(t, "20 transfers final", 60*time.Second, func() (bool, string) { return l.progress() >= 20, "" })
	l.remember() // addresses cannot be asked for while the API server is away

	type victim struct {
		name string
		pod  types.UID
	}
	var victims []victim
	for _, v := range n.validators()[:2] {
		pod, err := n.pod(v.Name, 1)
		if err != nil {
			t.Fatal(err)
		}
		victims = append(victims, victim{v.Name, pod.UID})
	}
	n.stopOperator()
	t.Cleanup(func() { n.ctlAfter(t, "controller-manager", "start") }) // after the API server
	t.Cleanup(func() { n.ctlAfter(t, "apiserver", "start") })
	n.ctl(t, "controller-manager", "stop")
	n.ctl(t, "apiserver", "stop")
	l.resetPause()
	end := time.Now().Add(away)
	for _, v := range victims {
		done := l.progress()
		n.killNode(v.pod)
		wait(t, "transfers final after "+v.name+" was killed", 60*time.Second, func() (bool, string) { return l.progress() >= done+100, "" })
		wait(t, v.name+" to sign again", 90*time.Second, func() (bool, string) { return l.signing(names.Pod(v.name, 1)) })
	}
	wait(t, "the time without control plane to pass", time.Until(end)+time.Minute, func() (bool, string) { return time.Now().After(end), "" })
	if p := l.pause(); p > 30*time.Second*slow {
		t.Errorf("no transfer was final for %s", p)
	}
}

// stopOperator has no operator run until the test ends.
func (n *network) stopOperator() {
	n.Helper()
	scale := func(replicas string) error {
		out, err := n.tryKubectl("scale", "deployment", "-n", "bedrock-system", "bedrock-operator", "--replicas", replicas)
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	}
	n.Cleanup(func() {
		if err := scale("1"); err != nil {
			n.Errorf("start the operator again: %v", err)
		}
	})
	if err := scale("0"); err != nil {
		n.Fatalf("stop the operator: %v", err)
	}
	wait(n.T, "the operator to end", 60*time.Second, func() (bool, string) {
		var pods corev1.PodList
		err := n.List(n.Context(), &pods, client.InNamespace("bedrock-system"))
		return err == nil && len(pods.Items) == 0, fmt.Sprintf("%d pods: %v", len(pods.Items), err)
	})
}

// killNode ends the node's process of a validator with SIGKILL, on this machine.
func (n *network) killNode(uid types.UID) {
	n.Helper()
	pid := n.process(uid)
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		n.Fatalf("kill %d: %v", pid, err)
	}
}

// process is the node's process of a pod.
func (n *network) process(uid types.UID) int {
	n.Helper()
	pid := n.processOf(uid, "bedrock\x00start")
	if pid == 0 {
		n.Fatalf("no process of the pod %s is on this machine", uid)
	}
	return pid
}

// processOf is a pod's process with such a command line; 0: there is none. A container's
// process is one of this kernel: it is found by its pod's UID in the name of its cgroup.
func (n *network) processOf(uid types.UID, commandLine string) int {
	n.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		n.Fatal(err)
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		group, err := os.ReadFile(filepath.Join("/proc", e.Name(), "cgroup"))
		if err != nil || !strings.Contains(strings.ReplaceAll(string(group), "_", "-"), "pod"+string(uid)) {
			continue
		}
		command, err := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline"))
		if err == nil && strings.Contains(string(command), commandLine) {
			return pid
		}
	}
	return 0
}
