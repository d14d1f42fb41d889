package ledger

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
)

// Bounds of validators' operations.
const (
	MaxValidators   = 256
	MaxMonikerBytes = 48

	maxConsensusKey = 96 // BLS12-381 in G2; Ed25519 has 32
	maxPossession   = 48
)

// Tags of what is named and signed beside transactions.
const (
	validatorTag = "\x13bedrock/validator/1"
	joinTag      = "\x0ebedrock/join/1"
	rotateTag    = "\x10bedrock/rotate/1"
)

// ValidatorName is a validator's name for life: a hash of the first network
// identity that it had.
func ValidatorName(firstIdentity [32]byte) ID {
	return sha256.Sum256(append([]byte(validatorTag), firstIdentity[:]...))
}

// Flags of leave and weigh.
type Flags uint8

// AllowFewer lets a change leave fewer than four validators.
const AllowFewer Flags = 1

func (f Flags) check() error {
	if f > AllowFewer {
		return fmt.Errorf("flags %d: want 0 or 1", f)
	}
	return nil
}

// Join makes a candidate of the payer's (its owner). Consent is the identity's
// signature over JoinStatement.
type Join struct {
	Identity     ID
	ConsensusKey []byte // Ed25519: 32 bytes; BLS12-381: 96
	Possession   []byte // BLS12-381: 48 bytes; else empty
	Moniker      string // 1 to 48 printable ASCII
	Consent      [64]byte
}

// Ready says that a candidate's node is synced. The payer is the identity; fee-free.
type Ready struct{ Validator, Identity ID }

// Rotate puts a new instance in the place of the expected one. Consent is the new
// identity's signature over RotateStatement. Signed by owner or delegate.
type Rotate struct {
	Validator, Expected, Identity ID
	ConsensusKey, Possession      []byte
	Consent                       [64]byte
}

// Delegate names the key that may rotate, maintain and leave; zero: none.
type Delegate struct{ Validator, Delegate ID }

// Leave takes a validator out for good. Signed by owner or delegate.
type Leave struct {
	Validator, Expected ID
	Flags               Flags
}

// Maintain takes a lease on the disruption budget until a block time, in ms; an
// End of 0 gives it back. ExpectedEnd is the present lease's, 0: none.
type Maintain struct {
	Validator        ID
	ExpectedEnd, End uint64
}

// ModuleReady says that the validator's node can run a scheduled module. The
// payer is the identity; fee-free.
type ModuleReady struct {
	Validator, Identity, Executor ID
	Engine                        uint32
}

// FeeFreeBody is the body of a fee-free transaction; Sign fills in the payer.
func FeeFreeBody(genesis [32]byte, validUntil uint64, op Operation) Body {
	return Body{Genesis: genesis, Nonce: FeeFree, GasLimit: GasLimit(op), ValidUntil: validUntil, Operation: op}
}

// JoinStatement is what a new identity signs so that it can be joined by an owner
// (an Ed25519 public key).
func JoinStatement(genesis, owner [32]byte, consensusKey []byte) []byte {
	b := append([]byte(joinTag), genesis[:]...)
	return appendVar(append(b, owner[:]...), consensusKey)
}

// RotateTerms are what a new identity agrees to when it takes an instance's place.
type RotateTerms struct {
	Genesis             [32]byte
	Validator, Expected ID
	ConsensusKey        []byte
	ValidUntil          uint64 // the transaction's, above 0
}

// Statement is what the new identity signs.
func (t *RotateTerms) Statement() []byte {
	b := append([]byte(rotateTag), t.Genesis[:]...)
	b = append(append(b, t.Validator[:]...), t.Expected[:]...)
	return binary.LittleEndian.AppendUint64(appendVar(b, t.ConsensusKey), t.ValidUntil)
}

// CheckConsent verifies a join's consent before it is sent.
func (o Join) CheckConsent(genesis, owner [32]byte) error {
	if !ed25519.Verify(o.Identity[:], JoinStatement(genesis, owner, o.ConsensusKey), o.Consent[:]) {
		return fmt.Errorf("the consent of identity %s is not for this chain, owner (%x) and consensus key", o.Identity, owner)
	}
	return nil
}

// CheckConsent verifies a rotation's consent before it is sent.
func (o Rotate) CheckConsent(genesis [32]byte, validUntil uint64) error {
	terms := RotateTerms{Genesis: genesis, Validator: o.Validator, Expected: o.Expected, ConsensusKey: o.ConsensusKey, ValidUntil: validUntil}
	if !ed25519.Verify(o.Identity[:], terms.Statement(), o.Consent[:]) {
		return fmt.Errorf("the consent of identity %s is not for this chain, validator, expected identity, consensus key and last height (%d)", o.Identity, validUntil)
	}
	return nil
}

func (o Join) append(b []byte) []byte {
	b = append(append(b, opJoin), o.Identity[:]...)
	b = appendVar(appendVar(b, o.ConsensusKey), o.Possession)
	return append(appendVar(b, []byte(o.Moniker)), o.Consent[:]...)
}

func (o Join) check() error {
	if err := CheckMoniker(o.Moniker); err != nil {
		return err
	}
	return checkKeys(o.ConsensusKey, o.Possession)
}

// CheckMoniker refuses what is not 1 to 48 printable ASCII letters.
func CheckMoniker(s string) error {
	if len(s) == 0 || len(s) > MaxMonikerBytes {
		return fmt.Errorf("a moniker of %d letters: want 1 to %d", len(s), MaxMonikerBytes)
	}
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e {
			return fmt.Errorf("moniker %q: want printable ASCII", s)
		}
	}
	return nil
}

func checkKeys(key, possession []byte) error {
	switch {
	case len(key) == ed25519.PublicKeySize && len(possession) == 0, len(key) == maxConsensusKey && len(possession) == maxPossession:
		return nil
	}
	return fmt.Errorf("a consensus key of %d bytes with a possession of %d: want 32 and none (ed25519), or 96 and 48 (bls12381)", len(key), len(possession))
}

func (o Ready) append(b []byte) []byte {
	return append(append(append(b, opReady), o.Validator[:]...), o.Identity[:]...)
}

func (o Ready) check() error { return nil }

func (o Rotate) append(b []byte) []byte {
	b = append(append(append(b, opRotate), o.Validator[:]...), o.Expected[:]...)
	b = appendVar(appendVar(append(b, o.Identity[:]...), o.ConsensusKey), o.Possession)
	return append(b, o.Consent[:]...)
}

func (o Rotate) check() error { return checkKeys(o.ConsensusKey, o.Possession) }

func (o Delegate) append(b []byte) []byte {
	return append(append(append(b, opDelegate), o.Validator[:]...), o.Delegate[:]...)
}

func (o Delegate) check() error { return nil }

func (o Leave) append(b []byte) []byte {
	return append(append(append(append(b, opLeave), o.Validator[:]...), o.Expected[:]...), byte(o.Flags))
}

func (o Leave) check() error { return o.Flags.check() }

func (o Maintain) append(b []byte) []byte {
	b = append(append(b, opMaintain), o.Validator[:]...)
	return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(b, o.ExpectedEnd), o.End)
}

func (o Maintain) check() error {
	if o.ExpectedEnd == o.End {
		return errors.New("the lease would end when it ends already")
	}
	return nil
}

func (o ModuleReady) append(b []byte) []byte {
	b = append(append(append(b, opModuleReady), o.Validator[:]...), o.Identity[:]...)
	return binary.LittleEndian.AppendUint32(append(b, o.Executor[:]...), o.Engine)
}

func (o ModuleReady) check() error { return nil }
