//go:build e2e

package operator

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/names"
)

// Row 3, a: a node's kubelet and containerd stop while its validator's process lives,
// the pod is deleted by force, and the kubelet comes back: the volume's lock refuses the
// second process while the first lives. So that it does live, what would end it for the
// kubelet (its shim) hangs until the test lets it go on. // rule: exclusive-volume
func TestRow3VolumeLock(t *testing.T) {
	n := shared.deploy(t, nil)
	wait(t, "4 validators Ready and finalising", 90*time.Second, func() (bool, string) { return n.ready(4) })
	l := n.startLoad()
	wait(t, "100 transfers final", 60*time.Second, func() (bool, string) { return l.progress() >= 100, "" })
	victim, pod := n.awayFromOperator()
	number := strings.TrimPrefix(pod.Spec.NodeName, "node")
	first := n.process(pod.UID)
	dir := n.signerFolder(names.SignerClaim(victim.Name, 1))
	boots := bootsOf(t, dir)
	l.remember() // the first process keeps its address

	n.ctl(t, "node", "stop", number)
	t.Cleanup(func() { n.ctlAfter(t, "node", "start", number) })
	n.kubectl(t, "delete", "pod", "-n", n.ns, pod.Name, "--force", "--grace-period=0")
	var second *corev1.Pod
	wait(t, "another pod to be made", 60*time.Second, func() (bool, string) {
		now, err := n.pod(victim.Name, 1)
		second = now
		return err == nil && now.UID != pod.UID, fmt.Sprint(err)
	})
	l.resetPause()
	done := l.progress()
	wait(t, "200 transfers final without the node", 90*time.Second, func() (bool, string) { return l.progress() >= done+200, "" })
	if ok, why := l.signing(pod.Name); !ok {
		t.Errorf("the first process does not sign while its kubelet is away: %s", why)
	}

	n.ctl(t, "node", "start", number, "containerd")
	resume := hang(t, first)
	n.ctl(t, "node", "start", number)
	message := ""
	wait(t, "the second process to be refused", 4*time.Minute, func() (bool, string) {
		now, err := n.pod(victim.Name, 1)
		if err != nil || now.UID != second.UID {
			return false, fmt.Sprintf("the pod is another one: %v", err)
		}
		message = lastEnd(now)
		return strings.Contains(message, "locked by another process"), fmt.Sprintf("%s: %q", now.Status.Phase, message)
	})
	t.Logf("the second process: %s", strings.TrimSpace(message))
	done = l.progress()
	wait(t, "200 transfers final while two want the volume", 90*time.Second, func() (bool, string) { return l.progress() >= done+200, "" })
	n.waitValidator(victim.Name, v1alpha1.ValidatorRunning, "False", "NodeEnds", 3*time.Minute, "locked by another process")
	if p := l.pause(); p > 5*n.timer()*slow {
		t.Errorf("no transfer was final for %s: more than 5 view timers of %s", p, n.timer())
	} else {
		t.Logf("the longest pause is %s", p)
	}
	if ok, why := l.signing(pod.Name); !ok {
		t.Errorf("the first process does not sign: %s", why)
	}
	if err := syscall.Kill(first, 0); err != nil {
		t.Errorf("the first process %d: %v, want it to have lived on", first, err)
	}
	// Who opens the volume counts a boot before it signs.
	if now := bootsOf(t, dir); now != boots {
		t.Errorf("the volume was opened %d times, %d before: the second process got in", now, boots)
	}

	resume()
	wait(t, "the first process to end", 3*time.Minute, func() (bool, string) {
		return errors.Is(syscall.Kill(first, 0), syscall.ESRCH), "it lives"
	})
	l.forget()
	wait(t, "4 validators Ready", 7*time.Minute, func() (bool, string) { return n.ready(4) })
	if now := bootsOf(t, dir); now != boots+1 {
		t.Errorf("the volume was opened %d times, %d before, want one more", now, boots)
	}
	done = l.progress()
	wait(t, "100 transfers final after it", 60*time.Second, func() (bool, string) { return l.progress() >= done+100, "" })
}

// hang stops the shim of a container's process, which alone can end it for a kubelet,
// until resume, which is called at the test's end at the latest.
func hang(t *testing.T, process int) (resume func()) {
	t.Helper()
	shim := parent(t, process)
	command, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(shim), "cmdline"))
	if err != nil || !strings.Contains(string(command), "containerd-shim") {
		t.Fatalf("the parent %d of process %d is no shim: %q, %v", shim, process, command, err)
	}
	if err := syscall.Kill(shim, syscall.SIGSTOP); err != nil {
		t.Fatalf("stop the shim %d: %v", shim, err)
	}
	done := false
	resume = func() {
		if !done {
			done = true
			if err := syscall.Kill(shim, syscall.SIGCONT); err != nil && !errors.Is(err, syscall.ESRCH) {
				t.Errorf("let the shim %d go on: %v", shim, err)
			}
		}
	}
	t.Cleanup(resume)
	return resume
}

// parent is the process that started another one.
func parent(t *testing.T, process int) int {
	t.Helper()
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(process), "status"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "PPid:"); ok {
			pid, err := strconv.Atoi(strings.TrimSpace(rest))
			if err != nil {
				t.Fatal(err)
			}
			return pid
		}
	}
	t.Fatalf("process %d tells no parent", process)
	return 0
}

// lastEnd is what the node's container said when it ended last.
func lastEnd(pod *corev1.Pod) string {
	for _, s := range pod.Status.ContainerStatuses {
		for _, state := range []corev1.ContainerState{s.State, s.LastTerminationState} {
			if state.Terminated != nil {
				return state.Terminated.Message
			}
		}
	}
	return ""
}

// bootsOf is how often an instance's volume was opened.
func bootsOf(t *testing.T, dir string) int {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, "boots"))
	if err != nil {
		t.Fatal(err)
	}
	boots, err := strconv.Atoi(strings.TrimSpace(string(raw)))
	if err != nil {
		t.Fatal(err)
	}
	return boots
}
