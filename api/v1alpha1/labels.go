package v1alpha1

// Labels on every object that the operator makes.
const (
	// LabelNetwork is the name of the BedrockNetwork.
	LabelNetwork = "bedrock.dev/network"
	// LabelValidator is the name of the Validator.
	LabelValidator = "bedrock.dev/validator"
	// LabelInstance is the number of the instance (a signer volume), from 1.
	LabelInstance = "bedrock.dev/instance"
	// LabelComponent is one of the Component values.
	LabelComponent = "app.kubernetes.io/component"
	// LabelManagedBy is always ManagedBy.
	LabelManagedBy = "app.kubernetes.io/managed-by"
	// LabelName is always "bedrock".
	LabelName = "app.kubernetes.io/name"

	// LabelRPCClient, with the value "true", on a pod in any namespace lets it reach
	// nodes' RPC through their NetworkPolicies; LabelMetricsClient their metrics.
	LabelRPCClient     = "bedrock.dev/rpc-client"
	LabelMetricsClient = "bedrock.dev/metrics-client"

	// ManagedBy is the value of LabelManagedBy, and the field manager's prefix.
	ManagedBy = "bedrock-operator"
)

// Values of LabelComponent.
const (
	ComponentValidator = "validator"
	ComponentFullNode  = "full-node"
	ComponentIdentity  = "identity" // the Job that makes a volume's identity
	ComponentGenesis   = "genesis"
	ComponentLedger    = "token-ledger"
	ComponentImage     = "image" // the Job that asks an image what it is
)

// Annotations.
const (
	// AnnotationOwnerUID binds what must not carry an owner reference (volumes,
	// genesis, key material) to the object that made it. // rule: no-owner
	AnnotationOwnerUID = "bedrock.dev/owner-uid"
	// AnnotationDisrupt on a Validator asks for a disruption token; its value says
	// why ("drain:NODE", "rollout:HASH", or a person's words). // rule: token-request
	AnnotationDisrupt = "bedrock.dev/disrupt"
	// AnnotationTakeover on a Validator asks for a takeover by a new instance; its
	// value is a word of the asker's, done once for each value.
	AnnotationTakeover = "bedrock.dev/takeover"
	// AnnotationRelease on a network or Validator lets a held deletion go on; only
	// `kubectl bedrock release` writes it. // rule: hold
	AnnotationRelease = "bedrock.dev/release"
	// AnnotationSigned on a network gives back half-signed transactions that people of
	// the authority signed: base64 of each file, with commas between. // rule: delegate-only
	AnnotationSigned = "bedrock.dev/signed"
	// AnnotationLeft on a signer volume's claim is the identity with which its validator
	// left the chain: the claim counts no more among those that a kept network has, and a
	// validator that is made of it again gets another identity. // rule: identity-once
	AnnotationLeft = "bedrock.dev/left"
	// AnnotationConfigHash on a pod template is the hash of what needs a restart.
	AnnotationConfigHash = "bedrock.dev/config-hash"
	// AnnotationImage on an image Job is the image that it asks.
	AnnotationImage = "bedrock.dev/image"
	// AnnotationDatabaseSchema on a template of full nodes is the schema that they are
	// told to migrate to.
	AnnotationDatabaseSchema = "bedrock.dev/database-schema"
	// AnnotationGenesisHash is the genesis hash that a document or pod belongs to, or with
	// which a node ran on a signer volume.
	AnnotationGenesisHash = "bedrock.dev/genesis-hash"
)

// FinalizerHold keeps a network or Validator until it may go. // rule: hold
const FinalizerHold = "bedrock.dev/hold"
