package types

// SafetyState is what a validator must never forget (docs/protocol.md). All
// views in it only rise within an epoch.
type SafetyState struct {
	Epoch       uint64
	VotedView   uint64
	VotedBlock  Hash
	VotedHeight uint64
	TimeoutView uint64
	// Commit is the last commit vote, whole; nil before the first of the epoch.
	Commit *Commit
	Lock   QC
	// Entry is what led into the present view: exactly one is set, or neither
	// in view 1 of epoch 1.
	EntryQC        *QC
	EntryTC        *TC
	OptimisticView uint64 // highest view proposed optimistically
	ProposedView   uint64 // highest view proposed normally or by fallback
}

// SignedOutcome is an outcome that this validator commit-voted or saw final and
// that the database may not hold yet. // rule: same-outcome
type SignedOutcome struct {
	View    uint64
	Height  uint64
	Block   Hash
	Outcome Hash
}
