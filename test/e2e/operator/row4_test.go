//go:build e2e

package operator

import (
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/client/keystore"
	"github.com/bedrock-bft/bedrock/controllers/names"
)

// Objects of row 4: the Validator whose key is brought, its copy, and their Secret.
const (
	brought   = "brought"
	secondOne = "second"
	ourKey    = "our-key"
)

// Row 4: a brought key that a validator signs with is given to a second Validator in
// another namespace: it never signs, first for the claim, then, with the claim taken
// away by hand, by its own node's rules. A drill shows a person the same, and leaves
// nothing behind.
func TestRow4OneKeyTwice(t *testing.T) {
	n := shared.deploy(t, nil)
	n.votes.everywhere.Store(true)
	wait(t, "4 validators Ready and finalising", 90*time.Second, func() (bool, string) { return n.ready(4) })
	l := n.startLoad()
	secret := broughtKey(t)
	n.bring(secret)
	wait(t, "20 transfers final", 60*time.Second, func() (bool, string) { return l.progress() >= 20, "" })

	other := n.second(secret)
	other.heldByClaim(l)
	n.drill("double-sign", n.name, "--secret", ourKey)
	n.drill("double-sign", n.name)
	other.withoutClaim(l)

	if ok, state := n.ready(4); !ok {
		t.Errorf("the network was disturbed: %s", state)
	}
	v := n.validator(brought)
	if !meta.IsStatusConditionTrue(v.Status.Conditions, v1alpha1.ValidatorReady) {
		t.Errorf("the validator with the brought key is not Ready at the end: %s", n.story(v.Status.Conditions, v1alpha1.ValidatorReady))
	}
}

// bring makes the Validator with the brought key, and waits until the chain weighed it
// and it signs.
func (n *network) bring(secret map[string][]byte) {
	n.Helper()
	for _, o := range []client.Object{
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: n.ns, Name: ourKey}, Data: secret},
		&v1alpha1.Validator{ObjectMeta: metav1.ObjectMeta{Namespace: n.ns, Name: brought}, Spec: v1alpha1.ValidatorSpec{
			Chain: v1alpha1.ChainRef{Type: v1alpha1.ChainNetwork, Network: v1alpha1.Name(n.name)}, Keys: v1alpha1.KeySource{Source: v1alpha1.KeysSecret, Secret: ourKey},
			Compute: n.get().Spec.Validators.Template.Compute, Storage: n.get().Spec.Validators.Template.Storage}},
	} {
		if err := n.Create(n.Context(), o); err != nil {
			n.Fatalf("make %s: %v", o.GetName(), err)
		}
	}
	n.waitValidator(brought, v1alpha1.ValidatorReady, "True", v1alpha1.ReasonReady, 4*time.Minute)
}

// copied is a second Validator with the key, in a namespace of its own.
type copied struct {
	*network // that whose chain it wants to sign for
	space    string
}

// second makes it, as who has copied the Secret would.
func (n *network) second(secret map[string][]byte) *copied {
	n.Helper()
	c := &copied{n, n.cluster.namespace(n.T)}
	var peers []string
	for _, v := range n.validators() {
		peers = append(peers, fmt.Sprintf("%s@%s.%s.svc:%d", v.Status.Instances[0].Identity, names.P2PService(v.Name, 1), n.ns, names.PortP2P))
	}
	g := n.genesis()
	for _, o := range []client.Object{
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: c.space, Name: ourKey}, Data: secret},
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: c.space, Name: "genesis"}, Data: map[string]string{"genesis.json": string(g.Bytes())}},
		&v1alpha1.Validator{ObjectMeta: metav1.ObjectMeta{Namespace: c.space, Name: secondOne}, Spec: v1alpha1.ValidatorSpec{
			Chain: v1alpha1.ChainRef{Type: v1alpha1.ChainForeign, Foreign: &v1alpha1.ForeignChain{
				Genesis: v1alpha1.GivenGenesis{ConfigMap: "genesis", Hash: v1alpha1.Hash(g.Hash().String())}, Peers: peers,
				RPC: []string{fmt.Sprintf("http://%s.%s.svc:%d", names.RPCService(n.name), n.ns, names.PortRPC)}}},
			Image: n.get().Spec.Image, Keys: v1alpha1.KeySource{Source: v1alpha1.KeysSecret, Secret: ourKey}, DeletionPolicy: v1alpha1.DeletionDelete,
			Compute: n.get().Spec.Validators.Template.Compute, Storage: n.get().Spec.Validators.Template.Storage}},
	} {
		if err := n.Create(n.Context(), o); err != nil {
			n.Fatalf("make %s: %v", o.GetName(), err)
		}
	}
	return c
}

func (c *copied) read() *v1alpha1.Validator {
	c.Helper()
	var v v1alpha1.Validator
	if err := c.Get(c.Context(), client.ObjectKey{Namespace: c.space, Name: secondOne}, &v); err != nil {
		c.Fatalf("read the second Validator: %v", err)
	}
	return &v
}

func (c *copied) says(kind, status, reason string, bound time.Duration, words ...string) {
	c.Helper()
	c.waitFor(func() []metav1.Condition { return c.read().Status.Conditions }, kind, status, reason, bound, words...)
}

// heldByClaim: it is told whose key it is, and not started.
func (c *copied) heldByClaim(l *load) {
	c.Helper()
	c.says(v1alpha1.ValidatorKeyClaimed, "False", v1alpha1.ReasonKeyClaimedElsewhere, 2*time.Minute, brought, c.ns)
	c.says(v1alpha1.ValidatorRunning, "False", v1alpha1.ReasonKeyClaimedElsewhere, time.Minute)
	c.never(l, 100)
	var pod corev1.Pod
	err := c.Get(c.Context(), client.ObjectKey{Namespace: c.space, Name: names.Pod(secondOne, 1)}, &pod)
	if client.IgnoreNotFound(err) != nil || err == nil {
		c.Errorf("it has a pod beside a claim that is another's (%v)", err)
	}
	c.Logf("second: %s", c.story(c.read().Status.Conditions, v1alpha1.ValidatorKeyClaimed))
}

// withoutClaim takes the claim away by hand, while no operator makes it again, and has
// the second one hold it: its node runs, beside the first, and holds itself back.
func (c *copied) withoutClaim(l *load) {
	c.Helper()
	c.operators(0)
	restore := true
	defer func() {
		if restore {
			c.operators(1)
		}
	}()
	key := c.read().Status.Instances[0].ConsensusKey
	raw, err := hex.DecodeString(string(key))
	if err != nil {
		c.Fatal(err)
	}
	claim := &v1alpha1.ValidatorKeyClaim{ObjectMeta: metav1.ObjectMeta{Name: names.KeyClaim(raw)}}
	c.Log(strings.TrimSpace(c.kubectl(c.T, "delete", "validatorkeyclaim", claim.Name)))
	claim.Spec = v1alpha1.ValidatorKeyClaimSpec{ConsensusKey: key, Validator: v1alpha1.ClaimHolder{Namespace: v1alpha1.Name(c.space), Name: secondOne, UID: string(c.read().UID)}}
	if err := c.Create(c.Context(), claim); err != nil {
		c.Fatalf("make the claim for the second one: %v", err)
	}
	restore = false
	c.operators(1)
	c.says(v1alpha1.ValidatorKeyClaimed, "True", "Claimed", 2*time.Minute)
	c.says(v1alpha1.ValidatorRunning, "True", "Running", 3*time.Minute)
	c.says(v1alpha1.ValidatorSigning, "False", "NotSigning", 3*time.Minute, "identity")
	c.Logf("second, without a claim in its way: %s", c.story(c.read().Status.Conditions, v1alpha1.ValidatorSigning))
	c.waitValidator(brought, v1alpha1.ValidatorKeyClaimed, "False", v1alpha1.ReasonKeyClaimedElsewhere, time.Minute, secondOne)
	c.never(l, 200)
	var pod corev1.Pod
	if err := c.Get(c.Context(), client.ObjectKey{Namespace: c.space, Name: names.Pod(secondOne, 1)}, &pod); err != nil {
		c.Errorf("it does not run at the end: %v", err)
	}
	c.notSigned()

	c.kubectl(c.T, "delete", "validator", "-n", c.space, secondOne, "--timeout="+(2*time.Minute*slow).String())
	c.waitValidator(brought, v1alpha1.ValidatorKeyClaimed, "True", "Claimed", 2*time.Minute)
	c.waitValidator(brought, v1alpha1.ValidatorReady, "True", v1alpha1.ReasonReady, 2*time.Minute)
}

// never waits for so many transfers, in all of which the second one does not sign.
func (c *copied) never(l *load, transfers int) {
	c.Helper()
	from := l.progress()
	wait(c.T, fmt.Sprintf("%d transfers final beside it", transfers), 2*time.Minute, func() (bool, string) {
		v := c.read()
		for _, kind := range []string{v1alpha1.ValidatorSigning, v1alpha1.ValidatorInSet} {
			if meta.IsStatusConditionTrue(v.Status.Conditions, kind) {
				c.Errorf("the second one: %s", c.story(v.Status.Conditions, kind))
			}
		}
		return l.progress() >= from+transfers, fmt.Sprintf("%d of %d", l.progress()-from, transfers)
	})
}

// notSigned holds that the second one's volume records no signature.
func (c *copied) notSigned() {
	c.Helper()
	var claim corev1.PersistentVolumeClaim
	if err := c.Get(c.Context(), client.ObjectKey{Namespace: c.space, Name: names.SignerClaim(secondOne, 1)}, &claim); err != nil {
		c.Fatal(err)
	}
	all := instances(c.folderOf(&claim))
	if len(all) != 1 {
		c.Fatalf("%d instances on the volume of the second one, want 1", len(all))
	}
	wait(c.T, "the second one's vote log to be read", 30*time.Second, func() (bool, string) {
		record, states, err := records(all[0])
		if err != nil {
			return false, err.Error()
		}
		for _, s := range states {
			if s.VotedView > 0 || s.CommitView > 0 || s.TimeoutView > 0 || s.ProposedView > 0 {
				c.Errorf("%s has signed: %+v", record.NetworkKey, s)
			}
		}
		c.Logf("the vote log of the second one holds %d states, none with a signature", len(states))
		return true, ""
	})
}

// operators scales the operator, and waits for that.
func (c *copied) operators(count int) {
	c.Helper()
	c.kubectl(c.T, "scale", "-n", "bedrock-system", "deployment/bedrock-operator", fmt.Sprintf("--replicas=%d", count))
	wait(c.T, fmt.Sprintf("%d operators", count), 2*time.Minute, func() (bool, string) {
		var pods corev1.PodList
		if err := c.List(c.Context(), &pods, client.InNamespace("bedrock-system")); err != nil {
			return false, err.Error()
		}
		running := 0
		for i := range pods.Items {
			if pods.Items[i].DeletionTimestamp != nil {
				running = -1 // one is on its way out
				break
			}
			if pods.Items[i].Status.Phase == corev1.PodRunning {
				running++
			}
		}
		return running == count, fmt.Sprintf("%d pods, %d run", len(pods.Items), running)
	})
}

// drill runs a drill as a person does, and holds that nothing of it is left.
func (n *network) drill(args ...string) {
	n.Helper()
	before := n.everything()
	n.Log(n.bedrock(append([]string{"drill", "--wait", (3 * time.Minute * slow).String()}, args...)...))
	wait(n.T, "nothing of the drill to be left", time.Minute, func() (bool, string) {
		var more []string
		for what := range n.everything() {
			if !before[what] {
				more = append(more, what)
			}
		}
		return len(more) == 0, strings.Join(more, ", ")
	})
}

// everything is what a drill could leave: namespaces, volumes, claims on keys, and what
// is namespaced in the drill's spaces.
func (n *network) everything() map[string]bool {
	n.Helper()
	out := map[string]bool{}
	for _, list := range []client.ObjectList{&corev1.NamespaceList{}, &corev1.PersistentVolumeList{}, &corev1.PersistentVolumeClaimList{}, &v1alpha1.ValidatorKeyClaimList{}, &v1alpha1.ValidatorList{}, &corev1.SecretList{}} {
		if err := n.List(n.Context(), list); err != nil {
			n.Fatal(err)
		}
		err := meta.EachListItem(list, func(o runtime.Object) error {
			one := o.(client.Object)
			out[fmt.Sprintf("%T %s/%s", o, one.GetNamespace(), one.GetName())] = true
			return nil
		})
		if err != nil {
			n.Fatal(err)
		}
	}
	return out
}

// broughtKey is a keystore with its password, as a person brings it.
func broughtKey(t *testing.T) map[string][]byte {
	t.Helper()
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	key, err := keystore.NewKey(keystore.KindConsensus, "ed25519", private.Seed())
	if err != nil {
		t.Fatal(err)
	}
	file, err := keystore.Encrypt(key, "a password", keystore.Standard)
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{"keystore.json": file, "password": []byte("a password")}
}
