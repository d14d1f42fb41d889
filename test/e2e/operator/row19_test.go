//go:build e2e

package operator

import (
	"os"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
)

// Row 19: an idle chain takes nobody over, and still grants tokens. E2E_IDLE shortens
// its 10 minutes.
func TestRow19Idle(t *testing.T) {
	idle := lasting(t, "E2E_IDLE", 10*time.Minute)
	n := shared.deploy(t, nil)
	wait(t, "4 validators Ready and finalising", 90*time.Second, func() (bool, string) { return n.ready(4) })
	l := n.startLoad()
	wait(t, "20 transfers final", 60*time.Second, func() (bool, string) { return l.progress() >= 20, "" })
	l.cancel()
	l.all.Wait()

	end, missing := time.Now().Add(idle), map[string]string{}
	wait(t, "the idle time to pass", idle+time.Minute, func() (bool, string) {
		for _, v := range n.validators() {
			if len(v.Status.Instances) != 1 || v.Status.Takeover != nil {
				t.Fatalf("%s is taken over on an idle chain: %s", v.Name, n.story(v.Status.Conditions, v1alpha1.ValidatorTakeover))
			}
			if meta.IsStatusConditionTrue(v.Status.Conditions, v1alpha1.ValidatorMissing) {
				missing[v.Name] = n.story(v.Status.Conditions, v1alpha1.ValidatorMissing)
			}
		}
		return time.Now().After(end), ""
	})
	for name, why := range missing {
		t.Errorf("%s counted as missing on an idle chain: %s", name, why)
	}
	if c := n.get().Status.Conditions; !meta.IsStatusConditionTrue(c, v1alpha1.NetworkFinalizing) || !meta.IsStatusConditionTrue(c, v1alpha1.NetworkDisruptable) {
		t.Errorf("after the idle time: %s; %s", n.story(c, v1alpha1.NetworkFinalizing), n.story(c, v1alpha1.NetworkDisruptable))
	}

	victim := n.validators()[2].Name
	t.Log(n.bedrock("safe-to-delete", victim))
	t.Log(n.bedrock("disrupt", victim, "--reason", "a test of an idle chain", "--wait", (time.Minute * slow).String()))
	host := n.host(victim)
	n.cordon(host)
	n.kubectl(t, "drain", host, "--ignore-daemonsets", "--delete-emptydir-data", "--pod-selector", v1alpha1.LabelValidator+"="+victim, "--timeout", (time.Minute * slow).String())
	n.kubectl(t, "uncordon", host)
	n.bedrock("disrupt", victim, "--cancel")
	wait(t, "4 validators Ready", 90*time.Second, func() (bool, string) { return n.ready(4) })
}

// lasting is a duration of a row, or the one of the environment.
func lasting(t *testing.T, variable string, otherwise time.Duration) time.Duration {
	t.Helper()
	s := os.Getenv(variable)
	if s == "" {
		return otherwise
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	t.Logf("%s shortens %s to %s", variable, otherwise, d)
	return d
}
