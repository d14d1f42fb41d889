package disruption

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
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

// A node that was uncordoned asks for nothing, though the taint that mirrors its cordon
// is still there: kube-controller-manager takes it away, when it is there.
func TestTheCordonItselfAsks(t *testing.T) {
	mirror := corev1.Taint{Key: corev1.TaintNodeUnschedulable, Effect: corev1.TaintEffectNoSchedule}
	for name, tt := range map[string]struct {
		spec corev1.NodeSpec
		want string
	}{
		"cordoned":   {corev1.NodeSpec{Unschedulable: true, Taints: []corev1.Taint{mirror}}, corev1.TaintNodeUnschedulable},
		"uncordoned": {corev1.NodeSpec{Taints: []corev1.Taint{mirror}}, ""},
		"going":      {corev1.NodeSpec{Taints: []corev1.Taint{{Key: "ToBeDeletedByClusterAutoscaler"}}}, "ToBeDeletedByClusterAutoscaler"},
	} {
		node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "node-1"}, Spec: tt.spec}
		p := &pass{Reconciler: &Reconciler{Client: fake.NewClientBuilder().WithObjects(node).Build()}}
		c := cordoned{p: p, ctx: t.Context(), known: map[string]string{}}
		if got, err := c.why("node-1"); err != nil || got != tt.want {
			t.Errorf("%s: %q (%v), want %q", name, got, err, tt.want)
		}
	}
}
