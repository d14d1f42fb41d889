package wire

import "github.com/bedrock-bft/bedrock/node/types"

func putEpoch(b []byte, e *types.Epoch) []byte {
	b = putUint(b, 1, e.Number)
	b = putUint(b, 2, uint64(e.Scheme))
	for i := range e.Validators {
		v := &e.Validators[i]
		b = putMessage(b, 3, func(b []byte) []byte {
			b = putBytes(b, 1, v.ConsensusKey)
			b = putHash(b, 2, v.NetworkKey)
			b = putUint(b, 3, v.Power)
			return putBytes(b, 4, v.Possession)
		})
	}
	b = putHash(b, 4, e.ExecutorHash)
	b = putUint(b, 5, uint64(e.Engine))
	b = putUint(b, 6, e.MaxBytes)
	return putUint(b, 7, e.MaxGas)
}

func (r *reader) epoch() (e types.Epoch) {
	e.Number = r.u64(1)
	e.Scheme = types.SchemeID(r.uint(2, 255))
	if n := r.count(3, types.MaxValidators); n > 0 {
		e.Validators = make([]types.Validator, 0, n)
	}
	for m := r.message(3, "validator"); m != nil; m = r.message(3, "validator") {
		var v types.Validator
		v.ConsensusKey = m.bytes(1, types.MaxConsensusKey)
		v.NetworkKey = m.hash(2)
		v.Power = m.u64(3)
		v.Possession = m.bytes(4, types.MaxPossession)
		m.end()
		e.Validators = append(e.Validators, v)
	}
	e.ExecutorHash = r.hash(4)
	e.Engine = r.u32(5)
	e.MaxBytes = r.u64(6)
	e.MaxGas = r.u64(7)
	r.end()
	return e
}

// EncodeEpoch is an epoch with its set, proofs of possession included.
func EncodeEpoch(e *types.Epoch) []byte { return putEpoch(nil, e) }

// DecodeEpoch reads what EncodeEpoch wrote; the set is not checked.
func DecodeEpoch(b []byte) (types.Epoch, error) {
	r := newReader("epoch", b)
	e := r.epoch()
	return e, *r.err
}

func putEpochStart(b []byte, s *types.EpochStart) []byte {
	b = putMessage(b, 1, func(b []byte) []byte { return putEpoch(b, &s.Epoch) })
	if s.Certificate != nil {
		b = putMessage(b, 2, func(b []byte) []byte { return putCC(b, s.Certificate) })
	}
	return b
}

func (r *reader) epochStart() *types.EpochStart {
	s := &types.EpochStart{}
	m := r.message(1, "epoch")
	r.require(m != nil, "epoch")
	if m != nil {
		s.Epoch = m.epoch()
	}
	if m := r.message(2, "certificate"); m != nil {
		s.Certificate = m.cc()
	}
	r.end()
	return s
}

// EncodeEpochStart is an epoch with the certificate that began it.
func EncodeEpochStart(s *types.EpochStart) []byte { return putEpochStart(nil, s) }

// DecodeEpochStart reads what EncodeEpochStart wrote; nothing is verified.
func DecodeEpochStart(b []byte) (*types.EpochStart, error) {
	r := newReader("epoch start", b)
	s := r.epochStart()
	return orNil(r, s)
}
