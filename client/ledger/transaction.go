package ledger

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
)

// Bounds of transactions, whatever the parameters say.
const (
	MaxTransactionBytes = 128 << 10
	MaxRecipients       = 1000
	MaxRecordKeyBytes   = 200
	MaxRecordBytes      = 60_000
)

// Numbers of operations. 23 to 31 and 37 to 63 are kept.
const (
	opTransfer     = 1
	opBatch        = 2
	opRecordPut    = 3
	opRecordDelete = 4

	opJoin        = 16
	opReady       = 17
	opRotate      = 18
	opDelegate    = 19
	opLeave       = 20
	opMaintain    = 21
	opModuleReady = 22

	opWeigh         = 32
	opSetParameters = 33
	opSetAuthority  = 34
	opSchedule      = 35
	opCancel        = 36
)

const bodyTag = "\x0cbedrock/tx/1"

// Operation is what a transaction does: one of the types of payments.go,
// validator.go and authority.go.
type Operation interface {
	append(b []byte) []byte
	check() error
}

// FeeFree is the nonce of a transaction that pays no fee and takes no nonce: it
// goes by compare-and-swap. Its gas price is 0.
const FeeFree = 1<<64 - 1

// Body is what is signed.
type Body struct {
	Genesis    [32]byte
	Payer      [32]byte // Ed25519 public key
	Nonce      uint64   // FeeFree: none
	GasLimit   uint64
	GasPrice   uint64
	ValidUntil uint64 // last height that may hold it; 0: any
	Operation  Operation
}

// Cosignature is that of a key of the authority.
type Cosignature struct {
	Key       ID
	Signature [64]byte
}

// Transaction is a signed body. Authority is empty but for the authority's
// operations; its keys ascend.
type Transaction struct {
	Body      Body
	Signature [64]byte
	Authority []Cosignature
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

// check refuses what the module would refuse whatever the state is.
func (b *Body) check() error {
	if b.Operation == nil {
		return errors.New("it has no operation")
	}
	if err := b.Operation.check(); err != nil {
		return err
	}
	free := b.Nonce == FeeFree
	if free && b.GasPrice != 0 {
		return fmt.Errorf("it is fee-free and has gas price %d: want 0", b.GasPrice)
	}
	switch o := b.Operation.(type) {
	case Ready, ModuleReady:
		if !free {
			return fmt.Errorf("%s is always fee-free: give it nonce FeeFree and gas price 0", OperationName(o))
		}
	case Rotate:
		if b.ValidUntil == 0 {
			return errors.New("a rotation needs a last height (valid until)")
		}
	case Leave, Maintain:
	default:
		if free {
			return fmt.Errorf("%s cannot be fee-free", OperationName(o))
		}
	}
	return nil
}

// Sign checks a body and signs it; Payer is set to the key's. It answers the
// encoded transaction. Operations of the authority need SignAuthority or a Draft.
func Sign(key ed25519.PrivateKey, body Body) ([]byte, error) {
	if NeedsAuthority(body.Operation) {
		return nil, fmt.Errorf("sign a transaction: %s needs signatures of the authority", OperationName(body.Operation))
	}
	return SignAuthority(key, body)
}

// SignAuthority signs as Sign does, and with keys of the authority.
func SignAuthority(payer ed25519.PrivateKey, body Body, authority ...ed25519.PrivateKey) ([]byte, error) {
	body.Payer = [32]byte(payer.Public().(ed25519.PublicKey))
	d, err := NewDraft(body)
	if err != nil {
		return nil, err
	}
	if err := d.SignAsPayer(payer); err != nil {
		return nil, err
	}
	for _, key := range authority {
		if err := d.Sign(key); err != nil {
			return nil, err
		}
	}
	return d.Transaction()
}

func encode(signed, signature []byte, authority []Cosignature) []byte {
	out := make([]byte, 0, 4+len(signed)+65+96*len(authority))
	out = appendVar(out, signed)
	out = append(out, byte(1+len(authority)))
	out = append(out, signature...)
	for i := range authority {
		out = append(append(out, authority[i].Key[:]...), authority[i].Signature[:]...)
	}
	return out
}

// Encode is the transaction's canonical encoding.
func (t *Transaction) Encode() []byte {
	return encode(t.Body.Encode(), t.Signature[:], t.Authority)
}

// Hash is a transaction's hash: of the whole, signature included.
func Hash(tx []byte) [32]byte { return sha256.Sum256(tx) }

func appendVar(b, v []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(len(v)))
	return append(b, v...)
}
