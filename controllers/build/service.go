package build

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/names"
)

// NodeService is the headless Service that gives the instance's pod its name.
func NodeService(in *Instance) *corev1ac.ServiceApplyConfiguration {
	return in.service(in.name()).WithSpec(corev1ac.ServiceSpec().
		WithClusterIP(corev1.ClusterIPNone).
		WithPublishNotReadyAddresses(true).
		WithSelector(in.selector(v1alpha1.ComponentValidator)).
		WithPorts(
			port("rpc", corev1.ProtocolTCP, names.PortRPC),
			port("admin", corev1.ProtocolTCP, names.PortAdmin),
			port("ops", corev1.ProtocolTCP, names.PortOps),
			port("p2p", corev1.ProtocolUDP, names.PortP2P),
		))
}

// P2PService is how other nodes reach the instance. A node that syncs is reached too:
// its addresses are published before it is ready. // rule: exposure
func P2PService(in *Instance) *corev1ac.ServiceApplyConfiguration {
	spec := corev1ac.ServiceSpec().
		WithType(corev1.ServiceTypeClusterIP).
		WithPublishNotReadyAddresses(true).
		WithSelector(in.selector(v1alpha1.ComponentValidator)).
		WithPorts(port("p2p", corev1.ProtocolUDP, names.PortP2P))
	out := in.service(names.P2PService(in.Validator, in.Number))
	switch in.Exposure.Type {
	case v1alpha1.ExposureNodePort:
		spec.WithType(corev1.ServiceTypeNodePort)
	case v1alpha1.ExposureLoadBalancer:
		// Local: the balancer sends to the node of the pod alone, and callers keep
		// their addresses.
		spec.WithType(corev1.ServiceTypeLoadBalancer).
			WithExternalTrafficPolicy(corev1.ServiceExternalTrafficPolicyLocal)
		out.WithAnnotations(in.Exposure.Annotations)
	}
	return out.WithSpec(spec)
}

func (in *Instance) service(name string) *corev1ac.ServiceApplyConfiguration {
	return corev1ac.Service(name, in.Namespace).
		WithLabels(in.Labels(v1alpha1.ComponentValidator)).
		WithOwnerReferences(in.owner())
}

func port(name string, protocol corev1.Protocol, number int32) *corev1ac.ServicePortApplyConfiguration {
	return corev1ac.ServicePort().WithName(name).WithProtocol(protocol).WithPort(number).WithTargetPort(intstr.FromString(name))
}

// ServiceAccount is that of the validator's pods. It has no rights, and no pod gets
// its token.
func ServiceAccount(in *Instance) *corev1ac.ServiceAccountApplyConfiguration {
	return corev1ac.ServiceAccount(in.Validator, in.Namespace).
		WithLabels(in.shared()).WithOwnerReferences(in.owner()).
		WithAutomountServiceAccountToken(false)
}
