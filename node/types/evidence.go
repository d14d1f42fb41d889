package types

import (
	"bytes"
	"errors"
	"fmt"
)

// ErrEvidence is wrapped by errors about evidence.
var ErrEvidence = errors.New("invalid evidence")

// EvidenceKind is what a piece of evidence proves.
type EvidenceKind uint8

// Kinds of evidence (docs/encodings.md, Evidence).
const (
	EvidenceProposals EvidenceKind = 1 // two proposals of one class and view
	EvidencePrepares  EvidenceKind = 2 // two prepare votes of one view
	EvidenceCommits   EvidenceKind = 3 // two commit votes of one view
	EvidenceAmnesia   EvidenceKind = 4 // a commit vote of v, and a timeout of a view >= v that reports a view below v
)

// EvidenceMessage is one of the two signed messages: exactly one field is set.
type EvidenceMessage struct {
	Proposal *ProposalID
	Prepare  *Prepare
	Commit   *Commit
	Timeout  *Timeout

	Signature []byte
}

// Evidence proves that one validator broke a rule in one epoch.
type Evidence struct {
	Kind      EvidenceKind
	Epoch     uint64
	Validator uint32
	First     EvidenceMessage // the pair is ordered by its bytes; amnesia: the commit vote
	Second    EvidenceMessage
}

// NewEvidence puts two signed messages into evidence's order.
func NewEvidence(kind EvidenceKind, epoch uint64, validator uint32, a, b EvidenceMessage) Evidence {
	e := Evidence{Kind: kind, Epoch: epoch, Validator: validator, First: a, Second: b}
	if kind != EvidenceAmnesia && bytes.Compare(a.append(nil), b.append(nil)) > 0 {
		e.First, e.Second = b, a
	}
	return e
}

// Signable is the message that is set; nil if none or several are.
func (m *EvidenceMessage) Signable() Signable {
	var out Signable
	n := 0
	if m.Proposal != nil {
		out, n = *m.Proposal, n+1
	}
	if m.Prepare != nil {
		out, n = *m.Prepare, n+1
	}
	if m.Commit != nil {
		out, n = *m.Commit, n+1
	}
	if m.Timeout != nil {
		out, n = *m.Timeout, n+1
	}
	if n != 1 {
		return nil
	}
	return out
}

func (m *EvidenceMessage) append(b []byte) []byte {
	s := m.Signable()
	if s == nil {
		return b
	}
	b = append(b, byte(s.SignedKind()))
	b = appendFields(b, s)
	return appendVar(b, m.Signature)
}

// appendFields writes a message's fields as they are signed, without the domain.
func appendFields(b []byte, s Signable) []byte {
	all := s.SignBytes(Domain{})
	return append(b, all[len(Domain{}.signBytes(0)):]...)
}

// Encode is the evidence's fixed layout.
func (e *Evidence) Encode() []byte {
	b := append(make([]byte, 0, 400), byte(e.Kind))
	b = appendU64(b, e.Epoch)
	b = appendU32(b, e.Validator)
	return e.Second.append(e.First.append(b))
}

// Hash identifies the evidence.
func (e *Evidence) Hash() Hash {
	return SumHash(append(appendTag(nil, "bedrock/evidence/1"), e.Encode()...))
}

// DecodeEvidence reads the fixed layout. What it accepts is well formed (kinds
// fit, the pair is in order and proves something, if the signatures verify) and
// is the one encoding of its value.
func DecodeEvidence(b []byte) (*Evidence, error) {
	if len(b) > MaxEvidenceBytes {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrEvidence, len(b), MaxEvidenceBytes)
	}
	d := decoder{b: b}
	e := &Evidence{Kind: EvidenceKind(d.u8()), Epoch: d.u64(), Validator: d.u32()}
	e.First, e.Second = d.evidenceMessage(), d.evidenceMessage()
	if !d.done() {
		return nil, fmt.Errorf("%w: not the fixed layout", ErrEvidence)
	}
	if err := e.Check(); err != nil {
		return nil, err
	}
	return e, nil
}

// Check reports why the two messages, whoever signed them, prove nothing.
func (e *Evidence) Check() error {
	a, b := e.First.Signable(), e.Second.Signable()
	if a == nil || b == nil {
		return fmt.Errorf("%w: not two messages", ErrEvidence)
	}
	if e.Kind != EvidenceAmnesia && bytes.Compare(e.First.append(nil), e.Second.append(nil)) > 0 {
		return fmt.Errorf("%w: the pair is not in order", ErrEvidence)
	}
	if !conflict(e.Kind, a, b) {
		return fmt.Errorf("%w: the two messages of kind %d do not conflict", ErrEvidence, e.Kind)
	}
	return nil
}

// conflict reports whether no honest validator signs both a and b in one epoch.
func conflict(kind EvidenceKind, a, b Signable) bool {
	switch kind {
	case EvidenceProposals:
		x, ok1 := a.(ProposalID)
		y, ok2 := b.(ProposalID)
		return ok1 && ok2 && x.View == y.View && x.Block != y.Block &&
			(x.Kind == KindProposeOptimistic) == (y.Kind == KindProposeOptimistic)
	case EvidencePrepares:
		x, ok1 := a.(Prepare)
		y, ok2 := b.(Prepare)
		return ok1 && ok2 && x.View == y.View && x.Block != y.Block
	case EvidenceCommits:
		x, ok1 := a.(Commit)
		y, ok2 := b.(Commit)
		return ok1 && ok2 && x.View == y.View && x != y
	case EvidenceAmnesia:
		x, ok1 := a.(Commit)
		y, ok2 := b.(Timeout)
		return ok1 && ok2 && y.View >= x.View && y.HighView < x.View
	}
	return false
}

// VerifyEvidence checks evidence of this set's epoch, signatures included.
func (s *ValidatorSet) VerifyEvidence(e *Evidence) error {
	if e.Epoch != s.Epoch.Number {
		return fmt.Errorf("%w: of epoch %d, checked against the set of %d", ErrEvidence, e.Epoch, s.Epoch.Number)
	}
	if err := e.Check(); err != nil {
		return err
	}
	for _, m := range []*EvidenceMessage{&e.First, &e.Second} {
		if !s.VerifyVote(e.Validator, m.Signable(), m.Signature) {
			return fmt.Errorf("%w: validator %d did not sign it", ErrEvidence, e.Validator)
		}
	}
	return nil
}
