//go:build e2e

package operator

import (
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/names"
	"github.com/bedrock-bft/bedrock/node/genesis"
)

// network is a BedrockNetwork under test, with an account that pays for the load.
type network struct {
	*testing.T
	*cluster
	ns, name string
	payer    ed25519.PrivateKey
	votes    *votes
	keys     keysAtHand // once a test takes the operator's key
	program  string     // the node's command line, once it is built
}

// sample reads config/samples/network-4.yaml as a user applies it, for this namespace.
func (c *cluster) sample(t *testing.T, ns string, payer ed25519.PublicKey) *v1alpha1.BedrockNetwork {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(c.root, "config/samples/network-4.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var out v1alpha1.BedrockNetwork
	if err := yaml.UnmarshalStrict(raw, &out); err != nil {
		t.Fatalf("the sample: %v", err)
	}
	out.Namespace = ns
	out.Spec.Genesis.Type = v1alpha1.GenesisCeremony
	if out.Spec.Genesis.Ceremony == nil {
		out.Spec.Genesis.Ceremony = &v1alpha1.Ceremony{}
	}
	out.Spec.Genesis.Ceremony.Accounts = append(out.Spec.Genesis.Ceremony.Accounts,
		v1alpha1.GenesisAccount{PublicKey: v1alpha1.Ed25519Key(hex.EncodeToString(payer)), Balance: "1000000000000"})
	return &out
}

// deploy applies the sample, changed by edit, in a namespace of its own. What the
// volumes of its validators record is watched from now on.
func (c *cluster) deploy(t *testing.T, edit func(*v1alpha1.BedrockNetwork)) *network {
	t.Helper()
	return c.deployIn(t, c.namespace(t), edit)
}

func (c *cluster) deployIn(t *testing.T, ns string, edit func(*v1alpha1.BedrockNetwork)) *network {
	t.Helper()
	public, payer, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	want := c.sample(t, ns, public)
	if edit != nil {
		edit(want)
	}
	n := &network{T: t, cluster: c, ns: ns, name: want.Name, payer: payer}
	n.votes = watchVotes(n)
	if err := c.Create(t.Context(), want); err != nil {
		t.Fatalf("apply the network: %v", err)
	}
	return n
}

func (n *network) get() *v1alpha1.BedrockNetwork {
	n.Helper()
	var out v1alpha1.BedrockNetwork
	if err := n.Get(n.Context(), client.ObjectKey{Namespace: n.ns, Name: n.name}, &out); err != nil {
		n.Fatalf("read the network: %v", err)
	}
	return &out
}

// change patches the spec.
func (n *network) change(edit func(*v1alpha1.BedrockNetwork)) {
	n.Helper()
	now := n.get()
	before := now.DeepCopy()
	edit(now)
	if err := n.Patch(n.Context(), now, client.MergeFrom(before)); err != nil {
		n.Fatalf("change the network: %v", err)
	}
}

func (n *network) validators() []v1alpha1.Validator {
	n.Helper()
	var out v1alpha1.ValidatorList
	if err := n.List(n.Context(), &out, client.InNamespace(n.ns), client.MatchingLabels{v1alpha1.LabelNetwork: n.name}); err != nil {
		n.Fatalf("list validators: %v", err)
	}
	slices.SortFunc(out.Items, func(a, b v1alpha1.Validator) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return out.Items
}

// ready says whether so many validators are Ready, and what the others say.
func (n *network) ready(count int) (bool, string) {
	n.Helper()
	list := n.validators()
	ready, state := 0, n.story(n.get().Status.Conditions, v1alpha1.NetworkReady)
	for i := range list {
		if meta.IsStatusConditionTrue(list[i].Status.Conditions, v1alpha1.ValidatorReady) {
			ready++
		} else {
			state += fmt.Sprintf("; %s: %s", list[i].Name, n.story(list[i].Status.Conditions, v1alpha1.ValidatorReady))
		}
	}
	return ready == count && len(list) == count, fmt.Sprintf("%d of %d ready; %s", ready, len(list), state)
}

func (n *network) pod(validator string, instance int32) (*corev1.Pod, error) {
	var out corev1.Pod
	err := n.Get(n.Context(), client.ObjectKey{Namespace: n.ns, Name: names.Pod(validator, instance)}, &out)
	if apierrors.IsNotFound(err) {
		return nil, err
	}
	if err != nil {
		n.Fatalf("read the pod of %s: %v", validator, err)
	}
	return &out, nil
}

// validator reads one.
func (n *network) validator(name string) *v1alpha1.Validator {
	n.Helper()
	var out v1alpha1.Validator
	if err := n.Get(n.Context(), client.ObjectKey{Namespace: n.ns, Name: name}, &out); err != nil {
		n.Fatalf("read Validator %s: %v", name, err)
	}
	return &out
}

// host is the node on which the first instance of a validator runs.
func (n *network) host(validator string) string {
	n.Helper()
	pod, err := n.pod(validator, 1)
	if err != nil {
		n.Fatal(err)
	}
	return pod.Spec.NodeName
}

// bedrock runs kubectl-bedrock in the network's namespace.
func (n *network) bedrock(args ...string) string {
	n.Helper()
	return run(n.T, n.root, "go", append([]string{"run", "./cmd/kubectl-bedrock", "-n", n.ns}, args...)...)
}

// genesis is the document that the operator made.
func (n *network) genesis() *genesis.Genesis {
	n.Helper()
	status := n.get().Status.Genesis
	if status == nil {
		n.Fatal("the network has no genesis")
	}
	var cm corev1.ConfigMap
	if err := n.Get(n.Context(), client.ObjectKey{Namespace: n.ns, Name: status.ConfigMap}, &cm); err != nil {
		n.Fatalf("read the genesis: %v", err)
	}
	g, err := genesis.Parse([]byte(cm.Data["genesis.json"]))
	if err != nil {
		n.Fatal(err)
	}
	if got := g.Hash().String(); got != string(status.Hash) {
		n.Fatalf("genesis %s in ConfigMap %s, status says %s", got, status.ConfigMap, status.Hash)
	}
	return g
}

func (n *network) story(conditions []metav1.Condition, kind string) string {
	c := meta.FindStatusCondition(conditions, kind)
	if c == nil {
		return kind + " is not said"
	}
	return fmt.Sprintf("%s=%s %s: %s", kind, c.Status, c.Reason, c.Message)
}

// waitCondition waits for a condition of the network.
func (n *network) waitCondition(kind, status, reason string, bound time.Duration, words ...string) {
	n.Helper()
	n.waitFor(func() []metav1.Condition { return n.get().Status.Conditions }, kind, status, reason, bound, words...)
}

// waitValidator waits for a condition of a validator, which may not be there yet.
func (n *network) waitValidator(name, kind, status, reason string, bound time.Duration, words ...string) {
	n.Helper()
	n.waitFor(func() []metav1.Condition {
		var v v1alpha1.Validator
		if err := n.Get(n.Context(), client.ObjectKey{Namespace: n.ns, Name: name}, &v); client.IgnoreNotFound(err) != nil {
			n.Fatalf("read Validator %s: %v", name, err)
		}
		return v.Status.Conditions
	}, kind, status, reason, bound, words...)
}

// waitFor waits for a condition with that status and reason whose message holds all the
// words.
func (n *network) waitFor(read func() []metav1.Condition, kind, status, reason string, bound time.Duration, words ...string) {
	n.Helper()
	wait(n.T, fmt.Sprintf("%s=%s %s", kind, status, reason), bound, func() (bool, string) {
		conditions := read()
		c := meta.FindStatusCondition(conditions, kind)
		if c == nil || string(c.Status) != status || c.Reason != reason {
			return false, n.story(conditions, kind)
		}
		for _, w := range words {
			if !strings.Contains(c.Message, w) {
				return false, fmt.Sprintf("the message does not name %q: %s", w, c.Message)
			}
		}
		return true, ""
	})
}
