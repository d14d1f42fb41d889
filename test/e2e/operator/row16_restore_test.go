//go:build e2e

package operator

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/names"
)

// Row 16: etcd is restored to a copy from before a takeover, and the instance that was
// taken over comes back with its key: the objects call it the active one, and it signs
// nothing. It is named, and the end is the chain's state. // rule: chain-over-API
func TestRow16EtcdFromBeforeATakeover(t *testing.T) {
	n := shared.deploy(t, nil)
	wait(t, "4 validators Ready and finalising", 90*time.Second, func() (bool, string) { return n.ready(4) })
	l := n.startLoad()
	wait(t, "100 transfers final", 60*time.Second, func() (bool, string) { return l.progress() >= 100, "" })

	victim, pod := n.awayFromOperator()
	number := strings.TrimPrefix(pod.Spec.NodeName, "node")
	dir := n.signerFolder(names.SignerClaim(victim.Name, 1))
	n.ctl(t, "node", "stop", number)
	t.Cleanup(func() { n.ctlAfter(t, "node", "start", number) })
	if err := syscall.Kill(n.process(pod.UID), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "etcd.db")
	n.ctl(t, "etcd", "snapshot", copied)

	t.Log(n.bedrock("takeover", victim.Name, "--wait", (4 * time.Minute * slow).String()))
	n.waitTakenOver(victim.Name, time.Minute)
	second := string(n.validator(victim.Name).Status.Instances[1].Identity)
	epoch := n.epochOf(second)
	t.Logf("the chain names instance 2 from epoch %d on", epoch)
	done := l.progress()
	wait(t, "50 transfers final with it", 90*time.Second, func() (bool, string) { return l.progress() >= done+50, "" })
	n.votes.collect(t.Context())

	l.resetPause()
	n.ctl(t, "etcd", "restore", copied)
	n.ctl(t, "node", "start", number)
	if list := n.validator(victim.Name).Status.Instances; len(list) != 1 {
		t.Fatalf("%d instances after the restore, want the one of before", len(list))
	}
	n.waitValidator(victim.Name, v1alpha1.ValidatorTakeover, "False", v1alpha1.ReasonInstanceSuperseded, 3*time.Minute, second)
	if in := n.validator(victim.Name).Status.Instances[0]; in.Role != v1alpha1.InstanceSuperseded {
		t.Errorf("instance 1 has the role %s, want Superseded", in.Role)
	}
	wait(t, "the superseded instance to delete its key", 3*time.Minute, func() (bool, string) {
		_, err := os.Stat(filepath.Join(dir, "consensus.key"))
		return errors.Is(err, fs.ErrNotExist), "consensus.key is there"
	})
	if last := n.lastEpoch(dir); last >= epoch {
		t.Errorf("the superseded instance is on record with epoch %d: the chain names another from %d on", last, epoch)
	}
	done = l.progress()
	wait(t, "50 transfers final after the restore", 90*time.Second, func() (bool, string) { return l.progress() >= done+50, "" })
	if p := l.pause(); p > 30*time.Second*slow {
		t.Errorf("no transfer was final for %s", p)
	}

	// The runbook's way on: a new instance, by the chain's word. The authority lets one be
	// rotated again so soon.
	n.keys = n.operatorKey(t.TempDir())
	t.Log(n.node("tx", "authority", "set", "rotation_window_ms=0", "--key", n.keys.file, "--node", n.rpcOf(n.validators()[1].Name)))
	t.Log(n.bedrock("takeover", victim.Name, "--wait", (4 * time.Minute * slow).String()))
	n.waitTakenOver(victim.Name, time.Minute)
	wait(t, "4 validators Ready", 3*time.Minute, func() (bool, string) { return n.ready(4) })
	now := n.validator(victim.Name)
	third := string(now.Status.Instances[1].Identity)
	if third == second || n.epochOf(third) <= epoch {
		t.Errorf("instance 2 has the identity %s from epoch %d on: want one that came after %s", third, n.epochOf(third), second)
	}
	if last := n.lastEpoch(dir); last >= epoch {
		t.Errorf("the superseded instance is on record with epoch %d after all", last)
	}
}
