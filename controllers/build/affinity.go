package build

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
)

// maxAvoided bounds the nodes that a pod's affinity names.
const maxAvoided = 100

// affinity keeps the validators of a network off each other's hosts (required, or
// preferred), and spreads them over zones where that is possible. Identity Jobs count
// as validators: their volumes stay where they ran.
func (in *Instance) affinity() *corev1ac.AffinityApplyConfiguration {
	apart := corev1ac.PodAntiAffinity()
	if in.OwnHost {
		apart.WithRequiredDuringSchedulingIgnoredDuringExecution(in.apart(corev1.LabelHostname))
	} else {
		apart.WithPreferredDuringSchedulingIgnoredDuringExecution(
			corev1ac.WeightedPodAffinityTerm().WithWeight(100).WithPodAffinityTerm(in.apart(corev1.LabelHostname)))
	}
	apart.WithPreferredDuringSchedulingIgnoredDuringExecution(
		corev1ac.WeightedPodAffinityTerm().WithWeight(50).WithPodAffinityTerm(in.apart(corev1.LabelTopologyZone)))
	out := corev1ac.Affinity().WithPodAntiAffinity(apart)
	if term := in.hosts(); term != nil {
		out.WithNodeAffinity(corev1ac.NodeAffinity().
			WithRequiredDuringSchedulingIgnoredDuringExecution(corev1ac.NodeSelector().WithNodeSelectorTerms(term)))
	}
	return out
}

func (in *Instance) apart(topology string) *corev1ac.PodAffinityTermApplyConfiguration {
	selector := metav1ac.LabelSelector().WithMatchExpressions(
		metav1ac.LabelSelectorRequirement().WithKey(v1alpha1.LabelComponent).WithOperator(metav1.LabelSelectorOpIn).
			WithValues(v1alpha1.ComponentIdentity, v1alpha1.ComponentValidator))
	if in.Network != "" {
		selector.WithMatchLabels(map[string]string{v1alpha1.LabelNetwork: in.Network})
	}
	return corev1ac.PodAffinityTerm().WithTopologyKey(topology).WithLabelSelector(selector)
}

// hosts is the term of zone and nodes to avoid; nil where any node will do.
func (in *Instance) hosts() *corev1ac.NodeSelectorTermApplyConfiguration {
	avoid := slices.Clone(in.AvoidHosts)
	slices.Sort(avoid)
	avoid = slices.Compact(avoid)
	avoid = avoid[:min(len(avoid), maxAvoided)]
	if in.Scheduling.Zone == "" && len(avoid) == 0 {
		return nil
	}
	term := corev1ac.NodeSelectorTerm()
	if in.Scheduling.Zone != "" {
		term.WithMatchExpressions(corev1ac.NodeSelectorRequirement().WithKey(corev1.LabelTopologyZone).
			WithOperator(corev1.NodeSelectorOpIn).WithValues(in.Scheduling.Zone))
	}
	for _, node := range avoid { // a field's requirement takes one value
		term.WithMatchFields(corev1ac.NodeSelectorRequirement().WithKey("metadata.name").
			WithOperator(corev1.NodeSelectorOpNotIn).WithValues(node))
	}
	return term
}
