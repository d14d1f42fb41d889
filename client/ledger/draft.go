package ledger

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// draftKind names the file, so that no other JSON is taken for one.
const draftKind = "bedrock half-signed transaction"

// MaxDraftBytes bounds a half-signed transaction's file.
const MaxDraftBytes = 2*MaxTransactionBytes + 64<<10

// Draft is a transaction on its way from key holder to key holder: its body is
// fixed, signatures are added. Every signature in it verifies.
type Draft struct {
	Body      Body
	payer     []byte // nil: not signed yet
	authority []Cosignature
}

// NewDraft begins with a body whose Payer is set.
func NewDraft(body Body) (*Draft, error) {
	if err := body.check(); err != nil {
		return nil, fmt.Errorf("sign a transaction: %w", err)
	}
	return &Draft{Body: body}, nil
}

// SignAsPayer adds the signature of the key that pays.
func (d *Draft) SignAsPayer(key ed25519.PrivateKey) error {
	if [32]byte(key.Public().(ed25519.PublicKey)) != d.Body.Payer {
		return fmt.Errorf("sign a transaction: the payer is %x, not this key (%x)", d.Body.Payer, key.Public())
	}
	d.payer = ed25519.Sign(key, d.Body.Encode())
	return nil
}

// Sign adds the signature of a key of the authority; once more changes nothing.
func (d *Draft) Sign(key ed25519.PrivateKey) error {
	public := ID(key.Public().(ed25519.PublicKey))
	return d.add(Cosignature{Key: public, Signature: [64]byte(ed25519.Sign(key, d.Body.Encode()))})
}

func (d *Draft) add(s Cosignature) error {
	if !NeedsAuthority(d.Body.Operation) {
		return fmt.Errorf("sign a transaction: %s carries no signatures of the authority", OperationName(d.Body.Operation))
	}
	at, there := slices.BinarySearchFunc(d.authority, s.Key, func(c Cosignature, k ID) int { return bytes.Compare(c.Key[:], k[:]) })
	if there {
		return nil
	}
	if len(d.authority) == MaxAuthorityKeys {
		return fmt.Errorf("sign a transaction: it has %d signatures of the authority already", MaxAuthorityKeys)
	}
	d.authority = slices.Insert(d.authority, at, s)
	return nil
}

// Combine adds the signatures of another copy of the same draft.
func (d *Draft) Combine(other *Draft) error {
	if !bytes.Equal(d.Body.Encode(), other.Body.Encode()) {
		return errors.New("combine half-signed transactions: their bodies differ: they are not copies of one")
	}
	if d.payer == nil {
		d.payer = other.payer
	}
	for _, s := range other.authority {
		if err := d.add(s); err != nil {
			return err
		}
	}
	return nil
}

// Signers are the keys of the authority that have signed, ascending.
func (d *Draft) Signers() []ID {
	var out []ID
	for i := range d.authority {
		out = append(out, d.authority[i].Key)
	}
	return out
}

// PayerSigned reports whether the payer has signed.
func (d *Draft) PayerSigned() bool { return d.payer != nil }

// Transaction is the encoded transaction, once the payer and, where it needs one,
// a key of the authority have signed. How many keys it needs is in the state.
func (d *Draft) Transaction() ([]byte, error) {
	if d.payer == nil {
		return nil, fmt.Errorf("sign a transaction: the payer (%x) has not signed", d.Body.Payer)
	}
	if NeedsAuthority(d.Body.Operation) && len(d.authority) == 0 {
		return nil, fmt.Errorf("sign a transaction: %s needs signatures of the authority and has none", OperationName(d.Body.Operation))
	}
	out := encode(d.Body.Encode(), d.payer, d.authority)
	if len(out) > MaxTransactionBytes {
		return nil, fmt.Errorf("sign a transaction: it has %d bytes, at most %d", len(out), MaxTransactionBytes)
	}
	return out, nil
}

// draftFile is a draft as it is handed on.
type draftFile struct {
	Kind       string          `json:"kind"`
	Body       string          `json:"body"`            // hex
	Payer      string          `json:"payer_signature"` // hex; empty: not signed yet
	Signatures []draftFileSign `json:"signatures"`
}

type draftFileSign struct {
	Key       ID     `json:"key"`
	Signature string `json:"signature"` // hex
}

// Encode is the draft's file.
func (d *Draft) Encode() ([]byte, error) {
	f := draftFile{Kind: draftKind, Body: hex.EncodeToString(d.Body.Encode()), Payer: hex.EncodeToString(d.payer), Signatures: []draftFileSign{}}
	for i := range d.authority {
		f.Signatures = append(f.Signatures, draftFileSign{d.authority[i].Key, hex.EncodeToString(d.authority[i].Signature[:])})
	}
	b, err := json.MarshalIndent(&f, "", "  ")
	return append(b, '\n'), err
}

// ErrNoDraft says that bytes are no half-signed transaction.
var ErrNoDraft = errors.New("not a half-signed transaction")

// ParseDraft reads a draft's file and verifies every signature in it.
func ParseDraft(raw []byte) (*Draft, error) {
	if len(raw) > MaxDraftBytes {
		return nil, ErrNoDraft
	}
	var f draftFile
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&f); err != nil || f.Kind != draftKind {
		return nil, ErrNoDraft
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: something follows it", ErrNoDraft)
	}
	body, err := hex.DecodeString(f.Body)
	if err != nil {
		return nil, fmt.Errorf("half-signed transaction: body: %w", err)
	}
	d := new(Draft)
	if err := d.Body.decode(body); err != nil {
		return nil, fmt.Errorf("half-signed transaction: %w", err)
	}
	if f.Payer != "" {
		sig, err := hex.DecodeString(f.Payer)
		if err != nil || !ed25519.Verify(d.Body.Payer[:], body, sig) {
			return nil, fmt.Errorf("half-signed transaction: the signature of the payer (%x) does not verify: the file was changed", d.Body.Payer)
		}
		d.payer = sig
	}
	for _, s := range f.Signatures {
		sig, err := hex.DecodeString(s.Signature)
		if err != nil || !ed25519.Verify(s.Key[:], body, sig) {
			return nil, fmt.Errorf("half-signed transaction: the signature of %s does not verify: the file was changed", s.Key)
		}
		if err := d.add(Cosignature{Key: s.Key, Signature: [64]byte(sig)}); err != nil {
			return nil, fmt.Errorf("half-signed transaction: %w", err)
		}
	}
	return d, nil
}
