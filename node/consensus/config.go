package consensus

import (
	"errors"
	"fmt"

	"github.com/bedrock-bft/bedrock/node/types"
)

// Timing is the genesis' durations, equal for all validators, in milliseconds.
type Timing struct {
	SettleMs         uint64 // 2 x the delivery bound assumed of a healthy network
	BaseMs           uint64 // a view's timer; at least 3 x SettleMs
	GrowthPermille   uint64 // the timer's factor a failed view: 1500 is 1.5; 1000 to 4000
	CapMs            uint64 // the longest timer; at least BaseMs
	IdleMs           uint64 // how long a leader with nothing to propose holds back
	ExecutionLimitMs uint64 // how long a timeout waits for the lock's execution
	ResendMs         uint64 // interval of resending
	DriftMs          uint64 // how far a timestamp may be ahead of the clock
}

// DevnetTiming is for one machine or one data centre.
func DevnetTiming() Timing {
	return Timing{SettleMs: 100, BaseMs: 1000, GrowthPermille: 1500, CapMs: 4000,
		IdleMs: 10_000, ExecutionLimitMs: 5000, ResendMs: 250, DriftMs: 500}
}

// WideAreaTiming is for validators on several continents.
func WideAreaTiming() Timing {
	return Timing{SettleMs: 500, BaseMs: 2000, GrowthPermille: 1500, CapMs: 15_000,
		IdleMs: 10_000, ExecutionLimitMs: 10_000, ResendMs: 250, DriftMs: 500}
}

// Check reports what is wrong with t.
func (t Timing) Check() error {
	const day = 86_400_000
	switch {
	case t.SettleMs == 0 || t.ResendMs == 0 || t.IdleMs == 0 || t.ExecutionLimitMs == 0:
		return errors.New("timing: settle, resend, idle interval and execution limit must be above 0")
	case t.BaseMs < 3*t.SettleMs:
		return fmt.Errorf("timing: base %d ms is below 3 x settle (%d ms)", t.BaseMs, t.SettleMs)
	case t.CapMs < t.BaseMs:
		return fmt.Errorf("timing: cap %d ms is below base (%d ms)", t.CapMs, t.BaseMs)
	case t.GrowthPermille < 1000 || t.GrowthPermille > 4000:
		return fmt.Errorf("timing: growth %d per mille is not within 1000 to 4000", t.GrowthPermille)
	case t.SettleMs > day || t.CapMs > day || t.IdleMs > day || t.ExecutionLimitMs > day ||
		t.ResendMs > day || t.DriftMs > day:
		return errors.New("timing: a duration is above one day")
	}
	return nil
}

// Config is what stays the same for the Core's life.
type Config struct {
	Genesis types.Hash
	Scheme  types.Scheme
	Timing  Timing
	// NetworkKey and ConsensusKey are this node's; a follower has no consensus
	// key. It signs only in an epoch whose set pairs the two.
	// rule: instance-match
	NetworkKey   Peer
	ConsensusKey []byte
}

// Final is a final block, as much of it as the Core needs.
type Final struct {
	View        uint64 // 0 if it is its epoch's root
	TimestampMs uint64
	Outcome     types.Outcome // Height and Block are the block's
	// Certificate covers it. Nil for genesis.
	Certificate *types.CC
}

// Start is what the Core begins with.
type Start struct {
	// Epoch is that of Safety, or without Safety the one that Tip lies in.
	Epoch types.Epoch
	// Previous is the epoch before; nil in epoch 1.
	Previous *types.Epoch
	// Root is the end of the epoch before (View 0), with the epoch certificate;
	// in epoch 1 genesis, without.
	Root Final
	// Tip is the last final block that is stored: of this epoch, or Root, which counts
	// as view 0 whatever View is given here.
	Tip Final
	// TipChange is the next epoch if Tip ended this one.
	TipChange *types.Epoch
	// Safety is the vote log's newest record. Nil: nothing was ever signed here.
	Safety *types.SafetyState
	// Blocks are the bodies that the vote log holds, in any order; those of other
	// epochs are ignored.
	Blocks []*types.Block
	// Outcomes are the vote log's: signed or seen final. // rule: same-outcome
	Outcomes []types.SignedOutcome
	// Recovered: Epoch is the first of a recovery genesis, whose root nothing of this
	// chain certifies. // rule: recovery-genesis
	Recovered bool
	// Stopped is the reason of an earlier StopSigning that was not repaired.
	Stopped string
	// SigningAllowed is as in the event; false until own-echo passed.
	SigningAllowed bool
}
