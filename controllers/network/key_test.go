package network_test

import (
	"bytes"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/names"
)

// keys reads the operator's Secret of the namespace; nil: there is none.
func (g *rig) keys() *corev1.Secret {
	g.t.Helper()
	s := &corev1.Secret{}
	err := g.c.Get(g.ctx(), client.ObjectKey{Namespace: g.ns, Name: names.OperatorKeys}, s)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		g.t.Fatal(err)
	}
	return s
}

// second is another network's rig in the same namespace.
func (g *rig) second(name string) *rig {
	other := *g
	other.name, other.chain, other.volumes = name, nil, map[string]string{}
	other.restart()
	return &other
}

// Networks of a namespace have an entry each in one Secret: none touches another's, the
// last takes the Secret with it. // rule: delegate-only
func TestKeysOfANamespaceShareOneSecret(t *testing.T) {
	a := newRig(t)
	b := a.second("other")
	remove := func(n *v1alpha1.BedrockNetwork) { n.Spec.DeletionPolicy = v1alpha1.DeletionDelete }
	a.apply(1, remove)
	a.until("ready", a.isReady)
	first := a.keys().Data["net"]
	b.apply(1, remove)
	b.until("a key", func() bool { return b.network().Status.OperatorKey != "" })
	both := b.keys().Data
	if len(both) != 2 || !bytes.Equal(both["net"], first) || bytes.Equal(both["other"], first) {
		t.Fatalf("%d entries, the first as before: %v, alike: %v", len(both), bytes.Equal(both["net"], first), bytes.Equal(both["other"], first))
	}
	a.remove()
	left := a.keys()
	if left == nil || len(left.Data) != 1 || !bytes.Equal(left.Data["other"], both["other"]) {
		t.Fatalf("after one network is gone the Secret is %v", left)
	}
	b.remove()
	if s := b.keys(); s != nil {
		t.Errorf("with the last network its entry went, and the Secret %v stays", s.Name)
	}
}

// An entry that is there is taken, whoever made it. // rule: ceremony
func TestAKeyThatIsThereIsTaken(t *testing.T) {
	g := newRig(t)
	seed := bytes.Repeat([]byte{7}, 32)
	if err := g.c.Create(g.ctx(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: g.ns, Name: names.OperatorKeys}, Data: map[string][]byte{"net": seed}}); err != nil {
		t.Fatal(err)
	}
	g.apply(1)
	g.until("a key", func() bool { return g.network().Status.OperatorKey != "" })
	if got := g.keys().Data["net"]; !bytes.Equal(got, seed) {
		t.Errorf("the entry became %x", got)
	}
}
