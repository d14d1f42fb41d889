package disruption

import (
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/chain/chaintest"
	"github.com/bedrock-bft/bedrock/controllers/faults"
)

// rollout gives every validator's template a new image and turns the world until all run
// it, with every pass under a script. It answers how often each pod was made anew.
func (g *rig) rollout(script *faults.Script) map[string]int {
	g.t.Helper()
	g.pass()
	uids, made := map[string]types.UID{}, map[string]int{}
	for _, name := range g.names {
		uids[name] = g.podOf(name).UID
		g.must(g.c.Update(g.t.Context(), g.set(name, "bedrock:2")))
	}
	for range 120 {
		g.passIn(faults.With(g.t.Context(), script.Inject))
		g.budgetStatus()
		out := 0
		for _, name := range g.names {
			p := g.podOf(name)
			if p == nil || p.DeletionTimestamp != nil {
				out++
			} else if p.UID != uids[name] {
				uids[name] = p.UID
				made[name]++
			}
		}
		if out > 1 {
			g.t.Fatalf("%d validators are out at once", out)
		}
		if reason, _ := g.reason("", v1alpha1.NetworkRollout); reason == "Ready" && len(made) == len(g.names) {
			return made
		}
		for _, name := range g.names {
			if p := g.podOf(name); p == nil || p.DeletionTimestamp != nil {
				g.kubelet(name, "bedrock:2")
			}
		}
		g.chain.Advance(2)
		g.clock.SetTime(g.clock.Now().Add(2 * time.Second))
	}
	g.t.Fatalf("the rollout does not come to its end: made anew %v, ledger %+v", made, g.ledger())
	return nil
}

// Killed before and after every write of a rollout it comes to the same end: each pod is
// replaced once, never two at a time, and no token is left.
func TestRolloutConvergesWhenKilledAnywhere(t *testing.T) {
	g := newRig(t, chaintest.Options{})
	script := &faults.Script{}
	g.rollout(script)
	places := chosen(script.Passed())
	if len(places) < 10 {
		t.Fatalf("only %d fault points in a rollout: %v", len(places), places)
	}
	for _, at := range places {
		t.Run(at.String(), func(t *testing.T) {
			t.Parallel()
			g := newRig(t, chaintest.Options{})
			script := &faults.Script{At: &at}
			made := g.rollout(script)
			if !script.Fired() {
				t.Fatalf("%s was never passed", at)
			}
			for name, times := range made {
				if times != 1 {
					t.Errorf("%s was restarted %d times", name, times)
				}
			}
			if l := g.ledger(); len(l.Tokens) != 0 || len(l.Requests) != 0 {
				t.Errorf("at the end the ledger holds %+v", l)
			}
		})
	}
}

// A validator that does not come up with the new image stops the rollout at once, with
// its name and its last words.
func TestRolloutStopsAtTheFirstThatDoesNotComeUp(t *testing.T) {
	g := newRig(t, chaintest.Options{})
	g.pass()
	for _, name := range g.names {
		g.must(g.c.Update(t.Context(), g.set(name, "bedrock:2")))
	}
	first := ""
	for range 12 {
		g.pass()
		g.budgetStatus()
		for _, name := range g.names {
			p := g.podOf(name)
			switch {
			case p == nil && first == name: // the kubelet starts it, and it ends
				g.run(name, "bedrock:2")
				g.node(name).Stop()
				g.ends(name)
			case p != nil && p.DeletionTimestamp != nil:
				if first != "" && first != name {
					t.Fatalf("%s goes too, while %s does not come up", name, first)
				}
				first = name
				g.kubelet(name, "bedrock:2")
			}
		}
		g.chain.Advance(2)
		g.clock.SetTime(g.clock.Now().Add(2 * time.Second))
	}
	reason, message := g.reason("", v1alpha1.NetworkRollout)
	if first == "" || reason != "RolloutPaused" || !strings.Contains(message, first) || !strings.Contains(message, "no such flag") {
		t.Fatalf("%s does not come up; %s: %s", first, reason, message)
	}
	for _, name := range g.names {
		g.must(g.c.Update(t.Context(), g.set(name, "bedrock:1")))
	}
	g.until("the image before", "bedrock:1", func() bool {
		reason, _ := g.reason("", v1alpha1.NetworkRollout)
		return reason == "Ready" && g.podOf(first).Spec.Containers[0].Image == "bedrock:1"
	})
}

// ends has a pod's container end again and again.
func (g *rig) ends(name string) {
	g.t.Helper()
	pod := g.podOf(name)
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionFalse}}
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "node", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}},
		LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1, Message: "no such flag"}}}}
	g.must(g.c.Status().Update(g.t.Context(), pod))
}

// No validator is restarted before the full nodes have, and run, what is recorded: the
// template is compared, not its status alone.
func TestFullNodesAreComparedWithWhatIsRecorded(t *testing.T) {
	n := &v1alpha1.BedrockNetwork{Spec: v1alpha1.BedrockNetworkSpec{Image: "refused:3", FullNodes: &v1alpha1.FullNodes{}},
		Status: v1alpha1.BedrockNetworkStatus{Image: &v1alpha1.NodeImage{Image: "run:2"}, DatabaseSchema: 2}}
	set := func(image, schema string, ready int32) *appsv1.StatefulSet {
		s := &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Name: "net-full"}, Status: appsv1.StatefulSetStatus{UpdatedReplicas: ready, ReadyReplicas: ready}}
		s.Spec.Template.Annotations = map[string]string{v1alpha1.AnnotationDatabaseSchema: schema}
		s.Spec.Template.Spec.Containers = []corev1.Container{{Image: image}}
		return s
	}
	for _, tt := range []struct {
		set  *appsv1.StatefulSet
		says string
	}{
		{set("run:2", "2", 1), ""},
		{set("run:2", "2", 0), "0 of 1"},
		{set("old:1", "2", 1), "has image old:1"},
		{set("run:2", "", 1), "migrate to schema 2"},
	} {
		if got := fullNodesLack(n, tt.set, nil); (tt.says == "") != (got == "") || !strings.Contains(got, tt.says) {
			t.Errorf("%q, want %q", got, tt.says)
		}
	}
}

// chosen are the fault points that are tried: every one, or of each kind the one in the
// middle of the run.
func chosen(passed []faults.Place) []faults.Place {
	if *allFlag {
		return passed
	}
	return faults.Middles(passed)
}
