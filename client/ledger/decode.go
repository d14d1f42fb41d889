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
	count := r.take(1)
	signature := r.take(64)
	if r.bad || count[0] != 1 || len(r.rest) > 0 {
		return nil, fmt.Errorf("%w: it is cut off, has other than one signature, or bytes follow", ErrMalformed)
	}
	t := &Transaction{Signature: [64]byte(signature)}
	if err := t.Body.decode(body); err != nil {
		return nil, err
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
	switch number := r.take(1)[0]; number {
	case opTransfer:
		b.Operation = Transfer(r.payment())
	case opBatch:
		b.Operation = r.batch()
	case opRecordPut:
		key := r.variable(MaxRecordKeyBytes)
		b.Operation = RecordPut{Key: key, Data: r.variable(MaxRecordBytes)}
	case opRecordDelete:
		b.Operation = RecordDelete{Key: r.variable(MaxRecordKeyBytes)}
	default:
		return fmt.Errorf("%w: there is no operation %d", ErrMalformed, number)
	}
	if r.bad || len(r.rest) > 0 {
		return fmt.Errorf("%w: the operation is cut off, too long, or bytes follow it", ErrMalformed)
	}
	if err := b.Operation.check(); err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
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
	n := binary.LittleEndian.Uint32(r.take(4))
	if n > MaxRecipients || int(n)*48 > len(r.rest) {
		r.bad, r.rest = true, nil
		return nil
	}
	out := make(BatchTransfer, n)
	for i := range out {
		out[i] = r.payment()
	}
	return out
}
