package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// BedrockNetwork is a chain with its validators and full nodes in one namespace.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=bn;bednet,categories=bedrock
// +kubebuilder:printcolumn:name="Chain",type=string,JSONPath=`.spec.chainID`
// +kubebuilder:printcolumn:name="Validators",type=string,JSONPath=`.status.summary`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Finalizing",type=string,JSONPath=`.status.conditions[?(@.type=="Finalizing")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Genesis",type=string,priority=1,JSONPath=`.status.genesis.hash`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",message="metadata.name must start with a letter and hold no dots: Services are named by it"
// +kubebuilder:validation:XValidation:rule="size(self.metadata.name) <= 40",message="metadata.name must have at most 40 characters: names of pods and volumes are made from it"
// +kubebuilder:validation:XValidation:rule="!has(self.spec.validators.groups) || self.spec.validators.groups.all(g, size(self.metadata.name) + size(g.name) <= 42)",message="metadata.name and the name of each group must have at most 42 characters together: names of pods and volumes are made from them"
type BedrockNetwork struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// +required
	Spec BedrockNetworkSpec `json:"spec"`
	// +optional
	Status BedrockNetworkStatus `json:"status,omitzero"`
}

// BedrockNetworkList is a list of networks.
//
// +kubebuilder:object:root=true
type BedrockNetworkList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []BedrockNetwork `json:"items"`
}

// BedrockNetworkSpec is what a platform team wants of a network.
//
// +kubebuilder:validation:XValidation:rule="has(self.validators.count) != has(self.validators.groups)",message="give validators.count, or validators.groups for several zones or powers, not both"
// +kubebuilder:validation:XValidation:rule="!has(self.sentries)",message="sentries are not supported yet: remove the field; use fullNodes for RPC"
type BedrockNetworkSpec struct {
	// Name of the chain, in its genesis and so in every signature.
	// +required
	// +kubebuilder:validation:Pattern=`^[a-z0-9][a-z0-9-]*$`
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=48
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="chainID cannot change: it is part of every signature; make another BedrockNetwork for another chain"
	ChainID string `json:"chainID"`

	// Genesis of the chain: made in a ceremony of this network's validators, or given.
	// +optional
	// +kubebuilder:default={type: Ceremony}
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="genesis cannot change: it names the chain; make another BedrockNetwork for another chain"
	Genesis Genesis `json:"genesis,omitzero"`

	// Image of the nodes, with a tag or (better) a digest.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	Image string `json:"image"`

	// Schema that the nodes' databases are to have. Absent: each stays as it is. A larger
	// one is a migration, at most one schema on: it begins once every node runs an image
	// that can do it, goes node by node as a new image does, and has no way back: images
	// that do not read the schema are refused from then on. // rule: schema-after-fleet
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	DatabaseSchema *int32 `json:"databaseSchema,omitempty"`

	// +required
	Validators Validators `json:"validators"`

	// Full nodes: they follow the chain and serve RPC; their identity is in no set.
	// +optional
	FullNodes *FullNodes `json:"fullNodes,omitempty"`

	// Sentries come with network hardening; until then the field is refused.
	// +optional
	Sentries *Sentries `json:"sentries,omitempty"`

	// The key with which the operator acts on chain. // rule: delegate-only
	// +optional
	// +kubebuilder:default={}
	OperatorKey OperatorKey `json:"operatorKey,omitzero"`

	// +optional
	// +kubebuilder:default={}
	Disruption Disruption `json:"disruption,omitzero"`

	// Whether a validator that is missing with its volume out of reach is succeeded
	// without a person.
	// +optional
	// +kubebuilder:default=Automatic
	Takeover TakeoverPolicy `json:"takeover,omitempty"`

	// With Enabled, deleting the network stops nothing until `kubectl bedrock release`.
	// +optional
	// +kubebuilder:default=Enabled
	DeletionProtection Switch `json:"deletionProtection,omitempty"`

	// What becomes of the volumes when the network is deleted.
	// +optional
	// +kubebuilder:default=Retain
	DeletionPolicy DeletionPolicy `json:"deletionPolicy,omitempty"`

	// +optional
	// +kubebuilder:default=Active
	Reconciliation Reconciliation `json:"reconciliation,omitempty"`

	// A NetworkPolicy for every node: p2p from anywhere, RPC and metrics as labelled,
	// admin from the operator.
	// +optional
	// +kubebuilder:default=Enabled
	NetworkPolicy Switch `json:"networkPolicy,omitempty"`
}

// GenesisType is Ceremony or Given.
// +kubebuilder:validation:Enum=Ceremony;Given
type GenesisType string

// Values of GenesisType.
const (
	GenesisCeremony GenesisType = "Ceremony"
	GenesisGiven    GenesisType = "Given"
)

// Genesis is a union by type.
//
// +kubebuilder:validation:XValidation:rule="self.type == 'Given' ? has(self.given) : !has(self.given)",message="genesis.given goes with type Given, and that type needs it"
// +kubebuilder:validation:XValidation:rule="self.type == 'Ceremony' || !has(self.ceremony)",message="genesis.ceremony goes with type Ceremony"
type Genesis struct {
	// +required
	Type GenesisType `json:"type"`
	// +optional
	Ceremony *Ceremony `json:"ceremony,omitempty"`
	// +optional
	Given *GivenGenesis `json:"given,omitempty"`
}

// Ceremony is what a genesis made here begins with. The document is a pure function
// of this, the validators' public records and a recorded time.
//
// +kubebuilder:validation:XValidation:rule="!has(self.authority) || self.authority.threshold <= size(self.authority.members)",message="authority.threshold cannot be above the number of authority.members"
type Ceremony struct {
	// +optional
	// +kubebuilder:default=Ed25519
	Scheme Scheme `json:"scheme,omitempty"`
	// Timers: Local for one cluster, WideArea for validators far from each other.
	// +optional
	// +kubebuilder:default=Local
	Timing Timing `json:"timing,omitempty"`
	// Accounts that exist from the beginning.
	// +optional
	// +kubebuilder:validation:MaxItems=1000
	// +listType=map
	// +listMapKey=publicKey
	Accounts []GenesisAccount `json:"accounts,omitempty"`
	// Who adds and weighs validators, sets parameters and upgrades. Absent: the
	// operator's own key alone, which is for networks of one team.
	// +optional
	Authority *Authority `json:"authority,omitempty"`
	// Public key of who owns the validators. Absent: the operator's own key.
	// +optional
	Owner Ed25519Key `json:"owner,omitempty"`
	// Ledger parameters that differ from their defaults, such as min_gas_price.
	// +optional
	// +kubebuilder:validation:MaxProperties=64
	Parameters map[string]int64 `json:"parameters,omitempty"`
	// Most bytes of transactions in a block.
	// +optional
	// +kubebuilder:default=2097152
	// +kubebuilder:validation:Minimum=65536
	// +kubebuilder:validation:Maximum=16777216
	MaxBlockBytes int64 `json:"maxBlockBytes,omitempty"`
	// Most gas in a block.
	// +optional
	// +kubebuilder:default=1000000000
	// +kubebuilder:validation:Minimum=1000000
	MaxBlockGas int64 `json:"maxBlockGas,omitempty"`
}

// Timing is Local or WideArea.
// +kubebuilder:validation:Enum=Local;WideArea
type Timing string

// Values of Timing.
const (
	TimingLocal    Timing = "Local"
	TimingWideArea Timing = "WideArea"
)

// GenesisAccount is an account that exists from the beginning.
type GenesisAccount struct {
	// +required
	PublicKey Ed25519Key `json:"publicKey"`
	// Whole units of the ledger's coin.
	// +required
	// +kubebuilder:validation:Pattern=`^[0-9]{1,20}$`
	// +kubebuilder:validation:MaxLength=20
	Balance string `json:"balance"`
}

// Authority is a set of keys of which so many must sign.
type Authority struct {
	// How many of the members must sign.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=64
	Threshold int32 `json:"threshold"`
	// Public keys.
	// +required
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +listType=set
	Members []Ed25519Key `json:"members"`
}

// GivenGenesis is a document that was made elsewhere.
type GivenGenesis struct {
	// ConfigMap with the document under the key genesis.json.
	// +required
	ConfigMap Name `json:"configMap"`
	// SHA-256 of the document. Other content is refused by the nodes themselves.
	// +required
	Hash Hash `json:"hash"`
}

// Validators is how many, and what each is.
type Validators struct {
	// How many validators, all alike.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	Count *int32 `json:"count,omitempty"`
	// Groups of validators, by zone or by power.
	// +optional
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:XValidation:rule="self.map(g, g.count).sum() <= 100",message="the groups have more than 100 validators together: a network has at most 100"
	Groups []ValidatorGroup `json:"groups,omitempty"`
	// +optional
	// +kubebuilder:default={}
	Template ValidatorTemplate `json:"template,omitzero"`
}

// ValidatorGroup is validators that differ from the template.
type ValidatorGroup struct {
	// +required
	// +kubebuilder:validation:MaxLength=20
	Name Name `json:"name"`
	// How many validators the group has.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	Count int32 `json:"count"`
	// Zone (topology.kubernetes.io/zone) of the group.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Zone string `json:"zone,omitempty"`
	// Voting power of each.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	Power *int64 `json:"power,omitempty"`
}

// ValidatorTemplate is what every validator of a network is.
type ValidatorTemplate struct {
	// Voting power of each validator.
	// +optional
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	Power int64 `json:"power,omitempty"`
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
}

// FullNodes is a StatefulSet of nodes that only follow.
type FullNodes struct {
	// How many.
	// +optional
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=50
	Replicas *int32 `json:"replicas,omitempty"`
	// +optional
	// +kubebuilder:default={}
	Compute Compute `json:"compute,omitzero"`
	// Chain data.
	// +optional
	// +kubebuilder:default={size: "20Gi"}
	Storage Volume `json:"storage,omitzero"`
	// +optional
	// +kubebuilder:default={}
	Scheduling Scheduling `json:"scheduling,omitzero"`
}

// Count is how many full nodes are wanted; none where there is no such part.
func (f *FullNodes) Count() int32 {
	switch {
	case f == nil:
		return 0
	case f.Replicas == nil:
		return 1 // as the API server fills it in
	}
	return *f.Replicas
}

// Sentries is refused until network hardening.
type Sentries struct {
	// How many.
	// +optional
	Replicas *int32 `json:"replicas,omitempty"`
}

// OperatorKey is the key with which the operator acts on chain: a delegate, which may
// rotate, maintain and let leave its own validators. Only where the ceremony names no
// authority is it the authority as well.
//
// +kubebuilder:validation:XValidation:rule="has(self.secret) == has(oldSelf.secret) && (!has(self.secret) || self.secret == oldSelf.secret)",message="operatorKey.secret cannot change while the network runs: put the new key into the chain first (bedrock tx validator delegate), then into this Secret"
type OperatorKey struct {
	// Secret with the Ed25519 seed under "seed" (32 bytes), which the operator must be
	// given the right to get, by name. Absent: the operator makes a key once, under the
	// network's name in the Secret bedrock-operator-keys of the namespace.
	// +optional
	Secret Name `json:"secret,omitempty"`
}

// Disruption is how much voting power may be taken down on purpose.
type Disruption struct {
	// Whether a token may be granted that halts the network: for networks of up to
	// three validators, or with one of a third of the power. // rule: undrainable
	// +optional
	// +kubebuilder:default=Forbidden
	Halt HaltPolicy `json:"halt,omitempty"`
	// Keep the largest other power in reserve, where the set is large enough.
	// +optional
	// +kubebuilder:default=Enabled
	Reserve Switch `json:"reserve,omitempty"`
}

// HaltPolicy is Forbidden or Allowed.
// +kubebuilder:validation:Enum=Forbidden;Allowed
type HaltPolicy string

// Values of HaltPolicy.
const (
	HaltForbidden HaltPolicy = "Forbidden"
	HaltAllowed   HaltPolicy = "Allowed"
)

// BedrockNetworkStatus is what the operator saw. It changes on transitions only.
type BedrockNetworkStatus struct {
	// Generation of the spec that this status is about.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Validators in the chain's set out of those wanted, as "4/4".
	// +optional
	Summary string `json:"summary,omitempty"`
	// +optional
	Genesis *GenesisStatus `json:"genesis,omitempty"`
	// Image that validators run, or are being given.
	// +optional
	Image *NodeImage `json:"image,omitempty"`
	// Image that the spec asks for instead: what it said of itself. Full nodes get it
	// first, if no database is out of its reach. // rule: schema-after-fleet
	// +optional
	Candidate *NodeImage `json:"candidate,omitempty"`
	// Newest schema that a database may have: recorded before the first node is told to
	// migrate, and never lower again.
	// +optional
	DatabaseSchema int32 `json:"databaseSchema,omitempty"`
	// Public records of the ceremony, written once, together.
	// +optional
	// +kubebuilder:validation:MaxItems=100
	// +listType=map
	// +listMapKey=validator
	Records []CeremonyRecord `json:"records,omitempty"`
	// Public key of the operator on this chain.
	// +optional
	OperatorKey Ed25519Key `json:"operatorKey,omitempty"`
	// A transaction that the operator has signed and stored before sending; the same
	// bytes are sent until the chain has an answer.
	// +optional
	// +kubebuilder:validation:MaxItems=16
	// +listType=map
	// +listMapKey=purpose
	Submissions []Submission `json:"submissions,omitempty"`
	// What is so, with reasons (docs/concepts.md).
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// NodeImage is an image of nodes, and what its program said of itself before it was
// given any volume.
type NodeImage struct {
	// Reference of the image.
	// +required
	// +kubebuilder:validation:MaxLength=512
	Image string `json:"image"`
	// Version that its program tells.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	Version string `json:"version,omitempty"`
	// Oldest schema of a database that it reads; 0: nobody asked it.
	// +optional
	OldestSchema int32 `json:"oldestSchema,omitempty"`
	// Newest schema of a database that it reads and writes; 0: nobody asked it.
	// +optional
	NewestSchema int32 `json:"newestSchema,omitempty"`
}

// GenesisStatus is the genesis of the chain.
type GenesisStatus struct {
	// SHA-256 of the document.
	// +required
	Hash Hash `json:"hash"`
	// ConfigMap that holds it, named by its hash. // rule: no-owner
	// +required
	ConfigMap string `json:"configMap"`
	// Time of height 0, recorded before the document was made.
	// +required
	Time metav1.Time `json:"time"`
	// SHA-256 of the executor's module that the chain starts with, recorded likewise.
	// +optional
	Executor Hash `json:"executor,omitempty"`
}

// CeremonyRecord is the public record of one validator's identity.
type CeremonyRecord struct {
	// +required
	Validator Name `json:"validator"`
	// +required
	Identity Ed25519Key `json:"identity"`
	// +required
	ConsensusKey Key `json:"consensusKey"`
	// Proof of possession, in hex; empty with Ed25519.
	// +optional
	// +kubebuilder:validation:MaxLength=192
	Possession string `json:"possession,omitempty"`
	// Voting power.
	// +required
	// +kubebuilder:validation:Minimum=1
	Power int64 `json:"power"`
}

// Submission is a signed transaction on its way to the chain.
type Submission struct {
	// What it is for, as "join:NAME", "weigh:NAME" or "leave:NAME".
	// +required
	// +kubebuilder:validation:MaxLength=128
	Purpose string `json:"purpose"`
	// The signed bytes, base64; with more than one authority key, the draft.
	// +required
	// +kubebuilder:validation:MaxLength=16384
	Transaction string `json:"transaction"`
	// When it was signed.
	// +required
	Time metav1.Time `json:"time"`
}
