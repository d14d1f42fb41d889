package build

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	appsv1ac "k8s.io/client-go/applyconfigurations/apps/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/names"
)

// FullNodes is everything that the objects of a network's full nodes are made from.
// Their identity is in no set: it lies beside the chain data and guards nothing.
type FullNodes struct {
	Namespace, Network string
	UID                types.UID     // of the BedrockNetwork
	Genesis            v1alpha1.Hash // of the document
	GenesisConfigMap   string
	Scheme             v1alpha1.Scheme
	Image              string
	Peers              []string // NETWORK_KEY@HOST:PORT, sorted. // rule: peers-by-name
	Spec               v1alpha1.FullNodes
	// Schema that their databases are migrated to; 0: they stay. // rule: schema-after-fleet
	Schema int32
	// Delete: the volumes go with the network.
	Delete bool
	// OperatorNamespace is where the operator's pods run.
	OperatorNamespace string
}

const (
	// fullIdentityDir holds the identity of a full node.
	fullIdentityDir = chainMount + "/identity"
	// fullMark is the only mark of that identity: it signs nothing, and moves freely.
	fullMark = "full-node"
	// fullPeersKey is a file that a running node reads again.
	fullPeersKey = "peers"
)

func (f *FullNodes) name() string { return names.FullNodes(f.Network) }

func (f *FullNodes) labels() map[string]string {
	out := f.selector()
	out[v1alpha1.LabelName], out[v1alpha1.LabelManagedBy] = "bedrock", v1alpha1.ManagedBy
	return out
}

func (f *FullNodes) selector() map[string]string {
	return map[string]string{v1alpha1.LabelNetwork: f.Network, v1alpha1.LabelComponent: v1alpha1.ComponentFullNode}
}

func (f *FullNodes) owner() *metav1ac.OwnerReferenceApplyConfiguration {
	return metav1ac.OwnerReference().
		WithAPIVersion(v1alpha1.SchemeGroupVersion.String()).WithKind("BedrockNetwork").
		WithName(f.Network).WithUID(f.UID).WithController(true).WithBlockOwnerDeletion(true)
}

func (f *FullNodes) config() string {
	memory := Instance{Compute: f.Spec.Compute}
	cache := memory.cacheBytes()
	out := []setting{
		{"", "moniker", f.name()},
		{"", "role", "full"},
		{"genesis", "file", genesisPath + "/" + GenesisKey},
		{"dirs", "data", chainDir},
		{"dirs", "signer", fullIdentityDir},
		{"log", "format", "json"},
		{"p2p", "listen", []string{fmt.Sprintf("0.0.0.0:%d", names.PortP2P)}},
		{"p2p", "peers_file", homePath + "/" + fullPeersKey},
		{"rpc", "listen", fmt.Sprintf(":%d", names.PortRPC)},
		{"ops", "listen", fmt.Sprintf(":%d", names.PortOps)},
		{"storage", "write_buffer_bytes", cache},
		{"storage", "block_cache_bytes", cache},
		{"executor", "page_cache_bytes", cache},
	}
	if f.Schema > 0 {
		out = append(out, setting{"storage", "schema", f.Schema})
	}
	return encode(out)
}

// FullNodeConfigMap is the home of all full nodes of a network.
func FullNodeConfigMap(f *FullNodes) *corev1ac.ConfigMapApplyConfiguration {
	peers := strings.Join(f.Peers, "\n")
	if peers != "" {
		peers += "\n"
	}
	return corev1ac.ConfigMap(f.name(), f.Namespace).
		WithLabels(f.labels()).WithOwnerReferences(f.owner()).
		WithData(map[string]string{configKey: f.config(), fullPeersKey: peers})
}

// FullNodeService is the headless Service that gives full nodes their names.
func FullNodeService(f *FullNodes) *corev1ac.ServiceApplyConfiguration {
	return corev1ac.Service(f.name(), f.Namespace).
		WithLabels(f.labels()).WithOwnerReferences(f.owner()).
		WithSpec(corev1ac.ServiceSpec().
			WithClusterIP(corev1.ClusterIPNone).
			WithPublishNotReadyAddresses(true).
			WithSelector(f.selector()).
			WithPorts(
				port("rpc", corev1.ProtocolTCP, names.PortRPC),
				port("ops", corev1.ProtocolTCP, names.PortOps),
				port("p2p", corev1.ProtocolUDP, names.PortP2P),
			))
}

// FullNodeStatefulSet is the full nodes. They hold no power: they restart by
// themselves, one after the other, and their volumes stay with the network.
func FullNodeStatefulSet(f *FullNodes) *appsv1ac.StatefulSetApplyConfiguration {
	sum := sha256.Sum256([]byte(f.config()))
	whenDeleted := appsv1.RetainPersistentVolumeClaimRetentionPolicyType
	if f.Delete {
		whenDeleted = appsv1.DeletePersistentVolumeClaimRetentionPolicyType
	}
	notes := map[string]string{v1alpha1.AnnotationConfigHash: hex.EncodeToString(sum[:8]), v1alpha1.AnnotationGenesisHash: string(f.Genesis)}
	if f.Schema > 0 {
		notes[v1alpha1.AnnotationDatabaseSchema] = strconv.Itoa(int(f.Schema))
	}
	return appsv1ac.StatefulSet(f.name(), f.Namespace).
		WithLabels(f.labels()).WithOwnerReferences(f.owner()).
		WithSpec(appsv1ac.StatefulSetSpec().
			WithReplicas(f.Spec.Count()).
			WithServiceName(f.name()).
			WithPodManagementPolicy(appsv1.ParallelPodManagement).
			WithUpdateStrategy(appsv1ac.StatefulSetUpdateStrategy().WithType(appsv1.RollingUpdateStatefulSetStrategyType)).
			WithRevisionHistoryLimit(4).
			WithPersistentVolumeClaimRetentionPolicy(appsv1ac.StatefulSetPersistentVolumeClaimRetentionPolicy().
				WithWhenDeleted(whenDeleted).WithWhenScaled(appsv1.RetainPersistentVolumeClaimRetentionPolicyType)).
			WithSelector(metav1ac.LabelSelector().WithMatchLabels(f.selector())).
			WithVolumeClaimTemplates(f.claim()).
			WithTemplate(corev1ac.PodTemplateSpec().
				WithLabels(f.labels()).
				WithAnnotations(notes).
				WithSpec(f.pod())))
}

func (f *FullNodes) claim() *corev1ac.PersistentVolumeClaimApplyConfiguration {
	spec := corev1ac.PersistentVolumeClaimSpec().
		WithAccessModes(corev1.ReadWriteOnce).
		WithResources(corev1ac.VolumeResourceRequirements().WithRequests(corev1.ResourceList{corev1.ResourceStorage: f.Spec.Storage.Size}))
	if f.Spec.Storage.StorageClassName != nil {
		spec.WithStorageClassName(*f.Spec.Storage.StorageClassName)
	}
	claim := &corev1ac.PersistentVolumeClaimApplyConfiguration{}
	return claim.WithName("chain").WithLabels(f.labels()).WithSpec(spec)
}

// container is what both containers have in common.
func (f *FullNodes) container(name string, args ...string) *corev1ac.ContainerApplyConfiguration {
	list := corev1.ResourceList{corev1.ResourceCPU: f.Spec.Compute.CPU, corev1.ResourceMemory: f.Spec.Compute.Memory}
	return corev1ac.Container().WithName(name).WithImage(f.Image).WithArgs(args...).
		WithSecurityContext(containerSecurity()).
		WithResources(corev1ac.ResourceRequirements().WithRequests(list).WithLimits(list)).
		WithTerminationMessagePolicy(corev1.TerminationMessageFallbackToLogsOnError).
		WithVolumeMounts(
			corev1ac.VolumeMount().WithName("chain").WithMountPath(chainMount),
			corev1ac.VolumeMount().WithName("tmp").WithMountPath(tmpPath),
		)
}

// pod is a full node: its identity is made at the first start, and found at the others.
func (f *FullNodes) pod() *corev1ac.PodSpecApplyConfiguration {
	identity := f.container("identity", "identity", "init", "--signer-dir", fullIdentityDir, "--scheme", strings.ToLower(string(f.Scheme)), "--mark", fullMark)
	node := f.container(Container, "start", "--home", homePath, "--genesis-hash", string(f.Genesis), "--mark", fullMark).
		WithEnv(corev1ac.EnvVar().WithName("GOMEMLIMIT").WithValue(fmt.Sprint(f.Spec.Compute.Memory.Value()/100*heapShare))).
		WithPorts(
			corev1ac.ContainerPort().WithName("p2p").WithContainerPort(names.PortP2P).WithProtocol(corev1.ProtocolUDP),
			corev1ac.ContainerPort().WithName("rpc").WithContainerPort(names.PortRPC).WithProtocol(corev1.ProtocolTCP),
			corev1ac.ContainerPort().WithName("ops").WithContainerPort(names.PortOps).WithProtocol(corev1.ProtocolTCP),
		).
		WithStartupProbe(probe("/healthz").WithTimeoutSeconds(livenessTimeout).WithFailureThreshold(startupFailures)). // rule: probes
		WithLivenessProbe(probe("/healthz").WithTimeoutSeconds(livenessTimeout).WithFailureThreshold(livenessFailures)).
		WithReadinessProbe(probe("/readyz").WithTimeoutSeconds(readinessTimeout).WithFailureThreshold(1)).
		WithVolumeMounts(
			corev1ac.VolumeMount().WithName("config").WithMountPath(homePath).WithReadOnly(true),
			corev1ac.VolumeMount().WithName("genesis").WithMountPath(genesisPath).WithReadOnly(true),
		)
	spec := corev1ac.PodSpec().
		WithAutomountServiceAccountToken(false).
		WithEnableServiceLinks(false).
		WithSecurityContext(podSecurity()).
		WithTerminationGracePeriodSeconds(graceSeconds).
		WithNodeSelector(f.Spec.Scheduling.NodeSelector).
		WithAffinity(f.affinity()).
		WithInitContainers(identity).WithContainers(node).
		WithVolumes(
			corev1ac.Volume().WithName("tmp").WithEmptyDir(corev1ac.EmptyDirVolumeSource()),
			configVolume("config", f.name()), configVolume("genesis", f.GenesisConfigMap),
		)
	if f.Spec.Scheduling.PriorityClassName != "" {
		spec.WithPriorityClassName(f.Spec.Scheduling.PriorityClassName)
	}
	for i := range f.Spec.Scheduling.Tolerations {
		spec.WithTolerations(toleration(&f.Spec.Scheduling.Tolerations[i]))
	}
	return spec
}

// affinity keeps full nodes on different hosts where that is possible.
func (f *FullNodes) affinity() *corev1ac.AffinityApplyConfiguration {
	in := Instance{Scheduling: f.Spec.Scheduling}
	out := corev1ac.Affinity().WithPodAntiAffinity(corev1ac.PodAntiAffinity().
		WithPreferredDuringSchedulingIgnoredDuringExecution(corev1ac.WeightedPodAffinityTerm().WithWeight(100).
			WithPodAffinityTerm(corev1ac.PodAffinityTerm().WithTopologyKey(corev1.LabelHostname).
				WithLabelSelector(metav1ac.LabelSelector().WithMatchLabels(f.selector())))))
	if term := in.hosts(); term != nil {
		out.WithNodeAffinity(corev1ac.NodeAffinity().
			WithRequiredDuringSchedulingIgnoredDuringExecution(corev1ac.NodeSelector().WithNodeSelectorTerms(term)))
	}
	return out
}
