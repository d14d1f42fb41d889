package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// Prefixes of state keys of governance.
const (
	keyParameters  = 0x03
	keyAuthority   = 0x07
	keyValidator   = 0x08
	keyEpoch       = 0x09
	keyHolder      = 0x0a
	keyUpgrade     = 0x0b
	keyModuleReady = 0x0c
	keyEvidence    = 0x0d
)

// ParametersKey, AuthorityKey, ValidatorsKey, EpochsKey and UpgradeKey are raw
// state keys of single rows.
func ParametersKey() []byte { return []byte{keyParameters} }

// AuthorityKey is the raw state key of the authority.
func AuthorityKey() []byte { return []byte{keyAuthority} }

// ValidatorsKey is the raw state key of the list of validators.
func ValidatorsKey() []byte { return []byte{keyValidator} }

// ValidatorKey is the raw state key of a validator.
func ValidatorKey(name ID) []byte { return append([]byte{keyValidator}, name[:]...) }

// EpochsKey is the raw state key of the epoch that executes.
func EpochsKey() []byte { return []byte{keyEpoch} }

// EpochKey is the raw state key of a kept epoch.
func EpochKey(number uint64) []byte { return binary.BigEndian.AppendUint64([]byte{keyEpoch}, number) }

// HolderKey is the raw state key that names the validator of a consensus key or
// network identity.
func HolderKey(key []byte) []byte {
	hash := sha256.Sum256(key)
	return append([]byte{keyHolder}, hash[:]...)
}

// UpgradeKey is the raw state key of what is scheduled.
func UpgradeKey() []byte { return []byte{keyUpgrade} }

// ModuleReadyKey is the raw state key of a validator's readiness.
func ModuleReadyKey(validator ID) []byte { return append([]byte{keyModuleReady}, validator[:]...) }

// EvidenceKey is the raw state key of evidence.
func EvidenceKey(hash ID) []byte { return append([]byte{keyEvidence}, hash[:]...) }

// Status is a validator's.
type Status uint8

// What a validator is.
const (
	StatusCandidate Status = 1 // joined, outside the set
	StatusActive    Status = 2 // in the set
	StatusLeft      Status = 3
	StatusJailed    Status = 4 // out of the set until it is rotated and weighed
)

// String is the status in a word.
func (s Status) String() string {
	switch s {
	case StatusCandidate:
		return "candidate"
	case StatusActive:
		return "active"
	case StatusLeft:
		return "left"
	case StatusJailed:
		return "jailed"
	}
	return "unknown"
}

// MarshalText writes the word.
func (s Status) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Validator is a validator's row.
type Validator struct {
	Status       Status
	Ready        bool
	Identity     ID
	Owner        Address
	Delegate     ID // public key; zero: none
	Power        uint64
	LeaseEnd     uint64 // ms, block time; 0: none
	Since        uint64 // height of its status
	Rotated      uint64 // time of the block that last rotated it, in ms; 0: none since it joined or was jailed
	JailedEpoch  uint64 // epoch of the block that last jailed it; 0: none
	ConsensusKey []byte
	Possession   []byte
	Moniker      string
}

// DecodeValidator reads a validator's row.
func DecodeValidator(row []byte) (Validator, error) {
	r := &reader{rest: row}
	v := Validator{Status: Status(r.u8())}
	ready := r.u8()
	v.Ready, v.Identity, v.Owner, v.Delegate = ready == 1, r.id(), Address(r.id()), r.id()
	v.Power, v.LeaseEnd, v.Since, v.Rotated, v.JailedEpoch = r.u64(), r.u64(), r.u64(), r.u64(), r.u64()
	v.ConsensusKey, v.Possession = r.variable(maxConsensusKey), r.variable(maxPossession)
	v.Moniker = string(r.variable(MaxMonikerBytes))
	if v.Status.String() == "unknown" || ready > 1 {
		r.bad = true
	}
	return v, r.end("validator", row)
}

// end says whether a row was read to its end and no further.
func (r *reader) end(what string, row []byte) error {
	if r.bad || len(r.rest) > 0 {
		return fmt.Errorf("row of %d bytes is no %s's", len(row), what)
	}
	return nil
}

// DecodeValidators reads the list of validators' names.
func DecodeValidators(row []byte) ([]ID, error) {
	r := &reader{rest: row}
	out := r.ids(int(r.u32()), MaxValidators)
	return out, r.end("list of validators", row)
}

// DecodeAuthority reads the authority's row.
func DecodeAuthority(row []byte) (Authority, error) {
	r := &reader{rest: row}
	a := r.authority()
	return a, r.end("authority", row)
}

// Epochs is the row that names the epoch that executes.
type Epochs struct{ Number, Oldest uint64 }

// DecodeEpochs reads it.
func DecodeEpochs(row []byte) (Epochs, error) {
	r := &reader{rest: row}
	e := Epochs{Number: r.u64(), Oldest: r.u64()}
	return e, r.end("epoch pointer", row)
}

// Member is a validator in an epoch's set.
type Member struct {
	Validator    ID
	Identity     ID
	ConsensusKey []byte
	Power        uint64
}

// Epoch is the row of a kept epoch.
type Epoch struct {
	FirstHeight uint64
	BeforeMs    uint64 // time of the block before, in ms
	Executor    ID
	Engine      uint32
	MaxBytes    uint64
	MaxGas      uint64
	Members     []Member // in the set's order
}

// DecodeEpoch reads an epoch's row.
func DecodeEpoch(row []byte) (Epoch, error) {
	r := &reader{rest: row}
	e := Epoch{FirstHeight: r.u64(), BeforeMs: r.u64(), Executor: r.id(), Engine: r.u32(), MaxBytes: r.u64(), MaxGas: r.u64()}
	e.Members = make([]Member, r.count(int(r.u32()), MaxValidators, 76))
	for i := range e.Members {
		e.Members[i] = Member{Validator: r.id(), Identity: r.id(), ConsensusKey: r.variable(maxConsensusKey), Power: r.u64()}
	}
	return e, r.end("epoch", row)
}

// DecodeHolder reads which validator has or had a key.
func DecodeHolder(row []byte) (ID, error) {
	r := &reader{rest: row}
	name := r.id()
	return name, r.end("key holder", row)
}

// Upgrade is what is scheduled.
type Upgrade struct {
	Executor  ID
	Engine    uint32
	NotBefore uint64
	NotAfter  uint64
	At        uint64 // height that scheduled it
	Ready     []ID   // validators, ascending
}

// DecodeUpgrade reads what is scheduled.
func DecodeUpgrade(row []byte) (Upgrade, error) {
	r := &reader{rest: row}
	u := Upgrade{Executor: r.id(), Engine: r.u32(), NotBefore: r.u64(), NotAfter: r.u64(), At: r.u64()}
	u.Ready = r.ids(int(r.u32()), MaxValidators)
	return u, r.end("upgrade", row)
}

// Readiness is a validator's last module_ready.
type Readiness struct {
	Executor ID
	Engine   uint32
}

// DecodeReadiness reads it.
func DecodeReadiness(row []byte) (Readiness, error) {
	r := &reader{rest: row}
	m := Readiness{Executor: r.id(), Engine: r.u32()}
	return m, r.end("readiness", row)
}

// Jailing is what evidence did.
type Jailing struct {
	Validator ID
	Epoch     uint64
	Kind      uint8 // of the evidence
	Height    uint64
}

// DecodeJailing reads the row of evidence.
func DecodeJailing(row []byte) (Jailing, error) {
	r := &reader{rest: row}
	j := Jailing{Validator: r.id(), Epoch: r.u64(), Kind: r.u8(), Height: r.u64()}
	return j, r.end("evidence", row)
}
