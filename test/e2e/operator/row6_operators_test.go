//go:build e2e

package operator

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	kube "sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/client"
	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/controllers/chain"
	"github.com/bedrock-bft/bedrock/controllers/names"
)

// Row 6: two operators hold four and one of a chain's five validators. Each sees the
// other's lease on chain and waits for it: the one that has a delegate key takes its
// leases itself, the owner of the other's validator takes them by hand. // rule: maintain
func TestRow6TwoOperators(t *testing.T) {
	ownerKey := ed25519.NewKeyFromSeed([]byte(strings.Repeat("o", ed25519.SeedSize)))
	n := shared.deploy(t, func(b *v1alpha1.BedrockNetwork) {
		b.Spec.FullNodes = nil
		b.Spec.Genesis.Ceremony.Accounts = append(b.Spec.Genesis.Ceremony.Accounts,
			v1alpha1.GenesisAccount{PublicKey: v1alpha1.Ed25519Key(hex.EncodeToString(ownerKey.Public().(ed25519.PublicKey))), Balance: "1000000000000"})
	})
	n.operatorOnlyFor(n.ns)
	wait(t, "4 validators Ready and finalising", 90*time.Second, func() (bool, string) { return n.ready(4) })
	l := n.startLoad()
	wait(t, "20 transfers final", 60*time.Second, func() (bool, string) { return l.progress() >= 20, "" })
	o := n.guest("guest", ownerKey)
	o.join()
	n.secondWaits(o)
	n.firstWaits(o, l)
	if u := o.uses(t); u != 1 {
		t.Errorf("the second operator's process is one of %d", u)
	}
}

// secondWaits: of five one may be down. The first operator takes a lease and its pod stays;
// the second one waits for it, and goes on when the unused lease is given back.
func (n *network) secondWaits(o *owner) {
	n.Helper()
	one := n.validators()[1].Name
	was, host := n.running(one), n.host(one)
	n.cordon(host)
	n.waitValidator(one, v1alpha1.ValidatorDisruption, "True", "Granted", time.Minute)
	wait(n.T, "the first operator's lease on chain", time.Minute, func() (bool, string) {
		m := o.member(one)
		return m.Row.LeaseEnd > o.set().TimeMs, fmt.Sprintf("it ends at %d", m.Row.LeaseEnd)
	})
	o.guest.annotate(v1alpha1.AnnotationDisrupt, "a new disk")
	o.guest.waitValidator(o.name, v1alpha1.ValidatorDisruption, "False", v1alpha1.ReasonPowerBudgetExhausted, 2*time.Minute,
		"2 of 5 would be down, 1 allowed", one+" in maintenance on chain")
	n.Log("the second operator: ", n.story(o.guest.validator(o.name).Status.Conditions, v1alpha1.ValidatorDisruption))
	if err := o.lease(30 * time.Minute); err == nil {
		n.Fatal("the ledger granted two leases of five: a third is exceeded")
	} else {
		n.Logf("the ledger refuses the owner's lease beside it: %v", err)
	}
	if n.running(one) != was {
		n.Fatalf("%s went though nobody evicted it", one)
	}

	n.kubectl(n.T, "uncordon", host)
	o.guest.waitValidator(o.name, v1alpha1.ValidatorDisruption, "False", "AwaitingLease", 2*time.Minute, "bedrock tx validator maintain")
	if end, now := o.member(one).Row.LeaseEnd, o.set().TimeMs; end > now {
		n.Fatalf("the lease of %s runs until %d, at %d: the second operator did not wait for it", one, end, now)
	}
	o.guest.refused(o.name, "that has no lease yet")
}

// firstWaits: the owner takes a lease, and the first operator waits for as long as the
// ledger has it, also when the guest votes again.
func (n *network) firstWaits(o *owner, l *load) {
	n.Helper()
	one := n.validators()[1].Name
	was, host, guestWas := n.running(one), n.host(one), o.guest.running(o.name)
	if err := o.lease(30 * time.Minute); err != nil {
		n.Fatalf("the owner takes a lease: %v", err)
	}
	wait(n.T, "the second operator to open the guest's budget", 2*time.Minute, func() (bool, string) {
		return o.guest.budgetOpen(o.name), n.story(o.guest.validator(o.name).Status.Conditions, v1alpha1.ValidatorDisruption)
	})

	n.cordon(host)
	ended := n.drain(host, one)
	n.waitValidator(one, v1alpha1.ValidatorDisruption, "False", v1alpha1.ReasonPowerBudgetExhausted, 2*time.Minute,
		"2 of 5 would be down, 1 allowed", o.name+" in maintenance on chain")
	n.Log("the first operator: ", n.story(n.validator(one).Status.Conditions, v1alpha1.ValidatorDisruption))
	wait(n.T, "the guest's pod to be evicted", time.Minute, func() (bool, string) {
		err := o.guest.evict(o.name)
		return err == nil || o.guest.running(o.name) != guestWas, fmt.Sprint(err)
	})
	n.stays(l, one, was, 50)
	o.guest.waitValidator(o.name, v1alpha1.ValidatorReady, "True", v1alpha1.ReasonReady, 3*time.Minute)
	n.stays(l, one, was, 20)
	if err := o.lease(0); err != nil {
		n.Fatalf("the owner gives its lease back: %v", err)
	}
	n.goes(one, was)
	if end, now := o.member(one).Row.LeaseEnd, o.set().TimeMs; end <= now {
		n.Errorf("%s went without a lease: it ends at %d, at %d", one, end, now)
	}
	n.kubectl(n.T, "uncordon", host)
	if err := <-ended; err != nil {
		n.Errorf("drain of %s: %v", host, err)
	}
	n.quiet(4)
	wait(n.T, "the first operator's lease to be given back", time.Minute, func() (bool, string) {
		end, now := o.member(one).Row.LeaseEnd, o.set().TimeMs
		return end <= now, fmt.Sprintf("it ends at %d, at %d", end, now)
	})
}

// owner is who owns a validator under another operator, in a namespace of its own.
type owner struct {
	n     *network // the chain's own
	guest *network // the namespace of the other operator
	name  string
	key   ed25519.PrivateKey
	chain chain.Client
}

// guest makes a Validator of the network's chain in another namespace, with an operator
// of its own there.
func (n *network) guest(name string, key ed25519.PrivateKey) *owner {
	n.Helper()
	ns := n.namespace(n.T)
	g := n.genesis()
	dial := chain.NewDialer(chain.Options{Timeout: 10 * time.Second})
	c, err := dial(g.Bytes())
	if err != nil {
		n.Fatal(err)
	}
	o := &owner{n: n, name: name, key: key, chain: c, guest: &network{T: n.T, cluster: n.cluster, ns: ns, name: name}}
	o.guest.votes = watchVotes(o.guest)
	n.operatorIn(n.T, ns)
	document := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "genesis", Namespace: ns}, Data: map[string]string{"genesis.json": string(g.Bytes())}}
	if err := n.Create(n.Context(), document); err != nil {
		n.Fatal(err)
	}
	foreign := &v1alpha1.ForeignChain{Genesis: v1alpha1.GivenGenesis{ConfigMap: "genesis", Hash: v1alpha1.Hash(g.Hash().String())}}
	for _, v := range n.validators() {
		foreign.Peers = append(foreign.Peers, fmt.Sprintf("%s@%s.%s.svc:%d", v.Status.Instances[0].Identity, names.Instance(v.Name, 1), n.ns, names.PortP2P))
		foreign.RPC = append(foreign.RPC, string(chain.EndpointOf(n.ns, v.Name, 1)))
	}
	t := n.get().Spec.Validators.Template
	v := &v1alpha1.Validator{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: ns}, Spec: v1alpha1.ValidatorSpec{
		Chain: v1alpha1.ChainRef{Type: v1alpha1.ChainForeign, Foreign: foreign}, Image: n.get().Spec.Image, Power: 1,
		Keys: v1alpha1.KeySource{Source: v1alpha1.KeysVolume}, Bootstrap: v1alpha1.Bootstrap{Type: v1alpha1.BootstrapPeers},
		Compute: t.Compute, Storage: t.Storage, Scheduling: t.Scheduling, Exposure: t.Exposure}}
	if err := n.Create(n.Context(), v); err != nil {
		n.Fatal(err)
	}
	return o
}

// join brings the guest into the set: its owner joins it, its node says that it is ready,
// and the chain's authority, which is the first operator's key, weighs it.
func (o *owner) join() {
	o.n.Helper()
	pod := names.Pod(o.name, 1)
	var consent struct {
		Identity     ledger.ID `json:"network_key"`
		ConsensusKey string    `json:"consensus_key"`
		Signature    string    `json:"signature"`
	}
	public := ledger.ID(o.key.Public().(ed25519.PublicKey))
	wait(o.n.T, "the guest's node to consent", 3*time.Minute, func() (bool, string) {
		cmd := exec.Command("kubectl", "exec", "-n", o.guest.ns, pod, "--", "/usr/bin/bedrock", "identity", "consent", "join", "--owner", public.String(), "--admin", "http://127.0.0.1:7602")
		out, err := cmd.Output()
		if err != nil {
			return false, fmt.Sprintf("%v; %s", err, o.n.story(o.guest.validator(o.name).Status.Conditions, v1alpha1.ValidatorReady))
		}
		err = json.Unmarshal(out, &consent)
		return err == nil, fmt.Sprintf("%v: %s", err, out)
	})
	key, err := hex.DecodeString(consent.ConsensusKey)
	if err != nil {
		o.n.Fatal(err)
	}
	signature, err := hex.DecodeString(consent.Signature)
	if err != nil || len(signature) != 64 {
		o.n.Fatalf("consent %+v: %v", consent, err)
	}
	o.must("join", ledger.Join{Identity: consent.Identity, ConsensusKey: key, Moniker: o.name, Consent: [64]byte(signature)})
	wait(o.n.T, "the guest to be ready", 3*time.Minute, func() (bool, string) {
		m := o.member(o.name)
		return m != nil && m.Row.Ready, fmt.Sprintf("%+v", m)
	})
	var s corev1.Secret
	if err := o.n.Get(o.n.Context(), kube.ObjectKey{Namespace: o.n.ns, Name: names.OperatorKeys}, &s); err != nil {
		o.n.Fatal(err)
	}
	op := ledger.Weigh{Weights: []ledger.Weight{{Validator: o.member(o.name).Name, Power: 1}}}
	tx, err := chain.WeighWith(o.key, o.n.genesis().Hash(), op, o.fee(), ed25519.NewKeyFromSeed(s.Data[o.n.name]))
	if err != nil {
		o.n.Fatal(err)
	}
	if err := o.submit(tx); err != nil {
		o.n.Fatalf("weigh the guest: %v", err)
	}
	o.guest.waitValidator(o.name, v1alpha1.ValidatorReady, "True", v1alpha1.ReasonReady, 3*time.Minute)
}

// lease takes a lease from now on, or gives it back (0).
func (o *owner) lease(length time.Duration) error {
	o.n.Helper()
	m := o.member(o.name)
	op := ledger.Maintain{Validator: m.Name, ExpectedEnd: m.Row.LeaseEnd}
	if length > 0 {
		op.End = o.set().TimeMs + uint64(length.Milliseconds())
	}
	return o.send(op)
}

func (o *owner) must(what string, op ledger.Operation) {
	o.n.Helper()
	if err := o.send(op); err != nil {
		o.n.Fatalf("%s: %v", what, err)
	}
}

func (o *owner) send(op ledger.Operation) error {
	o.n.Helper()
	f := o.fee()
	tx, err := ledger.Sign(o.key, ledger.Body{Genesis: o.n.genesis().Hash(), Nonce: f.Nonce, GasPrice: f.GasPrice, GasLimit: ledger.GasLimit(op), Operation: op})
	if err != nil {
		o.n.Fatal(err)
	}
	return o.submit(tx)
}

func (o *owner) fee() chain.Fee {
	o.n.Helper()
	account, err := o.chain.Account(o.n.Context(), o.at(), ledger.AddressOf(o.key.Public().(ed25519.PublicKey)))
	if err != nil {
		o.n.Fatalf("the owner's account: %v", err)
	}
	return chain.Fee{Nonce: account.Nonce, GasPrice: 1}
}

// submit makes a transaction final; its error is the chain's refusal or failure.
func (o *owner) submit(tx []byte) error {
	o.n.Helper()
	g := o.n.genesis()
	c, err := client.New(string(o.at()), client.Options{Trust: client.Trust{Genesis: g.Hash(), Epoch: g.Epoch()}, Timeout: 10 * time.Second})
	if err != nil {
		o.n.Fatal(err)
	}
	done, err := c.SubmitFinal(o.n.Context(), tx, 30*time.Second*slow)
	if err != nil {
		return err
	}
	if done.Receipt.Code != 0 {
		return fmt.Errorf("final at height %d with code %d: %s", done.Height, done.Receipt.Code, ledger.CodeName(done.Receipt.Code))
	}
	return nil
}

// at is a node of the first operator's that answers.
func (o *owner) at() chain.Endpoint {
	o.n.Helper()
	var out chain.Endpoint
	wait(o.n.T, "a node that answers", time.Minute, func() (bool, string) {
		for _, address := range o.n.endpoints(o.n.Context()) {
			if s, err := o.chain.Status(o.n.Context(), chain.Endpoint(address)); err == nil && !s.Syncing {
				out = chain.Endpoint(address)
				return true, ""
			}
		}
		return false, "none does"
	})
	return out
}

func (o *owner) set() *chain.Set {
	o.n.Helper()
	set, err := o.chain.Set(o.n.Context(), o.at())
	if err != nil {
		o.n.Fatalf("read the set: %v", err)
	}
	return set
}

// member is a validator on the chain by its moniker; nil: there is none.
func (o *owner) member(moniker string) *chain.Member {
	o.n.Helper()
	set := o.set()
	for _, m := range set.All() {
		if m.Moniker == moniker {
			return &m
		}
	}
	return nil
}

// uses counts the operators' processes in the guest's namespace.
func (o *owner) uses(t *testing.T) int {
	t.Helper()
	var pods corev1.PodList
	if err := o.n.List(t.Context(), &pods, kube.InNamespace(o.guest.ns), kube.MatchingLabels{v1alpha1.LabelName: "bedrock-operator"}); err != nil {
		t.Fatal(err)
	}
	count := 0
	for i := range pods.Items {
		if o.n.processOf(pods.Items[i].UID, "bedrock-operator\x00") != 0 {
			count++
		}
	}
	return count
}

func (n *network) annotate(key, value string) {
	n.Helper()
	v := n.validator(n.name)
	patch := fmt.Appendf(nil, `{"metadata":{"annotations":{%q:%q}}}`, key, value)
	if err := n.Patch(n.Context(), v, kube.RawPatch(types.MergePatchType, patch)); err != nil {
		n.Fatalf("annotate %s: %v", n.name, err)
	}
}

// operatorOnlyFor lets the cluster's operator look after one namespace alone, until the
// test ends.
func (n *network) operatorOnlyFor(ns string) {
	n.Helper()
	patch := func(op string, more string) []string {
		return []string{"patch", "deployment", "-n", "bedrock-system", "bedrock-operator", "--type=json", "-p",
			fmt.Sprintf(`[{"op":%q,"path":"/spec/template/spec/containers/0/args/3"%s}]`, op, more)}
	}
	n.kubectl(n.T, patch("add", fmt.Sprintf(`,"value":"--namespaces=%s"`, ns))...)
	n.Cleanup(func() {
		for _, args := range [][]string{patch("remove", ""), {"rollout", "status", "-n", "bedrock-system", "deployment/bedrock-operator", "--timeout", (2 * time.Minute * slow).String()}} {
			if out, err := n.tryKubectl(args...); err != nil {
				n.Errorf("kubectl %s: %v: %s", strings.Join(args, " "), err, out)
			}
		}
	})
	n.kubectl(n.T, "rollout", "status", "-n", "bedrock-system", "deployment/bedrock-operator", "--timeout", (2 * time.Minute * slow).String())
}

// operatorIn installs config/namespaced into a namespace, and waits until it runs.
func (c *cluster) operatorIn(t *testing.T, ns string) {
	t.Helper()
	text := c.kubectl(t, "kustomize", "config/namespaced")
	var out []string
	for _, document := range strings.Split(text, "\n---\n") {
		if !strings.Contains(document, "kind: Namespace\n") {
			out = append(out, document)
		}
	}
	text = strings.ReplaceAll(strings.Join(out, "\n---\n"), "namespace: bedrock\n", "namespace: "+ns+"\n")
	// What belongs to no namespace is named by it.
	text = strings.ReplaceAll(text, "name: bedrock-operator-claims.bedrock\n", "name: bedrock-operator-claims."+ns+"\n")
	file := filepath.Join(t.TempDir(), "operator.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c.kubectl(t, "apply", "--server-side", "-f", file)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		for _, kind := range []string{"clusterrolebinding", "clusterrole"} {
			if out, err := exec.CommandContext(ctx, "kubectl", "delete", kind, "bedrock-operator-claims."+ns).CombinedOutput(); err != nil {
				t.Errorf("delete the %s: %v: %s", kind, err, out)
			}
		}
	})
	c.kubectl(t, "rollout", "status", "-n", ns, "deployment/bedrock-operator", "--timeout", (2 * time.Minute * slow).String())
}
