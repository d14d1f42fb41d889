//go:build e2e

package operator

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
)

// backup is a namespace's objects, in the order in which they are made again.
type backup struct {
	n       *network
	objects []unstructured.Unstructured
}

// kept are the kinds that a backup holds.
var kept = []schema.GroupVersionKind{
	{Version: "v1", Kind: "PersistentVolumeClaim"},
	{Version: "v1", Kind: "ConfigMap"},
	{Version: "v1", Kind: "Secret"},
	{Version: "v1", Kind: "ServiceAccount"},
	{Version: "v1", Kind: "Service"},
	{Group: "networking.k8s.io", Version: "v1", Kind: "NetworkPolicy"},
	{Group: "policy", Version: "v1", Kind: "PodDisruptionBudget"},
	{Group: "apps", Version: "v1", Kind: "StatefulSet"},
	{Version: "v1", Kind: "Pod"},
	{Group: "bedrock.dev", Version: "v1alpha1", Kind: "BedrockNetwork"},
	{Group: "bedrock.dev", Version: "v1alpha1", Kind: "Validator"},
}

// backup reads everything of the namespace but what a cluster puts into each.
func (n *network) backup() *backup {
	n.Helper()
	out := &backup{n: n}
	for _, kind := range kept {
		list := unstructured.UnstructuredList{}
		list.SetGroupVersionKind(kind)
		if err := n.List(n.Context(), &list, client.InNamespace(n.ns)); err != nil {
			n.Fatalf("back up %s: %v", kind.Kind, err)
		}
		for i := range list.Items {
			if name := list.Items[i].GetName(); name != "kube-root-ca.crt" && name != "default" {
				out.objects = append(out.objects, list.Items[i])
			}
		}
	}
	return out
}

// of are the objects of a kind whose name begins so.
func (b *backup) of(kind, prefix string) []unstructured.Unstructured {
	var out []unstructured.Unstructured
	for _, o := range b.objects {
		if o.GetKind() == kind && strings.HasPrefix(o.GetName(), prefix) {
			out = append(out, o)
		}
	}
	return out
}

// again is an object as a backup tool makes it again: no UID, no status, nothing that a
// cluster gave it; who owned it is kept, by the UIDs of then.
func again(o *unstructured.Unstructured, namespace string) *unstructured.Unstructured {
	out := o.DeepCopy()
	for _, field := range []string{"uid", "resourceVersion", "creationTimestamp", "managedFields", "generation", "deletionTimestamp", "finalizers"} {
		unstructured.RemoveNestedField(out.Object, "metadata", field)
	}
	unstructured.RemoveNestedField(out.Object, "status")
	out.SetNamespace(namespace)
	switch o.GetKind() {
	case "Service":
		for _, field := range []string{"clusterIPs", "healthCheckNodePort"} {
			unstructured.RemoveNestedField(out.Object, "spec", field)
		}
		if ip, _, _ := unstructured.NestedString(out.Object, "spec", "clusterIP"); ip != "None" {
			unstructured.RemoveNestedField(out.Object, "spec", "clusterIP")
		}
	case "PersistentVolumeClaim":
		unstructured.RemoveNestedField(out.Object, "spec", "volumeName")
		notes := out.GetAnnotations()
		maps.DeleteFunc(notes, func(k, _ string) bool { return strings.Contains(k, "kubernetes.io/") })
		out.SetAnnotations(notes)
	}
	return out
}

// restore makes everything again in another namespace, with volumes that are copies of
// those of now, byte for byte: each node stands still while its volumes are copied, as
// for a snapshot. StatefulSets, and what their pods need, have no owner there, so that the
// garbage collector does not take them away again before they start.
func (b *backup) restore(namespace string) *copies {
	b.n.Helper()
	out := &copies{n: b.n, ns: namespace, uid: map[string]types.UID{}, folder: map[string]string{}}
	b.n.Cleanup(out.remove)
	b.copyVolumes(out)
	for i := range b.objects {
		o := again(&b.objects[i], namespace)
		if volume := out.volume(o.GetName()); o.GetKind() == "PersistentVolumeClaim" && volume != "" {
			must(b.n.T, unstructured.SetNestedField(o.Object, volume, "spec", "volumeName"))
		}
		switch o.GetKind() {
		case "StatefulSet", "Pod", "ServiceAccount", "ConfigMap", "Service":
			o.SetOwnerReferences(nil)
		}
		if err := b.n.Create(b.n.Context(), o); err != nil && !apierrors.IsAlreadyExists(err) {
			b.n.Fatalf("restore %s %s: %v", o.GetKind(), o.GetName(), err)
		}
		if o.GetUID() == b.objects[i].GetUID() {
			b.n.Fatalf("%s %s has its old UID", o.GetKind(), o.GetName())
		}
		out.uid[o.GetKind()+"/"+o.GetName()] = o.GetUID()
	}
	return out
}

// copies are a restored namespace.
type copies struct {
	n      *network
	ns     string
	uid    map[string]types.UID // by kind/name, as they were made
	folder map[string]string    // claim -> its copied volume
}

func (c *copies) volume(claim string) string {
	if c.folder[claim] == "" {
		return ""
	}
	return c.ns + "-" + claim
}

// copyVolumes copies the folder of each claim, and makes a volume of it.
func (b *backup) copyVolumes(out *copies) {
	n := b.n
	for _, pod := range b.of("Pod", "") {
		process := 0
		if pod.GetLabels()[v1alpha1.LabelComponent] == v1alpha1.ComponentValidator {
			process = n.process(pod.GetUID())
		}
		var claims []string
		list, _, err := unstructured.NestedSlice(pod.Object, "spec", "volumes")
		must(n.T, err)
		for _, v := range list {
			name, _, _ := unstructured.NestedString(v.(map[string]any), "persistentVolumeClaim", "claimName")
			if name != "" && process != 0 {
				claims = append(claims, name)
			}
		}
		if process != 0 {
			must(n.T, syscall.Kill(process, syscall.SIGSTOP))
		}
		for _, name := range claims {
			b.copyVolume(out, name)
		}
		if process != 0 {
			must(n.T, syscall.Kill(process, syscall.SIGCONT))
		}
	}
}

func (b *backup) copyVolume(out *copies, claim string) {
	n := b.n
	var c corev1.PersistentVolumeClaim
	must(n.T, n.Get(n.Context(), client.ObjectKey{Namespace: n.ns, Name: claim}, &c))
	var was corev1.PersistentVolume
	must(n.T, n.Get(n.Context(), client.ObjectKey{Name: c.Spec.VolumeName}, &was))
	from := folder(&was)
	to := from + "-restored"
	run(n.T, "/", "cp", "-a", from, to)
	out.folder[claim] = to
	volume := &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: out.volume(claim)}, Spec: *was.Spec.DeepCopy()}
	volume.Spec.ClaimRef = &corev1.ObjectReference{Namespace: out.ns, Name: claim}
	volume.Spec.PersistentVolumeReclaimPolicy = corev1.PersistentVolumeReclaimRetain
	if volume.Spec.Local != nil {
		volume.Spec.Local.Path = to
	} else {
		volume.Spec.HostPath.Path = to
	}
	if err := n.Create(n.Context(), volume); err != nil {
		n.Fatalf("make the copied volume of %s: %v", claim, err)
	}
}

// remove takes the copies away: the namespace, the volumes and their folders.
func (c *copies) remove() {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute*slow)
	defer cancel()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: c.ns}}
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for err := c.n.Delete(ctx, ns); !apierrors.IsNotFound(err); err = c.n.Get(ctx, client.ObjectKeyFromObject(ns), ns) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			c.n.Errorf("waited for namespace %s to go: %v, %+v", c.ns, err, ns.Status)
			return
		}
	}
	for claim, folder := range c.folder {
		volume := &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: c.volume(claim)}}
		if err := c.n.Delete(ctx, volume); err != nil && !apierrors.IsNotFound(err) {
			c.n.Errorf("delete volume %s: %v", volume.Name, err)
		}
		if err := os.RemoveAll(folder); err != nil {
			c.n.Error(err)
		}
	}
	c.folder = map[string]string{}
}

// signed is what the vote logs of the identities on a volume's folder say, those that
// were set aside too, by identity.
func signed(t *testing.T, volume string) map[string]string {
	t.Helper()
	dirs := instances(volume)
	set, err := filepath.Glob(filepath.Join(volume, "*", "aside-*", "identity.json"))
	must(t, err)
	for _, s := range set {
		dirs = append(dirs, filepath.Dir(s))
	}
	out := map[string]string{}
	for _, dir := range dirs {
		record, states, err := records(dir)
		if err != nil {
			t.Fatalf("read the vote log in %s: %v", dir, err)
		}
		out[record.NetworkKey] = fmt.Sprintf("%+v", states)
	}
	return out
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
