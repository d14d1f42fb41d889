package validator

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/names"
)

func (w *world) announced() string {
	w.t.Helper()
	var m corev1.ConfigMap
	w.must(&m, names.Instance("net-0", 1))
	return strings.TrimSpace(m.Data["announce"])
}

func (w *world) template() string {
	w.t.Helper()
	var set appsv1.StatefulSet
	w.must(&set, names.Instance("net-0", 1))
	return set.Spec.Template.Annotations[v1alpha1.AnnotationConfigHash]
}

// rule: exposure — an announced address that changes needs no restart.
func TestExposureChangesWithoutARestart(t *testing.T) {
	w := newWorld(t)
	v := w.running()
	before := w.template()
	if got := w.announced(); got != "net-0-i1-p2p."+w.ns+".svc:7600" {
		t.Errorf("announced %q", got)
	}
	for _, step := range []struct {
		kind   v1alpha1.ExposureType
		status corev1.LoadBalancerIngress
		want   string
	}{
		{v1alpha1.ExposureNodePort, corev1.LoadBalancerIngress{}, "192.0.2.10:3"}, // node ports are 30000 to 32767
		{v1alpha1.ExposureLoadBalancer, corev1.LoadBalancerIngress{IP: "198.51.100.7"}, "198.51.100.7:7600"},
		{v1alpha1.ExposureLoadBalancer, corev1.LoadBalancerIngress{IP: "198.51.100.8"}, "198.51.100.8:7600"},
		{v1alpha1.ExposureClusterIP, corev1.LoadBalancerIngress{}, "net-0-i1-p2p."},
	} {
		w.must(v, "net-0")
		v.Spec.Exposure.Type = step.kind
		if err := w.c.Update(t.Context(), v); err != nil {
			t.Fatal(err)
		}
		v = w.reconcile("net-0")
		var s corev1.Service
		w.must(&s, names.P2PService("net-0", 1))
		if string(s.Spec.Type) != string(step.kind) || !s.Spec.PublishNotReadyAddresses {
			t.Fatalf("the Service is %+v", s.Spec)
		}
		if step.kind == v1alpha1.ExposureLoadBalancer {
			if s.Spec.ExternalTrafficPolicy != corev1.ServiceExternalTrafficPolicyLocal {
				t.Errorf("external traffic policy %s", s.Spec.ExternalTrafficPolicy)
			}
			s.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{step.status}
			w.status(&s)
			v = w.reconcile("net-0")
		}
		w.wantCondition(v, v1alpha1.ValidatorExposed, metav1.ConditionTrue, string(step.kind))
		if got := w.announced(); !strings.HasPrefix(got, step.want) {
			t.Errorf("%s: announced %q, want %q", step.kind, got, step.want)
		}
		if w.template() != before {
			t.Errorf("%s: the node would be restarted", step.kind)
		}
	}
}

// rule: exposure — a host port is refused where the namespace refuses it, with words.
func TestHostPortIsRefusedInARestrictedNamespace(t *testing.T) {
	w := newWorld(t)
	v := w.running()
	port := int32(30600)
	v.Spec.Exposure = v1alpha1.Exposure{Type: v1alpha1.ExposureHostPort, HostPort: &port}
	if err := w.c.Update(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	before := w.template()
	v = w.reconcile("net-0")
	c := w.wantCondition(v, v1alpha1.ValidatorExposed, metav1.ConditionFalse, v1alpha1.ReasonHostPortForbidden)
	if !strings.Contains(c.Message, "restricted") || !strings.Contains(c.Message, "NodePort") {
		t.Error(c.Message)
	}
	if w.template() != before {
		t.Error("the template asks for a pod that the namespace refuses")
	}
	var ns corev1.Namespace
	w.must(&ns, w.ns)
	ns.Labels["pod-security.kubernetes.io/enforce"] = "privileged"
	if err := w.c.Update(t.Context(), &ns); err != nil {
		t.Fatal(err)
	}
	w.clock.SetTime(w.clock.Now().Add(2 * askedFor))
	v = w.reconcile("net-0")
	w.wantCondition(v, v1alpha1.ValidatorExposed, metav1.ConditionTrue, "HostPort")
	if got := w.announced(); got != "192.0.2.10:30600" {
		t.Errorf("announced %q", got)
	}
}

// rule: peers-by-name — a larger set changes what nodes read, and restarts nobody.
func TestPeersByNameGrowWithoutARestart(t *testing.T) {
	w := newWorld(t)
	w.running()
	before := w.template()
	w.validator(1)
	w.reconcile("net-1")
	w.identify(1)
	other := w.reconcile("net-1")
	w.reconcile("net-0")
	var m corev1.ConfigMap
	w.must(&m, names.Instance("net-0", 1))
	if want := string(other.Status.Instances[0].Identity) + "@net-1-i1." + w.ns + ".svc:7600\n"; m.Data["peers"] != want {
		t.Errorf("peers are %q, want %q", m.Data["peers"], want)
	}
	if w.template() != before {
		t.Error("a larger set restarts the others")
	}
}

// rule: one-gate — another image changes the template; the pod is left to a token.
func TestOneGateARolloutWaitsForAToken(t *testing.T) {
	w := newWorld(t)
	v := w.running()
	v.Spec.Image = "bedrock.dev/node:next"
	if err := w.c.Update(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	v = w.reconcile("net-0")
	w.wantCondition(v, v1alpha1.ValidatorRunning, metav1.ConditionFalse, "RolloutPending")
	var set appsv1.StatefulSet
	w.must(&set, names.Instance("net-0", 1))
	if set.Spec.UpdateStrategy.Type != appsv1.OnDeleteStatefulSetStrategyType || set.Spec.Template.Spec.Containers[0].Image != "bedrock.dev/node:next" {
		t.Errorf("%+v", set.Spec.UpdateStrategy)
	}
	w.must(&corev1.Pod{}, names.Pod("net-0", 1))
}
