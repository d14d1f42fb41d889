package consensus

import "github.com/bedrock-bft/bedrock/node/types"

// Now is the time of an event. It may stand still, never run back.
type Now struct {
	// MonoMs drives timers: milliseconds on a monotonic clock of any origin.
	MonoMs uint64
	// WallMs is compared with blocks' timestamps: Unix milliseconds.
	WallMs uint64
}

// Peer is a network identity. The zero Peer is this node itself.
type Peer [32]byte

// Event is something that happened; see Core.Step.
type Event interface{ isEvent() }

// Tick says that time passed: give one when the last WakeAt is reached.
type Tick struct{}

// Received is a consensus message: from the peer whose connection brought it,
// or, with the zero Peer, this node's own that was just signed.
type Received struct {
	From    Peer
	Message types.Message
}

// BlockBuilt answers BuildBlock.
type BlockBuilt struct {
	Kind types.Kind
	View uint64
	// Block is the block built: header fields as asked, roots computed, the
	// timestamp the larger of MinTimestampMs and the clock. Nil: there is
	// nothing to put into it and BuildBlock did not say MayBeEmpty; the Core
	// asks again after the next WorkWaiting{true} or when it may be empty.
	Block *types.Block
}

// BlockVerified answers VerifyBlock.
type BlockVerified struct {
	ID     types.Hash
	Valid  bool
	Reason string // why not; for the log
}

// BlockExecuted answers ExecuteBlock. A host fault is no answer: the node stops.
type BlockExecuted struct {
	ID types.Hash
	// Success is false for a failed block: then StateRoot is the parent's,
	// ReceiptsRoot that of no receipts, and Change nil. An epoch change that
	// types.CheckEpochChange refuses makes a failed block.
	Success      bool
	StateRoot    types.Hash
	ReceiptsRoot types.Hash
	// Change is the next epoch, Number set; nil while the epoch goes on.
	Change *types.Epoch
	// MoreWork says that a migration wants another block.
	MoreWork bool
}

// BlockFetched answers FetchBlock. Blocks that nobody asked for are ignored.
type BlockFetched struct {
	From  Peer
	Block *types.Block
}

// WorkWaiting says whether transactions or evidence wait that are in no block
// above the last final one. Give it when that changes, and with true whenever
// something new arrives after a BlockBuilt without a block.
type WorkWaiting struct{ Waiting bool }

// StoreProgress says what is durable outside the vote log.
type StoreProgress struct {
	// SyncedHeight is that of the last commit batch whose sync returned.
	SyncedHeight uint64
	// LogBytes is the size of the bodies that the vote log holds.
	LogBytes uint64
}

// SigningAllowed says whether this process may sign (own-echo, disk space, the
// admin service). Signing alone is held back; what fell due meanwhile happens as
// soon as it is allowed. instance-match is the Core's own.
type SigningAllowed struct {
	Allowed bool
	Reason  string
}

// EpochReady answers PrepareEpoch: the batch of the epoch's last block is synced
// and the next executor is at hand.
type EpochReady struct{ Number uint64 }

// Synced says that block sync executed and stored blocks of the present epoch up
// to Tip. It never goes beyond the epoch's end: there the Core enters the next
// epoch first (PrepareEpoch), then sync goes on.
type Synced struct {
	Tip Final
	// Change is the next epoch if Tip ended this one.
	Change *types.Epoch
}

// CertificatesAsked is a peer's AskCertificates.
type CertificatesAsked struct {
	From  Peer
	Epoch uint64
	View  uint64
}

func (Tick) isEvent()              {}
func (Received) isEvent()          {}
func (BlockBuilt) isEvent()        {}
func (BlockVerified) isEvent()     {}
func (BlockExecuted) isEvent()     {}
func (BlockFetched) isEvent()      {}
func (WorkWaiting) isEvent()       {}
func (StoreProgress) isEvent()     {}
func (SigningAllowed) isEvent()    {}
func (EpochReady) isEvent()        {}
func (Synced) isEvent()            {}
func (CertificatesAsked) isEvent() {}
