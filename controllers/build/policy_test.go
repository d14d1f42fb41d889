package build_test

import (
	"encoding/json"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/bedrock-bft/bedrock/controllers/build"
)

// peer is who sends: a pod with labels in a namespace, or (pod nil) somebody outside.
type peer struct {
	namespace string
	pod       map[string]string
}

// TestWhoMayReachWhat evaluates the policy as an enforcer would.
func TestWhoMayReachWhat(t *testing.T) {
	raw, err := json.Marshal(build.NetworkPolicy(sample()))
	if err != nil {
		t.Fatal(err)
	}
	var policy networkingv1.NetworkPolicy
	if err := json.Unmarshal(raw, &policy); err != nil {
		t.Fatal(err)
	}
	outside := peer{}
	stranger := peer{"other", map[string]string{"app": "x"}}
	neighbour := peer{"chains", map[string]string{"bedrock.dev/validator": "net-1"}}
	client := peer{"other", map[string]string{"bedrock.dev/rpc-client": "true"}}
	scraper := peer{"monitoring", map[string]string{"bedrock.dev/metrics-client": "true"}}
	operator := peer{"bedrock-system", map[string]string{"app.kubernetes.io/name": "bedrock-operator"}}
	forged := peer{"other", map[string]string{"app.kubernetes.io/name": "bedrock-operator"}}
	for _, tt := range []struct {
		who  string
		from peer
		p2p  bool
		rpc  bool
		adm  bool
		ops  bool
	}{
		{"somebody outside", outside, true, false, false, false},
		{"a stranger", stranger, true, false, false, false},
		{"another validator", neighbour, true, false, false, false},
		{"a client of RPC", client, true, true, false, false},
		{"a scraper", scraper, true, false, false, true},
		{"the operator", operator, true, true, true, true},
		{"who calls itself the operator elsewhere", forged, true, false, false, false},
	} {
		for _, port := range []struct {
			protocol corev1.Protocol
			number   int32
			want     bool
		}{{"UDP", 7600, tt.p2p}, {"TCP", 7601, tt.rpc}, {"TCP", 7602, tt.adm}, {"TCP", 7603, tt.ops}, {"TCP", 7600, false}, {"TCP", 22, false}} {
			if got := admits(t, &policy, tt.from, port.protocol, port.number); got != port.want {
				t.Errorf("%s reaches %s %d: %v, want %v", tt.who, port.protocol, port.number, got, port.want)
			}
		}
	}
	for _, out := range []struct {
		protocol corev1.Protocol
		port     int32
		want     bool
	}{{"UDP", 7600, true}, {"UDP", 30600, true}, {"UDP", 53, true}, {"TCP", 53, true}, {"TCP", 443, false}, {"TCP", 6443, false}} {
		got := false
		for _, rule := range policy.Spec.Egress {
			got = got || portMatches(rule.Ports, out.protocol, out.port)
		}
		if got != out.want {
			t.Errorf("a node reaches %s %d: %v, want %v", out.protocol, out.port, got, out.want)
		}
	}
	if !selects(t, &policy.Spec.PodSelector, build.StatefulSet(sample()).Spec.Template.Labels) || selects(t, &policy.Spec.PodSelector, neighbour.pod) {
		t.Error("the policy is not about this validator's pods alone")
	}
}

func admits(t *testing.T, p *networkingv1.NetworkPolicy, from peer, protocol corev1.Protocol, port int32) bool {
	t.Helper()
	for _, rule := range p.Spec.Ingress {
		if !portMatches(rule.Ports, protocol, port) {
			continue
		}
		if len(rule.From) == 0 {
			return true
		}
		for _, f := range rule.From {
			if from.pod != nil && selects(t, f.NamespaceSelector, map[string]string{"kubernetes.io/metadata.name": from.namespace}) && selects(t, f.PodSelector, from.pod) {
				return true
			}
		}
	}
	return false
}

func portMatches(ports []networkingv1.NetworkPolicyPort, protocol corev1.Protocol, port int32) bool {
	for _, p := range ports {
		if *p.Protocol == protocol && (p.Port == nil || p.Port.IntVal == port) {
			return true
		}
	}
	return len(ports) == 0
}

func selects(t *testing.T, s *metav1.LabelSelector, set map[string]string) bool {
	t.Helper()
	selector, err := metav1.LabelSelectorAsSelector(s)
	if err != nil {
		t.Fatal(err)
	}
	return selector.Matches(labels.Set(set))
}
