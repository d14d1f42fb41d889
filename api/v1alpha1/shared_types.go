package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// Switch is Enabled or Disabled.
// +kubebuilder:validation:Enum=Enabled;Disabled
type Switch string

// Values of Switch.
const (
	Enabled  Switch = "Enabled"
	Disabled Switch = "Disabled"
)

// Reconciliation says whether the operator acts.
// +kubebuilder:validation:Enum=Active;Paused
type Reconciliation string

// Values of Reconciliation.
const (
	ReconciliationActive Reconciliation = "Active"
	// ReconciliationPaused closes unused disruption tokens, then does nothing but delete.
	ReconciliationPaused Reconciliation = "Paused"
)

// Scheme is the signature scheme of votes.
// +kubebuilder:validation:Enum=Ed25519;BLS12381
type Scheme string

// Values of Scheme.
const (
	SchemeEd25519  Scheme = "Ed25519"
	SchemeBLS12381 Scheme = "BLS12381"
)

// Hash is a SHA-256 in lower-case hex.
// +kubebuilder:validation:Pattern=`^[0-9a-f]{64}$`
// +kubebuilder:validation:MaxLength=64
type Hash string

// Key is a public key in lower-case hex: 64 digits (Ed25519) or 192 (BLS12-381).
// +kubebuilder:validation:Pattern=`^([0-9a-f]{64}|[0-9a-f]{192})$`
// +kubebuilder:validation:MaxLength=192
type Key string

// Ed25519Key is an Ed25519 public key in lower-case hex.
// +kubebuilder:validation:Pattern=`^[0-9a-f]{64}$`
// +kubebuilder:validation:MaxLength=64
type Ed25519Key string

// Name is the name of an object in the same namespace.
// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=63
type Name string

// Volume is one persistent volume claim that the operator makes and never deletes
// on its own. // rule: own-pvcs
// +kubebuilder:validation:XValidation:rule="has(self.storageClassName) == has(oldSelf.storageClassName) && (!has(self.storageClassName) || self.storageClassName == oldSelf.storageClassName)",message="storageClassName cannot change: a volume stays where it is; for a chain volume of another class, delete its PVC and the chain is fetched again from peers"
type Volume struct {
	// Size of the volume. It may grow, where the StorageClass allows that, never shrink.
	// +required
	// +kubebuilder:validation:XValidation:rule="quantity(string(self)).compareTo(quantity(string(oldSelf))) >= 0",message="a volume can grow but not shrink: give a size of at least the present one"
	// +kubebuilder:validation:XValidation:rule="quantity(string(self)).compareTo(quantity('64Mi')) >= 0",message="a volume below 64Mi is of no use: the vote log and the database need room"
	Size resource.Quantity `json:"size"`
	// Name of the StorageClass; the cluster's default when absent. Reclaim policy
	// Retain is wise: ReclaimDelete is shown as a condition otherwise.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	StorageClassName *string `json:"storageClassName,omitempty"`
}

// Storage is the two volumes of an instance: chain data that can be rebuilt from
// peers, and the signer volume, on which the identity and the vote log live.
type Storage struct {
	// Chain data: RocksDB and executor modules.
	// +optional
	// +kubebuilder:default={size: "20Gi"}
	Chain Volume `json:"chain,omitzero"`
	// Identity, keys and vote log. Never copied, moved or restored.
	// +optional
	// +kubebuilder:default={size: "1Gi"}
	Signer Volume `json:"signer,omitzero"`
}

// ExposureType is how other nodes reach a validator's p2p port.
// +kubebuilder:validation:Enum=ClusterIP;NodePort;LoadBalancer;HostPort
type ExposureType string

// Values of ExposureType.
const (
	ExposureClusterIP    ExposureType = "ClusterIP"
	ExposureNodePort     ExposureType = "NodePort"
	ExposureLoadBalancer ExposureType = "LoadBalancer"
	// ExposureHostPort needs a namespace whose Pod Security level allows it.
	ExposureHostPort ExposureType = "HostPort"
)

// Exposure is how other nodes reach this one.
// +kubebuilder:validation:XValidation:rule="self.type == 'HostPort' ? has(self.hostPort) : !has(self.hostPort)",message="hostPort goes with type HostPort, and that type needs it"
// +kubebuilder:validation:XValidation:rule="self.type == 'LoadBalancer' || !has(self.annotations)",message="annotations go on the LoadBalancer's Service: set type LoadBalancer or remove them"
type Exposure struct {
	// +optional
	// +kubebuilder:default=ClusterIP
	Type ExposureType `json:"type,omitempty"`
	// Annotations of the LoadBalancer's Service, for the cloud's controller.
	// +optional
	// +kubebuilder:validation:MaxProperties=32
	Annotations map[string]string `json:"annotations,omitempty"`
	// UDP port on the node, for type HostPort.
	// +optional
	// +kubebuilder:validation:Minimum=1024
	// +kubebuilder:validation:Maximum=65535
	HostPort *int32 `json:"hostPort,omitempty"`
}

// Scheduling is where a node's pods may run.
type Scheduling struct {
	// Labels of nodes that the pod may run on.
	// +optional
	// +kubebuilder:validation:MaxProperties=32
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`
	// Taints that the pod tolerates.
	// +optional
	// +kubebuilder:validation:MaxItems=32
	// +listType=atomic
	Tolerations []corev1.Toleration `json:"tolerations,omitempty"`
	// Zone (topology.kubernetes.io/zone) that the pod must run in.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Zone string `json:"zone,omitempty"`
	// Whether two validators of a network may share a host. Automatic: from 4
	// validators on they may not.
	// +optional
	// +kubebuilder:default=Automatic
	HostAntiAffinity HostAntiAffinity `json:"hostAntiAffinity,omitempty"`
	// PriorityClass of the pod; validators should have a high one.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	PriorityClassName string `json:"priorityClassName,omitempty"`
}

// HostAntiAffinity is Automatic, Required or Preferred.
// +kubebuilder:validation:Enum=Automatic;Required;Preferred
type HostAntiAffinity string

// Values of HostAntiAffinity.
const (
	HostAntiAffinityAutomatic HostAntiAffinity = "Automatic"
	HostAntiAffinityRequired  HostAntiAffinity = "Required"
	HostAntiAffinityPreferred HostAntiAffinity = "Preferred"
)

// Compute is what a node's container gets: requests equal limits (Guaranteed).
type Compute struct {
	// +optional
	// +kubebuilder:default="1"
	// +kubebuilder:validation:XValidation:rule="quantity(string(self)).compareTo(quantity('50m')) >= 0",message="a node needs at least 50m of CPU"
	CPU resource.Quantity `json:"cpu,omitzero"`
	// +optional
	// +kubebuilder:default="2Gi"
	// +kubebuilder:validation:XValidation:rule="quantity(string(self)).compareTo(quantity('256Mi')) >= 0",message="a node needs at least 256Mi of memory"
	Memory resource.Quantity `json:"memory,omitzero"`
}

// TakeoverPolicy says who decides that a validator is succeeded by a new instance.
// +kubebuilder:validation:Enum=Automatic;Manual
type TakeoverPolicy string

// Values of TakeoverPolicy.
const (
	// TakeoverAutomatic succeeds a validator after 10 minutes missing with its
	// volume out of reach.
	TakeoverAutomatic TakeoverPolicy = "Automatic"
	// TakeoverManual waits for `kubectl bedrock takeover`.
	TakeoverManual TakeoverPolicy = "Manual"
)

// DeletionPolicy says what becomes of volumes when their owner is deleted.
// +kubebuilder:validation:Enum=Retain;Delete
type DeletionPolicy string

// Values of DeletionPolicy.
const (
	DeletionRetain DeletionPolicy = "Retain"
	DeletionDelete DeletionPolicy = "Delete"
)
