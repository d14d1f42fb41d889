package consent

import (
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/bedrock-bft/bedrock/client/ledger"
)

// Kinds of consents.
const (
	KindJoin   = "join"
	KindRotate = "rotate"
)

// MaxBytes bounds a file with a consent.
const MaxBytes = 64 << 10

// Consent is a new identity's word for one transaction, and no other.
type Consent struct {
	Kind         string    `json:"kind"` // join or rotate
	Genesis      ledger.ID `json:"genesis_hash"`
	Identity     ledger.ID `json:"network_key"`
	ConsensusKey string    `json:"consensus_key"`      // hex
	Possession   string    `json:"possession"`         // hex; empty for ed25519
	Owner        ledger.ID `json:"owner_key,omitzero"` // of a join: public key of who sends it
	Validator    ledger.ID `json:"validator,omitzero"` // of a rotation, and what follows
	Expected     ledger.ID `json:"expected,omitzero"`  // identity that is superseded
	ValidUntil   uint64    `json:"valid_until,omitempty"`
	Signature    string    `json:"signature"` // hex
}

// Parse reads what a command printed, of the kind that is wanted.
func Parse(raw []byte, kind string) (*Consent, error) {
	if len(raw) > MaxBytes {
		return nil, fmt.Errorf("it has %d bytes: a consent has at most %d", len(raw), MaxBytes)
	}
	t := new(Consent)
	if err := json.Unmarshal(raw, t); err != nil {
		return nil, fmt.Errorf("it is no consent: make one with `bedrock identity consent %s`: %w", kind, err)
	}
	if t.Kind != kind {
		return nil, fmt.Errorf("it holds a consent of kind %q, not %q: make one with `bedrock identity consent %s`", t.Kind, kind, kind)
	}
	return t, nil
}

// keys are the fields that are bytes.
func (t *Consent) keys() (consensus, possession []byte, signature [64]byte, err error) {
	if consensus, err = hex.DecodeString(t.ConsensusKey); err != nil {
		return nil, nil, signature, fmt.Errorf("consensus_key of the consent: %w", err)
	}
	if possession, err = hex.DecodeString(t.Possession); err != nil {
		return nil, nil, signature, fmt.Errorf("possession of the consent: %w", err)
	}
	sig, err := hex.DecodeString(t.Signature)
	if err != nil || len(sig) != len(signature) {
		return nil, nil, signature, errors.New("signature of the consent is not 128 hex digits")
	}
	return consensus, possession, [64]byte(sig), nil
}

// Statement is what the identity signs, with this consensus key.
func (t *Consent) Statement(consensusKey []byte) []byte {
	if t.Kind == KindJoin {
		return ledger.JoinStatement(t.Genesis, t.Owner, consensusKey)
	}
	terms := ledger.RotateTerms{Genesis: t.Genesis, Validator: t.Validator, Expected: t.Expected, ConsensusKey: consensusKey, ValidUntil: t.ValidUntil}
	return terms.Statement()
}

// Join is the operation that a consent allows, checked as the ledger will.
func (t *Consent) Join(moniker string, chain, owner [32]byte) (ledger.Join, error) {
	consensus, possession, signature, err := t.keys()
	op := ledger.Join{Identity: t.Identity, ConsensusKey: consensus, Possession: possession, Moniker: moniker, Consent: signature}
	switch {
	case err != nil:
		return op, err
	case t.Genesis != ledger.ID(chain):
		return op, wrongChain(t.Genesis, chain)
	case t.Owner != ledger.ID(owner):
		return op, fmt.Errorf("the new node consents to the owner with the key %s, and this key is %s: sign with that key, or get another consent", t.Owner, ledger.ID(owner))
	}
	return op, op.CheckConsent(chain, owner)
}

// Rotate is the operation that a consent allows, checked as the ledger will: in the
// place of the validator of that name, whose identity on the chain is expected now.
func (t *Consent) Rotate(chain [32]byte, name, expected ledger.ID) (ledger.Rotate, error) {
	consensus, possession, signature, err := t.keys()
	op := ledger.Rotate{Validator: t.Validator, Expected: t.Expected, Identity: t.Identity, ConsensusKey: consensus, Possession: possession, Consent: signature}
	switch {
	case err != nil:
		return op, err
	case t.Genesis != ledger.ID(chain):
		return op, wrongChain(t.Genesis, chain)
	case t.Validator != name:
		return op, fmt.Errorf("the new node consents to take the place of validator %s, not of %s", t.Validator, name)
	case t.Expected != expected:
		return op, fmt.Errorf("the new node consents to follow identity %s, and validator %s has %s now: it was rotated since; get another consent", t.Expected, name, expected)
	}
	if !ed25519.Verify(op.Identity[:], t.Statement(consensus), signature[:]) {
		return op, errors.New("the consent's signature does not verify: the file was changed")
	}
	return op, nil
}

func wrongChain(of ledger.ID, chain [32]byte) error {
	return fmt.Errorf("the new node consents for the chain with genesis hash %s, this one has %s", of, ledger.ID(chain))
}
