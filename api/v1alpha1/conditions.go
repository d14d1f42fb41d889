package v1alpha1

// Types of conditions of a BedrockNetwork. A condition's reason is the reason that
// the deciding function of controllers/*/plan gave.
const (
	// NetworkReady: the genesis exists, every wanted validator is in the chain's set
	// and signs, and the chain is final or idle.
	NetworkReady = "Ready"
	// NetworkGenesisReady: the genesis document exists and is the one recorded.
	NetworkGenesisReady = "GenesisReady"
	// NetworkFinalizing: two nodes say that the chain finalises, or is idle.
	NetworkFinalizing = "Finalizing"
	// NetworkMembership: the chain's set is the spec's.
	NetworkMembership = "MembershipCurrent"
	// NetworkDisruptable: a token could be granted now; otherwise why not.
	NetworkDisruptable = "Disruptable"
	// NetworkDomainRisk: one node, zone or cluster holds 1/3 of the power. // rule: domain-risk
	NetworkDomainRisk = "DomainRisk"
	// NetworkReclaimDelete: volumes would go with their claims.
	NetworkReclaimDelete = "ReclaimDelete"
	// NetworkRollout: every node runs the wanted image and configuration.
	NetworkRollout = "RolloutComplete"
	// NetworkImage: the spec's image may be given to nodes; otherwise why not.
	NetworkImage = "ImageAccepted"
	// NetworkSchema: databases have the schema that is asked for, and whether a newer one
	// is offered. // rule: schema-after-fleet
	NetworkSchema = "SchemaCurrent"
	// NetworkVolumesSized: the same of the full nodes' claims.
	NetworkVolumesSized = "VolumesSized"
	// NetworkAuthority: transactions of the authority wait for signatures.
	NetworkAuthority = "AwaitingAuthority"
	// NetworkDeletion: a deletion waits, and for what. // rule: hold
	NetworkDeletion = "DeletionHeld"
	// NetworkRights: what the operator may not do here, and what that costs.
	NetworkRights = "RightsComplete"
)

// Types of conditions of a Validator.
const (
	// ValidatorReady: in the set, signing, its votes seen.
	ValidatorReady = "Ready"
	// ValidatorVolumesReady: both claims exist with the recorded UIDs.
	ValidatorVolumesReady = "VolumesReady"
	// ValidatorVolumesSized: both claims ask for the sizes of the spec. A refused growth
	// stops no node: it runs on with the room that it has.
	ValidatorVolumesSized = "VolumesSized"
	// ValidatorIdentified: the identity's public record is known.
	ValidatorIdentified = "Identified"
	// ValidatorKeyClaimed: no other Validator of the cluster has its key.
	ValidatorKeyClaimed = "KeyClaimed"
	// ValidatorExposed: other nodes can reach it at the announced address.
	ValidatorExposed = "Exposed"
	// ValidatorRunning: its pod runs the wanted image and configuration.
	ValidatorRunning = "Running"
	// ValidatorInSet: the chain's set pairs its key with the active instance.
	ValidatorInSet = "InSet"
	// ValidatorSigning: its node says that it signs, and otherwise why not.
	ValidatorSigning = "Signing"
	// ValidatorMissing: two other nodes have no vote of it on the last 8 final
	// heights. // rule: seen
	ValidatorMissing = "Missing"
	// ValidatorDisruption: it holds a token, or waits for one.
	ValidatorDisruption = "DisruptionGranted"
	// ValidatorTakeover: a takeover is under way, or refused and why.
	ValidatorTakeover = "Takeover"
)

// Reasons that are used by more than one controller, or by people's scripts.
const (
	ReasonReady                = "Ready"
	ReasonPaused               = "Paused"
	ReasonNamespaceEnds        = "NamespaceTerminating" // the namespace takes nothing new
	ReasonWaiting              = "Waiting"
	ReasonNetworkNotFound      = "NetworkNotFound"
	ReasonKeyMissing           = "KeyMissing"
	ReasonKeyClaimedElsewhere  = "KeyClaimedElsewhere"
	ReasonInstanceSuperseded   = "InstanceSuperseded"
	ReasonVolumeReplaced       = "VolumeReplaced"
	ReasonGenesisConflict      = "GenesisConflict"
	ReasonPowerBudgetExhausted = "PowerBudgetExhausted"
	ReasonUndrainable          = "Undrainable"
	ReasonDrainsNotSeen        = "DrainsNotSeen"
	ReasonLedgerUnreadable     = "TokenLedgerUnreadable"
	ReasonChainHalted          = "ChainHalted"
	ReasonAwaitingAuthority    = "AwaitingAuthority"
	ReasonDeletionProtected    = "DeletionProtected"
	ReasonHostPortForbidden    = "HostPortForbidden"
	ReasonSchemaOutOfReach     = "SchemaOutOfReach"
	ReasonMigrationOffered     = "MigrationOffered"
	ReasonValidatorsNotReady   = "ValidatorsNotReady"
	ReasonNameTaken            = "NameTaken"
	ReasonWitnessesUnasked     = "WitnessesUnasked" // of Missing: too few can be asked now
)
