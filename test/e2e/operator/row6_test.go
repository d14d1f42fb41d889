//go:build e2e

package operator

import (
	"context"
	"os/exec"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
)

// Row 6: two nodes are cordoned and drained at once: the second waits while a third of
// the power would be exceeded, until the first one's votes are seen again.
func TestRow6TwoDrains(t *testing.T) {
	n := shared.deploy(t, nil)
	wait(t, "4 validators Ready and finalising", 90*time.Second, func() (bool, string) { return n.ready(4) })
	l := n.startLoad()
	wait(t, "20 transfers final", 60*time.Second, func() (bool, string) { return l.progress() >= 20, "" })
	two := n.validators()[1:3]
	names, hosts := []string{two[0].Name, two[1].Name}, []string{n.host(two[0].Name), n.host(two[1].Name)}
	was := []types.UID{n.running(names[0]), n.running(names[1])}

	n.cordon(hosts...)
	drained := []chan error{n.drain(hosts[0], names[0]), n.drain(hosts[1], names[1])}
	first := -1
	wait(t, "one of the two pods to be evicted", 2*time.Minute, func() (bool, string) {
		for k := range names {
			if n.running(names[k]) != was[k] {
				first = k
				return true, ""
			}
		}
		return false, n.story(n.validator(names[0]).Status.Conditions, v1alpha1.ValidatorDisruption) + "; " +
			n.story(n.validator(names[1]).Status.Conditions, v1alpha1.ValidatorDisruption)
	})
	second := 1 - first
	n.waitValidator(names[second], v1alpha1.ValidatorDisruption, "False", v1alpha1.ReasonPowerBudgetExhausted, 30*time.Second, names[first])
	t.Log(n.story(n.validator(names[second]).Status.Conditions, v1alpha1.ValidatorDisruption))
	done := l.progress()
	wait(t, "200 transfers final while the second drain waits", 60*time.Second, func() (bool, string) {
		if n.running(names[second]) != was[second] {
			t.Fatalf("%s was evicted while %s is down", names[second], names[first])
		}
		return l.progress() >= done+200, ""
	})

	n.kubectl(t, "uncordon", hosts[first])
	wait(t, "the second pod to be evicted", 3*time.Minute, func() (bool, string) {
		v := n.validator(names[second])
		gone := n.running(names[second]) != was[second]
		if now := n.running(names[first]); gone && (now == "" || now == was[first]) {
			t.Fatalf("%s was evicted before %s runs again", names[second], names[first])
		}
		return gone, n.story(v.Status.Conditions, v1alpha1.ValidatorDisruption)
	})
	n.kubectl(t, "uncordon", hosts[second])
	for k, d := range drained {
		if err := <-d; err != nil {
			t.Errorf("drain of %s: %v", hosts[k], err)
		}
	}
	wait(t, "4 validators Ready", 90*time.Second, func() (bool, string) { return n.ready(4) })
	wait(t, "no token to be held", time.Minute, func() (bool, string) {
		for _, name := range names {
			if c := n.validator(name).Status.Conditions; meta.IsStatusConditionTrue(c, v1alpha1.ValidatorDisruption) {
				return false, name + ": " + n.story(c, v1alpha1.ValidatorDisruption)
			}
		}
		return true, ""
	})
}

// cordon makes nodes take no new pods, until the test ends.
func (n *network) cordon(hosts ...string) {
	n.Helper()
	n.kubectl(n.T, append([]string{"cordon"}, hosts...)...)
	n.Cleanup(func() {
		if out, err := n.tryKubectl(append([]string{"uncordon"}, hosts...)...); err != nil {
			n.Errorf("uncordon: %v: %s", err, out)
		}
	})
}

// drain evicts a validator's pod as `kubectl drain` does, again and again.
func (n *network) drain(host, validator string) chan error {
	ended := make(chan error, 1)
	ctx, cancel := context.WithTimeout(n.Context(), 10*time.Minute*slow)
	go func() {
		defer cancel()
		cmd := exec.CommandContext(ctx, "kubectl", "drain", host, "--ignore-daemonsets", "--delete-emptydir-data",
			"--pod-selector", v1alpha1.LabelValidator+"="+validator)
		ended <- cmd.Run()
	}()
	return ended
}

// running is the UID of a validator's pod that is not going; empty: there is none.
func (n *network) running(validator string) types.UID {
	n.Helper()
	pod, err := n.pod(validator, 1)
	if err != nil || pod.DeletionTimestamp != nil {
		return ""
	}
	return pod.UID
}
