//go:build e2e

package operator

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/names"
)

// Row 3, b and c: a node is cut off from the API and not from its peers, and its
// validator is taken over under load: the old process runs on and signs nothing in the
// new epoch; healed, it leaves, and its key is deleted.
func TestRow3TakeoverOfOneCutOff(t *testing.T) {
	n := shared.deploy(t, nil)
	wait(t, "4 validators Ready and finalising", 90*time.Second, func() (bool, string) { return n.ready(4) })
	l := n.startLoad()
	wait(t, "100 transfers final", 60*time.Second, func() (bool, string) { return l.progress() >= 100, "" })
	victim, pod := n.awayFromOperator()
	number := strings.TrimPrefix(pod.Spec.NodeName, "node")
	old := n.process(pod.UID)
	dir := n.signerFolder(names.SignerClaim(victim.Name, 1))

	n.ctl(t, "node", "cut", number, "api")
	t.Cleanup(func() { n.ctlAfter(t, "node", "heal", number) })
	l.resetPause()
	t.Log(n.bedrock("takeover", victim.Name, "--dry-run"))
	t.Log(n.bedrock("takeover", victim.Name, "--wait", (4 * time.Minute * slow).String()))
	n.waitTakenOver(victim.Name, time.Minute)
	epoch := n.epochOf(string(n.validator(victim.Name).Status.Instances[1].Identity))
	t.Logf("the chain names instance 2 from epoch %d on", epoch)
	done := l.progress()
	wait(t, "200 transfers final after it", 90*time.Second, func() (bool, string) { return l.progress() >= done+200, "" })
	timer := n.timer()
	if p := l.pause(); p > 5*timer*slow {
		t.Errorf("no transfer was final for %s: more than 5 view timers of %s", p, timer)
	} else {
		t.Logf("the longest pause is %s, a view timer %s", p, timer)
	}
	if now := n.process(pod.UID); now != old {
		t.Errorf("the old process %d did not run on: now it is %d", old, now)
	}
	if last := n.lastEpoch(dir); last >= epoch {
		t.Errorf("the old instance is on record with epoch %d: the chain names another from %d on", last, epoch)
	}

	n.ctl(t, "node", "heal", number)
	wait(t, "the old instance to leave", 3*time.Minute, func() (bool, string) {
		_, err := n.pod(victim.Name, 1)
		return err != nil, "its pod is there"
	})
	for _, key := range []string{"network.key", "consensus.key"} {
		if _, err := os.Stat(filepath.Join(dir, key)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s of the old instance: %v, want it to be deleted", key, err)
		}
	}
	if last := n.lastEpoch(dir); last >= epoch {
		t.Errorf("the old instance is on record with epoch %d after all", last)
	}
}

// awayFromOperator is a validator on another node than the operator's: what is cut off
// is the validator alone.
func (n *network) awayFromOperator() (*v1alpha1.Validator, *corev1.Pod) {
	n.Helper()
	var operators corev1.PodList
	if err := n.List(n.Context(), &operators, client.InNamespace("bedrock-system")); err != nil {
		n.Fatal(err)
	}
	for _, v := range n.validators() {
		pod, err := n.pod(v.Name, 1)
		if err != nil {
			n.Fatal(err)
		}
		if !slices.ContainsFunc(operators.Items, func(o corev1.Pod) bool { return o.Spec.NodeName == pod.Spec.NodeName }) {
			return &v, pod
		}
	}
	n.Fatal("the operator runs beside every validator")
	return nil, nil
}

// timer is the chain's view timer before anything failed.
func (n *network) timer() time.Duration {
	n.Helper()
	return time.Duration(n.genesis().Document.Timing.BaseMs) * time.Millisecond
}
