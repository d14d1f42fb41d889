package types

// Bounds on what consensus handles, whatever an epoch's own limits are.
const (
	// MaxValidators bounds a set. With ed25519 a timeout certificate of a full
	// set must fit a 64 KiB message, hence the smaller bound.
	MaxValidators        = 1024
	MaxValidatorsEd25519 = 400
	// MaxTotalPower bounds the sum of powers (exclusive), so that products of it
	// with 3 fit 64 bits by far.
	MaxTotalPower = 1 << 32
	// MaxBlockBytes bounds a block's payload, in bytes.
	MaxBlockBytes = 16 << 20
	// MaxTransactions bounds a block's transactions.
	MaxTransactions = 65_536
	// MaxEvidence and MaxEvidenceBytes bound a block's evidence: pieces, and bytes
	// of each.
	MaxEvidence      = 64
	MaxEvidenceBytes = 512
	// MaxConsensusKey, MaxSignature and MaxPossession bound keys and signatures of
	// all schemes, in bytes.
	MaxConsensusKey = 96
	MaxSignature    = 64
	MaxPossession   = 48
)
