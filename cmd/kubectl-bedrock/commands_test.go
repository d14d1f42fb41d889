package main

import (
	"archive/tar"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/controllers/chain"
	"github.com/bedrock-bft/bedrock/controllers/names"
)

func (w *world) lines(args ...string) string {
	_, text := w.run(args...)
	return text
}

func TestStatusAndWhy(t *testing.T) {
	w := newWorld(t)
	fine := []string{w.lines("status"), w.lines("why", "net")}
	w.chain.Node("http://val-1:7601").Stop()
	w.chain.Advance(9)
	w.chain.Elapse(time.Minute)
	w.tell(1, func(v *v1alpha1.Validator) {
		v.Status.Conditions = []metav1.Condition{says(v1alpha1.ValidatorReady, metav1.ConditionFalse, "Missing", "no votes seen")}
	})
	degraded := []string{w.lines("status", "net"), w.lines("why")}
	w.chain.Node("http://val-2:7601").Stop()
	w.chain.Advance(9)
	w.chain.Elapse(time.Minute)
	halted := []string{w.lines("why"), w.lines("takeover", "net-1", "--dry-run"), w.lines("safe-to-delete", "net-0")}
	transcript(t, "fine", fine...)
	transcript(t, "degraded", degraded...)
	transcript(t, "halted", halted...)
}

func TestWhyNeedsNoAPIServer(t *testing.T) {
	w := newWorld(t)
	w.app.open = func(*flags) (*cluster, error) { return nil, errors.New("the API server was asked") }
	w.app.nodes = func(context.Context) (chain.Client, error) { return w.chain, nil }
	w.chain.Node("http://val-3:7601").Stop()
	w.chain.Advance(9)
	w.chain.Elapse(time.Minute)
	args := []string{"why"}
	for _, at := range w.chain.Endpoints() {
		args = append(args, "--endpoint", string(at))
	}
	transcript(t, "endpoints", w.lines(args...))
	w.app.nodes = nil
	code, text := w.run("why", "--endpoint", "http://127.0.0.1:1", "--timeout", "2s")
	if code != exitFailed || !strings.Contains(text, "no node of those named answers") {
		t.Errorf("nobody answers, and it says\n%s", text)
	}
}

func TestSafeToDelete(t *testing.T) {
	w := newWorld(t)
	alone := w.lines("safe-to-delete", "net-2")
	w.tell(1, func(v *v1alpha1.Validator) {
		v.Status.Conditions = append(v.Status.Conditions, says(v1alpha1.ValidatorDisruption, metav1.ConditionTrue, "Granted", "drain"))
	})
	second := w.lines("safe-to-delete", "net-2")
	w.chain.Node("http://val-3:7601").Stop()
	w.chain.Advance(9)
	w.chain.Elapse(time.Minute)
	transcript(t, "safe-to-delete", alone, second, w.lines("safe-to-delete", "net-3"))
}

func TestDisrupt(t *testing.T) {
	w := newWorld(t)
	var parts []string
	parts = append(parts, w.lines("disrupt", "net-1"), w.lines("disrupt", "net-1", "--reason", "new disk"))
	if got := w.annotation(&v1alpha1.Validator{}, "net-1", v1alpha1.AnnotationDisrupt); got != "new disk" {
		t.Errorf("the annotation is %q", got)
	}
	w.tell(1, func(v *v1alpha1.Validator) {
		v.Status.Conditions = append(v.Status.Conditions, says(v1alpha1.ValidatorDisruption, metav1.ConditionFalse, "PowerBudgetExhausted", "20 of 40 would be down, 13 allowed; net-3 draining since 12:03"))
	})
	parts = append(parts, w.lines("disrupt", "net-1", "--reason", "new disk", "--wait", "1ms"))
	w.tell(1, func(v *v1alpha1.Validator) {
		v.Status.Conditions = []metav1.Condition{says(v1alpha1.ValidatorDisruption, metav1.ConditionTrue, "Granted", "drain within 5 minutes")}
	})
	parts = append(parts, w.lines("disrupt", "net-1", "--reason", "new disk", "--halt", "--wait", "1m"))
	if got := w.annotation(&v1alpha1.Validator{}, "net-1", v1alpha1.AnnotationDisrupt); got != "halt:new disk" {
		t.Errorf("with --halt the annotation is %q", got)
	}
	parts = append(parts, w.lines("disrupt", "net-1", "--cancel"))
	if got := w.annotation(&v1alpha1.Validator{}, "net-1", v1alpha1.AnnotationDisrupt); got != "" {
		t.Errorf("after --cancel the annotation is %q", got)
	}
	transcript(t, "disrupt", parts...)
}

func (w *world) annotation(o client.Object, name, key string) string {
	w.t.Helper()
	if err := w.kube.Get(context.Background(), client.ObjectKey{Namespace: w.namespace, Name: name}, o); err != nil {
		w.t.Fatal(err)
	}
	return o.GetAnnotations()[key]
}

func TestTakeover(t *testing.T) {
	w := newWorld(t)
	parts := []string{w.lines("takeover", "net-1", "--dry-run"), w.lines("takeover", "net-1")}
	if got := w.annotation(&v1alpha1.Validator{}, "net-1", v1alpha1.AnnotationTakeover); got != "2026-05-06T07:08:09Z" {
		t.Errorf("the annotation is %q", got)
	}
	parts = append(parts, w.lines("takeover", "net-1", "--wait", "1ms"))
	transcript(t, "takeover", parts...)
}

func TestReleaseWantsADeletion(t *testing.T) {
	w := newWorld(t)
	parts := []string{w.lines("release", "net")}
	n := &v1alpha1.BedrockNetwork{}
	key := client.ObjectKey{Namespace: w.namespace, Name: "net"}
	if err := w.kube.Get(context.Background(), key, n); err != nil {
		t.Fatal(err)
	}
	n.Finalizers = []string{v1alpha1.FinalizerHold}
	if err := errors.Join(w.kube.Update(context.Background(), n), w.kube.Delete(context.Background(), n)); err != nil {
		t.Fatal(err)
	}
	parts = append(parts, w.lines("release", "net"))
	if got := w.annotation(n, "net", v1alpha1.AnnotationRelease); got != string(n.UID) {
		t.Errorf("the annotation is %q", got)
	}
	transcript(t, "release", parts...)
}

func TestHandoffTakesOnlyItsOwnAuthorisation(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	v := &v1alpha1.Validator{}
	if err := w.kube.Get(ctx, client.ObjectKey{Namespace: w.namespace, Name: "net-1"}, v); err != nil {
		t.Fatal(err)
	}
	none := w.lines("handoff", "net-1")
	v.Spec.Handoff = &v1alpha1.Handoff{Validator: v1alpha1.Hash(w.chain.Name(0).String())}
	if err := w.kube.Update(ctx, v); err != nil {
		t.Fatal(err)
	}
	transcript(t, "handoff", none, w.lines("handoff", "net-1"))

	sign := func(validator int, node chain.Endpoint, until uint64) string {
		host := strings.TrimSuffix(string(node), ":7601")
		consent, err := w.chain.ConsentToRotate(ctx, chain.AdminEndpoint{URL: host + ":7602"}, w.chain.Name(validator), w.chain.Node("http://val-0:7601").Identity(), until)
		if err != nil {
			t.Fatal(err)
		}
		op := consent.Rotate(w.chain.Name(validator), w.chain.Node("http://val-0:7601").Identity())
		raw, err := ledger.Sign(w.chain.Owner(0), ledger.FeeFreeBody(w.chain.Genesis(), until, op))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "rotate.tx")
		if err := os.WriteFile(path, []byte(hex.EncodeToString(raw)), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, tc := range []struct{ name, file, says string }{
		{"another validator's", sign(2, "http://val-1:7601", 100), "spec.handoff.validator is"},
		{"another identity's", sign(0, "http://val-3:7601", 100), "have the owner sign again"},
	} {
		if code, text := w.run("handoff", "net-1", "--authorise", tc.file); code != exitFailed || !strings.Contains(text, tc.says) {
			t.Errorf("%s is not refused with %q:\n%s", tc.name, tc.says, text)
		}
	}
	if code, text := w.run("handoff", "net-1", "--authorise", sign(0, "http://val-1:7601", 100)); code != exitFine {
		t.Fatalf("a good one is refused:\n%s", text)
	}
	if err := w.kube.Get(ctx, client.ObjectKeyFromObject(v), v); err != nil {
		t.Fatal(err)
	}
	if v.Spec.Handoff.Transaction == "" {
		t.Error("the authorisation was not handed over")
	}
}

// A handoff by its three steps: the new identity consents, who holds the validator signs,
// and what was signed is imported.
func TestHandoffByConsent(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	dir := t.TempDir()
	v := &v1alpha1.Validator{}
	if err := w.kube.Get(ctx, client.ObjectKey{Namespace: w.namespace, Name: "net-1"}, v); err != nil {
		t.Fatal(err)
	}
	v.Spec.Handoff = &v1alpha1.Handoff{Validator: v1alpha1.Hash(w.chain.Name(0).String())}
	if err := w.kube.Update(ctx, v); err != nil {
		t.Fatal(err)
	}
	said, signed := filepath.Join(dir, "consent.json"), filepath.Join(dir, "rotate.tx")
	fails := func(says string, args ...string) {
		t.Helper()
		if code, text := w.run(args...); code != exitFailed || !strings.Contains(text, says) {
			t.Errorf("want %q and exit %d:\n%s", says, exitFailed, text)
		}
	}
	fails("the operator's key is not there", "handoff", "net-1", "--consent", said)
	w.create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: names.OperatorKeys}, Data: map[string][]byte{netName: w.chain.Delegate().Seed()}})
	fails("--endpoint and --admin together", "handoff", "net-1", "--consent", said, "--admin", "http://127.0.0.1:7602")
	fails("at least 1", "handoff", "net-1", "--consent", said, "--valid-for", "0")
	if code, text := w.run("handoff", "net-1", "--consent", said, "--valid-for", "50"); code != exitFine {
		t.Fatalf("no consent:\n%s", text)
	}
	fails("exists", "handoff", "net-1", "--consent", said)
	fails("not of", "handoff", "net-2", "--sign", said)
	ever := filepath.Join(dir, "ever.json")
	if code, text := w.run("handoff", "net-1", "--consent", ever, "--valid-for", "1000000"); code != exitFine {
		t.Fatalf("no consent:\n%s", text)
	}
	fails("--valid-for", "handoff", "net-0", "--sign", ever, "--out", filepath.Join(dir, "ever.tx"))
	if code, text := w.run("handoff", "net-0", "--sign", ever, "--out", filepath.Join(dir, "ever.tx"), "--valid-for", "1000000"); code != exitFine {
		t.Fatalf("it is not signed for as long as was said:\n%s", text)
	}
	if code, text := w.run("handoff", "net-0", "--sign", said, "--out", signed); code != exitFine {
		t.Fatalf("it is not signed:\n%s", text)
	}
	if info, err := os.Stat(signed); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("what was signed is for everybody to read: %v, %v", info.Mode(), err)
	}
	if code, text := w.run("handoff", "net-1", "--authorise", signed); code != exitFine {
		t.Fatalf("it is not imported:\n%s", text)
	}
	w.chain.Advance(60)
	fails("get another consent", "handoff", "net-0", "--sign", said)
}

func TestBundleHoldsNoSecret(t *testing.T) {
	w := newWorld(t)
	const word = "correct-horse-battery-staple"
	w.create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "net-operator", Labels: map[string]string{v1alpha1.LabelNetwork: "net"}}, StringData: map[string]string{"seed": word}})
	w.chain.Node("http://val-2:7601").Stop()
	file := filepath.Join(t.TempDir(), "bundle.tar")
	if code, text := w.run("bundle", "net", "--file", file); code != exitFine {
		t.Fatalf("no bundle:\n%s", text)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(raw), word) || strings.Contains(string(raw), "Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5LXN0YXBsZQ") {
		t.Error("the bundle holds a Secret's data")
	}
	files := map[string]string{}
	for in := tar.NewReader(strings.NewReader(string(raw))); ; {
		head, err := in.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		files[head.Name] = string(body)
	}
	for _, want := range []string{"network.yaml", "validators/net-0.yaml", "pods/net-3-i1-0.yaml", "logs/net-0-i1-0-node.log", "nodes/net-0-i1-0-status.json", "report.json", "errors.txt"} {
		if files["bundle/"+want] == "" {
			var have []string
			for name := range files {
				have = append(have, name)
			}
			slices.Sort(have)
			t.Errorf("%s is missing of\n%s", want, strings.Join(have, "\n"))
		}
	}
	if !strings.Contains(files["bundle/errors.txt"], "nodes/net-2-i1-0") {
		t.Errorf("that a node did not answer is not said: %s", files["bundle/errors.txt"])
	}
	if code, text := w.run("bundle", "net", "--file", file); code != exitFailed || !strings.Contains(text, "exists") {
		t.Errorf("it wrote over a file:\n%s", text)
	}
}

func TestUsage(t *testing.T) {
	w := newWorld(t)
	for _, tc := range []struct {
		says string
		args []string
	}{
		{"there is no network other in namespace", []string{"why", "other"}},
		{"there is no Validator net-9", []string{"takeover", "net-9"}},
		{"--output: use json", []string{"why", "-o", "yaml"}},
		{"--reason: say why", []string{"disrupt", "net-0"}},
	} {
		if code, text := w.run(tc.args...); code != exitFailed || !strings.Contains(text, tc.says) {
			t.Errorf("want %q and exit %d:\n%s", tc.says, exitFailed, text)
		}
	}
}
