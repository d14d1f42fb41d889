//go:build e2e

package operator

import (
	"context"
	"fmt"
	"strings"
	"time"

	"connectrpc.com/connect"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	kube "sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/client"
	"github.com/bedrock-bft/bedrock/controllers/podtrouble"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

func (n *network) setImage(image string) {
	n.Helper()
	n.Logf("spec.image: %s", image)
	n.change(func(b *v1alpha1.BedrockNetwork) { b.Spec.Image = image })
}

// nodes are the pods of the network's nodes.
func (n *network) nodes() []corev1.Pod {
	n.Helper()
	var list corev1.PodList
	if err := n.List(n.Context(), &list, kube.InNamespace(n.ns), kube.MatchingLabels{v1alpha1.LabelNetwork: n.name}); err != nil {
		n.Fatalf("list pods: %v", err)
	}
	var out []corev1.Pod
	for _, p := range list.Items {
		if c := p.Labels[v1alpha1.LabelComponent]; c == v1alpha1.ComponentValidator || c == v1alpha1.ComponentFullNode {
			out = append(out, p)
		}
	}
	return out
}

// pods are the UIDs of the nodes' pods, by name.
func (n *network) pods() map[string]types.UID {
	n.Helper()
	out := map[string]types.UID{}
	for _, p := range n.nodes() {
		out[p.Name] = p.UID
	}
	return out
}

// validatorPods are those of validators alone, by the validator.
func (n *network) validatorPods() map[string]types.UID {
	n.Helper()
	out := map[string]types.UID{}
	for _, p := range n.nodes() {
		if name := p.Labels[v1alpha1.LabelValidator]; name != "" {
			out[name] = p.UID
		}
	}
	return out
}

func (n *network) samePods(before map[string]types.UID) {
	n.Helper()
	n.same(before, n.pods())
}

func (n *network) same(before, now map[string]types.UID) {
	n.Helper()
	if diff := cmp.Diff(before, now); diff != "" {
		n.Errorf("pods changed under an image that should not reach them: %s", diff)
	}
}

// sameBut is same of all but one.
func (n *network) sameBut(before, now map[string]types.UID, but string) {
	n.Helper()
	for name, uid := range before {
		if name != but && now[name] != uid {
			n.Errorf("%s was restarted too, though %s did not come up", name, but)
		}
	}
}

// goesOn waits until so many more transfers are final.
func (n *network) goesOn(l *load, more int) {
	n.Helper()
	done := l.progress()
	wait(n.T, fmt.Sprintf("%d more transfers final", more), 90*time.Second, func() (bool, string) {
		return l.progress() >= done+more, fmt.Sprintf("%d", l.progress()-done)
	})
}

// allRun says whether every node's pod has an image and is ready.
func (n *network) allRun(image string) bool {
	n.Helper()
	for _, p := range n.nodes() {
		if p.DeletionTimestamp != nil || p.Spec.Containers[0].Image != image || !isReady(&p) {
			return false
		}
	}
	return true
}

func isReady(p *corev1.Pod) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// waitFullNodes waits until the full nodes run an image and are ready.
func (n *network) waitFullNodes(image string, bound time.Duration) {
	n.Helper()
	wait(n.T, "the full nodes to run "+image, bound, func() (bool, string) {
		count, state := 0, ""
		for _, p := range n.nodes() {
			if p.Labels[v1alpha1.LabelComponent] != v1alpha1.ComponentFullNode {
				continue
			}
			if p.DeletionTimestamp == nil && p.Spec.Containers[0].Image == image && isReady(&p) {
				count++
			}
			state += fmt.Sprintf("%s has %s, ready %t; ", p.Name, p.Spec.Containers[0].Image, isReady(&p))
		}
		return count > 0 && count == int(n.get().Spec.FullNodes.Count()), state
	})
}

// waitBroken waits until one validator's pod is another one, and names it.
func (n *network) waitBroken(bound time.Duration, before map[string]types.UID, first *string) {
	n.Helper()
	wait(n.T, "the first validator to get the image", bound, func() (bool, string) {
		for name, uid := range n.validatorPods() {
			if before[name] != uid {
				*first = name
				return true, ""
			}
		}
		return false, n.story(n.get().Status.Conditions, v1alpha1.NetworkRollout)
	})
}

// rollOut gives the network an image and holds that it goes in order.
func (n *network) rollOut(l *load, image string) {
	n.Helper()
	n.orderly(l, "every node to run "+image, func() { n.setImage(image) }, func() (bool, string) {
		return n.allRun(image), n.story(n.get().Status.Conditions, v1alpha1.NetworkImage)
	})
}

// orderly begins something that restarts every node, and holds until it is done that full
// nodes come before validators, validators one by one, each under a token, and the next
// only when the last one's votes are on chain above its return; then all is Ready.
func (n *network) orderly(l *load, what string, begin func(), done func() (bool, string)) {
	n.Helper()
	l.resetPause()
	before, order := n.pods(), []string{}
	seen := map[string]bool{}
	begin()
	wait(n.T, what, 12*time.Minute, func() (bool, string) {
		n.watchOrder(before, seen, &order)
		ok, state := done()
		rolled, c := n.get(), v1alpha1.NetworkRollout
		whole := meta.IsStatusConditionTrue(rolled.Status.Conditions, c)
		return ok && whole && len(order) == len(before), fmt.Sprintf("restarted %v; %s; %s", order, state, n.story(rolled.Status.Conditions, c))
	})
	n.Logf("restarted in this order: %s; longest pause %.1f s", strings.Join(order, ", "), l.pause().Seconds())
	for i, pod := range order {
		full := strings.Contains(pod, "-full-")
		if i > 0 && full && !strings.Contains(order[i-1], "-full-") {
			n.Errorf("%s restarted after %s: full nodes go first", pod, order[i-1])
		}
	}
	wait(n.T, "4 validators Ready", 3*time.Minute, func() (bool, string) { return n.ready(4) })
}

// watchOrder notes whose pod is going or another one; at most one validator may be out,
// and one that begins finds the others voting by the word of others' nodes.
func (n *network) watchOrder(before map[string]types.UID, seen map[string]bool, order *[]string) {
	n.Helper()
	now := map[string]corev1.Pod{}
	for _, p := range n.nodes() {
		now[p.Name] = p
	}
	out := []string{}
	for name, uid := range before {
		p, there := now[name]
		same := there && p.UID == uid
		if (!same || p.DeletionTimestamp != nil) && !seen[name] {
			seen[name] = true
			*order = append(*order, name)
			if !strings.Contains(name, "-full-") {
				n.otherVote(name)
			}
		}
		// One that runs again votes before the kubelet calls it ready: that it does is
		// asked of the others' nodes when the next one goes. // rule: token-back
		if !strings.Contains(name, "-full-") && (!there || p.DeletionTimestamp != nil || !up(&p)) {
			out = append(out, name)
		}
	}
	if len(out) > 1 {
		n.Errorf("%v are out at once", out)
	}
}

// up says whether a pod's node runs: of one that ends again and again the phase is Running
// too.
func up(p *corev1.Pod) bool {
	trouble, _ := podtrouble.Of(p)
	return p.Status.Phase == corev1.PodRunning && trouble == ""
}

// otherVote holds that every other validator's votes are seen when one's pod goes: by
// what validators' nodes tell of recent votes.
func (n *network) otherVote(pod string) {
	n.Helper()
	const recent = 8
	mine := strings.TrimSuffix(pod, "-i1-0")
	heights, final := n.votesSeen(mine)
	for name, h := range heights {
		if name != mine && h+recent < final {
			n.Errorf("%s was evicted while %s was last seen voting at %d of %d", mine, name, h, final)
		}
	}
}

// votesSeen is the newest height at which any node but one has seen a vote of each
// validator, and the newest final height.
func (n *network) votesSeen(but string) (heights map[string]uint64, final uint64) {
	n.Helper()
	heights = map[string]uint64{}
	for pod, address := range n.endpoints(n.Context()) {
		if strings.Contains(pod, "-full-") || strings.HasPrefix(pod, but+"-") {
			continue
		}
		rpc, err := client.Connect(address, nil)
		if err != nil {
			n.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(n.Context(), 5*time.Second)
		status, err := rpc.GetStatus(ctx, connect.NewRequest(&nodev1.GetStatusRequest{}))
		if err == nil && !status.Msg.Syncing {
			final = max(final, status.Msg.FinalHeight)
			if set, err := rpc.ListValidators(ctx, connect.NewRequest(&nodev1.ListValidatorsRequest{})); err == nil {
				for _, v := range set.Msg.Validators {
					heights[v.Moniker] = max(heights[v.Moniker], v.LastVoteHeight)
				}
			}
		}
		cancel()
	}
	return heights, final
}

// haveSchema says whether every node's database has a schema, and every program can
// write the newest.
func (n *network) haveSchema(schema, newest uint32) (bool, string) {
	n.Helper()
	all, state, count := true, "", 0
	for name, address := range n.endpoints(n.Context()) {
		ctx, cancel := context.WithTimeout(n.Context(), 5*time.Second)
		rpc, err := client.Connect(address, nil)
		if err != nil {
			n.Fatal(err)
		}
		res, err := rpc.GetStatus(ctx, connect.NewRequest(&nodev1.GetStatusRequest{}))
		cancel()
		if err != nil {
			return false, fmt.Sprintf("%s: %v", name, err)
		}
		count++
		d := res.Msg.Database
		state += fmt.Sprintf("%s: schema %d, reads %d to %d; ", name, d.GetSchema(), d.GetOldestReadable(), d.GetNewest())
		all = all && d.GetSchema() == schema && d.GetNewest() == newest
	}
	return all && count == len(n.nodes()), state
}

// schemas holds that, at once.
func (n *network) schemas(schema, newest uint32) {
	n.Helper()
	wait(n.T, fmt.Sprintf("every database to have schema %d, of programs that write up to %d", schema, newest), 30*time.Second, func() (bool, string) {
		return n.haveSchema(schema, newest)
	})
}
