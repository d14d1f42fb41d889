package rpc

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bedrock-bft/bedrock/executor/receipts"
	"github.com/bedrock-bft/bedrock/node/types"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

// Errors that a Backend answers with.
var (
	// ErrNotFound says that nothing has that height, id or hash (yet).
	ErrNotFound = errors.New("not found")
	// ErrUnavailable says that the node cannot answer now: it syncs, or it stops.
	ErrUnavailable = errors.New("node cannot answer now")
)

// BelowFloorError says that a height was pruned.
type BelowFloorError struct {
	What  string // blocks, receipts or state
	Floor uint64 // lowest height that is kept
}

// Error implements error.
func (e *BelowFloorError) Error() string {
	return fmt.Sprintf("%s below height %d are not kept here: ask an archive node", e.What, e.Floor)
}

// Backend is what a node gives to its RPC. All methods are safe for concurrent
// use and answer from what is final and executed here, unless they say otherwise.
// Values answered are not changed afterwards, by either side.
type Backend interface {
	// Genesis is the genesis file's bytes.
	Genesis() []byte
	// Status is the whole answer of GetStatus.
	Status(ctx context.Context) (*nodev1.GetStatusResponse, error)

	// FinalHeight is the newest height whose block, outcome and receipts can be
	// read.
	FinalHeight() uint64
	// WaitFinal returns FinalHeight as soon as it is above the height given, or
	// ctx's error. Many callers wait at once.
	WaitFinal(ctx context.Context, above uint64) (uint64, error)

	// Block, Outcome and Receipts are those of a height from 1 (Outcome: 0).
	// ErrNotFound above FinalHeight, BelowFloorError below the floor.
	Block(ctx context.Context, height uint64) (*types.Block, error)
	Outcome(ctx context.Context, height uint64) (*types.Outcome, error)
	Receipts(ctx context.Context, height uint64) ([]receipts.Receipt, error)
	// HeightOf is the height of a final block.
	HeightOf(ctx context.Context, id types.Hash) (uint64, error)
	// Certificate is the commit certificate of the lowest height at or above
	// height that is held: at the tip there is always one.
	Certificate(ctx context.Context, height uint64) (*types.CC, error)
	// EpochStart is an epoch with its certificate. ErrNotFound above the newest.
	EpochStart(ctx context.Context, number uint64) (*types.EpochStart, error)

	// Locate finds an executed transaction. Its index is that in the block.
	Locate(ctx context.Context, tx types.Hash) (height uint64, index int, err error)
	// Pending is a transaction that waits in this node's pool.
	Pending(tx types.Hash) ([]byte, bool)
	// Submit offers transactions to the pool; one result each, in order.
	Submit(ctx context.Context, txs [][]byte) ([]*nodev1.SubmitResult, error)

	// Query reads the state through the executor of that height (0: FinalHeight).
	// Its own pool, queue and deadline are the server's.
	Query(ctx context.Context, q Query) (*QueryResult, error)
	// Simulate runs transactions on the state of FinalHeight and keeps nothing.
	Simulate(ctx context.Context, txs [][]byte) (*Simulation, error)

	// Seen is what this node knows of validators, by network key.
	Seen(ctx context.Context) map[[32]byte]Seen
}

// Query is one read of the state.
type Query struct {
	Path   string
	Data   []byte
	Height uint64 // 0: the newest
	Prove  bool
}

// QueryResult is its answer.
type QueryResult struct {
	Code   uint32
	Value  []byte
	Key    []byte // raw state key
	Absent bool
	Height uint64 // whose state was read
	Proof  []byte // against that height's state root
	Log    string
}

// Simulation is what transactions would do.
type Simulation struct {
	Receipts []receipts.Receipt
	GasUsed  uint64
	Height   uint64 // of the state
	// Failed says that the module failed on them: a block of them would too.
	Failed string
}

// Seen is what a node knows of one validator.
type Seen struct {
	Moniker        string
	LastVoteHeight uint64 // 0: none seen since the start
	LastVoteMs     uint64 // Unix time
	LastVoteEpoch  uint64
	LastVoteAge    time.Duration
	Connected      bool
	// ConnectionAge is for how long it has been connected, or has not been.
	ConnectionAge time.Duration
}
