package plan

import (
	"fmt"
	"net"
	"strconv"

	corev1 "k8s.io/api/core/v1"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/names"
	"github.com/bedrock-bft/bedrock/controllers/verdict"
)

// Exposure is what was read of how others reach an instance.
type Exposure struct {
	Want      v1alpha1.Exposure
	Namespace string
	Validator string
	Number    int32
	Service   *corev1.Service // p2p; nil: not made yet
	HostIP    string          // of the pod's node; empty: it has none yet
	// PodSecurity is the namespace's enforced level; empty: none. Unread: the
	// namespace may not be read.
	PodSecurity       string
	PodSecurityUnread bool
}

// PodSecurityLabel is the namespace's label that says what pods may be.
const PodSecurityLabel = "pod-security.kubernetes.io/enforce"

// Expose answers the announced addresses, and whether others reach the node there. An
// address that is not known yet holds nothing back: nodes of the cluster dial by name.
// // rule: exposure
func Expose(e *Exposure) ([]string, verdict.Verdict) {
	const kind = v1alpha1.ValidatorExposed
	if why := HostPortRefused(e); why != "" {
		return nil, verdict.False(kind, v1alpha1.ReasonHostPortForbidden, why)
	}
	if e.Service == nil {
		return nil, verdict.False(kind, v1alpha1.ReasonWaiting, "its p2p Service is being made")
	}
	at := func(host string, port int32) ([]string, verdict.Verdict) {
		address := net.JoinHostPort(host, strconv.Itoa(int(port)))
		return []string{address}, verdict.True(kind, string(e.Want.Type), "other nodes reach it at "+address)
	}
	switch e.Want.Type {
	case v1alpha1.ExposureNodePort:
		if port := nodePort(e.Service); port != 0 && e.HostIP != "" {
			return at(e.HostIP, port)
		}
		return nil, verdict.False(kind, v1alpha1.ReasonWaiting, "waits for its pod's node and its port there")
	case v1alpha1.ExposureLoadBalancer:
		for _, in := range e.Service.Status.LoadBalancer.Ingress {
			if in.IP != "" {
				return at(in.IP, names.PortP2P)
			}
			if in.Hostname != "" {
				return at(in.Hostname, names.PortP2P)
			}
		}
		return nil, verdict.False(kind, "LoadBalancerPending", "the load balancer of Service "+e.Service.Name+" has no address yet: where it stays so, the cluster has no controller for UDP load balancers; use NodePort")
	case v1alpha1.ExposureHostPort:
		if e.HostIP != "" && e.Want.HostPort != nil {
			return at(e.HostIP, *e.Want.HostPort)
		}
		return nil, verdict.False(kind, v1alpha1.ReasonWaiting, "waits for its pod's node")
	}
	return at(fmt.Sprintf("%s.%s.svc", names.P2PService(e.Validator, e.Number), e.Namespace), names.PortP2P)
}

// HostPortRefused is why a host port cannot be had here; empty: it can, or none is
// asked for. // rule: exposure
func HostPortRefused(e *Exposure) string {
	switch {
	case e.Want.Type != v1alpha1.ExposureHostPort:
		return ""
	case e.PodSecurityUnread:
		return fmt.Sprintf("exposure.type HostPort: the operator may not read namespace %s, so it does not know whether its pods may take host ports: grant get on that namespace, or use NodePort", e.Namespace)
	case e.PodSecurity == "" || e.PodSecurity == "privileged":
		return ""
	}
	return fmt.Sprintf("exposure.type HostPort: namespace %s enforces the Pod Security level %q, which refuses host ports: use NodePort or LoadBalancer, or a namespace labelled %s=privileged", e.Namespace, e.PodSecurity, PodSecurityLabel)
}

func nodePort(s *corev1.Service) int32 {
	for _, p := range s.Spec.Ports {
		if p.Protocol == corev1.ProtocolUDP {
			return p.NodePort
		}
	}
	return 0
}
