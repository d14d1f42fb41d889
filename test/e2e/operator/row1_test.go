//go:build e2e

package operator

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
)

// Row 1: apply, delete, apply again; other content over kept volumes.
func TestRow1ApplyAndApplyAgain(t *testing.T) {
	n := shared.deploy(t, nil)
	wait(t, "4 validators Ready and finalising", 90*time.Second, func() (bool, string) { return n.ready(4) })
	l := n.startLoad()
	wait(t, "100 transfers final", 60*time.Second, func() (bool, string) { return l.progress() >= 100, "" })
	before := n.get()

	// Deleted, with protection off: the volumes stay.
	if err := n.Delete(t.Context(), before); err != nil {
		t.Fatal(err)
	}
	n.gone(60 * time.Second)
	if got := n.claims(); got != 8 {
		t.Fatalf("%d volume claims after the deletion, want the 8 of 4 validators", got)
	}

	// Applied again: the same chain goes on.
	l.resetPause()
	done := l.progress()
	n.apply(nil, before)
	wait(t, "4 validators Ready again", 90*time.Second, func() (bool, string) { return n.ready(4) })
	if got := n.get().Status.Genesis; got == nil || got.Hash != before.Status.Genesis.Hash {
		t.Fatalf("genesis %v after the second apply, %s before", got, before.Status.Genesis.Hash)
	}
	wait(t, "transfers final again", 60*time.Second, func() (bool, string) { return l.progress() >= done+50, "" })

	// Something else over kept volumes is refused, and both are named.
	five := int32(5)
	hash := string(before.Status.Genesis.Hash)
	for _, c := range []struct {
		what  string
		edit  func(*v1alpha1.BedrockNetwork)
		names []string
	}{
		{"chain id", func(b *v1alpha1.BedrockNetwork) { b.Spec.ChainID = "another-chain" }, []string{"another-chain", before.Spec.ChainID}},
		{"count", func(b *v1alpha1.BedrockNetwork) { b.Spec.Validators.Count = &five }, []string{"4 validators", "5"}},
		{"genesis", func(b *v1alpha1.BedrockNetwork) { b.Spec.Genesis.Ceremony.Accounts[0].Balance = "7" }, []string{hash}},
	} {
		t.Log("applied with another " + c.what)
		if err := n.Delete(t.Context(), n.get()); err != nil {
			t.Fatal(err)
		}
		n.gone(60 * time.Second)
		n.apply(c.edit, before)
		n.waitCondition(v1alpha1.NetworkGenesisReady, "False", v1alpha1.ReasonGenesisConflict, 30*time.Second, c.names...)
		if up := n.endpoints(t.Context()); len(up) > 0 {
			t.Errorf("nodes run under a genesis that is refused: %v", up)
		}
	}
}

// apply makes the network again as it was, changed by edit.
func (n *network) apply(edit func(*v1alpha1.BedrockNetwork), was *v1alpha1.BedrockNetwork) {
	n.Helper()
	again := &v1alpha1.BedrockNetwork{}
	again.Name, again.Namespace = was.Name, was.Namespace
	again.Labels = was.Labels
	again.Spec = *was.Spec.DeepCopy()
	if edit != nil {
		edit(again)
	}
	if err := n.Create(n.Context(), again); err != nil {
		n.Fatalf("apply the network again: %v", err)
	}
}

// gone waits until the network and its pods are no more.
func (n *network) gone(bound time.Duration) {
	n.Helper()
	wait(n.T, "the network to be gone", bound, func() (bool, string) {
		var b v1alpha1.BedrockNetwork
		err := n.Get(n.Context(), client.ObjectKey{Namespace: n.ns, Name: n.name}, &b)
		if !apierrors.IsNotFound(err) {
			return false, n.story(b.Status.Conditions, v1alpha1.NetworkDeletion)
		}
		if left := n.endpoints(n.Context()); len(left) > 0 {
			return false, "pods run still"
		}
		return true, ""
	})
}

func (n *network) claims() int {
	n.Helper()
	var list corev1.PersistentVolumeClaimList
	if err := n.List(n.Context(), &list, client.InNamespace(n.ns), client.HasLabels{v1alpha1.LabelValidator}); err != nil {
		n.Fatal(err)
	}
	return len(list.Items)
}
