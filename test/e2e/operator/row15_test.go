//go:build e2e

package operator

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
)

// Row 15: the operator and the types deleted under a live, protected network.
func TestRow15DeletedUnderALiveNetwork(t *testing.T) {
	restored := false
	t.Cleanup(func() { // other rows need both
		if !restored {
			if out, err := shared.reinstall(); err != nil {
				t.Errorf("put the operator back: %v\n%s", err, out)
			}
		}
	})
	n := shared.deploy(t, func(b *v1alpha1.BedrockNetwork) { b.Spec.DeletionProtection = v1alpha1.Enabled })
	wait(t, "4 validators Ready and finalising", 90*time.Second, func() (bool, string) { return n.ready(4) })
	l := n.startLoad()
	more := func(what string) {
		t.Helper()
		done := l.progress()
		wait(t, "50 transfers final "+what, 60*time.Second, func() (bool, string) { return l.progress() >= done+50, "" })
	}
	more("before")

	cmd := exec.CommandContext(t.Context(), "hack/undeploy")
	cmd.Dir = shared.root
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), n.name) || !strings.Contains(string(out), "kubectl bedrock release") {
		t.Fatalf("undeploy with a network there: %v\n%s", err, out)
	}

	n.kubectl(t, "delete", "crd", "bedrocknetworks.bedrock.dev", "validators.bedrock.dev", "--wait=false")
	n.waitCondition(v1alpha1.NetworkDeletion, "True", v1alpha1.ReasonDeletionProtected, 30*time.Second, "kubectl bedrock release")
	more("with the types deleted")
	if got := len(n.validators()); got != 4 {
		t.Fatalf("%d Validators with the types deleted, want all 4", got)
	}

	n.kubectl(t, "delete", "-k", "config/default", "--wait=false")
	wait(t, "the operator to be gone", 60*time.Second, func() (bool, string) {
		err := n.Get(t.Context(), client.ObjectKey{Namespace: "bedrock-system", Name: "bedrock-operator"}, &appsv1.Deployment{})
		return apierrors.IsNotFound(err), "its Deployment is there"
	})
	more("without an operator")

	wait(t, "the operator to be back", 120*time.Second, func() (bool, string) {
		out, err := shared.install("config/default")
		return err == nil, out
	})
	n.bedrock("release", n.name)
	wait(t, "the released network to be gone", 120*time.Second, func() (bool, string) {
		out, err := shared.tryKubectl("get", "bedrocknetworks,validators", "-n", n.ns, "-o", "name")
		return strings.Contains(out, "the server doesn't have a resource type") || err == nil && strings.TrimSpace(out) == "" || strings.Contains(out, "No resources found"), out
	})
	if got := n.claims(); got != 8 {
		t.Errorf("%d volume claims are left, want the 8 of 4 validators", got)
	}
	if out, err := shared.reinstall(); err != nil {
		t.Fatalf("put the types back: %v\n%s", err, out)
	}
	restored = true
}

// install applies manifests, over what `kubectl scale` owns of them, and says what kubectl
// said.
func (c *cluster) install(folder string) (string, error) {
	return c.tryKubectl("apply", "--server-side", "--force-conflicts", "-k", folder)
}

// reinstallLimit bounds how long the types may take to go before they come back.
const reinstallLimit = 2 * time.Minute

// reinstall puts types and operator back, once the former types are gone.
func (c *cluster) reinstall() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), reinstallLimit*slow)
	defer cancel()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		out, err := c.install("config/crd")
		if err == nil {
			out, err = c.tryKubectl("wait", "--for", "condition=Established", "--timeout", "5s", "-f", "config/crd/bases")
		}
		if err == nil {
			if out, err = c.install("config/default"); err == nil {
				out, err = c.tryKubectl("rollout", "restart", "-n", "bedrock-system", "deployment/bedrock-operator")
			}
			if err == nil {
				out, err = c.tryKubectl("rollout", "status", "-n", "bedrock-system", "deployment/bedrock-operator", "--timeout", "60s")
			}
		}
		if err == nil {
			return out, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return out, err
		}
	}
}
