package types

// RevertRun is the failed run at which an epoch that changed the executor ends and
// the former one comes back. // rule: epoch-revert
const RevertRun = 16

// EpochHistory is what an outcome depends on besides its parent.
type EpochHistory struct {
	Present *Epoch
	// Previous is nil in epoch 1.
	Previous *Epoch
	// RootOutcome is that of the epoch's root.
	RootOutcome *Outcome
}

// Execution is what executing one block gave.
type ExecutionResult struct {
	Success      bool // false: a failed block
	StateRoot    Hash // a failed block's: the parent's
	ReceiptsRoot Hash // a failed block's: ListRoot(nil)
	Change       *Epoch
}

// OnTrial reports whether the present epoch changed the executor, other than by
// epoch-revert: then the failed run is counted until the first good block.
func (h EpochHistory) OnTrial() bool {
	if h.Previous == nil || h.RootOutcome.FailedRun == RevertRun {
		return false
	}
	return h.Previous.ExecutorHash != h.Present.ExecutorHash || h.Previous.Engine != h.Present.Engine
}

// NextOutcome makes the outcome of a block from its parent's, and the epoch that
// it begins, if any. A failed block's result is put into its one form: the parent's
// state root, no receipts, no change. // rule: failed-block
func (h EpochHistory) NextOutcome(parent *Outcome, height uint64, block Hash, r ExecutionResult) (Outcome, *Epoch) {
	o := Outcome{Height: height, Block: block, StateRoot: r.StateRoot, ReceiptsRoot: r.ReceiptsRoot,
		FailedRun: NoFailedRun, Parent: parent.Hash()}
	change := r.Change
	if !r.Success {
		o.StateRoot, o.ReceiptsRoot, change = parent.StateRoot, ListRoot(nil), nil
		if run, counting := h.runBefore(parent); counting {
			o.FailedRun = run + 1
			if o.FailedRun == RevertRun {
				change = h.reverted()
			}
		}
	}
	if change != nil {
		o.NextEpoch = change.Digest()
	}
	return o, change
}

// runBefore is the failed run up to parent, and whether it is still counted.
func (h EpochHistory) runBefore(parent *Outcome) (uint16, bool) {
	if parent.Block == h.RootOutcome.Block {
		return 0, h.OnTrial()
	}
	return parent.FailedRun, parent.FailedRun != NoFailedRun
}

// reverted is the epoch with the former executor and engine and the present set.
func (h EpochHistory) reverted() *Epoch {
	e := *h.Present
	e.Number++
	e.ExecutorHash, e.Engine = h.Previous.ExecutorHash, h.Previous.Engine
	return &e
}
