package wire

import "github.com/bedrock-bft/bedrock/node/types"

// EncodeSafetyState is a SafetyState for the vote log.
func EncodeSafetyState(s *types.SafetyState) []byte {
	b := putUint(nil, 1, s.Epoch)
	b = putUint(b, 2, s.VotedView)
	b = putHash(b, 3, s.VotedBlock)
	b = putUint(b, 4, s.VotedHeight)
	b = putUint(b, 5, s.TimeoutView)
	if c := s.Commit; c != nil {
		b = putMessage(b, 6, func(b []byte) []byte {
			b = putUint(b, 1, c.View)
			b = putUint(b, 2, c.Height)
			b = putHash(b, 3, c.Block)
			return putHash(b, 4, c.Outcome)
		})
	}
	b = putMessage(b, 7, func(b []byte) []byte { return putQC(b, &s.Lock) })
	if s.EntryQC != nil {
		b = putMessage(b, 8, func(b []byte) []byte { return putQC(b, s.EntryQC) })
	}
	if s.EntryTC != nil {
		b = putMessage(b, 9, func(b []byte) []byte { return putTC(b, s.EntryTC) })
	}
	b = putUint(b, 10, s.OptimisticView)
	return putUint(b, 11, s.ProposedView)
}

// DecodeSafetyState reads what EncodeSafetyState wrote.
func DecodeSafetyState(b []byte) (*types.SafetyState, error) {
	r := newReader("safety state", b)
	s := &types.SafetyState{}
	s.Epoch = r.u64(1)
	s.VotedView = r.u64(2)
	s.VotedBlock = r.hash(3)
	s.VotedHeight = r.u64(4)
	s.TimeoutView = r.u64(5)
	if m := r.message(6, "commit"); m != nil {
		s.Commit = &types.Commit{View: m.u64(1), Height: m.u64(2), Block: m.hash(3), Outcome: m.hash(4)}
		m.end()
	}
	m := r.message(7, "lock")
	r.require(m != nil, "lock")
	if m != nil {
		s.Lock = *m.qc()
	}
	if m := r.message(8, "entry"); m != nil {
		s.EntryQC = m.qc()
	}
	if m := r.message(9, "entry"); m != nil {
		s.EntryTC = m.tc()
	}
	s.OptimisticView = r.u64(10)
	s.ProposedView = r.u64(11)
	r.end()
	if s.EntryQC != nil && s.EntryTC != nil {
		r.fail("two entries")
	}
	return orNil(r, s)
}

// EncodeSignedOutcome is a SignedOutcome for the vote log.
func EncodeSignedOutcome(o *types.SignedOutcome) []byte {
	b := putUint(nil, 1, o.View)
	b = putUint(b, 2, o.Height)
	b = putHash(b, 3, o.Block)
	return putHash(b, 4, o.Outcome)
}

// DecodeSignedOutcome reads what EncodeSignedOutcome wrote.
func DecodeSignedOutcome(b []byte) (types.SignedOutcome, error) {
	r := newReader("signed outcome", b)
	o := types.SignedOutcome{View: r.u64(1), Height: r.u64(2), Block: r.hash(3), Outcome: r.hash(4)}
	r.end()
	return o, *r.err
}
