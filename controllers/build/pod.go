package build

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/names"
)

// User of every pod: the images' own.
const user = 65532

// Container is the name of a pod's one container, in every pod of the operator.
const Container = "bedrock"

// Bounds of probes, in seconds.
const (
	probePeriod = 10
	// The node answers /healthz within 30 s, or says that its event loop did not
	// turn: two such answers are the minute of the rule.
	livenessTimeout  = 35
	livenessFailures = 2
	readinessTimeout = 5
	// A start replays the database and may fetch a module: hours, not minutes.
	startupFailures = 6 * 60 * 60 / probePeriod
	// A node that ends syncs its volumes; the chain goes on meanwhile.
	graceSeconds = 60
)

// podSecurity is what every pod runs as. // restricted Pod Security Standard
func podSecurity() *corev1ac.PodSecurityContextApplyConfiguration {
	return corev1ac.PodSecurityContext().
		WithRunAsNonRoot(true).WithRunAsUser(user).WithRunAsGroup(user).
		WithFSGroup(user).WithFSGroupChangePolicy(corev1.FSGroupChangeOnRootMismatch).
		WithSeccompProfile(corev1ac.SeccompProfile().WithType(corev1.SeccompProfileTypeRuntimeDefault))
}

func containerSecurity() *corev1ac.SecurityContextApplyConfiguration {
	return corev1ac.SecurityContext().
		WithAllowPrivilegeEscalation(false).WithPrivileged(false).WithReadOnlyRootFilesystem(true).
		WithRunAsNonRoot(true).WithCapabilities(corev1ac.Capabilities().WithDrop("ALL"))
}

// resources are Guaranteed: requests equal limits.
func (in *Instance) resources() *corev1ac.ResourceRequirementsApplyConfiguration {
	list := corev1.ResourceList{corev1.ResourceCPU: in.Compute.CPU, corev1.ResourceMemory: in.Compute.Memory}
	return corev1ac.ResourceRequirements().WithRequests(list).WithLimits(list)
}

// podSpec is what the node's pod and the identity Job's have in common: where they
// run, as whom, and the volumes, so that one that waits for its first consumer binds
// where the validator fits.
func (in *Instance) podSpec(container *corev1ac.ContainerApplyConfiguration) *corev1ac.PodSpecApplyConfiguration {
	container = container.WithName(Container).WithImage(in.Image).
		WithSecurityContext(containerSecurity()).WithResources(in.resources()).
		WithTerminationMessagePolicy(corev1.TerminationMessageFallbackToLogsOnError).
		WithVolumeMounts(
			corev1ac.VolumeMount().WithName("signer").WithMountPath(signerMount),
			corev1ac.VolumeMount().WithName("chain").WithMountPath(chainMount),
			corev1ac.VolumeMount().WithName("tmp").WithMountPath(tmpPath),
		)
	spec := corev1ac.PodSpec().
		WithServiceAccountName(in.Validator).
		WithAutomountServiceAccountToken(false).
		WithEnableServiceLinks(false).
		WithSecurityContext(podSecurity()).
		WithNodeSelector(in.Scheduling.NodeSelector).
		WithAffinity(in.affinity()).
		WithContainers(container).
		WithVolumes(
			claimVolume("signer", names.SignerClaim(in.Validator, in.Number)),
			claimVolume("chain", names.ChainClaim(in.Validator, in.Number)),
			corev1ac.Volume().WithName("tmp").WithEmptyDir(corev1ac.EmptyDirVolumeSource()),
		)
	if in.Scheduling.PriorityClassName != "" {
		spec.WithPriorityClassName(in.Scheduling.PriorityClassName)
	}
	for i := range in.Scheduling.Tolerations {
		spec.WithTolerations(toleration(&in.Scheduling.Tolerations[i]))
	}
	return spec
}

func claimVolume(name, claim string) *corev1ac.VolumeApplyConfiguration {
	return corev1ac.Volume().WithName(name).
		WithPersistentVolumeClaim(corev1ac.PersistentVolumeClaimVolumeSource().WithClaimName(claim))
}

func configVolume(name, configMap string) *corev1ac.VolumeApplyConfiguration {
	return corev1ac.Volume().WithName(name).
		WithConfigMap(corev1ac.ConfigMapVolumeSource().WithName(configMap))
}

func toleration(t *corev1.Toleration) *corev1ac.TolerationApplyConfiguration {
	out := corev1ac.Toleration()
	if t.Key != "" {
		out.WithKey(t.Key)
	}
	if t.Operator != "" {
		out.WithOperator(t.Operator)
	}
	if t.Value != "" {
		out.WithValue(t.Value)
	}
	if t.Effect != "" {
		out.WithEffect(t.Effect)
	}
	if t.TolerationSeconds != nil {
		out.WithTolerationSeconds(*t.TolerationSeconds)
	}
	return out
}

// startArgs are the node's arguments. The genesis hash and the marks are arguments,
// not configuration: what the operator knows is held against what the volumes say.
func startArgs(in *Instance) []string {
	args := []string{"start", "--home", homePath, "--genesis-hash", string(in.Genesis),
		"--made-for", in.Namespace + "=$(" + namespaceVar + ")"}
	return append(args, markArgs(in)...)
}

// namespaceVar is the container's variable with the namespace that it runs in: a
// template that was restored elsewhere, marks and all, starts nothing. // rule: volume-foreign
const namespaceVar = "POD_NAMESPACE"

func markArgs(in *Instance) []string {
	var args []string
	for _, mark := range in.Marks {
		args = append(args, "--mark", mark)
	}
	return args
}

// node is the container of a running node.
func (in *Instance) node() *corev1ac.ContainerApplyConfiguration {
	p2p := corev1ac.ContainerPort().WithName("p2p").WithContainerPort(names.PortP2P).WithProtocol(corev1.ProtocolUDP)
	if in.Exposure.Type == v1alpha1.ExposureHostPort && in.Exposure.HostPort != nil {
		p2p.WithHostPort(*in.Exposure.HostPort)
	}
	return corev1ac.Container().
		WithArgs(startArgs(in)...).
		WithEnv(
			corev1ac.EnvVar().WithName("GOMEMLIMIT").WithValue(fmt.Sprint(in.Compute.Memory.Value()/100*heapShare)),
			corev1ac.EnvVar().WithName(namespaceVar).WithValueFrom(corev1ac.EnvVarSource().
				WithFieldRef(corev1ac.ObjectFieldSelector().WithAPIVersion("v1").WithFieldPath("metadata.namespace"))),
		).
		WithPorts(
			p2p,
			corev1ac.ContainerPort().WithName("rpc").WithContainerPort(names.PortRPC).WithProtocol(corev1.ProtocolTCP),
			corev1ac.ContainerPort().WithName("admin").WithContainerPort(names.PortAdmin).WithProtocol(corev1.ProtocolTCP),
			corev1ac.ContainerPort().WithName("ops").WithContainerPort(names.PortOps).WithProtocol(corev1.ProtocolTCP),
		).
		WithStartupProbe(probe("/healthz").WithTimeoutSeconds(livenessTimeout).WithFailureThreshold(startupFailures)). // rule: probes
		WithLivenessProbe(probe("/healthz").WithTimeoutSeconds(livenessTimeout).WithFailureThreshold(livenessFailures)).
		WithReadinessProbe(probe("/readyz").WithTimeoutSeconds(readinessTimeout).WithFailureThreshold(1)).
		WithVolumeMounts(
			corev1ac.VolumeMount().WithName("config").WithMountPath(homePath).WithReadOnly(true),
			corev1ac.VolumeMount().WithName("genesis").WithMountPath(genesisPath).WithReadOnly(true),
		)
}

func probe(path string) *corev1ac.ProbeApplyConfiguration {
	return corev1ac.Probe().WithPeriodSeconds(probePeriod).
		WithHTTPGet(corev1ac.HTTPGetAction().WithPath(path).WithPort(intstr.FromString("ops")))
}
