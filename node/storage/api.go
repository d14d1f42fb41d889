package storage

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/bedrock-bft/bedrock/executor/receipts"
	"github.com/bedrock-bft/bedrock/executor/state"
	"github.com/bedrock-bft/bedrock/node/storage/disk"
	"github.com/bedrock-bft/bedrock/node/types"
	"github.com/linxGnu/grocksdb"
)

// Bounds and sizes.
const (
	// MaxBatchBlocks bounds the blocks of one Commit. A certificate of a tail that
	// grew while finality stood still covers more than the usual few.
	MaxBatchBlocks = 4096
	// DefaultBallastBytes are kept in a file that can be given up on a full disk.
	DefaultBallastBytes = 256 << 20
	// SpaceLow is the free space in bytes below which nothing optional is written
	// and pruning comes first; below SpaceCritical nothing is signed.
	SpaceLow      = 2 << 30
	SpaceCritical = 1 << 30
)

// Errors that callers branch on.
var (
	// ErrNotFound says that a height, id, hash or epoch is not stored.
	ErrNotFound = errors.New("not stored")
	// ErrPruned says that what was asked lies below a floor: see PrunedError.
	ErrPruned = errors.New("pruned")
	// ErrForeignChain says that the database is another chain's.
	ErrForeignChain = errors.New("database belongs to another chain: point the node to its own data folder, or to an empty one")
	// ErrNewerSchema says that a newer program wrote the database.
	ErrNewerSchema = errors.New("database was written by a newer program: start that one, or rebuild in an empty data folder")
	// ErrOlderSchema says that the database has a layout that this program does not
	// read any more.
	ErrOlderSchema = errors.New("database is of too old a program: start the release between them, and migrate there (storage.schema)")
	// ErrSchemaUnknown says that a migration is asked for that this program cannot do.
	ErrSchemaUnknown = errors.New("this program cannot migrate the database to that schema: set storage.schema back, or start a newer program")
	// ErrDamaged says that what was found does not agree with itself.
	ErrDamaged = errors.New("database is damaged: move the data folder aside and start, it is rebuilt from peers; keep the signer volume with its vote log")
	// ErrMissingWrites says that the tip is below what the vote log saw synced.
	ErrMissingWrites = errors.New("synced writes are missing: rebuild from peers (move the data folder aside and start), keep the vote log")
	// ErrFailed says that a write or sync failed: the process must end and nothing
	// may be retried. // rule: sync-failure
	ErrFailed = errors.New("database failed to write: end the process; where the disk is full make room (the ballast file may go), else check the disk, then start again")
	// ErrNoDatabase says that a folder to look at holds none.
	ErrNoDatabase = errors.New("there is no database")
	// ErrClosed says that the store was closed.
	ErrClosed = errors.New("database is closed")
)

// PrunedError says what is still there. It is an ErrPruned.
type PrunedError struct {
	What   string // "blocks", "state"
	Height uint64 // asked for
	Floor  uint64 // lowest height still there
}

// Error implements error.
func (e *PrunedError) Error() string {
	return fmt.Sprintf("%s at height %d are pruned: the lowest height here is %d", e.What, e.Height, e.Floor)
}

// Is makes it an ErrPruned.
func (e *PrunedError) Is(target error) bool { return target == ErrPruned }

// Options say what is opened and how. Genesis is required.
type Options struct {
	// Genesis is the hash of the chain's genesis file.
	Genesis types.Hash
	// Continues is set with a recovery genesis. // rule: recovery-genesis
	Continues *Continuation
	// Schema is what the database is migrated to while it is opened; 0: it stays as it
	// is, and a new one has OldestSchema, so that the program before this one reads it.
	// A lower one than the database has is no wish. // rule: schema-after-fleet
	Schema uint32
	// VoteLogSynced is the synced height that the vote log recorded: the database
	// must reach it.
	VoteLogSynced uint64
	// NoVoteLog is for tools that open a validator's database without its vote log:
	// the filling mark stays as it is.
	NoVoteLog bool
	// CheckRoot, if set, judges whether a root page hashes to a state root; page
	// is nil for a state without any page. A node sets none: how a page is hashed is
	// the module's own, and it has that one look at the tip once it is loaded.
	CheckRoot func(root types.Hash, page []byte) error
	// AllowUnsafeFileSystem accepts network and overlay file systems.
	AllowUnsafeFileSystem bool
	// BlockCacheBytes and WriteBufferBytes bound RocksDB's memory; 0: 64 MiB and
	// 128 MiB. Half the write buffer of batches makes one write-ahead log.
	BlockCacheBytes  uint64
	WriteBufferBytes uint64
	// CompactionBytesPerSecond limits compaction and flush; 0: 64 MiB.
	CompactionBytesPerSecond int64
	// BallastBytes is the size of the ballast file; 0: 256 MiB; below 0: none.
	BallastBytes int64
	// KeepState and KeepBlocks are the versions and blocks that pruning leaves;
	// 0: all (an archive).
	KeepState  uint64
	KeepBlocks uint64
	// FS serves the volume lock, the ballast and the free space; nil: the
	// operating system's.
	FS disk.FS
	// NewEnv makes the environment that RocksDB runs in; nil: its default. For
	// tests.
	NewEnv func() *grocksdb.Env
	// Log gets what an operator should know; nil: nothing.
	Log *slog.Logger
}

// Final is one final block with what its execution gave.
type Final struct {
	Block    *types.Block
	Outcome  types.Outcome
	Receipts []receipts.Receipt
	// Writes is what the block wrote; After is the state after it.
	Writes *state.WriteSet
	// EvidenceHashes are of Block.Evidence, in order.
	EvidenceHashes []types.Hash
	// Failed: execution failed, so no evidence was judged, and it may come again.
	// // rule: failed-block
	Failed bool
	// EvidenceWaits: no evidence was judged, since the state waits for a migration.
	// It may come again too. // rule: migration
	EvidenceWaits bool
	// Certificate is one whose outcome is this block's, or nil. The last block of
	// a batch has one.
	Certificate *types.CC
	// NextEpoch is set on the block that ends its epoch.
	NextEpoch *types.Epoch
}

// Genesis is height 0: the state that the genesis document makes, and the epoch
// that follows.
type Genesis struct {
	Outcome types.Outcome
	Writes  *state.WriteSet
	Epoch   types.Epoch
}

// TxPlace says where a transaction stands.
type TxPlace struct {
	Height  uint64
	Index   uint32 // in the block
	Success bool
}

// Floors are the lowest heights that can still be read.
type Floors struct {
	Blocks uint64 // of blocks and receipts
	State  uint64 // of values and pages
}
