package network_test

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/names"
)

func withFullNodes(n *v1alpha1.BedrockNetwork) {
	n.Spec.FullNodes = &v1alpha1.FullNodes{Replicas: new(int32(2))}
}

func (g *rig) get(name string, into client.Object) {
	g.t.Helper()
	if err := g.c.Get(g.ctx(), client.ObjectKey{Namespace: g.ns, Name: name}, into); err != nil {
		g.t.Fatal(err)
	}
}

func TestFullNodesAndRPC(t *testing.T) {
	g := newRig(t)
	g.apply(4, withFullNodes)
	g.until("ready", g.isReady)
	var s appsv1.StatefulSet
	g.get(names.FullNodes(g.name), &s)
	if *s.Spec.Replicas != 2 || !strings.Contains(strings.Join(s.Spec.Template.Spec.Containers[0].Args, " "), string(g.network().Status.Genesis.Hash)) {
		t.Errorf("full nodes: %+v", s.Spec)
	}
	var m corev1.ConfigMap
	g.get(names.FullNodes(g.name), &m)
	if n := strings.Count(m.Data["peers"], "@"); n != 4 {
		t.Errorf("they dial %d peers: %s", n, m.Data["peers"])
	}
	var rpc corev1.Service
	g.get(names.RPCService(g.name), &rpc)
	if got := rpc.Spec.Selector[v1alpha1.LabelComponent]; got != v1alpha1.ComponentFullNode {
		t.Errorf("%s is in front of %s", rpc.Name, got)
	}
	passed := len(g.script.Passed())
	for range 10 {
		g.turn()
	}
	if more := g.script.Passed()[passed:]; len(more) > 0 {
		t.Errorf("a steady network with full nodes wrote %v", more)
	}
	g.get(names.FullNodes(g.name), &networkingv1.NetworkPolicy{})
	g.apply(4, func(n *v1alpha1.BedrockNetwork) { n.Spec.NetworkPolicy = v1alpha1.Disabled })
	g.until("their NetworkPolicy is gone", func() bool {
		err := g.c.Get(g.ctx(), client.ObjectKey{Namespace: g.ns, Name: names.FullNodes(g.name)}, &networkingv1.NetworkPolicy{})
		return apierrors.IsNotFound(err)
	})
	g.apply(4, func(n *v1alpha1.BedrockNetwork) { n.Spec.FullNodes = nil })
	g.until("the RPC Service is in front of validators", func() bool {
		g.get(names.RPCService(g.name), &rpc)
		return rpc.Spec.Selector[v1alpha1.LabelComponent] == v1alpha1.ComponentValidator
	})
}
