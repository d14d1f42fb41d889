package build

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	networkingv1ac "k8s.io/client-go/applyconfigurations/networking/v1"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/names"
)

// NetworkPolicy of a validator's pods, of all its instances: p2p from anywhere; RPC
// and metrics from pods, in any namespace, that are labelled for it; everything from
// the operator; out of them only p2p and DNS, so that a node that is broken into
// reaches no API server.
func NetworkPolicy(in *Instance) *networkingv1ac.NetworkPolicyApplyConfiguration {
	return networkingv1ac.NetworkPolicy(in.Validator, in.Namespace).
		WithLabels(in.shared()).WithOwnerReferences(in.owner()).
		WithSpec(policyOf(map[string]string{v1alpha1.LabelValidator: in.Validator}, in.OperatorNamespace))
}

// FullNodePolicy is the same of a network's full nodes.
func FullNodePolicy(f *FullNodes) *networkingv1ac.NetworkPolicyApplyConfiguration {
	return networkingv1ac.NetworkPolicy(f.name(), f.Namespace).
		WithLabels(f.labels()).WithOwnerReferences(f.owner()).
		WithSpec(policyOf(f.selector(), f.OperatorNamespace))
}

func policyOf(selector map[string]string, operatorNamespace string) *networkingv1ac.NetworkPolicySpecApplyConfiguration {
	spec := networkingv1ac.NetworkPolicySpec().
		WithPodSelector(metav1ac.LabelSelector().WithMatchLabels(selector)).
		WithPolicyTypes(networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress).
		WithIngress(
			ingress(policyPort(corev1.ProtocolUDP, names.PortP2P)),
			ingress(policyPort(corev1.ProtocolTCP, names.PortRPC)).WithFrom(anywhere(map[string]string{v1alpha1.LabelRPCClient: "true"})),
			ingress(policyPort(corev1.ProtocolTCP, names.PortOps)).WithFrom(anywhere(map[string]string{v1alpha1.LabelMetricsClient: "true"})),
		).
		WithEgress(
			networkingv1ac.NetworkPolicyEgressRule().WithPorts(networkingv1ac.NetworkPolicyPort().WithProtocol(corev1.ProtocolUDP)),
			networkingv1ac.NetworkPolicyEgressRule().WithPorts(policyPort(corev1.ProtocolTCP, 53)),
		)
	if operatorNamespace != "" {
		spec.WithIngress(ingress(
			policyPort(corev1.ProtocolTCP, names.PortRPC),
			policyPort(corev1.ProtocolTCP, names.PortAdmin),
			policyPort(corev1.ProtocolTCP, names.PortOps),
		).WithFrom(operator(operatorNamespace)))
	}
	return spec
}

func ingress(ports ...*networkingv1ac.NetworkPolicyPortApplyConfiguration) *networkingv1ac.NetworkPolicyIngressRuleApplyConfiguration {
	return networkingv1ac.NetworkPolicyIngressRule().WithPorts(ports...)
}

func policyPort(protocol corev1.Protocol, number int) *networkingv1ac.NetworkPolicyPortApplyConfiguration {
	return networkingv1ac.NetworkPolicyPort().WithProtocol(protocol).WithPort(intstr.FromInt(number))
}

// anywhere is pods with these labels in any namespace.
func anywhere(labels map[string]string) *networkingv1ac.NetworkPolicyPeerApplyConfiguration {
	return networkingv1ac.NetworkPolicyPeer().
		WithNamespaceSelector(metav1ac.LabelSelector()).
		WithPodSelector(metav1ac.LabelSelector().WithMatchLabels(labels))
}

// operator is the operator's pods.
func operator(namespace string) *networkingv1ac.NetworkPolicyPeerApplyConfiguration {
	return networkingv1ac.NetworkPolicyPeer().
		WithNamespaceSelector(metav1ac.LabelSelector().WithMatchLabels(map[string]string{corev1.LabelMetadataName: namespace})).
		WithPodSelector(metav1ac.LabelSelector().WithMatchLabels(map[string]string{v1alpha1.LabelName: "bedrock-operator"}))
}
