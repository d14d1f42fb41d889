package types

import (
	"errors"
	"fmt"
)

// ErrEpoch is wrapped by errors about an epoch's parameters.
var ErrEpoch = errors.New("invalid epoch")

// ErrCertificate is wrapped by errors about certificates and signatures.
var ErrCertificate = errors.New("invalid certificate")

// CheckEpoch reports what no epoch may have: an empty or too large set, a repeated
// key, a power or total out of range, block limits out of range. Possession is
// CheckEpochChange's. // rule: epoch-set-valid
func CheckEpoch(e *Epoch, s Scheme) error {
	limit := MaxValidators
	if s.ID() == SchemeEd25519 {
		limit = MaxValidatorsEd25519
	}
	switch {
	case e.Scheme != s.ID():
		return fmt.Errorf("%w: scheme %d, the chain's is %d", ErrEpoch, e.Scheme, s.ID())
	case len(e.Validators) == 0:
		return fmt.Errorf("%w: no validators", ErrEpoch)
	case len(e.Validators) > limit:
		return fmt.Errorf("%w: %d validators, at most %d", ErrEpoch, len(e.Validators), limit)
	case e.MaxBytes == 0 || e.MaxBytes > MaxBlockBytes:
		return fmt.Errorf("%w: block limit of %d bytes, want 1 to %d", ErrEpoch, e.MaxBytes, MaxBlockBytes)
	case e.MaxGas == 0:
		return fmt.Errorf("%w: block limit of no gas", ErrEpoch)
	}
	var total uint64
	consensus := make(map[string]int, len(e.Validators))
	network := make(map[[32]byte]int, len(e.Validators))
	for i := range e.Validators {
		v := &e.Validators[i]
		if v.Power == 0 || v.Power >= MaxTotalPower {
			return fmt.Errorf("%w: validator %d: power %d, want 1 to 2^32-1", ErrEpoch, i, v.Power)
		}
		if total += v.Power; total >= MaxTotalPower {
			return fmt.Errorf("%w: total power is not below 2^32", ErrEpoch)
		}
		if j, ok := consensus[string(v.ConsensusKey)]; ok {
			return fmt.Errorf("%w: validators %d and %d have the same consensus key", ErrEpoch, j, i)
		}
		if j, ok := network[v.NetworkKey]; ok {
			return fmt.Errorf("%w: validators %d and %d have the same network key", ErrEpoch, j, i)
		}
		consensus[string(v.ConsensusKey)], network[v.NetworkKey] = i, i
	}
	return nil
}

// CheckEpochChange reports why e cannot follow an epoch: what CheckEpoch reports,
// and a key without its proof of possession. A block whose execution asks for
// such an epoch is a failed block. // rule: epoch-set-valid
func CheckEpochChange(e *Epoch, s Scheme) error {
	if err := CheckEpoch(e, s); err != nil {
		return err
	}
	for i := range e.Validators {
		if err := s.CheckKey(e.Validators[i].ConsensusKey, e.Validators[i].Possession); err != nil {
			return fmt.Errorf("%w: validator %d: %w", ErrEpoch, i, err)
		}
	}
	return nil
}

// ValidatorSet is an epoch made ready for verification. It is immutable and safe
// for concurrent use.
type ValidatorSet struct {
	Epoch  Epoch
	domain Domain
	scheme Scheme
	ring   Keyring
	total  uint64
	leads  []uint32
}

// NewValidatorSet checks an epoch and decodes its keys.
func NewValidatorSet(genesis Hash, e Epoch, s Scheme) (*ValidatorSet, error) {
	if err := CheckEpoch(&e, s); err != nil {
		return nil, err
	}
	keys := make([][]byte, len(e.Validators))
	for i := range keys {
		keys[i] = e.Validators[i].ConsensusKey
	}
	ring, err := s.Keyring(keys)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrEpoch, err)
	}
	return &ValidatorSet{
		Epoch: e, scheme: s, ring: ring, total: e.TotalPower(), leads: schedule(e.Validators),
		domain: Domain{Genesis: genesis, Epoch: e.Number},
	}, nil
}

// Domain is what the set's signatures are bound to.
func (s *ValidatorSet) Domain() Domain { return s.domain }

// Scheme is the set's signature scheme.
func (s *ValidatorSet) Scheme() Scheme { return s.scheme }

// Len is the number of validators.
func (s *ValidatorSet) Len() int { return len(s.Epoch.Validators) }

// TotalPower is the sum of powers.
func (s *ValidatorSet) TotalPower() uint64 { return s.total }

// Power is validator i's.
func (s *ValidatorSet) Power(i int) uint64 { return s.Epoch.Validators[i].Power }

// IsQuorum reports 3*power > 2*total.
func (s *ValidatorSet) IsQuorum(power uint64) bool { return 3*power > 2*s.total }

// IsWeakQuorum reports 3*power > total.
func (s *ValidatorSet) IsWeakQuorum(power uint64) bool { return 3*power > s.total }

// Leader is the validator that proposes in view, from 1.
func (s *ValidatorSet) Leader(view uint64) uint32 {
	n := uint64(len(s.leads))
	return s.leads[(s.Epoch.Number%n+(view-1)%n)%n]
}

// VerifyVote reports whether sig is validator's signature of m.
func (s *ValidatorSet) VerifyVote(validator uint32, m Signable, sig []byte) bool {
	return int64(validator) < int64(s.Len()) && s.ring.Verify(int(validator), m.SignBytes(s.domain), sig)
}

// FilterValid tells which of several signatures over one message count: all are
// checked together, and halved only where that fails. signers must be in range.
func (s *ValidatorSet) FilterValid(signers []int, m Signable, sigs [][]byte) []bool {
	ok := make([]bool, len(signers))
	s.filter(signers, m.SignBytes(s.domain), sigs, ok)
	return ok
}

func (s *ValidatorSet) filter(signers []int, msg []byte, sigs [][]byte, ok []bool) {
	if len(signers) == 0 {
		return
	}
	if s.ring.VerifySame(signers, msg, sigs) {
		for i := range ok {
			ok[i] = true
		}
		return
	}
	if len(signers) == 1 {
		return
	}
	h := len(signers) / 2
	s.filter(signers[:h], msg, sigs[:h], ok[:h])
	s.filter(signers[h:], msg, sigs[h:], ok[h:])
}

// Aggregate joins signatures of rising indices.
func (s *ValidatorSet) Aggregate(signers []int, sigs [][]byte) (Aggregate, error) {
	sig, err := s.scheme.Aggregate(sigs)
	if err != nil {
		return Aggregate{}, fmt.Errorf("aggregate %d signatures: %w", len(sigs), err)
	}
	bitmap := make([]byte, (s.Len()+7)/8)
	for _, i := range signers {
		bitmap[i/8] |= 1 << (i % 8)
	}
	return Aggregate{Signers: bitmap, Signature: sig}, nil
}

// SignersOf lists the indices in an aggregate's bitmap, rising, with their power.
func (s *ValidatorSet) SignersOf(a *Aggregate) (signers []int, power uint64, err error) {
	if len(a.Signers) != (s.Len()+7)/8 {
		return nil, 0, fmt.Errorf("%w: bitmap of %d bytes for %d validators", ErrCertificate, len(a.Signers), s.Len())
	}
	for i := range len(a.Signers) * 8 {
		if a.Signers[i/8]&(1<<(i%8)) == 0 {
			continue
		}
		if i >= s.Len() {
			return nil, 0, fmt.Errorf("%w: bit %d of %d validators", ErrCertificate, i, s.Len())
		}
		signers = append(signers, i)
		power += s.Power(i)
	}
	return signers, power, nil
}
