package disruption

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/event"
)

// A node's heartbeats wake nobody; its cordon and its taints do.
func TestOnlyDrainsOfNodesWake(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*corev1.Node)
		wakes  bool
	}{
		"heartbeat": {func(n *corev1.Node) { n.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady}} }, false},
		"label":     {func(n *corev1.Node) { n.Labels = map[string]string{"a": "b"} }, false},
		"cordon":    {func(n *corev1.Node) { n.Spec.Unschedulable = true }, true},
		"taint":     {func(n *corev1.Node) { n.Spec.Taints = []corev1.Taint{{Key: drainTaints[1]}} }, true},
	} {
		before, after := &corev1.Node{}, &corev1.Node{}
		tt.change(after)
		for _, e := range []event.UpdateEvent{{ObjectOld: before, ObjectNew: after}, {ObjectOld: after, ObjectNew: before}} {
			if got := nodeChanged.Update(e); got != tt.wakes {
				t.Errorf("%s: wakes %v, want %v", name, got, tt.wakes)
			}
		}
	}
}
