package types

// Aggregate is the signatures of several validators: a bitmap over the epoch's
// set (bit i of byte i/8, least significant first) and, for ed25519, their
// 64-byte signatures in index order, for bls12381 one aggregate of 48 bytes.
type Aggregate struct {
	Signers   []byte
	Signature []byte
}

// QC certifies that a quorum prepared one block in one view of one epoch. It
// is one of three things:
//
//   - Prepares holds a quorum's signatures over Prepare{View, Height, Block};
//   - Commit holds a commit certificate of the same (View, Height, Block),
//     which stands for a QC wherever one is asked for;
//   - View is 0: the epoch's root, Block and Height those that the epoch
//     certificate's outcome names and Commit that certificate, of the epoch
//     before (nil in epoch 1, whose root is genesis).
type QC struct {
	Epoch    uint64
	View     uint64
	Height   uint64
	Block    Hash
	Prepares *Aggregate
	Commit   *CC
}

// CC certifies one outcome: a quorum's commit votes on (View, Height, Block,
// hash of Outcome). Where Block descends from the end of its epoch, Outcome is
// that end's and names another block.
type CC struct {
	Epoch   uint64
	View    uint64
	Height  uint64
	Block   Hash
	Outcome Outcome
	Commits Aggregate
}

// TC proves that a quorum left View: their timeouts, grouped by the view that
// they reported, with a QC of the highest view reported.
type TC struct {
	Epoch  uint64
	View   uint64
	Groups []TimeoutGroup // HighView strictly rising; signers disjoint
	High   QC             // of the last group's HighView
}

// TimeoutGroup is the timeouts of one View that report one HighView.
type TimeoutGroup struct {
	HighView uint64
	Sigs     Aggregate
}

// Proposal is a block with what justifies it.
type Proposal struct {
	Epoch    uint64
	Kind     Kind
	View     uint64
	BlockID  Hash
	Proposer uint32
	// Block is nil where the block went out with the optimistic proposal.
	Block *Block
	// QC justifies a normal proposal, and names the parent of a fallback one.
	QC *QC
	// TC justifies a fallback proposal: of View-1.
	TC        *TC
	Signature []byte
}

// SignedPrepare, SignedCommit and SignedTimeout are votes as they travel.
type SignedPrepare struct {
	Epoch     uint64
	Validator uint32
	Vote      Prepare
	Signature []byte
}

// SignedCommit is a commit vote as it travels.
type SignedCommit struct {
	Epoch     uint64
	Validator uint32
	Vote      Commit
	Signature []byte
}

// SignedTimeout is a timeout with the QC of exactly the view it reports.
type SignedTimeout struct {
	Epoch     uint64
	Validator uint32
	Vote      Timeout
	High      QC
	Signature []byte
}

// EpochStart proves one epoch: its parameters and the certificate (of the
// epoch before) whose outcome names their digest. Nil for epoch 1.
type EpochStart struct {
	Epoch       Epoch
	Certificate *CC
}
