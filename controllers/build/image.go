package build

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/types"
	batchv1ac "k8s.io/client-go/applyconfigurations/batch/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/names"
)

// ImageJobInput is what the Job that asks an image is made from.
type ImageJobInput struct {
	Namespace, Network string
	UID                types.UID // of the BedrockNetwork
	Image              string
	Scheduling         v1alpha1.Scheduling // of the validators: the same kind of hosts
}

// Bounds of an image Job.
const (
	imageJobBackoff = 2
	imageJobCPU     = "100m"
	imageJobMemory  = "128Mi"
)

// ImageJob asks an image which databases it reads. It has no volume of the network: what
// it says is known before any node is given the image. // rule: schema-after-fleet
func ImageJob(in *ImageJobInput) *batchv1ac.JobApplyConfiguration {
	labels := map[string]string{v1alpha1.LabelName: "bedrock", v1alpha1.LabelManagedBy: v1alpha1.ManagedBy,
		v1alpha1.LabelNetwork: in.Network, v1alpha1.LabelComponent: v1alpha1.ComponentImage}
	list := corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(imageJobCPU), corev1.ResourceMemory: resource.MustParse(imageJobMemory)}
	container := corev1ac.Container().WithName(Container).WithImage(in.Image).
		WithArgs("version", "--output", "json", "--termination-log", corev1.TerminationMessagePathDefault).
		WithSecurityContext(containerSecurity()).
		WithResources(corev1ac.ResourceRequirements().WithRequests(list).WithLimits(list)).
		WithTerminationMessagePolicy(corev1.TerminationMessageFallbackToLogsOnError)
	pod := corev1ac.PodSpec().
		WithAutomountServiceAccountToken(false).WithEnableServiceLinks(false).
		WithSecurityContext(podSecurity()).
		WithNodeSelector(in.Scheduling.NodeSelector).
		WithRestartPolicy(corev1.RestartPolicyNever).
		WithContainers(container)
	for i := range in.Scheduling.Tolerations {
		pod.WithTolerations(toleration(&in.Scheduling.Tolerations[i]))
	}
	return batchv1ac.Job(names.ImageJob(in.Network), in.Namespace).
		WithLabels(labels).
		WithAnnotations(map[string]string{v1alpha1.AnnotationImage: in.Image}).
		WithOwnerReferences(metav1ac.OwnerReference().
			WithAPIVersion(v1alpha1.SchemeGroupVersion.String()).WithKind("BedrockNetwork").
			WithName(in.Network).WithUID(in.UID).WithController(true).WithBlockOwnerDeletion(true)).
		WithSpec(batchv1ac.JobSpec().
			WithBackoffLimit(imageJobBackoff).
			WithTTLSecondsAfterFinished(jobKeptSeconds).
			WithTemplate(corev1ac.PodTemplateSpec().WithLabels(labels).WithSpec(pod)))
}
