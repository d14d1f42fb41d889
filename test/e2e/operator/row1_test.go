//go:build e2e

package operator

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/names"
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

// Row 1: with deletionPolicy Delete the volumes go with the network, as do genesis, key
// and claims; what is not the network's own stays.
func TestRow1DeletedWithItsVolumes(t *testing.T) {
	class := shared.defaultClass(t)
	n := shared.deploy(t, func(b *v1alpha1.BedrockNetwork) {
		b.Spec.DeletionPolicy = v1alpha1.DeletionDelete
		b.Spec.Validators.Template.Storage.Signer.StorageClassName = &class // by name, as the default one is not
	})
	wait(t, "4 validators Ready and finalising", 90*time.Second, func() (bool, string) { return n.ready(4) })
	l := n.startLoad()
	wait(t, "20 transfers final", 60*time.Second, func() (bool, string) { return l.progress() >= 20, "" })
	other := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: n.ns, Name: n.validators()[0].Name + "-signer-9"},
		Spec: corev1.PersistentVolumeClaimSpec{AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("64Mi")}}}}
	must(t, n.Create(t.Context(), other))

	n.change(func(b *v1alpha1.BedrockNetwork) { b.Spec.NetworkPolicy = v1alpha1.Disabled })
	wait(t, "its NetworkPolicies to go", 60*time.Second, func() (bool, string) {
		var list networkingv1.NetworkPolicyList
		must(t, n.List(t.Context(), &list, client.InNamespace(n.ns)))
		return len(list.Items) == 0, fmt.Sprintf("%d are there", len(list.Items))
	})
	done := l.progress()
	wait(t, "20 more transfers final", 60*time.Second, func() (bool, string) { return l.progress() >= done+20, "" })

	l.stop()
	n.votes.collect(t.Context())
	must(t, n.Delete(t.Context(), n.get()))
	n.gone(60 * time.Second)
	wait(t, "volumes, genesis, key and claims to go", 90*time.Second, func() (bool, string) {
		left := n.leftBehind()
		return len(left) == 0, strings.Join(left, ", ")
	})
	must(t, n.Get(t.Context(), client.ObjectKeyFromObject(other), other))
	if other.DeletionTimestamp != nil {
		t.Errorf("the volume claim %s, which is nobody's of the network, goes too", other.Name)
	}
}

// leftBehind names what is there of a network that is gone, its key claims included.
func (n *network) leftBehind() []string {
	n.Helper()
	var out []string
	label := client.MatchingLabels{v1alpha1.LabelNetwork: n.name}
	for _, list := range []client.ObjectList{&corev1.PersistentVolumeClaimList{}, &corev1.ConfigMapList{}, &v1alpha1.ValidatorList{}} {
		must(n.T, n.List(n.Context(), list, client.InNamespace(n.ns), label))
		must(n.T, meta.EachListItem(list, func(o runtime.Object) error {
			out = append(out, fmt.Sprintf("%T %s", o, o.(client.Object).GetName()))
			return nil
		}))
	}
	var keys corev1.Secret
	switch err := n.Get(n.Context(), key(n.ns, names.OperatorKeys), &keys); {
	case err == nil && len(keys.Data[n.name]) > 0:
		out = append(out, "its key in Secret "+keys.Name)
	case err != nil && !apierrors.IsNotFound(err):
		n.Fatal(err)
	}
	var claims v1alpha1.ValidatorKeyClaimList
	must(n.T, n.List(n.Context(), &claims))
	for i := range claims.Items {
		if string(claims.Items[i].Spec.Validator.Namespace) == n.ns {
			out = append(out, "key claim "+claims.Items[i].Name)
		}
	}
	return out
}

// defaultClass names the StorageClass of claims that name none.
func (c *cluster) defaultClass(t *testing.T) string {
	t.Helper()
	var list storagev1.StorageClassList
	must(t, c.List(t.Context(), &list))
	for i := range list.Items {
		if list.Items[i].Annotations["storageclass.kubernetes.io/is-default-class"] == "true" {
			return list.Items[i].Name
		}
	}
	t.Fatal("the cluster has no default StorageClass")
	return ""
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
