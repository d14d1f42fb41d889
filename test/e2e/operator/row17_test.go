//go:build e2e

package operator

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/names"
)

// Row 17: a backup is restored beside its originals, which run on: the copies sign
// nothing and say why, and garbage collection takes no volume, key or genesis.
// rule: volume-foreign, no-owner
func TestRow17BackupRestored(t *testing.T) {
	n, l := underLoad(t)
	n.copiesAreSilent(n.backup(), l)
}

// Row 17: a namespace goes and its volumes come back under new claims: silent until they
// are adopted by the runbook; then the same chain goes on. // rule: volume-foreign
func TestRow17NewClaims(t *testing.T) {
	n, l := underLoad(t)
	n.newClaims(n.backup(), l)
}

// underLoad is the sample, with 100 transfers final.
func underLoad(t *testing.T) (*network, *load) {
	t.Helper()
	n := shared.deploy(t, nil)
	wait(t, "4 validators Ready and finalising", 90*time.Second, func() (bool, string) { return n.ready(4) })
	l := n.startLoad()
	wait(t, "100 transfers final", 60*time.Second, func() (bool, string) { return l.progress() >= 100, "" })
	return n, l
}

// copiesAreSilent restores everything beside the originals: first without an operator,
// so that nodes alone keep silent, then with it.
func (n *network) copiesAreSilent(saved *backup, l *load) {
	n.Helper()
	n.kubectl(n.T, "scale", "-n", "bedrock-system", "deployment/bedrock-operator", "--replicas=0")
	up := func() { n.kubectl(n.T, "scale", "-n", "bedrock-system", "deployment/bedrock-operator", "--replicas=1") }
	defer up()
	n.awaitNoOperator()
	l.resetPause()
	copied := saved.restore(n.namespace(n.T))
	before := map[string]map[string]string{}
	for claim, folder := range copied.folder {
		if strings.Contains(claim, "-signer-") {
			before[claim] = signed(n.T, folder)
		}
	}
	if len(before) != 4 {
		n.Fatalf("%d signer volumes were copied, want 4", len(before))
	}
	// The pods were restored with arguments that hold the marks of the originals.
	for _, v := range n.validators() {
		pod, message := names.Pod(v.Name, 1), ""
		wait(n.T, "the restored "+pod+" to refuse to start", 2*time.Minute, func() (bool, string) {
			var p corev1.Pod
			if err := n.Get(n.Context(), client.ObjectKey{Namespace: copied.ns, Name: pod}, &p); err != nil {
				return false, err.Error()
			}
			message = lastEnd(&p)
			return strings.Contains(message, "restored"), fmt.Sprintf("%s %q", p.Status.Phase, message)
		})
		n.Logf("restored %s: %s", pod, strings.TrimSpace(message))
	}
	up()
	n.restoredUnderOperator(copied)
	done := l.progress()
	wait(n.T, "200 transfers of the originals final", 90*time.Second, func() (bool, string) { return l.progress() >= done+200, "" })
	if p := l.pause(); p > 10*n.timer()*slow {
		n.Errorf("the originals stood still for %s", p)
	} else {
		n.Logf("the longest pause of the originals is %s", p)
	}
	wait(n.T, "4 originals Ready", 90*time.Second, func() (bool, string) { return n.ready(4) })
	for claim, was := range before {
		now := signed(n.T, copied.folder[claim])
		for identity, states := range was {
			if now[identity] != states {
				n.Errorf("the copy on %s signed as %s: its vote log had %s and has %s", claim, identity, states, now[identity])
			}
		}
	}
	copied.remove()
}

// restoredUnderOperator waits until the operator has looked at everything that was
// restored, and holds what it and the garbage collector made of it.
func (n *network) restoredUnderOperator(copied *copies) {
	n.Helper()
	in := &network{T: n.T, cluster: n.cluster, ns: copied.ns, name: n.name}
	for _, v := range n.validators() {
		wait(n.T, "the garbage collector to take the restored "+v.Name+", whose owner is gone, and another one to be made", 2*time.Minute, func() (bool, string) {
			var now v1alpha1.Validator
			err := n.Get(n.Context(), client.ObjectKey{Namespace: copied.ns, Name: v.Name}, &now)
			return err == nil && now.UID != copied.uid["Validator/"+v.Name], fmt.Sprint(err)
		})
		wait(n.T, "the StatefulSet with the original's marks to go", 60*time.Second, func() (bool, string) {
			var set appsv1.StatefulSet
			err := n.Get(n.Context(), client.ObjectKey{Namespace: copied.ns, Name: names.Instance(v.Name, 1)}, &set)
			return apierrors.IsNotFound(err), fmt.Sprintf("%v %s", err, set.UID)
		})
		in.waitValidator(v.Name, v1alpha1.ValidatorIdentified, "False", "IdentityFailed", 5*time.Minute, "foreign here", "adopt")
		n.Logf("%s in %s: %s", v.Name, copied.ns, in.story(in.validator(v.Name).Status.Conditions, v1alpha1.ValidatorIdentified))
	}
	for what, uid := range copied.uid {
		kind, name, _ := strings.Cut(what, "/")
		if uid == "" || kind != "PersistentVolumeClaim" && kind != "Secret" && !(kind == "ConfigMap" && strings.Contains(name, "-genesis-")) {
			continue
		}
		var now metav1.PartialObjectMetadata
		now.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind(kind))
		if err := n.Get(n.Context(), client.ObjectKey{Namespace: copied.ns, Name: name}, &now); err != nil || now.UID != uid || now.DeletionTimestamp != nil {
			n.Errorf("%s: %v, UID %s deleted %v: it was made with UID %s, and nobody may take it", what, err, now.UID, now.DeletionTimestamp, uid)
		}
	}
}

func (n *network) awaitNoOperator() {
	n.Helper()
	wait(n.T, "the operator to end", 60*time.Second, func() (bool, string) {
		var pods corev1.PodList
		if err := n.List(n.Context(), &pods, client.InNamespace("bedrock-system")); err != nil {
			return false, err.Error()
		}
		return len(pods.Items) == 0, fmt.Sprintf("%d pods", len(pods.Items))
	})
}

// newClaims deletes the namespace, whose volumes are retained, and goes on by the
// runbook "Volumes with new claims".
func (n *network) newClaims(saved *backup, l *load) {
	n.Helper()
	before, identities := n.get(), map[string]v1alpha1.Ed25519Key{}
	for _, v := range n.validators() {
		identities[v.Name] = v.Status.Instances[0].Identity
	}
	volumes := n.retain()
	n.kubectl(n.T, "delete", "namespace", n.ns, "--wait=false")
	wait(n.T, "the namespace to go", 3*time.Minute, func() (bool, string) {
		var ns corev1.Namespace
		err := n.Get(n.Context(), client.ObjectKey{Name: n.ns}, &ns)
		return apierrors.IsNotFound(err), fmt.Sprintf("%+v", ns.Status)
	})
	height := l.newest()
	for claim, v := range volumes {
		if strings.Contains(claim, "-signer-") && len(signed(n.T, folder(&v))) != 1 {
			n.Fatalf("the retained volume of %s holds no identity", claim)
		}
	}

	// Steps 1 to 3 of the runbook, but Active: so that the nodes' silence is seen.
	must(n.T, n.Create(n.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: n.ns, Labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"}}}))
	for _, o := range append(saved.of("ConfigMap", n.name+"-genesis-"), saved.of("Secret", names.OperatorKeys)...) {
		must(n.T, n.Create(n.Context(), again(&o, n.ns)))
	}
	uids := n.claimAgain(volumes)
	n.apply(nil, before)
	for validator := range identities {
		n.waitValidator(validator, v1alpha1.ValidatorIdentified, "False", "IdentityFailed", 5*time.Minute, "foreign here", string(identities[validator]))
	}
	done := l.progress()
	if up := n.endpoints(n.Context()); len(up) > 1 { // the full node follows no one
		n.Errorf("nodes run on volumes that are foreign: %v", up)
	}

	n.change(func(b *v1alpha1.BedrockNetwork) { b.Spec.Reconciliation = v1alpha1.ReconciliationPaused })
	for validator, identity := range identities {
		n.adopt(validator, uids[names.SignerClaim(validator, 1)], string(identity))
	}
	if now := l.progress(); now != done {
		n.Errorf("%d transfers were final before anybody signed", now-done)
	}
	must(n.T, n.DeleteAllOf(n.Context(), &batchv1.Job{}, client.InNamespace(n.ns), client.PropagationPolicy("Background")))
	l.resetPause()
	n.change(func(b *v1alpha1.BedrockNetwork) { b.Spec.Reconciliation = v1alpha1.ReconciliationActive })
	wait(n.T, "4 validators Ready", 3*time.Minute, func() (bool, string) { return n.ready(4) })
	wait(n.T, "100 transfers final", 90*time.Second, func() (bool, string) { return l.progress() >= done+100, "" })
	if got := n.get().Status.Genesis; got == nil || got.Hash != before.Status.Genesis.Hash {
		n.Errorf("genesis %v, before it was %s", got, before.Status.Genesis.Hash)
	}
	for _, v := range n.validators() {
		if v.Status.Instances[0].Identity != identities[v.Name] || len(v.Status.Instances) != 1 {
			n.Errorf("%s has %+v, before it was %s", v.Name, v.Status.Instances, identities[v.Name])
		}
	}
	if now := l.newest(); now <= height {
		n.Errorf("height %d, before the namespace went it was %d", now, height)
	} else {
		n.Logf("the chain went on from height %d to %d", height, now)
	}
}

// retain has every volume of the validators kept when its claim goes.
func (n *network) retain() map[string]corev1.PersistentVolume {
	n.Helper()
	var claims corev1.PersistentVolumeClaimList
	must(n.T, n.List(n.Context(), &claims, client.InNamespace(n.ns), client.HasLabels{v1alpha1.LabelValidator}))
	out := map[string]corev1.PersistentVolume{}
	for i := range claims.Items {
		n.kubectl(n.T, "patch", "pv", claims.Items[i].Spec.VolumeName, "-p", `{"spec":{"persistentVolumeReclaimPolicy":"Retain"}}`)
		var v corev1.PersistentVolume
		must(n.T, n.Get(n.Context(), client.ObjectKey{Name: claims.Items[i].Spec.VolumeName}, &v))
		out[claims.Items[i].Name] = v
	}
	if len(out) != 8 {
		n.Fatalf("%d claims of validators, want 8", len(out))
	}
	n.Cleanup(func() {
		for _, v := range out {
			if err := os.RemoveAll(folder(&v)); err != nil {
				n.Error(err)
			}
			if _, err := n.tryKubectl("delete", "pv", v.Name, "--ignore-not-found", "--wait=false"); err != nil {
				n.Error(err)
			}
		}
	})
	return out
}

// claimAgain makes the claims of the runbook's step 2; it gives their UIDs.
func (n *network) claimAgain(volumes map[string]corev1.PersistentVolume) map[string]types.UID {
	n.Helper()
	manifest := n.runbook("PersistentVolumeClaim")
	out := map[string]types.UID{}
	for name, v := range volumes {
		validator, _, _ := strings.Cut(name, "-signer-")
		validator, _, _ = strings.Cut(validator, "-chain-")
		size := v.Spec.Capacity[corev1.ResourceStorage]
		n.kubectl(n.T, "patch", "pv", v.Name, "--type", "json", "-p", `[{"op":"remove","path":"/spec/claimRef"}]`)
		n.applyText(strings.NewReplacer("NAMESPACE", n.ns, "NETWORK", n.name, "VALIDATOR", validator, "name: CLAIM", "name: "+name,
			"CLASS", v.Spec.StorageClassName, "VOLUME", v.Name, "SIZE", size.String()).Replace(manifest))
		wait(n.T, name+" to be bound", 60*time.Second, func() (bool, string) {
			var c corev1.PersistentVolumeClaim
			must(n.T, n.Get(n.Context(), client.ObjectKey{Namespace: n.ns, Name: name}, &c))
			out[name] = c.UID
			return c.Status.Phase == corev1.ClaimBound && c.Spec.VolumeName == v.Name, fmt.Sprintf("%s %s", c.Status.Phase, c.Spec.VolumeName)
		})
	}
	return out
}

// adopt runs the pod of the runbook's step 4 to its end.
func (n *network) adopt(validator string, claim types.UID, identity string) {
	n.Helper()
	var system corev1.Namespace
	must(n.T, n.Get(n.Context(), client.ObjectKey{Name: metav1.NamespaceSystem}, &system))
	n.applyText(strings.NewReplacer("NAMESPACE", n.ns, "VALIDATOR", validator, "IMAGE", n.get().Spec.Image,
		"CLAIM_UID", string(claim), "CLUSTER_UID", string(system.UID)).Replace(n.runbook("Pod")))
	name := validator + "-adopt"
	wait(n.T, name+" to end well", 2*time.Minute, func() (bool, string) {
		var p corev1.Pod
		must(n.T, n.Get(n.Context(), client.ObjectKey{Namespace: n.ns, Name: name}, &p))
		return p.Status.Phase == corev1.PodSucceeded, fmt.Sprintf("%s %q", p.Status.Phase, lastEnd(&p))
	})
	if out := n.kubectl(n.T, "logs", "-n", n.ns, name); !strings.Contains(out, identity) {
		n.Errorf("%s adopted another identity than %s: %s", name, identity, out)
	}
	n.kubectl(n.T, "delete", "pod", "-n", n.ns, name, "--wait=true", "--timeout=60s")
}

// runbook is the manifest of a kind that docs/runbooks/namespace-stuck.md shows.
func (n *network) runbook(kind string) string {
	n.Helper()
	raw, err := os.ReadFile(filepath.Join(n.root, "docs/runbooks/namespace-stuck.md"))
	must(n.T, err)
	var block []string
	inside := false
	for line := range strings.Lines(string(raw)) {
		text, indented := strings.CutPrefix(line, "       ")
		switch {
		case indented && strings.HasPrefix(text, "apiVersion: v1"):
			block, inside = []string{text}, true
		case inside && indented:
			block = append(block, text)
		case inside:
			inside = false
			if len(block) > 1 && strings.TrimSpace(block[1]) == "kind: "+kind {
				return strings.Join(block, "")
			}
		}
	}
	n.Fatalf("the runbook shows no %s", kind)
	return ""
}

// applyText applies a manifest.
func (n *network) applyText(manifest string) {
	n.Helper()
	file := filepath.Join(n.TempDir(), "manifest.yaml")
	must(n.T, os.WriteFile(file, []byte(manifest), 0o600))
	n.kubectl(n.T, "apply", "-f", file)
}
