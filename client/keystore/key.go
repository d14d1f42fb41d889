package keystore

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/bedrock-bft/bedrock/node/types"
)

// Kinds of keys.
const (
	KindAccount   = "account"
	KindOwner     = "owner"
	KindAuthority = "authority"
	KindDelegate  = "delegate"
	KindConsensus = "consensus" // brought to a signer volume
)

// Kinds lists all.
func Kinds() []string {
	return []string{KindAccount, KindOwner, KindAuthority, KindDelegate, KindConsensus}
}

// Key is a secret key.
type Key struct {
	Kind   string
	Scheme string // ed25519; of a consensus key also bls12381
	Secret []byte // 32 bytes
	Public []byte
	// Description is for people: at most 256 bytes.
	Description string
}

// Errors that callers branch on.
var (
	ErrPassword = errors.New("wrong password")
	ErrFormat   = errors.New("not a keystore, or damaged")
)

const maxDescription = 256

// NewKey makes the key of a secret.
func NewKey(kind, scheme string, secret []byte) (Key, error) {
	k := Key{Kind: kind, Scheme: scheme, Secret: bytes.Clone(secret)}
	if err := checkKind(kind, scheme); err != nil {
		return k, err
	}
	s, err := types.SchemeByName(scheme)
	if err != nil {
		return k, err
	}
	private, err := s.PrivateKey(secret)
	if err != nil {
		return k, fmt.Errorf("key of kind %s: %w", kind, err)
	}
	k.Public = private.Public()
	return k, nil
}

func checkKind(kind, scheme string) error {
	if !slices.Contains(Kinds(), kind) {
		return fmt.Errorf("kind %.20q: use one of %v", kind, Kinds())
	}
	if kind != KindConsensus && scheme != "ed25519" {
		return fmt.Errorf("a key of kind %s is of scheme ed25519, not %.20q", kind, scheme)
	}
	return nil
}
