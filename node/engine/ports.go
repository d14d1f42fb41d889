package engine

import (
	"context"
	"errors"
	"time"

	"github.com/bedrock-bft/bedrock/executor/receipts"
	"github.com/bedrock-bft/bedrock/executor/state"
	"github.com/bedrock-bft/bedrock/node/consensus"
	"github.com/bedrock-bft/bedrock/node/p2p"
	"github.com/bedrock-bft/bedrock/node/storage/votelog"
	"github.com/bedrock-bft/bedrock/node/types"
)

// Clock is the only source of time.
type Clock interface {
	// Now is the monotonic and the wall time.
	Now() consensus.Now
	// After calls f once, on any goroutine, when the monotonic clock has reached
	// mono milliseconds. The returned function cancels it.
	After(mono uint64, f func()) (cancel func())
}

// Transport is the part of the network that the engine uses.
type Transport interface {
	Self() p2p.PeerID
	SetValidators(ids []p2p.PeerID)
	SendVotes(to p2p.PeerID, data []byte) error
	MulticastVotes(data []byte) error
	SendBlock(to p2p.PeerID, data []byte) error
	MulticastBlock(data []byte) error
	Votes() <-chan p2p.Message
	Blocks() <-chan p2p.Message
	Request(ctx context.Context, to p2p.PeerID, p p2p.Protocol, request []byte) ([]byte, error)
	Handle(p p2p.Protocol, h p2p.RequestHandler) error
	Publish(topic p2p.Topic, data []byte) error
	Subscribe(topic p2p.Topic, validate p2p.GossipValidator) (<-chan p2p.Message, error)
	Peers() []p2p.PeerInfo
	SetTip(height uint64)
	NoteTip(peer p2p.PeerID, height uint64)
	Penalise(peer p2p.PeerID, reason string)
}

// VoteLog is the memory of what was signed.
type VoteLog interface {
	Append(votelog.Record) error
	// Final says that the block of that height is final.
	Final(height uint64, id types.Hash)
	HeldBodyBytes() int64
}

// Signer signs messages whose SafetyState is durable.
type Signer interface {
	// Recorded tells which state is durable now: Sign refuses what it does not
	// account for.
	Recorded(types.SafetyState)
	// Sign fills in the message's signature. It refuses when in doubt.
	Sign(epoch *types.Epoch, message types.Message) (types.Message, error)
}

// Execution is what running one block gave.
type Execution struct {
	Block        types.Hash
	Height       uint64
	Success      bool
	Failure      string // why not; in no hash
	StateRoot    types.Hash
	ReceiptsRoot types.Hash
	GasUsed      uint64
	MoreWork     bool
	// EvidenceWaits: none of the block's evidence was judged, since the state waits
	// for a migration; the chain does not hold it.
	EvidenceWaits bool
	Change        *types.Epoch // the next epoch, Number set
	Receipts      []receipts.Receipt
	// Overlay holds what the block wrote, for the store.
	Overlay *state.Overlay
}

// ErrCannotFollow is what Executor.Prepare answers (wrapped) for an epoch whose engine
// this program does not have.
var ErrCannotFollow = errors.New("this program cannot follow the chain into its next epoch")

// Executor runs blocks and keeps what they wrote until they are final.
type Executor interface {
	// Execute runs block on the state after its parent. An error is a host
	// fault: never an outcome. // rule: host-fault
	Execute(ctx context.Context, epoch *types.Epoch, block *types.Block, parent *types.Outcome) (*Execution, error)
	// Committed says that the store holds the block: its writes are final.
	Committed(block types.Hash) error
	// Drop forgets blocks that will never be final.
	Drop(ids []types.Hash)
	// Prepare gets the module of an epoch ready. ErrCannotFollow (wrapped) says
	// that this program never will; after any other error it is asked again.
	Prepare(ctx context.Context, epoch *types.Epoch) error
}

// Verifier judges a block's transactions. // rule: verify-before-vote
type Verifier interface {
	// Verify gives the gas limit of each transaction, or the first refusal as
	// text: also that the limits together are above maxGas, before more is verified.
	// An error is a host fault or a cancelled context.
	Verify(ctx context.Context, executor types.Hash, maxGas uint64, txs [][]byte) (gas []uint64, refusal string, err error)
}

// FinalBlock is what the store keeps of one height.
type FinalBlock struct {
	Block     *types.Block
	Outcome   types.Outcome
	Execution *Execution
	// Change is the epoch that begins after the block; nil while the present goes on.
	Change *types.Epoch
	// Certificate is of this very height, or nil.
	Certificate *types.CC
}

// Store keeps what is final. Commit and Sync are called by one goroutine.
type Store interface {
	// Commit appends blocks in height order, in one batch, without a sync.
	// certificate covers the last of them.
	Commit(blocks []FinalBlock, certificate *types.CC, starts []types.EpochStart) error
	// Sync makes all commits durable and answers the height synced.
	Sync() (uint64, error)
	// Tip is the height committed last; Floor the lowest whose block is held.
	Tip() uint64
	Floor() uint64
	Block(height uint64) (*types.Block, error)
	BlockByID(id types.Hash) (*types.Block, error)
	Outcome(height uint64) (*types.Outcome, error)
	// Certificate is the one of the lowest height at or above height;
	// blocksync.ErrNoCertificate (wrapped) above the newest.
	Certificate(height uint64) (*types.CC, error)
	// Stopped is the last outcome of a chain that this one continues, of the lowest
	// such height at or above height; nil: there is none. // rule: recovery-genesis
	Stopped(height uint64) (*types.Outcome, error)
	EpochStart(number uint64) (*types.EpochStart, error)
	// KnownEvidence reports evidence that a final block holds, one that judged it.
	KnownEvidence(hash types.Hash) (bool, error)
}

// Pool is where blocks' transactions come from.
type Pool interface {
	// Build takes transactions for a block of that height; exclude reports what
	// is in flight.
	Build(maxBytes, maxGas, height uint64, exclude func(types.Hash) bool) [][]byte
	// Waiting reports whether Build would give anything.
	Waiting(height uint64, exclude func(types.Hash) bool) bool
	// Notify has a token since something was added.
	Notify() <-chan struct{}
	// Final removes what blocks executed. next is the epoch that begins after
	// them, nil while the present goes on.
	Final(blocks []FinalBlock, next *types.Epoch)
}

// Observer hears what happens, for metrics and subscribers. Calls come from the
// engine's goroutines and must not block.
type Observer interface {
	Final(blocks []FinalBlock, certificate *types.CC)
	View(consensus.EnteredView)
	// Voted says that a commit vote came over its validator's own connection, also
	// one for a height that is final already. It is not verified. // rule: seen
	Voted(validator [32]byte, vote *types.SignedCommit)
	Alarm(consensus.Alarm)
	Persisted(took time.Duration)
	Executed(took time.Duration, txs int)
	Verified(took time.Duration, txs int)
	Committed(took time.Duration, blocks int)
	Stopped(consensus.StopSigning)
}
