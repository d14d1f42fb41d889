package consensus

import "github.com/bedrock-bft/bedrock/node/types"

// Effect is something that the caller must do; see Core.Step.
type Effect interface{ isEffect() }

// Persist asks for one synced write to the vote log before any later Sign or
// EnterEpoch is carried out. // rule: persist-first
type Persist struct {
	State types.SafetyState
	// Blocks are bodies that must be durable with State (usually one: the block
	// that a prepare vote names). // rule: vote-durable
	Blocks []*types.Block
	// Outcomes were signed, or seen final, and are not on record yet.
	Outcomes []types.SignedOutcome
}

// Sign asks to sign Message (a proposal or a vote whose Signature is empty),
// multicast it to the validators of the epoch and give it back as Received with
// the zero Peer.
type Sign struct{ Message types.Message }

// Audience is who gets a multicast.
type Audience uint8

// Audiences.
const (
	// PresentValidators are all of the present epoch, without this node.
	PresentValidators Audience = iota
	// BothEpochs are those and the ones of the epoch before.
	BothEpochs
)

// Multicast sends what is signed already: certificates, own votes again.
type Multicast struct {
	Message types.Message
	To      Audience
}

// Send sends to one peer.
type Send struct {
	To      Peer
	Message types.Message
}

// BuildBlock asks for a block of the present epoch; answered by BlockBuilt. A
// newer BuildBlock replaces an older one.
type BuildBlock struct {
	Kind           types.Kind
	Epoch          uint64
	View           uint64
	Height         uint64
	Parent         types.Hash
	Proposer       uint32
	MinTimestampMs uint64
	// Empty: the payload must be empty (evidence may still be put in).
	Empty bool
	// MayBeEmpty: build a block even if there is nothing to put into it.
	MayBeEmpty bool
	// InFlight are the ancestors above the last final block, nearest first:
	// what is in them is left out.
	InFlight []*types.Block
}

// VerifyBlock asks whether a block may get a vote, as far as the Core does not
// see that itself: sizes and the sum of gas limits within the epoch's limits,
// every transaction accepted by the executor's `verify`, evidence new (also
// against InFlight) and well formed. Answered by BlockVerified.
type VerifyBlock struct {
	Block    *types.Block
	InFlight []*types.Block // as in BuildBlock
}

// ExecuteBlock asks to execute a block on its parent, which has been executed.
// One is asked at a time. Answered by BlockExecuted.
type ExecuteBlock struct {
	Block *types.Block
	// Parent is the outcome of the parent: state root, hash.
	Parent types.Outcome
}

// FetchBlock asks peers for a block by its id; answered by BlockFetched. It is
// repeated at each resend interval while the block is missing.
type FetchBlock struct {
	ID     types.Hash
	Height uint64
	View   uint64
	// From are peers that should have it; ask one after another.
	From []Peer
}

// FinalBlock is a block that became final, with the outcome of executing it.
type FinalBlock struct {
	Block   *types.Block
	Outcome types.Outcome
}

// Finalize says that blocks are final, in height order. Certificate covers the
// last of them, and through the outcomes' hash chain all others.
type Finalize struct {
	Blocks      []FinalBlock
	Certificate *types.CC
}

// PrepareEpoch says that the epoch ended: sync the batch of its last block, get
// the next executor ready, then answer EpochReady.
type PrepareEpoch struct {
	Next        types.Epoch
	Certificate *types.CC
}

// EnterEpoch says that the Core is now in Epoch (its Persist came before). What
// was asked for the epoch before need not be answered. Member: this node's keys
// are in the set. Transactions of the blocks dropped return to the pools.
type EnterEpoch struct {
	Epoch       types.Epoch
	Certificate *types.CC
	Member      bool
}

// WakeAt asks for a Tick when the monotonic clock reaches MonoMs. The newest
// replaces all before.
type WakeAt struct{ MonoMs uint64 }

// AlarmKind names an alarm.
type AlarmKind string

// Alarms.
const (
	AlarmDivergenceSuspected AlarmKind = "state divergence suspected"
	AlarmViewsAtCap          AlarmKind = "views fail at the timer's cap"
	AlarmFewValidators       AlarmKind = "fewer than four validators"
	AlarmConflict            AlarmKind = "conflicting certificates"
)

// Alarm reports what a person should look at.
type Alarm struct {
	Kind   AlarmKind
	Epoch  uint64
	View   uint64
	Block  types.Hash
	Detail string
}

// StopSigning says that this node signs nothing more: its execution differs from
// what a quorum certified. The caller records that durably (Start.Stopped; a
// restart does not lift it, a repair does), saves what was executed, and stays
// up for reading. // rule: commit
type StopSigning struct {
	Reason string
	Block  types.Hash
	Own    types.Outcome
	Theirs types.Outcome // Block zero: from the vote log, only its hash is known
}

// AskCertificates asks a peer for what led it into a later view.
type AskCertificates struct {
	Peer  Peer
	Epoch uint64
	View  uint64 // the own one
}

// AskEpochs asks a peer for the epochs' certificates from epoch From on; they
// come back as Received messages with EpochStart.
type AskEpochs struct {
	Peer Peer
	From uint64
}

// AnswerEpoch asks to send a peer the EpochStart of Epoch, from the store.
type AnswerEpoch struct {
	Peer  Peer
	Epoch uint64
}

// SyncNeeded says that Certificate covers blocks too far above the last final
// one to be fetched singly: block sync should fill in. Repeated while so.
type SyncNeeded struct {
	Certificate *types.CC
	From        []Peer
}

// DropBlocks names blocks that the Core forgets: they will never be final, or block
// sync stored them. Overlays can go; an ExecuteBlock under way is still answered.
type DropBlocks struct{ IDs []types.Hash }

// ReportPeer says that a peer sent something invalid.
type ReportPeer struct {
	Peer   Peer
	Reason string
}

// EvidenceFound gives a proof of misbehaviour, verified, for the pool.
type EvidenceFound struct{ Evidence types.Evidence }

// EnteredView is for metrics: this view began, and why.
type EnteredView struct {
	Epoch  uint64
	View   uint64
	Leader uint32
	ByTC   bool
}

func (Persist) isEffect()         {}
func (Sign) isEffect()            {}
func (Multicast) isEffect()       {}
func (Send) isEffect()            {}
func (BuildBlock) isEffect()      {}
func (VerifyBlock) isEffect()     {}
func (ExecuteBlock) isEffect()    {}
func (FetchBlock) isEffect()      {}
func (Finalize) isEffect()        {}
func (PrepareEpoch) isEffect()    {}
func (EnterEpoch) isEffect()      {}
func (WakeAt) isEffect()          {}
func (Alarm) isEffect()           {}
func (StopSigning) isEffect()     {}
func (AskCertificates) isEffect() {}
func (AskEpochs) isEffect()       {}
func (AnswerEpoch) isEffect()     {}
func (SyncNeeded) isEffect()      {}
func (DropBlocks) isEffect()      {}
func (ReportPeer) isEffect()      {}
func (EvidenceFound) isEffect()   {}
func (EnteredView) isEffect()     {}
