//go:build e2e

package operator

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Row 16: API server and operator are away under load, and two nodes' processes die one
// after the other: nodes need neither. // rule: safe-without-operator
func TestRow16WithoutControlPlane(t *testing.T) {
	away := 10 * time.Minute
	if s := os.Getenv("E2E_AWAY"); s != "" {
		var err error
		if away, err = time.ParseDuration(s); err != nil {
			t.Fatalf("E2E_AWAY: %v", err)
		}
	}
	n := shared.deploy(t, nil)
	wait(t, "4 validators Ready and finalising", 90*time.Second, func() (bool, string) { return n.ready(4) })
	l := n.startLoad()
	wait(t, "20 transfers final", 60*time.Second, func() (bool, string) { return l.progress() >= 20, "" })
	l.remember() // addresses cannot be asked for while the API server is away

	victims := []string{n.validators()[0].Name, n.validators()[1].Name}
	n.ctl(t, "apiserver", "stop")
	t.Cleanup(func() { n.ctl(t, "apiserver", "start") })
	n.ctl(t, "controller-manager", "stop")
	t.Cleanup(func() { n.ctl(t, "controller-manager", "start") })
	l.resetPause()
	end := time.Now().Add(away)
	for _, v := range victims {
		done := l.progress()
		killNode(t, n.ns, v)
		wait(t, "transfers final after "+v+" was killed", 60*time.Second, func() (bool, string) { return l.progress() >= done+100, "" })
		wait(t, v+" to sign again", 90*time.Second, func() (bool, string) { return l.signing(v + "-i1-0") })
	}
	wait(t, "the time without control plane to pass", time.Until(end)+time.Minute, func() (bool, string) { return time.Now().After(end), "" })
	if p := l.pause(); p > 30*time.Second {
		t.Errorf("no transfer was final for %s", p)
	}
}

// killNode ends the node's process of a validator with SIGKILL, on this machine.
func killNode(t *testing.T, ns, validator string) {
	t.Helper()
	// The container's process is one of this kernel: it is found by its pod's name in
	// its environment (the runtime sets HOSTNAME).
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		environ, err := os.ReadFile(filepath.Join("/proc", e.Name(), "environ"))
		if err != nil || !strings.Contains("\x00"+string(environ), "\x00HOSTNAME="+validator+"-i1-0\x00") {
			continue
		}
		command, err := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline"))
		if err != nil || !strings.Contains(string(command), "bedrock\x00start") {
			continue
		}
		p, err := os.FindProcess(pid)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Kill(); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Fatalf("no process of %s/%s is on this machine", ns, validator)
}
