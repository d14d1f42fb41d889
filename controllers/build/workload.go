package build

import (
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	appsv1ac "k8s.io/client-go/applyconfigurations/apps/v1"
	batchv1ac "k8s.io/client-go/applyconfigurations/batch/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/names"
)

// StatefulSet is the instance's one node. OnDelete: a changed template restarts
// nothing; pods go by eviction, under a token. // rule: one-gate
func StatefulSet(in *Instance) *appsv1ac.StatefulSetApplyConfiguration {
	labels := in.Labels(v1alpha1.ComponentValidator)
	replicas := int32(1)
	if in.Stopped {
		replicas = 0
	}
	pod := in.podSpec(in.node()).
		WithTerminationGracePeriodSeconds(graceSeconds).
		WithVolumes(configVolume("config", in.name()), configVolume("genesis", in.GenesisConfigMap))
	return appsv1ac.StatefulSet(in.name(), in.Namespace).
		WithLabels(labels).WithOwnerReferences(in.owner()).
		WithSpec(appsv1ac.StatefulSetSpec().
			WithReplicas(replicas).
			WithServiceName(in.name()).
			WithPodManagementPolicy(appsv1.ParallelPodManagement).
			WithUpdateStrategy(appsv1ac.StatefulSetUpdateStrategy().WithType(appsv1.OnDeleteStatefulSetStrategyType)).
			WithRevisionHistoryLimit(4).
			WithSelector(metav1ac.LabelSelector().WithMatchLabels(in.selector(v1alpha1.ComponentValidator))).
			WithTemplate(corev1ac.PodTemplateSpec().
				WithLabels(labels).
				WithAnnotations(map[string]string{
					v1alpha1.AnnotationConfigHash:  ConfigHash(in),
					v1alpha1.AnnotationGenesisHash: string(in.Genesis),
				}).
				WithSpec(pod)))
}

// AnnotationSignerClaim on an identity Job is the UID of the claim that it was made
// for: a Job for another one says nothing of this volume.
const AnnotationSignerClaim = "bedrock.dev/signer-claim-uid"

// Bounds of an identity Job.
const (
	jobBackoff = 6
	// jobKeptSeconds is how long a finished Job stays to be looked at; one that failed is
	// made again then. An identity's record is in the Validator's status by then, and a Job
	// made again finds the same identity.
	jobKeptSeconds = 600
)

// IdentityJob makes the identity on the signer volume, or finds the one that it made
// before; the public record is its termination message. // rule: identity-born
func IdentityJob(in *Instance) *batchv1ac.JobApplyConfiguration {
	labels := in.Labels(v1alpha1.ComponentIdentity)
	args := []string{"identity", "init", "--signer-dir", signerDir, "--scheme", strings.ToLower(string(in.Scheme)),
		"--termination-log", corev1.TerminationMessagePathDefault}
	args = append(args, markArgs(in)...)
	if in.Left != "" {
		args = append(args, "--left", string(in.Left))
	}
	container := corev1ac.Container()
	var brought *corev1ac.VolumeApplyConfiguration
	if in.Keys.Source == v1alpha1.KeysSecret {
		args = append(args, "--consensus-key", keysPath+"/keystore.json")
		// The password comes by reference, so that a Secret or key that is missing
		// shows as the container's waiting reason; a volume's absence shows nowhere
		// in the pod's status. The keystore's volume is optional for that reason.
		container.WithEnv(corev1ac.EnvVar().WithName("BEDROCK_PASSWORD").WithValueFrom(corev1ac.EnvVarSource().
			WithSecretKeyRef(corev1ac.SecretKeySelector().WithName(string(in.Keys.Secret)).WithKey("password")))).
			WithVolumeMounts(corev1ac.VolumeMount().WithName("keys").WithMountPath(keysPath).WithReadOnly(true))
		brought = corev1ac.Volume().WithName("keys").WithSecret(corev1ac.SecretVolumeSource().
			WithSecretName(string(in.Keys.Secret)).WithOptional(true).
			WithItems(corev1ac.KeyToPath().WithKey("keystore.json").WithPath("keystore.json")))
	}
	pod := in.podSpec(container.WithArgs(args...)).WithRestartPolicy(corev1.RestartPolicyNever)
	if brought != nil {
		pod.WithVolumes(brought)
	}
	return batchv1ac.Job(names.IdentityJob(in.Validator, in.Number), in.Namespace).
		WithLabels(labels).WithOwnerReferences(in.owner()).
		WithAnnotations(map[string]string{AnnotationSignerClaim: in.Marks[0]}).
		WithSpec(batchv1ac.JobSpec().
			WithBackoffLimit(jobBackoff).
			WithTTLSecondsAfterFinished(jobKeptSeconds).
			WithTemplate(corev1ac.PodTemplateSpec().WithLabels(labels).WithSpec(pod)))
}
