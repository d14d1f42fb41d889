package types

import (
	"crypto/rand"
	"fmt"

	"github.com/oasisprotocol/curve25519-voi/primitives/ed25519"
)

// Ed25519 is the scheme `ed25519`: certificates hold every signature, batches are
// verified, and both single and batch verification follow ZIP-215.
type Ed25519 struct{}

const (
	ed25519KeyBytes       = 32
	ed25519SignatureBytes = 64
)

var zip215 = &ed25519.Options{Verify: ed25519.VerifyOptionsZIP_215}

// ID implements Scheme.
func (Ed25519) ID() SchemeID { return SchemeEd25519 }

// Name implements Scheme.
func (Ed25519) Name() string { return "ed25519" }

// CheckKey implements Scheme: any point that ZIP-215 decodes; no possession.
func (Ed25519) CheckKey(key, possession []byte) error {
	if len(key) != ed25519KeyBytes {
		return fmt.Errorf("%w: ed25519 key of %d bytes, want %d", ErrKey, len(key), ed25519KeyBytes)
	}
	if len(possession) != 0 {
		return fmt.Errorf("%w: ed25519 keys carry no proof of possession", ErrKey)
	}
	if _, err := ed25519.NewExpandedPublicKey(key); err != nil {
		return fmt.Errorf("%w: not a point of edwards25519", ErrKey)
	}
	return nil
}

// Keyring implements Scheme.
func (s Ed25519) Keyring(keys [][]byte) (Keyring, error) {
	ring := make(ed25519Ring, len(keys))
	for i, k := range keys {
		if err := s.CheckKey(k, nil); err != nil {
			return nil, fmt.Errorf("key %d: %w", i, err)
		}
		expanded, err := ed25519.NewExpandedPublicKey(k)
		if err != nil {
			return nil, fmt.Errorf("key %d: %w: %w", i, ErrKey, err)
		}
		ring[i] = expanded
	}
	return ring, nil
}

// Aggregate implements Scheme: the signatures one after another.
func (Ed25519) Aggregate(sigs [][]byte) ([]byte, error) {
	out := make([]byte, 0, len(sigs)*ed25519SignatureBytes)
	for i, s := range sigs {
		if len(s) != ed25519SignatureBytes {
			return nil, fmt.Errorf("signature %d of %d bytes, want %d", i, len(s), ed25519SignatureBytes)
		}
		out = append(out, s...)
	}
	return out, nil
}

// PrivateKey implements Scheme: secret is the seed of RFC 8032.
func (Ed25519) PrivateKey(secret []byte) (PrivateKey, error) {
	if len(secret) != SecretBytes {
		return nil, fmt.Errorf("%w: secret of %d bytes, want %d", ErrKey, len(secret), SecretBytes)
	}
	return ed25519Private(ed25519.NewKeyFromSeed(secret)), nil
}

type ed25519Private ed25519.PrivateKey

func (k ed25519Private) Public() []byte {
	return append([]byte(nil), k[SecretBytes:]...)
}
func (k ed25519Private) Possession() []byte     { return nil }
func (k ed25519Private) Sign(msg []byte) []byte { return ed25519.Sign(ed25519.PrivateKey(k), msg) }

type ed25519Ring []*ed25519.ExpandedPublicKey

func (r ed25519Ring) Verify(i int, msg, sig []byte) bool {
	return ed25519.VerifyExpandedWithOptions(r[i], msg, sig, zip215)
}

func (r ed25519Ring) VerifySame(signers []int, msg []byte, sigs [][]byte) bool {
	if len(signers) != len(sigs) || len(signers) == 0 {
		return false
	}
	if len(signers) == 1 {
		return r.Verify(signers[0], msg, sigs[0])
	}
	batch := ed25519.NewBatchVerifierWithCapacity(len(signers))
	for k, i := range signers {
		batch.AddExpandedWithOptions(r[i], msg, sigs[k], zip215)
	}
	// The coefficients are random, the verdict is not (up to 2^-128).
	return batch.VerifyBatchOnly(rand.Reader)
}

func (r ed25519Ring) VerifyAggregate(signers []int, msg, agg []byte) bool {
	if len(agg) != len(signers)*ed25519SignatureBytes {
		return false
	}
	sigs := make([][]byte, len(signers))
	for k := range signers {
		sigs[k] = agg[k*ed25519SignatureBytes : (k+1)*ed25519SignatureBytes]
	}
	return r.VerifySame(signers, msg, sigs)
}
