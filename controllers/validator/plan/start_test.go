package plan_test

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/validator/plan"
	"github.com/bedrock-bft/bedrock/controllers/verdict"
)

func TestMayStart(t *testing.T) {
	claimed := verdict.True(v1alpha1.ValidatorKeyClaimed, "Claimed", "")
	elsewhere := verdict.False(v1alpha1.ValidatorKeyClaimed, v1alpha1.ReasonKeyClaimedElsewhere, "Validator a in namespace b has it")
	good := func() *plan.Start {
		return &plan.Start{Volumes: true, Identified: true, Claim: &claimed, Genesis: "ab", Image: "i", Budget: true}
	}
	for _, tt := range []struct {
		name   string
		change func(*plan.Start)
		ok     bool
		says   string
	}{
		{"all is there", func(*plan.Start) {}, true, ""},
		{"no image", func(s *plan.Start) { s.Image = "" }, false, "spec.image"},
		{"volumes", func(s *plan.Start) { s.Volumes = false }, false, "VolumesReady"},
		{"identity", func(s *plan.Start) { s.Identified = false }, false, "Identified"},
		{"genesis", func(s *plan.Start) { s.Genesis = "" }, false, "genesis"},
		{"no claim yet", func(s *plan.Start) { s.Claim = nil }, false, "claim on its key"},
		{"claimed elsewhere", func(s *plan.Start) { s.Claim = &elsewhere }, false, "namespace b"},
		{"claims are off", func(s *plan.Start) { s.Claim, s.ClaimsOff = nil, true }, true, ""},
		{"host port refused", func(s *plan.Start) { s.Exposure = "no host ports here" }, false, "no host ports"},
		{"budget", func(s *plan.Start) { s.Budget = false }, false, "PodDisruptionBudget"},
	} {
		s := good()
		tt.change(s)
		ok, v := plan.MayStart(s)
		if ok != tt.ok || !strings.Contains(v.Message, tt.says) {
			t.Errorf("%s: %v, %+v", tt.name, ok, v)
		}
	}
}

// rule: key-deleted
func TestKeyDeletedASupersededInstanceRunsUntilItHasDeletedItsKey(t *testing.T) {
	for _, tt := range []struct {
		name string
		s    plan.Superseded
		want bool
	}{
		{"it does not answer", plan.Superseded{Recorded: "a"}, false},
		{"it still has its key", plan.Superseded{Answers: true, Identity: "a", Recorded: "a", WhyNot: "no validator of the epoch has this instance's keys"}, false},
		{"it has deleted it", plan.Superseded{Answers: true, Identity: "a", Recorded: "a", WhyNot: "x; this instance was superseded and its keys deleted"}, true},
		{"it restarted since", plan.Superseded{Answers: true, Identity: "b", Recorded: "a"}, true},
		{"it was stopped", plan.Superseded{Stopped: true, Recorded: "a"}, true},
	} {
		if got := tt.s.Stop(); got != tt.want {
			t.Errorf("%s: stop %v", tt.name, got)
		}
	}
}

// rule: exposure
func TestExposure(t *testing.T) {
	port := int32(30600)
	service := func(node int32, ingress ...corev1.LoadBalancerIngress) *corev1.Service {
		s := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "val-i1-p2p"}}
		s.Spec.Ports = []corev1.ServicePort{{Protocol: corev1.ProtocolUDP, NodePort: node}}
		s.Status.LoadBalancer.Ingress = ingress
		return s
	}
	of := func(kind v1alpha1.ExposureType) v1alpha1.Exposure {
		e := v1alpha1.Exposure{Type: kind}
		if kind == v1alpha1.ExposureHostPort {
			e.HostPort = &port
		}
		return e
	}
	for _, tt := range []struct {
		name    string
		in      plan.Exposure
		address string
		reason  string
		refused bool
	}{
		{"no Service yet", plan.Exposure{Want: of("ClusterIP")}, "", "Waiting", false},
		{"in the cluster", plan.Exposure{Want: of("ClusterIP"), Service: service(0)}, "val-i1-p2p.ns.svc:7600", "ClusterIP", false},
		{"node port, no pod", plan.Exposure{Want: of("NodePort"), Service: service(31000)}, "", "Waiting", false},
		{"node port", plan.Exposure{Want: of("NodePort"), Service: service(31000), HostIP: "192.0.2.1"}, "192.0.2.1:31000", "NodePort", false},
		{"node port, IPv6", plan.Exposure{Want: of("NodePort"), Service: service(31000), HostIP: "2001:db8::1"}, "[2001:db8::1]:31000", "NodePort", false},
		{"balancer, pending", plan.Exposure{Want: of("LoadBalancer"), Service: service(0)}, "", "LoadBalancerPending", false},
		{"balancer by address", plan.Exposure{Want: of("LoadBalancer"), Service: service(0, corev1.LoadBalancerIngress{IP: "198.51.100.7"})}, "198.51.100.7:7600", "LoadBalancer", false},
		{"balancer by name", plan.Exposure{Want: of("LoadBalancer"), Service: service(0, corev1.LoadBalancerIngress{Hostname: "lb.example"})}, "lb.example:7600", "LoadBalancer", false},
		{"host port", plan.Exposure{Want: of("HostPort"), Service: service(0), HostIP: "192.0.2.1", PodSecurity: "privileged"}, "192.0.2.1:30600", "HostPort", false},
		{"host port, no level", plan.Exposure{Want: of("HostPort"), Service: service(0), HostIP: "192.0.2.1"}, "192.0.2.1:30600", "HostPort", false},
		{"host port, baseline", plan.Exposure{Want: of("HostPort"), Service: service(0), PodSecurity: "baseline"}, "", "HostPortForbidden", true},
		{"host port, restricted", plan.Exposure{Want: of("HostPort"), Service: service(0), PodSecurity: "restricted"}, "", "HostPortForbidden", true},
		{"host port, unread", plan.Exposure{Want: of("HostPort"), Service: service(0), PodSecurityUnread: true}, "", "HostPortForbidden", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.in.Namespace, tt.in.Validator, tt.in.Number = "ns", "val", 1
			addresses, v := plan.Expose(&tt.in)
			if got := strings.Join(addresses, ","); got != tt.address || v.Reason != tt.reason || v.OK() != (tt.address != "") {
				t.Errorf("%q, %+v", got, v)
			}
			if refused := plan.HostPortRefused(&tt.in) != ""; refused != tt.refused {
				t.Errorf("refused %v", refused)
			}
		})
	}
}

func TestRunning(t *testing.T) {
	pod := func(image, hash string, phase corev1.PodPhase) *corev1.Pod {
		p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{v1alpha1.AnnotationConfigHash: hash}}}
		p.Spec.Containers = []corev1.Container{{Name: "bedrock", Image: image}}
		p.Status.Phase = phase
		return p
	}
	ending := pod("a", "1", corev1.PodRunning)
	now := metav1.Now()
	ending.DeletionTimestamp = &now
	for _, tt := range []struct {
		live   *corev1.Pod
		reason string
	}{
		{nil, "PodMissing"},
		{ending, "PodEnding"},
		{pod("old", "1", corev1.PodRunning), "RolloutPending"},
		{pod("a", "0", corev1.PodRunning), "RolloutPending"},
		{pod("a", "1", corev1.PodPending), "PodStarting"},
		{pod("a", "1", corev1.PodRunning), "Running"},
	} {
		if v := plan.Running(&plan.Pod{Live: tt.live, Image: "a", ConfigHash: "1"}); v.Reason != tt.reason || v.OK() != (tt.reason == "Running") {
			t.Errorf("%+v, want %s", v, tt.reason)
		}
	}
}
