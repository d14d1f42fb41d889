//go:build e2e

package operator

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
)

// Row 2: private halves are on signer volumes and nowhere else; genesis goes by hash.
func TestRow2KeysAndGenesis(t *testing.T) {
	n := shared.deploy(t, nil)
	wait(t, "4 validators Ready and finalising", 90*time.Second, func() (bool, string) { return n.ready(4) })
	l := n.startLoad()
	wait(t, "20 transfers final", 60*time.Second, func() (bool, string) { return l.progress() >= 20, "" })

	noPrivateHalf(t, n)
	genesisByHash(t, n)
}

// noPrivateHalf looks for each private half in etcd, with every revision, and in logs.
func noPrivateHalf(t *testing.T, n *network) {
	dump := filepath.Join(t.TempDir(), "etcd")
	n.ctl(t, "etcd", "snapshot", dump)
	raw, err := os.ReadFile(dump)
	if err != nil {
		t.Fatal(err)
	}
	// The dump is one that would show a key: it holds public halves and the ConfigMap.
	public := n.validators()[0].Status.Instances[0].Identity
	if !bytes.Contains(raw, []byte(public)) {
		t.Fatalf("the dump of %d bytes does not hold the public identity %s: it shows nothing", len(raw), public)
	}
	secrets := n.secrets()
	if len(secrets) != 8 {
		t.Fatalf("%d secrets on the volumes, want the identity and the consensus key of 4 validators", len(secrets))
	}
	logs := n.kubectl(t, "logs", "-n", n.ns, "-l", v1alpha1.LabelNetwork+"="+n.name, "--tail=-1", "--prefix") +
		n.kubectl(t, "logs", "-n", "bedrock-system", "deployment/bedrock-operator", "--tail=-1")
	for file, secret := range secrets {
		for form, text := range forms(t, secret) {
			if bytes.Contains(raw, text) {
				t.Errorf("etcd holds %s in %s", file, form)
			}
			if strings.Contains(logs, string(text)) {
				t.Errorf("logs hold %s in %s", file, form)
			}
		}
	}
}

// genesisByHash makes the genesis again with other content: nodes refuse it.
func genesisByHash(t *testing.T, n *network) {
	status := n.get().Status.Genesis
	var was corev1.ConfigMap
	key := client.ObjectKey{Namespace: n.ns, Name: status.ConfigMap}
	if err := n.Get(t.Context(), key, &was); err != nil {
		t.Fatal(err)
	}
	altered := was.DeepCopy()
	altered.ResourceVersion, altered.UID = "", ""
	altered.Data["genesis.json"] = strings.Replace(was.Data["genesis.json"], `"drift_ms":`, `"drift_ms":1`, 1)
	if err := n.Delete(t.Context(), &was); err != nil {
		t.Fatal(err)
	}
	wait(t, "the altered document to be there", 20*time.Second, func() (bool, string) {
		err := n.Create(t.Context(), altered.DeepCopy())
		if apierrors.IsAlreadyExists(err) { // the operator was faster: take its away again
			_ = n.Delete(t.Context(), &was)
			return false, "the operator made it again first"
		}
		return err == nil, "not made"
	})
	victim := n.validators()[0].Name
	n.kubectl(t, "delete", "pod", "-n", n.ns, victim+"-i1-0", "--wait=true", "--timeout=60s")
	wait(t, "the node to refuse it", 90*time.Second, func() (bool, string) {
		logs, _ := n.tryKubectl("logs", "-n", n.ns, victim+"-i1-0", "--tail=20")
		return strings.Contains(logs, "pins "+string(status.Hash)), logs
	})
	n.waitCondition(v1alpha1.NetworkGenesisReady, "False", v1alpha1.ReasonGenesisConflict, 30*time.Second, string(status.Hash))
	refused := n.running(victim)
	if err := n.Delete(t.Context(), altered); err != nil {
		t.Fatal(err)
	}
	wait(t, "the true document to be there again", 30*time.Second, func() (bool, string) {
		var now corev1.ConfigMap
		err := n.Get(t.Context(), key, &now)
		return err == nil && now.Data["genesis.json"] == was.Data["genesis.json"], "it is not"
	})
	// A kubelet reads an immutable ConfigMap once for a pod: only a new pod sees this one,
	// and the operator makes it.
	wait(t, "another pod of "+victim+", Ready", 5*time.Minute, func() (bool, string) {
		pod, err := n.pod(victim, 1)
		if err != nil || pod.UID == refused {
			return false, fmt.Sprintf("%v; %s", err, n.story(n.validator(victim).Status.Conditions, v1alpha1.ValidatorDisruption))
		}
		return podReady(pod), lastEnd(pod)
	})
	wait(t, "4 validators Ready with the true document", 2*time.Minute, func() (bool, string) { return n.ready(4) })
}

// secrets are the private halves on the network's signer volumes, by file.
func (n *network) secrets() map[string][]byte {
	n.Helper()
	out := map[string][]byte{}
	for _, dir := range n.signerFolders() {
		for _, name := range []string{"network.key", "consensus.key"} {
			raw, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				n.Fatal(err)
			}
			words := strings.Fields(string(raw))
			secret, err := hex.DecodeString(words[len(words)-1])
			if err != nil || len(secret) < 32 {
				n.Fatalf("%s is no key file: %v", name, err)
			}
			out[filepath.Join(dir, name)] = secret[:32]
		}
	}
	return out
}

// forms are the ways in which a secret may lie in a database or a log.
func forms(t *testing.T, secret []byte) map[string][]byte {
	t.Helper()
	numbers := make([]int, len(secret))
	for i, b := range secret {
		numbers[i] = int(b)
	}
	list, err := json.Marshal(numbers)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{
		"raw":  secret,
		"hex":  []byte(hex.EncodeToString(secret)),
		"HEX":  []byte(strings.ToUpper(hex.EncodeToString(secret))),
		"JSON": bytes.Trim(list, "[]"),
	}
	// Base64 of a larger text that holds it: at each of the three offsets, without the
	// digits that its neighbours change.
	for shift := range 3 {
		padded := append(make([]byte, shift), secret...)
		text := base64.StdEncoding.EncodeToString(padded)
		out["base64 at "+string(rune('0'+shift))] = []byte(strings.TrimRight(text, "=")[4:40])
	}
	return out
}
