//go:build e2e

package operator

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/client/keystore"
	"github.com/bedrock-bft/bedrock/controllers/names"
)

// Row 2, keys.source Secret: imported once into the volume, then never read: neither
// another key in the Secret nor its deletion changes anything, and the API server's audit
// log shows nobody who asks for it.
func TestRow2BroughtKeyIsReadOnce(t *testing.T) {
	n := shared.deploy(t, nil)
	wait(t, "4 validators Ready and finalising", 90*time.Second, func() (bool, string) { return n.ready(4) })
	l := n.startLoad()
	secret, public := n.keySecret("brought-key")
	n.bringKey("brought", secret.Name)
	n.waitValidator("brought", v1alpha1.ValidatorReady, "True", v1alpha1.ReasonReady, 3*time.Minute)
	record := n.validator("brought").Status.Instances[0]
	if string(record.ConsensusKey) != public {
		t.Fatalf("its consensus key is %s, the Secret brought %s", record.ConsensusKey, public)
	}
	wait(t, "the identity Job and its pods to go", 60*time.Second, func() (bool, string) {
		var pods corev1.PodList
		must(t, n.List(t.Context(), &pods, client.InNamespace(n.ns), client.MatchingLabels{v1alpha1.LabelComponent: v1alpha1.ComponentIdentity}))
		return len(pods.Items) == 0, fmt.Sprintf("%d pods", len(pods.Items))
	})
	imported := time.Now()
	if readers := n.readersOf(secret.Name, time.Time{}); len(readers) == 0 {
		t.Fatal("the audit log shows nobody who read the Secret for its import: it would show nothing afterwards either")
	} else {
		t.Logf("read for the import: %s", strings.Join(readers, "; "))
	}

	other, _ := n.keySecret("other-key")
	secret.Data = other.Data
	must(t, n.Update(t.Context(), secret))
	n.againWith("brought", record)
	must(t, n.Delete(t.Context(), secret))
	n.againWith("brought", record)
	done := l.progress()
	wait(t, "50 transfers final", 60*time.Second, func() (bool, string) { return l.progress() >= done+50, "" })
	if readers := n.readersOf(secret.Name, imported); len(readers) > 0 {
		t.Errorf("after its import the Secret was asked for: %s", strings.Join(readers, "; "))
	}
	docs, err := os.ReadFile(filepath.Join(n.root, "docs/key-safety.md"))
	must(t, err)
	if !bytes.Contains(docs, []byte("**A password beside a Secret key** protects against nothing that reads Secrets")) {
		t.Error("docs/key-safety.md does not say what a password beside a key is worth")
	}
}

// againWith has a validator's node start anew: it signs with the same key and identity.
func (n *network) againWith(validator string, record v1alpha1.Instance) {
	n.Helper()
	pod, err := n.pod(validator, 1)
	must(n.T, err)
	n.kubectl(n.T, "delete", "pod", "-n", n.ns, names.Pod(validator, 1), "--wait=true", "--timeout=120s")
	wait(n.T, "another pod of "+validator+", Ready", 3*time.Minute, func() (bool, string) {
		now, err := n.pod(validator, 1)
		if err != nil || now.UID == pod.UID {
			return false, fmt.Sprint(err)
		}
		for _, c := range now.Status.Conditions {
			if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
				return true, ""
			}
		}
		return false, string(now.Status.Phase) + " " + lastEnd(now)
	})
	n.waitValidator(validator, v1alpha1.ValidatorReady, "True", v1alpha1.ReasonReady, 2*time.Minute)
	if now := n.validator(validator).Status.Instances; len(now) != 1 || now[0] != record {
		n.Errorf("the instance was %+v and is %+v", record, now)
	}
}

// keySecret makes a Secret with a consensus key in a keystore, and its password.
func (n *network) keySecret(name string) (*corev1.Secret, string) {
	n.Helper()
	seed := make([]byte, 32)
	_, err := rand.Read(seed)
	must(n.T, err)
	key, err := keystore.NewKey(keystore.KindConsensus, "ed25519", seed)
	must(n.T, err)
	file, err := keystore.Encrypt(key, "password of "+name, keystore.Light)
	must(n.T, err)
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: n.ns, Name: name},
		Data: map[string][]byte{"keystore.json": file, "password": []byte("password of " + name)}}
	must(n.T, n.Create(n.Context(), s))
	return s, hex.EncodeToString(key.Public)
}

// bringKey makes a Validator by hand, with a brought key.
func (n *network) bringKey(name, secret string) {
	n.Helper()
	t := n.get().Spec.Validators.Template
	v := &v1alpha1.Validator{ObjectMeta: metav1.ObjectMeta{Namespace: n.ns, Name: name, Labels: map[string]string{v1alpha1.LabelNetwork: n.name}},
		Spec: v1alpha1.ValidatorSpec{Chain: v1alpha1.ChainRef{Type: v1alpha1.ChainNetwork, Network: v1alpha1.Name(n.name)},
			Keys:    v1alpha1.KeySource{Source: v1alpha1.KeysSecret, Secret: v1alpha1.Name(secret)},
			Compute: t.Compute, Storage: t.Storage, Scheduling: t.Scheduling, DeletionProtection: v1alpha1.Disabled}}
	must(n.T, n.Create(n.Context(), v))
}

// readersOf are who asked the API server for a Secret by name, or for all of the
// namespace, from a time on; the test itself aside.
func (n *network) readersOf(secret string, since time.Time) []string {
	n.Helper()
	log := strings.TrimSpace(n.ctl(n.T, "audit"))
	files, err := filepath.Glob(filepath.Join(filepath.Dir(log), "*.log"))
	must(n.T, err)
	var out []string
	for _, f := range files {
		out = append(out, n.readersIn(f, secret, since)...)
	}
	return out
}

func (n *network) readersIn(file, secret string, since time.Time) []string {
	n.Helper()
	f, err := os.Open(file)
	must(n.T, err)
	defer f.Close()
	var out []string
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		if !bytes.Contains(lines.Bytes(), []byte(n.ns)) || !bytes.Contains(lines.Bytes(), []byte(`"secrets"`)) {
			continue
		}
		var e struct {
			Verb, RequestURI, UserAgent string
			User                        struct{ Username string }
			RequestReceivedTimestamp    time.Time
			ObjectRef                   struct{ Resource, Namespace, Name string }
		}
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			continue // the last line may be half written
		}
		named := e.ObjectRef.Name == secret || e.ObjectRef.Name == "" || strings.Contains(e.RequestURI, secret)
		reads := e.Verb == "get" || e.Verb == "list" || e.Verb == "watch"
		if e.ObjectRef.Resource == "secrets" && e.ObjectRef.Namespace == n.ns && named && reads && e.RequestReceivedTimestamp.After(since) {
			out = append(out, fmt.Sprintf("%s %s %s", e.User.Username, e.Verb, e.RequestURI))
		}
	}
	must(n.T, lines.Err())
	return out
}
