package types

import (
	"errors"
	"fmt"
)

// Scheme is a signature scheme with its certificates' form. Implementations are
// stateless and safe for concurrent use; keys and signatures come as bytes, and
// what does not decode is an error or counts as invalid.
type Scheme interface {
	ID() SchemeID
	// Name is the scheme's name in genesis.
	Name() string
	// CheckKey reports why key is no public key of the scheme. With bls12381 the
	// proof of possession is part of that.
	CheckKey(key, possession []byte) error
	// Keyring decodes public keys once, for many verifications.
	Keyring(keys [][]byte) (Keyring, error)
	// Aggregate joins signatures over one message, in index order, to a
	// certificate's.
	Aggregate(sigs [][]byte) ([]byte, error)
	// PrivateKey is the key of a 32-byte secret.
	PrivateKey(secret []byte) (PrivateKey, error)
}

// Keyring verifies with a set's keys, by index. Indices are in range; that is the
// caller's duty.
type Keyring interface {
	// Verify reports whether sig is key i's signature over msg.
	Verify(i int, msg, sig []byte) bool
	// VerifySame reports whether Aggregate(sigs) will verify for these signers.
	// With ed25519 that says that each signature is valid; with bls12381 only that
	// their sum is.
	VerifySame(signers []int, msg []byte, sigs [][]byte) bool
	// VerifyAggregate reports whether agg holds the signature of each signer over
	// msg, in rising order of index.
	VerifyAggregate(signers []int, msg, agg []byte) bool
}

// PrivateKey signs. Signatures are deterministic: the same message gives the same
// bytes.
type PrivateKey interface {
	Public() []byte
	// Possession proves that the key's holder has it; nil where the scheme needs none.
	Possession() []byte
	Sign(msg []byte) []byte
}

// ErrKey is wrapped by errors about keys.
var ErrKey = errors.New("invalid key")

// SecretBytes is the size of a private key's secret in every scheme.
const SecretBytes = 32

// SchemeByID is the scheme with that number.
func SchemeByID(id SchemeID) (Scheme, error) {
	switch id {
	case SchemeEd25519:
		return Ed25519{}, nil
	case SchemeBLS12381:
		return BLS12381{}, nil
	}
	return nil, fmt.Errorf("signature scheme %d is unknown: use 1 (ed25519) or 2 (bls12381)", id)
}

// SchemeByName is the scheme with that name.
func SchemeByName(name string) (Scheme, error) {
	for _, s := range []Scheme{Ed25519{}, BLS12381{}} {
		if s.Name() == name {
			return s, nil
		}
	}
	return nil, fmt.Errorf("signature scheme %q is unknown: use ed25519 or bls12381", name)
}
