//go:build e2e

package operator

import (
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	kube "sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
)

func count(c int32) func(*v1alpha1.BedrockNetwork) {
	return func(b *v1alpha1.BedrockNetwork) { b.Spec.Validators.Count = &c }
}

// Row 8: of seven validators two are dead, and the network is shrunk to four. The dead
// leave first, though a living one that leaves too comes before them by name, and the
// chain never stands still. // rule: leave-only-by-scale
func TestRow8TheDeadLeaveFirst(t *testing.T) {
	n := shared.deploy(t, func(b *v1alpha1.BedrockNetwork) {
		count(7)(b)
		b.Spec.Takeover = v1alpha1.TakeoverManual
	})
	wait(t, "7 validators Ready and finalising", 3*time.Minute, func() (bool, string) { return n.ready(7) })
	l := n.startLoad()
	wait(t, "20 transfers final", 60*time.Second, func() (bool, string) { return l.progress() >= 20, "" })

	all := n.validators()
	for _, v := range all[5:] {
		pod, err := n.pod(v.Name, 1)
		if err != nil {
			t.Fatal(err)
		}
		number := strings.TrimPrefix(n.host(v.Name), "node")
		n.ctl(t, "node", "stop", number) // nothing starts it again
		t.Cleanup(func() { n.ctlAfter(t, "node", "start", number) })
		n.killNode(pod.UID)
	}
	done := l.progress()
	wait(t, "20 transfers final with two dead", 60*time.Second, func() (bool, string) { return l.progress() >= done+20, "" })
	for _, v := range all[5:] {
		n.waitValidator(v.Name, v1alpha1.ValidatorMissing, "True", "VotesNotSeen", 2*time.Minute)
	}
	l.resetPause()
	steps := n.watchSet()
	n.change(count(4))
	wait(t, "a set of 4", 4*time.Minute, func() (bool, string) {
		set := steps()
		return set[len(set)-1].validators == 4, n.story(n.get().Status.Conditions, v1alpha1.NetworkMembership)
	})
	steps.oneByOne(t)
	left := n.leftInOrder()
	for i, identity := range left {
		name := "nobody's"
		for _, v := range all {
			if string(v.Status.Instances[0].Identity) == identity {
				name = v.Name
			}
		}
		t.Logf("left %d: %s", i+1, name)
		if dead := i < 2; dead != slices.ContainsFunc(all[5:], func(v v1alpha1.Validator) bool { return v.Name == name }) {
			t.Errorf("%s left in place %d: the dead are %s and %s", name, i+1, all[5].Name, all[6].Name)
		}
	}
	if len(left) != 3 {
		t.Errorf("%d left the set, want 3", len(left))
	}
	wait(t, "4 validators Ready", 3*time.Minute, func() (bool, string) { return n.ready(4) })
	done = l.progress()
	wait(t, "transfers final after it", 60*time.Second, func() (bool, string) { return l.progress() >= done+20, "" })
	if p := l.pause(); p > 20*time.Second*slow {
		t.Errorf("no transfer was final for %s", p)
	}
}

// Row 8: a newcomer that no peer reaches gets no power, however long the chain goes on,
// and gets it once it is reached.
func TestRow8UnreachableNewcomer(t *testing.T) {
	n := shared.deploy(t, nil)
	wait(t, "4 validators Ready and finalising", 90*time.Second, func() (bool, string) { return n.ready(4) })
	l := n.startLoad()
	wait(t, "20 transfers final", 60*time.Second, func() (bool, string) { return l.progress() >= 20, "" })
	free := n.freeHosts()
	for _, number := range free {
		n.ctl(t, "node", "cut", number, "p2p")
		t.Cleanup(func() { n.ctlAfter(t, "node", "heal", number) })
	}
	steps := n.watchSet()
	n.change(count(5))
	newcomer := n.name + "-4"
	wait(t, "the newcomer's pod to run", 2*time.Minute, func() (bool, string) {
		pod, err := n.pod(newcomer, 1)
		if err != nil {
			return false, err.Error()
		}
		return pod.Status.Phase == corev1.PodRunning, string(pod.Status.Phase)
	})
	if host := strings.TrimPrefix(n.host(newcomer), "node"); !slices.Contains(free, host) {
		t.Fatalf("the newcomer runs on node%s, cut off are %v", host, free)
	}
	done := l.progress()
	wait(t, "100 transfers final beside it", 90*time.Second, func() (bool, string) { return l.progress() >= done+100, "" })
	n.waitCondition(v1alpha1.NetworkMembership, "False", "Syncing", 60*time.Second, newcomer)
	if set := steps(); set[len(set)-1].validators != 4 {
		t.Errorf("the newest epoch is %+v: the newcomer is out of reach", set[len(set)-1])
	}
	t.Log(n.story(n.get().Status.Conditions, v1alpha1.NetworkMembership))
	for _, number := range free {
		n.ctl(t, "node", "heal", number)
	}
	wait(t, "5 validators Ready", 4*time.Minute, func() (bool, string) { return n.ready(5) })
	steps.oneByOne(t)
}

// freeHosts are the numbers of the nodes on which nothing of the network runs.
func (n *network) freeHosts() []string {
	n.Helper()
	var nodes corev1.NodeList
	var pods corev1.PodList
	if err := n.List(n.Context(), &nodes); err != nil {
		n.Fatal(err)
	}
	if err := n.List(n.Context(), &pods, kube.InNamespace(n.ns)); err != nil {
		n.Fatal(err)
	}
	var out []string
	for i := range nodes.Items {
		name := nodes.Items[i].Name
		if !slices.ContainsFunc(pods.Items, func(p corev1.Pod) bool { return p.Spec.NodeName == name }) {
			out = append(out, strings.TrimPrefix(name, "node"))
		}
	}
	if len(out) == 0 {
		n.Fatal("every node runs something of the network: a newcomer has no host")
	}
	return out
}
