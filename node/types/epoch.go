package types

// SchemeID names a signature scheme, chosen in genesis.
type SchemeID uint8

// The schemes of docs/encodings.md.
const (
	SchemeEd25519  SchemeID = 1
	SchemeBLS12381 SchemeID = 2
)

// Validator is one member of an epoch's set.
type Validator struct {
	ConsensusKey []byte // Ed25519: 32 bytes; BLS12-381: 96 bytes, G2 compressed
	NetworkKey   [32]byte
	Power        uint64 // >= 1; the set's total is below 2^32
	// Possession proves the BLS key; not part of the epoch's digest.
	Possession []byte
}

// Epoch is what consensus and host must know of one epoch.
type Epoch struct {
	Number       uint64
	Scheme       SchemeID
	Validators   []Validator
	ExecutorHash Hash
	Engine       uint32
	MaxBytes     uint64 // payload of a block
	MaxGas       uint64 // sum of gas limits in a block
}

// Digest is what the outcome of the epoch before names.
func (e *Epoch) Digest() Hash {
	b := appendTag(nil, "bedrock/epoch/1")
	b = appendU64(b, e.Number)
	b = append(b, byte(e.Scheme))
	b = append(b, e.ExecutorHash[:]...)
	b = appendU32(b, e.Engine)
	b = appendU64(b, e.MaxBytes)
	b = appendU64(b, e.MaxGas)
	b = appendU32(b, uint32(len(e.Validators)))
	for i := range e.Validators {
		v := &e.Validators[i]
		b = appendVar(b, v.ConsensusKey)
		b = append(b, v.NetworkKey[:]...)
		b = appendU64(b, v.Power)
	}
	return SumHash(b)
}

// TotalPower is the sum of all powers.
func (e *Epoch) TotalPower() uint64 {
	var total uint64
	for i := range e.Validators {
		total += e.Validators[i].Power
	}
	return total
}

// IsQuorum reports whether power is a quorum: 3*power > 2*total.
func (e *Epoch) IsQuorum(power uint64) bool { return 3*power > 2*e.TotalPower() }

// IsWeakQuorum reports whether power must hold an honest validator's: 3*power > total.
func (e *Epoch) IsWeakQuorum(power uint64) bool { return 3*power > e.TotalPower() }

// IndexOfNetworkKey is the index of the validator with that identity.
func (e *Epoch) IndexOfNetworkKey(key [32]byte) (int, bool) {
	for i := range e.Validators {
		if e.Validators[i].NetworkKey == key {
			return i, true
		}
	}
	return 0, false
}
