package mempool

import (
	"context"
	"fmt"
	"math/bits"

	"github.com/bedrock-bft/bedrock/node/types"
)

// Verdict is what `verify` says of one transaction. It depends on the module, the
// genesis hash and the bytes alone.
type Verdict struct {
	Code     uint32 // 0: accepted
	GasLimit uint64
	Sender   string // the nonce lane: opaque, at most 64 bytes
	Nonce    uint64
	Log      string // for people; empty when accepted
}

// Verifier runs `verify` of an executor module, in one call. It answers one
// verdict for each transaction; an error is a host fault or a cancelled context,
// never a judgement. Calls run concurrently.
type Verifier interface {
	Verify(ctx context.Context, executor types.Hash, txs [][]byte) ([]Verdict, error)
}

// FeeFreePrice is the gas price of what pays no fee and is taken first. Its lane
// has nonce 0 for ever: whether one may come again is what `check` says of the
// state, not what was executed before.
const FeeFreePrice = ^uint64(0)

// Amount is an unsigned 128-bit number, of the chain's smallest coin.
type Amount struct{ Hi, Lo uint64 }

// Add is a+b, or the largest Amount where that overflows.
func (a Amount) Add(b Amount) Amount {
	lo, carry := bits.Add64(a.Lo, b.Lo, 0)
	hi, over := bits.Add64(a.Hi, b.Hi, carry)
	if over != 0 {
		return Amount{^uint64(0), ^uint64(0)}
	}
	return Amount{hi, lo}
}

// Sub is a-b, or zero where b is larger.
func (a Amount) Sub(b Amount) Amount {
	lo, borrow := bits.Sub64(a.Lo, b.Lo, 0)
	hi, under := bits.Sub64(a.Hi, b.Hi, borrow)
	if under != 0 {
		return Amount{}
	}
	return Amount{hi, lo}
}

// Cmp is -1, 0 or 1 as a is below, equal to or above b.
func (a Amount) Cmp(b Amount) int {
	switch {
	case a.Hi != b.Hi && a.Hi < b.Hi, a.Hi == b.Hi && a.Lo < b.Lo:
		return -1
	case a == b:
		return 0
	}
	return 1
}

// Bytes is a in 16 bytes, little-endian, as the executor's messages hold it.
func (a Amount) Bytes() []byte {
	out := make([]byte, 16)
	for i := range 8 {
		out[i] = byte(a.Lo >> (8 * i))
		out[8+i] = byte(a.Hi >> (8 * i))
	}
	return out
}

// AmountFromBytes reads at most 16 little-endian bytes; fewer stand for zeros
// above them.
func AmountFromBytes(b []byte) (Amount, error) {
	var a Amount
	if len(b) > 16 {
		return a, fmt.Errorf("amount of %d bytes, want at most 16", len(b))
	}
	for i, c := range b {
		if i < 8 {
			a.Lo |= uint64(c) << (8 * i)
		} else {
			a.Hi |= uint64(c) << (8 * (i - 8))
		}
	}
	return a, nil
}

// CheckItem is a verified transaction that asks for admission, with the sum of
// the largest costs of what its sender already has queued.
type CheckItem struct {
	Tx     []byte
	Queued Amount
}

// CheckVerdict is what `check` says of one transaction on the newest committed
// state.
type CheckVerdict struct {
	Code uint32 // 0: admitted
	// Later says that there is no answer yet: the state is migrated. What is in the
	// pool stays there unproposed, what asks to enter waits. // rule: migration
	Later        bool
	Sender       string
	Nonce        uint64
	AccountNonce uint64 // the sender's next nonce in that state
	GasLimit     uint64
	GasPrice     uint64
	MaxCost      Amount // the most that it can take from its sender
	ValidUntil   uint64 // height; 0: for ever
	Log          string
}

// Checker runs `check` on the newest committed state, in one call: one verdict
// for each item, or an error as for Verifier.
type Checker interface {
	Check(ctx context.Context, items []CheckItem) ([]CheckVerdict, error)
}

// Sandbox executes transactions on the newest committed state as one block and
// throws the result away. It answers false where the module failed (a failed
// block), and an error for a host fault or a cancelled context.
type Sandbox interface {
	Try(ctx context.Context, txs [][]byte) (bool, error)
}

// Broadcaster passes a batch of locally submitted transactions to other nodes. It
// must not block. EncodeBatch makes one message of it.
type Broadcaster interface {
	BroadcastTxs(txs [][]byte)
}

// Source says who brought a transaction: a peer's network identity, or Local.
type Source [32]byte

// Local is the source of what came by RPC or from the journal.
var Local Source

// Status is what became of a transaction that was added.
type Status uint8

// Statuses.
const (
	Accepted  Status = 1 // in the pool and its journal
	Duplicate Status = 2 // already in the pool, or executed lately
	Held      Status = 3 // waits a bounded time: for a nonce gap to close, or a migration to end
	Rejected  Status = 4 // Reason and Text say why
)

// Reason is why a transaction was rejected or dropped.
type Reason string

// Reasons.
const (
	ReasonTooLarge    Reason = "too_large"
	ReasonInvalid     Reason = "invalid"      // `verify` refused it: Code
	ReasonCheck       Reason = "check_failed" // `check` refused it: Code
	ReasonNonceLow    Reason = "nonce_used"
	ReasonNonceGap    Reason = "nonce_gap"
	ReasonLaneFull    Reason = "lane_full"
	ReasonUnderpriced Reason = "underpriced_replacement"
	ReasonPoolFull    Reason = "pool_full"
	ReasonQuota       Reason = "peer_quota"
	ReasonBusy        Reason = "busy"
	ReasonExpired     Reason = "expired"
	ReasonPoison      Reason = "failed_block" // made a block fail on its own
	ReasonReplaced    Reason = "replaced"
	ReasonExecuted    Reason = "executed"
	ReasonClosed      Reason = "closed"
	ReasonMigrating   Reason = "migrating" // waits until a migration of the state has ended
)

// Result is the answer to Add for one transaction.
type Result struct {
	Hash   types.Hash
	Status Status
	Reason Reason // empty unless Rejected or Held
	Code   uint32 // the executor's, with ReasonInvalid and ReasonCheck
	Text   string // one sentence for people: what is wrong and what to do
	// MinGasPrice is the lowest price that would get in, with ReasonPoolFull and
	// ReasonUnderpriced.
	MinGasPrice uint64
	// NextNonce is the nonce that the sender's lane waits for, where known.
	NextNonce uint64
}

// BuildLimits bounds what Build takes.
type BuildLimits struct {
	MaxBytes uint64 // sum of the transactions' sizes
	MaxGas   uint64 // sum of their gas limits
	MaxTxs   int    // 0: Limits.BlockTxs
	Height   uint64 // of the block: what is not valid there is left out
	// Exclude reports what is in flight: in the uncommitted ancestors of the block
	// to build. Nil excludes nothing.
	Exclude func(types.Hash) bool

	done   func() bool // asked after each one taken
	missed func() bool // asked after each one that did not fit
}

// TxResult is what became of one transaction of a final block.
type TxResult struct {
	Hash   types.Hash
	Sender string
	Nonce  uint64
	Code   uint32 // 0: success
}

// CommitInfo tells the pool of newly final blocks, up to Height.
type CommitInfo struct {
	Height uint64
	// Executed lists what the blocks executed, whatever the code; a failed block
	// executes nothing (its transactions go to Pool.Suspect).
	Executed []TxResult
	// Executor is the module of the next block. A change verifies and checks
	// everything again before it is proposed.
	Executor types.Hash
	// RecheckAll asks for a new check of all senders: parameters or epoch changed.
	RecheckAll bool
}

// Event says that a transaction entered or left the pool.
type Event struct {
	Hash   types.Hash
	Added  bool
	Reason Reason // why it left
}

// Stats is the pool's size now.
type Stats struct {
	Txs      int // in lanes, suspects included
	Bytes    int
	Held     int
	Suspects int
	Lanes    int
	// MinGasPrice is the lowest price that would get in now; 0 while there is room.
	MinGasPrice uint64
}
