package ledger

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// Bounds of transactions, whatever the parameters say.
const (
	MaxTransactionBytes = 128 << 10
	MaxRecipients       = 1000
	MaxRecordKeyBytes   = 200
	MaxRecordBytes      = 60_000
)

// Numbers of operations. 16 to 63 are reserved.
const (
	opTransfer     = 1
	opBatch        = 2
	opRecordPut    = 3
	opRecordDelete = 4
)

const bodyTag = "\x0cbedrock/tx/1"

// Operation is what a transaction does: Transfer, BatchTransfer, RecordPut or
// RecordDelete.
type Operation interface {
	append(b []byte) []byte
	check() error
}

// Payment is one recipient's.
type Payment struct {
	To     Address `json:"to"`
	Amount Amount  `json:"amount"`
}

// Transfer sends an amount above 0.
type Transfer Payment

// BatchTransfer sends amounts to 1 to MaxRecipients recipients.
type BatchTransfer []Payment

// RecordPut writes a record of the payer: key 1 to MaxRecordKeyBytes, data up to
// MaxRecordBytes.
type RecordPut struct{ Key, Data []byte }

// RecordDelete deletes a record of the payer.
type RecordDelete struct{ Key []byte }

// Body is what is signed.
type Body struct {
	Genesis    [32]byte
	Payer      [32]byte // Ed25519 public key
	Nonce      uint64
	GasLimit   uint64
	GasPrice   uint64
	ValidUntil uint64 // last height that may hold it; 0: any
	Operation  Operation
}

// Transaction is a signed body.
type Transaction struct {
	Body      Body
	Signature [64]byte
}

// Encode is the body's canonical encoding: what is signed.
func (b *Body) Encode() []byte {
	out := make([]byte, 0, 192)
	out = append(out, bodyTag...)
	out = append(out, b.Genesis[:]...)
	out = append(out, b.Payer[:]...)
	for _, n := range []uint64{b.Nonce, b.GasLimit, b.GasPrice, b.ValidUntil} {
		out = binary.LittleEndian.AppendUint64(out, n)
	}
	return b.Operation.append(out)
}

// Sign checks a body and signs it; Payer is set to the key's. It answers the
// encoded transaction.
func Sign(key ed25519.PrivateKey, body Body) ([]byte, error) {
	if body.Operation == nil {
		return nil, fmt.Errorf("sign a transaction: it has no operation")
	}
	if err := body.Operation.check(); err != nil {
		return nil, fmt.Errorf("sign a transaction: %w", err)
	}
	body.Payer = [32]byte(key.Public().(ed25519.PublicKey))
	signed := body.Encode()
	out := encode(signed, ed25519.Sign(key, signed))
	if len(out) > MaxTransactionBytes {
		return nil, fmt.Errorf("sign a transaction: it has %d bytes, at most %d", len(out), MaxTransactionBytes)
	}
	return out, nil
}

func encode(signed, signature []byte) []byte {
	out := make([]byte, 0, 4+len(signed)+65)
	out = appendVar(out, signed)
	out = append(out, 1)
	return append(out, signature...)
}

// Encode is the transaction's canonical encoding.
func (t *Transaction) Encode() []byte { return encode(t.Body.Encode(), t.Signature[:]) }

// Hash is a transaction's hash: of the whole, signature included.
func Hash(tx []byte) [32]byte { return sha256.Sum256(tx) }

func appendVar(b, v []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(len(v)))
	return append(b, v...)
}

func (o Transfer) append(b []byte) []byte {
	b = append(append(b, opTransfer), o.To[:]...)
	return o.Amount.append(b)
}

func (o Transfer) check() error { return checkPayments(Payment(o)) }

func (o BatchTransfer) append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint32(append(b, opBatch), uint32(len(o)))
	for _, p := range o {
		b = p.Amount.append(append(b, p.To[:]...))
	}
	return b
}

func (o BatchTransfer) check() error {
	if len(o) == 0 || len(o) > MaxRecipients {
		return fmt.Errorf("a batch of %d recipients: want 1 to %d", len(o), MaxRecipients)
	}
	return checkPayments(o...)
}

func checkPayments(payments ...Payment) error {
	for _, p := range payments {
		if p.Amount.IsZero() {
			return fmt.Errorf("the amount for %s is 0", p.To)
		}
	}
	return nil
}

func (o RecordPut) append(b []byte) []byte {
	return appendVar(appendVar(append(b, opRecordPut), o.Key), o.Data)
}

func (o RecordPut) check() error {
	if len(o.Data) > MaxRecordBytes {
		return fmt.Errorf("a record of %d bytes, at most %d", len(o.Data), MaxRecordBytes)
	}
	return checkKey(o.Key)
}

func (o RecordDelete) append(b []byte) []byte { return appendVar(append(b, opRecordDelete), o.Key) }

func (o RecordDelete) check() error { return checkKey(o.Key) }

func checkKey(key []byte) error {
	if len(key) == 0 || len(key) > MaxRecordKeyBytes {
		return fmt.Errorf("a record's key of %d bytes: want 1 to %d", len(key), MaxRecordKeyBytes)
	}
	return nil
}
