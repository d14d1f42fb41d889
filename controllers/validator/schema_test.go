package validator

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/chain"
	"github.com/bedrock-bft/bedrock/controllers/names"
)

// A validator runs the image that the network accepted, whatever its spec asks for, is
// told to migrate by what the network recorded, and records what its node says of its
// database. rule: schema-after-fleet
func TestAcceptedImageAndSchema(t *testing.T) {
	w := newWorld(t)
	w.running()
	w.chain.Advance(3)
	v := w.reconcile("net-0")
	if in := v.Status.Instances[0]; in.DatabaseSchema != 1 || in.NewestSchema != 1 {
		t.Fatalf("recorded schema %d of at most %d, its node said 1 of 1", in.DatabaseSchema, in.NewestSchema)
	}
	var n v1alpha1.BedrockNetwork
	w.must(&n, "net")
	n.Status.Image = &v1alpha1.NodeImage{Image: "bedrock:accepted", OldestSchema: 1, NewestSchema: 2}
	w.status(&n)
	n.Spec.Image = "bedrock:refused"
	if err := w.c.Update(t.Context(), &n); err != nil {
		t.Fatal(err)
	}
	v = w.reconcile("net-0")
	var set appsv1.StatefulSet
	if w.must(&set, names.Instance("net-0", 1)); set.Spec.Template.Spec.Containers[0].Image != "bedrock:accepted" {
		t.Errorf("its template has %s", set.Spec.Template.Spec.Containers[0].Image)
	}
	w.wantCondition(v, v1alpha1.ValidatorRunning, metav1.ConditionFalse, "RolloutPending")
	before := set.Spec.Template.Annotations[v1alpha1.AnnotationConfigHash]

	w.chain.Node(chain.EndpointOf(w.ns, "net-0", 1)).SetVersion("next", 1, 2)
	w.must(&n, "net")
	n.Status.DatabaseSchema = 2
	w.status(&n)
	v = w.reconcile("net-0")
	var home corev1.ConfigMap
	w.must(&home, names.Instance("net-0", 1))
	w.must(&set, names.Instance("net-0", 1))
	if !strings.Contains(home.Data["config.yaml"], "schema: 2") || set.Spec.Template.Annotations[v1alpha1.AnnotationConfigHash] == before {
		t.Errorf("it is not told to migrate, or would not restart for it: %s", home.Data["config.yaml"])
	}
	if in := v.Status.Instances[0]; in.DatabaseSchema != 1 || in.NewestSchema != 2 {
		t.Errorf("recorded schema %d of at most %d, its node said 1 of 2", in.DatabaseSchema, in.NewestSchema)
	}
}
