package votelog

import (
	"errors"
	"fmt"
	"time"

	"github.com/bedrock-bft/bedrock/node/storage/disk"
	"github.com/bedrock-bft/bedrock/node/types"
)

// Bounds and sizes.
const (
	// DefaultSegmentBytes is the size that a segment is allocated with.
	DefaultSegmentBytes = 16 << 20
	// DefaultSlotBytes is the size that a slot is allocated with; it grows
	// where an epoch's certificates need more.
	DefaultSlotBytes = 16 << 10
	// MaxRecordBytes bounds one record's payload, bodies included.
	MaxRecordBytes = 64 << 20
	// MaxHeldBodies is the amount of needed bodies, in bytes, above which a
	// validator votes for empty payloads only. // rule: bounded-tail
	MaxHeldBodies = 128 << 20
)

// Errors that callers branch on.
var (
	// ErrForeign says that the log cannot prove what was signed last: both
	// copies are missing or damaged. Its volume's identity must not sign.
	// // rule: volume-foreign
	ErrForeign = errors.New("vote log cannot vouch for what was signed: the signer volume is foreign")
	// ErrExists says that Create found a log.
	ErrExists = errors.New("vote log exists already")
	// ErrFailed says that a write or sync failed: the process must end and
	// nothing may be retried. // rule: sync-failure
	ErrFailed = errors.New("vote log failed to write: end the process, check the signer volume's disk, then start again")
	// ErrClosed says that the log was closed.
	ErrClosed = errors.New("vote log is closed")
)

// Options say where and how a log is kept. The zero value of each field but
// Owner is a working default.
type Options struct {
	// Owner is the public network identity that the log belongs to; every sector
	// is bound to it, so that another identity's log is never taken for one's own.
	Owner [32]byte
	// FS is the file system; nil: the operating system's.
	FS disk.FS
	// AllowUnsafeFileSystem accepts network and overlay file systems.
	AllowUnsafeFileSystem bool
	// SegmentBytes and SlotBytes are sizes to allocate; 0: the defaults.
	SegmentBytes int64
	SlotBytes    int64
	// Serial does everything on the caller's goroutine, in one order: for the
	// simulator.
	Serial bool
	// OnSync, if set, gets the duration of each Append's write and syncs.
	OnSync func(time.Duration)
}

// Record is what one Append makes durable.
type Record struct {
	// State is the whole SafetyState.
	State types.SafetyState
	// Blocks are bodies that a vote of State depends on and that the log may not
	// hold yet; one that it holds is not written again. // rule: vote-durable
	Blocks []*types.Block
	// Outcomes are those newly commit-voted or seen final. // rule: same-outcome
	Outcomes []types.SignedOutcome
	// SyncedHeight is the height of the last commit batch whose sync had
	// returned. The log keeps the highest ever given.
	SyncedHeight uint64
}

// Recovered is what a log held when it was opened.
type Recovered struct {
	// State is the newest SafetyState; epoch 0 in a log that never signed.
	State types.SafetyState
	// Blocks are the bodies still needed, oldest first.
	Blocks []*types.Block
	// Outcomes are those still needed, oldest first. // rule: same-outcome
	Outcomes []types.SignedOutcome
	// SyncedHeight is the highest on record: the database must reach it.
	SyncedHeight uint64
	// MissingBody is the block of the last prepare vote if its body is neither
	// in the log nor covered by SyncedHeight; zero otherwise. The vote is kept
	// and not sent before an Append has brought the body back.
	MissingBody types.Hash
	// Seq is the sequence under which State was written again.
	Seq uint64
	// Damage is what was found that is not as it was written, in the order of
	// reading. Empty after an ordinary stop.
	Damage []Damage
}

// DamageKind says what sort of damage was found.
type DamageKind string

// Kinds of damage.
const (
	DamageTorn    DamageKind = "torn"    // a write that a crash cut short; ordinary
	DamageSector  DamageKind = "sector"  // a sector that does not match its stamp
	DamageRecord  DamageKind = "record"  // whole sectors, but not a valid record
	DamageGap     DamageKind = "gap"     // records missing between two others
	DamageApart   DamageKind = "apart"   // the copies are more than one write apart
	DamageMissing DamageKind = "missing" // a copy or a body that should be there
	DamageRead    DamageKind = "read"    // the device refused to read
)

// Damage is one thing found while opening.
type Damage struct {
	Kind   DamageKind `json:"kind"`
	File   string     `json:"file"`
	Offset int64      `json:"offset"` // bytes
	Seq    uint64     `json:"seq"`    // 0 where unknown
	Text   string     `json:"text"`
}

// String is one line for a log or a terminal.
func (d Damage) String() string {
	return fmt.Sprintf("%s: %s at %d (record %d): %s", d.Kind, d.File, d.Offset, d.Seq, d.Text)
}

// Stats are figures for metrics.
type Stats struct {
	Seq           uint64 // of the last record synced in both copies
	Appends       uint64
	BytesWritten  uint64 // both copies
	Syncs         uint64 // files synced by appends
	Segments      int
	SegmentBytes  int64 // allocated
	HeldBodies    int   // blocks
	HeldBodyBytes int64 // of needed bodies // rule: bounded-tail
	HeldOutcomes  int
	SyncedHeight  uint64 // recorded
}
