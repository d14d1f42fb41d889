//go:build e2e

package operator

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/client"
	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/controllers/names"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

// Row 18, and the last of row 7: two of four signer volumes are destroyed. The chain
// halts, everything automatic is refused with the reason, and a recovery genesis made by
// the runbook goes on with balances and records, and brings the network back to four.
func TestRow18TwoOfFourSignersLost(t *testing.T) {
	n := shared.deploy(t, nil)
	wait(t, "4 validators Ready and finalising", 90*time.Second, func() (bool, string) { return n.ready(4) })
	l := n.startLoad()
	wait(t, "100 transfers final", 60*time.Second, func() (bool, string) { return l.progress() >= 100, "" })
	oldGenesis := n.get().Status.Genesis

	lost := []string{n.validators()[1].Name, n.validators()[2].Name}
	survivors := []string{n.validators()[0].Name, n.validators()[3].Name}
	for _, name := range lost {
		n.lose(name, names.SignerClaim(name, 1))
	}
	for _, name := range lost {
		n.waitValidator(name, v1alpha1.ValidatorVolumesReady, "False", v1alpha1.ReasonKeyMissing, 90*time.Second)
	}
	n.waitCondition(v1alpha1.NetworkFinalizing, "False", v1alpha1.ReasonChainHalted, 3*time.Minute)
	l.stop()
	// With nothing waiting it is told from an idle chain once the lost ones' connections
	// are closed: it must last.
	wait(t, "the network to have said so for 30 s", 3*time.Minute, func() (bool, string) {
		c := meta.FindStatusCondition(n.get().Status.Conditions, v1alpha1.NetworkFinalizing)
		return c.Status == metav1.ConditionFalse && c.Reason == v1alpha1.ReasonChainHalted && time.Since(c.LastTransitionTime.Time) > 30*time.Second,
			n.story(n.get().Status.Conditions, v1alpha1.NetworkFinalizing)
	})
	tip, balance, nonce := n.stands(survivors[0])
	t.Logf("halted at height %d, the payer's nonce is %d, what it paid out %s", tip, nonce, balance)

	n.refusesWhileHalted(lost, survivors)
	if now, _, _ := n.stands(survivors[0]); now != tip {
		t.Fatalf("height %d after all that was asked of a chain halted at %d", now, tip)
	}

	hash := n.recover(survivors, oldGenesis.ConfigMap)
	for _, name := range survivors {
		wait(t, name+" to sign under the recovery genesis", 5*time.Minute, func() (bool, string) { return n.signsUnder(name, hash) })
	}
	l = n.startLoad()
	wait(t, "20 transfers final on the recovered chain", 2*time.Minute, func() (bool, string) { return l.progress() >= 20, "" })
	height, paid, now := n.stands(survivors[0])
	t.Logf("height %d, the payer's nonce is %d, what it paid out %s", height, now, paid)
	if height <= tip || now < nonce+20 || paid.Big().Cmp(balance.Big()) <= 0 {
		t.Errorf("balances and records do not go on: height %d, nonce %d, balance %s", height, now, paid)
	}
	n.waitCondition(v1alpha1.NetworkMembership, "False", "EpochChanges", 2*time.Minute)
	n.takeOut(lost, survivors[0])
	wait(t, "4 validators Ready again", 8*time.Minute, func() (bool, string) { return n.ready(4) })
	done := l.progress()
	wait(t, "50 transfers final with four", 90*time.Second, func() (bool, string) { return l.progress() >= done+50, "" })
	if set := n.watchSet()(); set[len(set)-1].validators != 4 {
		t.Errorf("the newest epoch is %+v, want 4 validators", set[len(set)-1])
	}
}

// refusesWhileHalted asks for each automatic act and reads why it is refused.
func (n *network) refusesWhileHalted(lost, survivors []string) {
	n.Helper()
	n.Log(n.bedrock("takeover", lost[0])) // asked for
	n.waitValidator(lost[0], v1alpha1.ValidatorTakeover, "False", v1alpha1.ReasonChainHalted, 2*time.Minute, "docs/runbooks/halted-chain.md")
	n.Log(n.bedrock("disrupt", survivors[0], "--reason", "row 18"))
	n.waitValidator(survivors[0], v1alpha1.ValidatorDisruption, "False", v1alpha1.ReasonChainHalted, 2*time.Minute)
	for _, count := range []int32{3, 4} {
		n.change(func(b *v1alpha1.BedrockNetwork) { b.Spec.Validators.Count = &count })
		if count == 3 {
			n.waitCondition(v1alpha1.NetworkMembership, "False", v1alpha1.ReasonChainHalted, 2*time.Minute)
		}
	}
	// By itself: once it was missing for ten minutes. E2E_MISSING=0s leaves that out.
	if bound := lasting(n.T, "E2E_MISSING", 12*time.Minute); bound > 0 {
		n.waitValidator(lost[1], v1alpha1.ValidatorTakeover, "False", v1alpha1.ReasonChainHalted, bound, "docs/runbooks/halted-chain.md")
	}
	for _, name := range lost {
		if got := n.validator(name).Status; len(got.Instances) != 1 || got.Takeover != nil {
			n.Errorf("%s has %d instances and the takeover %v on a halted chain", name, len(got.Instances), got.Takeover)
		}
	}
	for _, c := range n.get().Status.Conditions {
		n.Logf("network: %s=%s %s: %s", c.Type, c.Status, c.Reason, c.Message)
	}
}

// recover does what docs/runbooks/recovery-genesis.md says, step by step, and answers the
// hash of the recovery genesis.
func (n *network) recover(survivors []string, genesisMap string) string {
	n.Helper()
	dir := n.TempDir()
	network := n.get()
	n.change(func(b *v1alpha1.BedrockNetwork) { b.Spec.Reconciliation = v1alpha1.ReconciliationPaused }) // 1
	selector := v1alpha1.LabelNetwork + "=" + n.name
	n.kubectl(n.T, "scale", "statefulset", "-n", n.ns, "-l", selector, "--replicas", "0")
	n.kubectl(n.T, "wait", "-n", n.ns, "--for", "delete", "pod", "-l", selector, "--timeout", (2 * time.Minute * slow).String())

	type lock struct {
		Epoch uint64 `json:"epoch"`
		View  uint64 `json:"lock_view"`
	}
	var best string // 2
	var highest lock
	for _, name := range survivors {
		var log struct {
			State *lock `json:"state"`
		}
		out := n.onVolumes(name, network.Spec.Image, genesisMap, "inspect", "votelog", "--home", "/etc/bedrock/node", "--output", "json")
		if err := json.Unmarshal([]byte(out), &log); err != nil || log.State == nil {
			n.Fatalf("vote log of %s: %v: %s", name, err, out)
		}
		n.Logf("%s has a lock of view %d in epoch %d", name, log.State.View, log.State.Epoch)
		if now := *log.State; best == "" || now.Epoch > highest.Epoch || now.Epoch == highest.Epoch && now.View > highest.View {
			best, highest = name, now
		}
	}
	args := []string{"genesis", "recover", "--home", "/etc/bedrock/node"}
	for _, name := range survivors {
		args = append(args, "--survivor", name)
	}
	unsigned := filepath.Join(dir, "unsigned.json")
	if err := os.WriteFile(unsigned, []byte(n.onVolumes(best, network.Spec.Image, genesisMap, args...)), 0o600); err != nil {
		n.Fatal(err)
	}
	recovery := filepath.Join(dir, "recovery.json") // 3
	n.keys = n.operatorKey(dir)
	if err := os.WriteFile(recovery, []byte(n.node("genesis", "sign", unsigned, "--key", n.keys.file)), 0o600); err != nil {
		n.Fatal(err)
	}
	hash, _, _ := strings.Cut(strings.TrimSpace(n.node("genesis", "hash", recovery)), " ")

	n.kubectl(n.T, "create", "configmap", "-n", n.ns, "recovery-genesis", "--from-file=genesis.json="+recovery) // 4
	n.kubectl(n.T, "delete", "bedrocknetwork", "-n", n.ns, n.name, "--wait=false")
	if network.Spec.DeletionProtection == v1alpha1.Enabled {
		n.Log(n.bedrock("release", n.name))
	}
	n.kubectl(n.T, "wait", "-n", n.ns, "--for", "delete", "bedrocknetwork/"+n.name, "--timeout", (2 * time.Minute * slow).String())
	again := &v1alpha1.BedrockNetwork{ObjectMeta: metav1.ObjectMeta{Name: n.name, Namespace: n.ns}, Spec: *network.Spec.DeepCopy()}
	again.Spec.Reconciliation = v1alpha1.ReconciliationActive
	again.Spec.Genesis = v1alpha1.Genesis{Type: v1alpha1.GenesisGiven, Given: &v1alpha1.GivenGenesis{ConfigMap: "recovery-genesis", Hash: v1alpha1.Hash(hash)}}
	if err := n.Create(n.Context(), again); err != nil {
		n.Fatalf("apply the network with the recovery genesis: %v", err)
	}
	return hash
}

// takeOut has the authority take the lost validators out in one transaction: step 5.
func (n *network) takeOut(lost []string, by string) {
	n.Helper()
	args := []string{"tx", "authority", "weigh"}
	for _, name := range lost {
		args = append(args, name+"=0")
	}
	n.Log(n.node(append(args, "--allow-fewer", "--key", n.keys.file, "--node", n.rpcOf(by))...))
}

// keysAtHand is the operator's key in a keystore, and its password's file.
type keysAtHand struct{ file, password string }

// operatorKey writes the operator's key into a keystore, as the runbook says.
func (n *network) operatorKey(dir string) keysAtHand {
	n.Helper()
	var s corev1.Secret
	if err := n.Get(n.Context(), key(n.ns, names.OperatorKeys), &s); err != nil {
		n.Fatal(err)
	}
	k := keysAtHand{filepath.Join(dir, "operator.json"), filepath.Join(dir, "password")}
	seed := filepath.Join(dir, "seed.hex")
	for path, text := range map[string]string{seed: fmt.Sprintf("%x\n", s.Data[n.name]), k.password: "a password of the test\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			n.Fatal(err)
		}
	}
	n.keys = k
	n.node("keys", "import", "--secret-file", seed, "--out", k.file)
	return k
}

// node runs the node's command line here.
func (n *network) node(args ...string) string {
	n.Helper()
	return n.bedrockNode(n.keys.password, args...)
}

// onVolumes runs a command of the node on a validator's volumes, by the pod of the
// runbook, and answers its output.
func (n *network) onVolumes(validator, image, genesisMap string, args ...string) string {
	n.Helper()
	pod := n.runbookPod("recovery-genesis.md", map[string]string{"IMAGE": image, "VALIDATOR": validator, "GENESIS": genesisMap})
	pod.Namespace = n.ns
	pod.Spec.Containers[0].Args = args
	if err := n.Create(n.Context(), pod); err != nil {
		n.Fatalf("make the pod of the runbook: %v", err)
	}
	wait(n.T, fmt.Sprintf("the pod to run %q on the volumes of %s", args[:2], validator), 90*time.Second, func() (bool, string) {
		var now corev1.Pod
		if err := n.Get(n.Context(), key(n.ns, pod.Name), &now); err != nil {
			return false, err.Error()
		}
		return now.Status.Phase == corev1.PodSucceeded || now.Status.Phase == corev1.PodFailed, string(now.Status.Phase)
	})
	out := n.kubectl(n.T, "logs", "-n", n.ns, pod.Name)
	var now corev1.Pod
	if err := n.Get(n.Context(), key(n.ns, pod.Name), &now); err != nil || now.Status.Phase != corev1.PodSucceeded {
		n.Fatalf("%v on the volumes of %s: %v: %s", args, validator, err, out)
	}
	n.kubectl(n.T, "delete", "pod", "-n", n.ns, pod.Name, "--wait=true")
	return out
}

// rpcOf is the RPC address of a validator's first instance.
func (n *network) rpcOf(validator string) string {
	n.Helper()
	pod, err := n.pod(validator, 1)
	if err != nil {
		n.Fatal(err)
	}
	return fmt.Sprintf("http://%s:%d", pod.Status.PodIP, names.PortRPC)
}

// stands is a node's final height, what the load's receiver has, and the payer's nonce.
func (n *network) stands(validator string) (height uint64, balance ledger.Amount, nonce uint64) {
	n.Helper()
	rpc, err := client.Connect(n.rpcOf(validator), nil)
	if err != nil {
		n.Fatal(err)
	}
	read := func(who ledger.Address) ledger.Account {
		res, err := rpc.Query(n.Context(), connect.NewRequest(&nodev1.QueryRequest{Path: "account/" + who.String()}))
		if err != nil {
			n.Fatalf("read account %s at %s: %v", who, validator, err)
		}
		height = res.Msg.Height
		account, err := ledger.DecodeAccount(res.Msg.Value)
		if err != nil {
			n.Fatal(err)
		}
		return account
	}
	balance = read(ledger.Address{1}).Balance
	nonce = read(ledger.AddressOf(n.payerPublic())).Nonce
	return height, balance, nonce
}

// signsUnder says whether a validator's node signs the chain of a genesis.
func (n *network) signsUnder(validator, hash string) (bool, string) {
	pod, err := n.pod(validator, 1)
	if err != nil || pod.Status.PodIP == "" {
		return false, fmt.Sprintf("no pod with an address: %v", err)
	}
	rpc, err := client.Connect(n.rpcOf(validator), nil)
	if err != nil {
		return false, err.Error()
	}
	res, err := rpc.GetStatus(n.Context(), connect.NewRequest(&nodev1.GetStatusRequest{}))
	if err != nil {
		return false, err.Error()
	}
	return res.Msg.Signing && fmt.Sprintf("%x", res.Msg.GenesisHash) == hash, fmt.Sprintf("genesis %x; %s", res.Msg.GenesisHash, res.Msg.NotSigningReason)
}
