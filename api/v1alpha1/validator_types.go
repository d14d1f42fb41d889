package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Validator is one validator: of a network in the same namespace, or made by hand to
// join a chain that runs elsewhere.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=bval,categories=bedrock
// +kubebuilder:selectablefield:JSONPath=`.spec.chain.network`
// +kubebuilder:printcolumn:name="Network",type=string,JSONPath=`.spec.chain.network`
// +kubebuilder:printcolumn:name="InSet",type=string,JSONPath=`.status.conditions[?(@.type=="InSet")].status`
// +kubebuilder:printcolumn:name="Signing",type=string,JSONPath=`.status.conditions[?(@.type=="Signing")].status`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Instance",type=integer,priority=1,JSONPath=`.status.activeInstance`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",message="metadata.name must start with a letter and hold no dots: Services are named by it"
// +kubebuilder:validation:XValidation:rule="size(self.metadata.name) <= 46",message="metadata.name must have at most 46 characters: names of pods and volumes are made from it"
type Validator struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// +required
	Spec ValidatorSpec `json:"spec"`
	// +optional
	Status ValidatorStatus `json:"status,omitzero"`
}

// ValidatorList is a list of validators.
//
// +kubebuilder:object:root=true
type ValidatorList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Validator `json:"items"`
}

// ValidatorSpec is what one validator should be.
//
// +kubebuilder:validation:XValidation:rule="self.chain.type != 'Foreign' || has(self.image)",message="a validator of a foreign chain needs image: there is no network to take it from"
// +kubebuilder:validation:XValidation:rule="has(self.moniker) == has(oldSelf.moniker) && (!has(self.moniker) || self.moniker == oldSelf.moniker)",message="moniker cannot change: it is on the chain"
type ValidatorSpec struct {
	// The chain that it belongs to.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="chain cannot change: an identity belongs to one chain; delete this Validator and make another"
	Chain ChainRef `json:"chain"`

	// Name on the chain, for people. Default: metadata.name.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Moniker string `json:"moniker,omitempty"`

	// Voting power that it should have; the chain's authority gives it.
	// +optional
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	Power int64 `json:"power,omitempty"`

	// Image of the node. Absent: the network's.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Image string `json:"image,omitempty"`

	// Where its consensus key comes from.
	// +optional
	// +kubebuilder:default={source: Volume}
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="keys cannot change: a key is succeeded on chain, never moved; ask for a takeover instead (kubectl bedrock takeover)"
	Keys KeySource `json:"keys,omitzero"`

	// How its chain data comes to be.
	// +optional
	// +kubebuilder:default={type: Peers}
	Bootstrap Bootstrap `json:"bootstrap,omitzero"`

	// +optional
	// +kubebuilder:default={}
	Compute Compute `json:"compute,omitzero"`
	// +optional
	// +kubebuilder:default={}
	Storage Storage `json:"storage,omitzero"`
	// +optional
	// +kubebuilder:default={}
	Scheduling Scheduling `json:"scheduling,omitzero"`
	// +optional
	// +kubebuilder:default={type: "ClusterIP"}
	Exposure Exposure `json:"exposure,omitzero"`

	// An authorisation by the validator's owner that this Validator's instance takes
	// another one's place (a handoff between clusters).
	// +optional
	Handoff *Handoff `json:"handoff,omitempty"`

	// +optional
	// +kubebuilder:default=Active
	Reconciliation Reconciliation `json:"reconciliation,omitempty"`
	// +optional
	// +kubebuilder:default=Disabled
	DeletionProtection Switch `json:"deletionProtection,omitempty"`
	// +optional
	// +kubebuilder:default=Retain
	DeletionPolicy DeletionPolicy `json:"deletionPolicy,omitempty"`
}

// ChainType is Network or Foreign.
// +kubebuilder:validation:Enum=Network;Foreign
type ChainType string

// Values of ChainType.
const (
	ChainNetwork ChainType = "Network"
	ChainForeign ChainType = "Foreign"
)

// ChainRef is a union by type.
//
// +kubebuilder:validation:XValidation:rule="self.type == 'Network' ? has(self.network) : !has(self.network)",message="chain.network goes with type Network, and that type needs it"
// +kubebuilder:validation:XValidation:rule="self.type == 'Foreign' ? has(self.foreign) : !has(self.foreign)",message="chain.foreign goes with type Foreign, and that type needs it"
type ChainRef struct {
	// +required
	Type ChainType `json:"type"`
	// BedrockNetwork in the same namespace.
	// +optional
	Network Name `json:"network,omitempty"`
	// +optional
	Foreign *ForeignChain `json:"foreign,omitempty"`
}

// ForeignChain is a chain that runs elsewhere.
type ForeignChain struct {
	// +required
	Genesis GivenGenesis `json:"genesis"`
	// Nodes of the chain, as IDENTITY@host:port.
	// +required
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:items:Pattern=`^[0-9a-f]{64}@[^@\s]+:[0-9]{1,5}$`
	// +kubebuilder:validation:items:MaxLength=330
	// +listType=set
	Peers []string `json:"peers"`
	// RPC addresses of nodes of the chain that the operator asks, as https://host:port.
	// +optional
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:Pattern=`^https?://[^\s]+$`
	// +kubebuilder:validation:items:MaxLength=330
	// +listType=set
	RPC []string `json:"rpc,omitempty"`
}

// KeySourceType is Volume, Secret or Remote.
// +kubebuilder:validation:Enum=Volume;Secret;Remote
type KeySourceType string

// Values of KeySourceType.
const (
	KeysVolume KeySourceType = "Volume"
	KeysSecret KeySourceType = "Secret"
	KeysRemote KeySourceType = "Remote"
)

// KeySource is a union by source.
//
// +kubebuilder:validation:XValidation:rule="self.source == 'Secret' ? has(self.secret) : !has(self.secret)",message="keys.secret goes with source Secret, and that source needs it"
// +kubebuilder:validation:XValidation:rule="self.source != 'Remote'",message="keys.source Remote is not supported yet: use Volume (the key is born on the signer volume) or Secret (a brought key, imported once)"
type KeySource struct {
	// +required
	Source KeySourceType `json:"source"`
	// Secret with an encrypted keystore under "keystore.json" and its password under
	// "password". It is imported once into the signer volume and never read again.
	// +optional
	Secret Name `json:"secret,omitempty"`
}

// BootstrapType is how chain data comes to be.
// +kubebuilder:validation:Enum=Genesis;Peers;Snapshot;VolumeSnapshot
type BootstrapType string

// Values of BootstrapType.
const (
	// BootstrapGenesis executes every block.
	BootstrapGenesis BootstrapType = "Genesis"
	// BootstrapPeers takes what peers offer, verified.
	BootstrapPeers          BootstrapType = "Peers"
	BootstrapSnapshot       BootstrapType = "Snapshot"
	BootstrapVolumeSnapshot BootstrapType = "VolumeSnapshot"
)

// Bootstrap is a union by type.
//
// +kubebuilder:validation:XValidation:rule="self.type != 'Snapshot' && self.type != 'VolumeSnapshot'",message="bootstrap from snapshots is not supported yet: use Peers (verified from peers) or Genesis (every block)"
type Bootstrap struct {
	// +required
	Type BootstrapType `json:"type"`
}

// Handoff is an authorisation: a rotate transaction signed by the validator's owner
// for this Validator's identity, with a last height.
type Handoff struct {
	// Name on the chain of the validator that is taken over, in hex.
	// +required
	Validator Hash `json:"validator"`
	// The signed transaction, base64. Absent: the identity is made and shown in
	// status, so that the owner can sign for it.
	// +optional
	// +kubebuilder:validation:MaxLength=16384
	Transaction string `json:"transaction,omitempty"`
}

// ValidatorStatus is what the operator saw. It changes on transitions only.
type ValidatorStatus struct {
	// Generation of the spec that this status is about.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Name on the chain, in hex: given by its first identity.
	// +optional
	ChainName Hash `json:"chainName,omitempty"`
	// Number of the instance that the chain names, or that will be the first.
	// +optional
	ActiveInstance int32 `json:"activeInstance,omitempty"`
	// Instances (signer volumes) that were ever made, at most the last 16.
	// +optional
	// +kubebuilder:validation:MaxItems=16
	// +listType=map
	// +listMapKey=number
	Instances []Instance `json:"instances,omitempty"`
	// A takeover under way.
	// +optional
	Takeover *TakeoverStatus `json:"takeover,omitempty"`
	// The last value of the takeover annotation that was acted on.
	// +optional
	LastTakeoverRequest string `json:"lastTakeoverRequest,omitempty"`
	// What is so, with reasons (docs/concepts.md).
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// InstanceRole is what an instance is for.
// +kubebuilder:validation:Enum=Active;Successor;Superseded
type InstanceRole string

// Values of InstanceRole.
const (
	// InstanceActive is the one that the chain names, or that will be the first.
	InstanceActive InstanceRole = "Active"
	// InstanceSuccessor syncs and waits for the chain to name it.
	InstanceSuccessor InstanceRole = "Successor"
	// InstanceSuperseded stands no more in the set; it leaves and deletes its key.
	InstanceSuperseded InstanceRole = "Superseded"
)

// Instance is a signer volume with the identity that was born on it.
type Instance struct {
	// From 1. The StatefulSet, and its volumes, are named by it.
	// +required
	// +kubebuilder:validation:Minimum=1
	Number int32 `json:"number"`
	// +optional
	Role InstanceRole `json:"role,omitempty"`
	// UIDs of its volume claims, recorded when they were made. // rule: no-owner
	// +optional
	SignerClaimUID string `json:"signerClaimUID,omitempty"`
	// UID of the chain volume's claim. // rule: no-owner
	// +optional
	ChainClaimUID string `json:"chainClaimUID,omitempty"`
	// Public record of the identity: set once the identity Job has ended.
	// +optional
	Identity Ed25519Key `json:"identity,omitempty"`
	// +optional
	ConsensusKey Key `json:"consensusKey,omitempty"`
	// Proof of possession, in hex; empty with Ed25519.
	// +optional
	// +kubebuilder:validation:MaxLength=192
	Possession string `json:"possession,omitempty"`
	// Random id that the volume's marks carry, in hex.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	VolumeID string `json:"volumeID,omitempty"`
	// Schema of its database, as its node said last; 0: it never did.
	// +optional
	DatabaseSchema int32 `json:"databaseSchema,omitempty"`
	// Newest schema that its node could migrate to.
	// +optional
	NewestSchema int32 `json:"newestSchema,omitempty"`
}

// TakeoverStatus is a takeover under way.
type TakeoverStatus struct {
	// Why: Requested, Missing, SignerVolumeLost, Handoff.
	// +required
	Reason string `json:"reason"`
	// Instance that takes over.
	// +required
	// +kubebuilder:validation:Minimum=2
	Successor int32 `json:"successor"`
	// Identity that is superseded: what the chain must still name.
	// +optional
	Expect Ed25519Key `json:"expect,omitempty"`
	// The signed rotate transaction, base64: stored before it is sent, and the same
	// bytes are sent again.
	// +optional
	// +kubebuilder:validation:MaxLength=16384
	Transaction string `json:"transaction,omitempty"`
	// When it began.
	// +required
	Since metav1.Time `json:"since"`
}
