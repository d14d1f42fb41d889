package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrMalformed says that bytes are not the canonical encoding of a transaction.
var ErrMalformed = errors.New("not a transaction in its canonical encoding")

// Decode reads a transaction; only its one canonical encoding is accepted. The
// signature is not verified.
func Decode(tx []byte) (*Transaction, error) {
	if len(tx) > MaxTransactionBytes {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrMalformed, len(tx), MaxTransactionBytes)
	}
	r := &reader{rest: tx}
	body := r.variable(MaxTransactionBytes)
	count := int(r.u8())
	t := &Transaction{Signature: [64]byte(r.take(64))}
	for range min(count-1, MaxAuthorityKeys) {
		t.Authority = append(t.Authority, Cosignature{Key: r.id(), Signature: [64]byte(r.take(64))})
	}
	if r.bad || count != 1+len(t.Authority) || len(r.rest) > 0 {
		return nil, fmt.Errorf("%w: it is cut off, has no or too many signatures, or bytes follow", ErrMalformed)
	}
	if err := t.Body.decode(body); err != nil {
		return nil, err
	}
	if NeedsAuthority(t.Body.Operation) != (len(t.Authority) > 0) {
		return nil, fmt.Errorf("%w: operations of the authority carry its signatures, and no others do", ErrMalformed)
	}
	if !ascend(t.Authority, func(c *Cosignature) *ID { return &c.Key }) {
		return nil, fmt.Errorf("%w: the authority's keys do not ascend", ErrMalformed)
	}
	return t, nil
}

func (b *Body) decode(encoded []byte) error {
	r := &reader{rest: encoded}
	if string(r.take(len(bodyTag))) != bodyTag {
		return fmt.Errorf("%w: it does not begin with the tag bedrock/tx/1", ErrMalformed)
	}
	b.Genesis = [32]byte(r.take(32))
	b.Payer = [32]byte(r.take(32))
	for _, n := range []*uint64{&b.Nonce, &b.GasLimit, &b.GasPrice, &b.ValidUntil} {
		*n = r.u64()
	}
	number := r.u8()
	if b.Operation = r.operation(number); b.Operation == nil {
		return fmt.Errorf("%w: there is no operation %d", ErrMalformed, number)
	}
	if r.bad || len(r.rest) > 0 {
		return fmt.Errorf("%w: the operation is cut off, too long, or bytes follow it", ErrMalformed)
	}
	if err := b.check(); err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return nil
}

func (r *reader) operation(number byte) Operation {
	switch number {
	case opTransfer:
		return Transfer(r.payment())
	case opBatch:
		return r.batch()
	case opRecordPut:
		key := r.variable(MaxRecordKeyBytes)
		return RecordPut{Key: key, Data: r.variable(MaxRecordBytes)}
	case opRecordDelete:
		return RecordDelete{Key: r.variable(MaxRecordKeyBytes)}
	case opJoin:
		return Join{Identity: r.id(), ConsensusKey: r.variable(maxConsensusKey), Possession: r.variable(maxPossession),
			Moniker: string(r.variable(MaxMonikerBytes)), Consent: [64]byte(r.take(64))}
	case opReady:
		return Ready{Validator: r.id(), Identity: r.id()}
	case opRotate:
		return Rotate{Validator: r.id(), Expected: r.id(), Identity: r.id(), ConsensusKey: r.variable(maxConsensusKey),
			Possession: r.variable(maxPossession), Consent: [64]byte(r.take(64))}
	case opDelegate:
		return Delegate{Validator: r.id(), Delegate: r.id()}
	case opLeave:
		return Leave{Validator: r.id(), Expected: r.id(), Flags: Flags(r.u8())}
	case opMaintain:
		return Maintain{Validator: r.id(), ExpectedEnd: r.u64(), End: r.u64()}
	case opModuleReady:
		return ModuleReady{Validator: r.id(), Identity: r.id(), Executor: r.id(), Engine: r.u32()}
	case opWeigh:
		return Weigh{Flags: Flags(r.u8()), Weights: r.weights()}
	case opSetParameters:
		return r.settings()
	case opSetAuthority:
		return SetAuthority(r.authority())
	case opSchedule:
		return Schedule{Executor: r.id(), Engine: r.u32(), NotBefore: r.u64(), NotAfter: r.u64()}
	case opCancel:
		return Cancel{Executor: r.id()}
	}
	return nil
}

// reader takes fields; past the end it gives zeros and remembers.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) take(n int) []byte {
	if n > len(r.rest) {
		r.bad, r.rest = true, nil
		return make([]byte, n)
	}
	out := r.rest[:n:n]
	r.rest = r.rest[n:]
	return out
}

func (r *reader) u8() byte { return r.take(1)[0] }

func (r *reader) u16() uint16 { return binary.LittleEndian.Uint16(r.take(2)) }

func (r *reader) u32() uint32 { return binary.LittleEndian.Uint32(r.take(4)) }

func (r *reader) id() ID { return ID(r.take(32)) }

// count checks a number of entries of a size against a bound and what is left.
func (r *reader) count(n, most, size int) int {
	if n > most || n*size > len(r.rest) {
		r.bad, r.rest = true, nil
		return 0
	}
	return n
}

func (r *reader) u64() uint64 { return binary.LittleEndian.Uint64(r.take(8)) }

func (r *reader) variable(most int) []byte {
	n := binary.LittleEndian.Uint32(r.take(4))
	if uint64(n) > uint64(most) || int(n) > len(r.rest) {
		r.bad, r.rest = true, nil
		return nil
	}
	return r.take(int(n))
}

func (r *reader) payment() Payment {
	p := Payment{To: Address(r.take(32))}
	p.Amount.Lo = r.u64()
	p.Amount.Hi = r.u64()
	return p
}

func (r *reader) batch() BatchTransfer {
	out := make(BatchTransfer, r.count(int(r.u32()), MaxRecipients, 48))
	for i := range out {
		out[i] = r.payment()
	}
	return out
}

func (r *reader) ids(n, most int) []ID {
	out := make([]ID, r.count(n, most, 32))
	for i := range out {
		out[i] = r.id()
	}
	return out
}

func (r *reader) weights() []Weight {
	out := make([]Weight, r.count(int(r.u16()), MaxValidators, 40))
	for i := range out {
		out[i] = Weight{Validator: r.id(), Power: r.u64()}
	}
	return out
}

func (r *reader) settings() SetParameters {
	out := make(SetParameters, r.count(int(r.u8()), 255, 9))
	for i := range out {
		out[i] = Setting{Index: r.u8(), Value: r.u64()}
	}
	return out
}

func (r *reader) authority() Authority {
	return Authority{Threshold: r.u16(), Keys: r.ids(int(r.u16()), MaxAuthorityKeys)}
}
