package types

import "fmt"

// BLS12381 is the scheme `bls12381`: signatures in G1 (48 bytes), keys in G2 (96
// bytes), each with a proof of possession; a certificate holds one aggregate.
// The curve arithmetic is blst's in builds with cgo and gnark-crypto's without.
type BLS12381 struct{}

const (
	blsKeyBytes       = 96
	blsSignatureBytes = 48
)

// Domains of hashing to G1 (the proof-of-possession scheme of the BLS draft).
var (
	blsSignDST       = []byte("BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_POP_")
	blsPossessionDST = []byte("BLS_POP_BLS12381G1_XMD:SHA-256_SSWU_RO_POP_")
)

// possessionMessage is what a proof of possession signs.
func possessionMessage(key []byte) []byte {
	return append(appendTag(nil, "bedrock/possession/1"), key...)
}

// ID implements Scheme.
func (BLS12381) ID() SchemeID { return SchemeBLS12381 }

// Name implements Scheme.
func (BLS12381) Name() string { return "bls12381" }

// CheckKey implements Scheme: a point of G2, not the identity, with its proof.
func (BLS12381) CheckKey(key, possession []byte) error {
	k, err := parseBLSKey(key)
	if err != nil {
		return err
	}
	if !verifyBLS([]blsKey{k}, possessionMessage(key), possession, blsPossessionDST) {
		return fmt.Errorf("%w: the proof of possession does not verify", ErrKey)
	}
	return nil
}

// Keyring implements Scheme. Proofs of possession are not asked for: an epoch's
// set has been checked when the epoch was made.
func (BLS12381) Keyring(keys [][]byte) (Keyring, error) {
	ring := make(blsRing, len(keys))
	for i, b := range keys {
		k, err := parseBLSKey(b)
		if err != nil {
			return nil, fmt.Errorf("key %d: %w", i, err)
		}
		ring[i] = k
	}
	return ring, nil
}

// Aggregate implements Scheme: the sum of the points.
func (BLS12381) Aggregate(sigs [][]byte) ([]byte, error) {
	if len(sigs) == 0 {
		return nil, fmt.Errorf("no signature to aggregate")
	}
	for i, s := range sigs {
		if len(s) != blsSignatureBytes {
			return nil, fmt.Errorf("signature %d of %d bytes, want %d", i, len(s), blsSignatureBytes)
		}
	}
	return aggregateBLS(sigs)
}

// PrivateKey implements Scheme: secret is a scalar, big-endian, above 0 and below
// the group's order.
func (BLS12381) PrivateKey(secret []byte) (PrivateKey, error) {
	if len(secret) != SecretBytes {
		return nil, fmt.Errorf("%w: secret of %d bytes, want %d", ErrKey, len(secret), SecretBytes)
	}
	return newBLSPrivate(secret)
}

type blsRing []blsKey

func (r blsRing) Verify(i int, msg, sig []byte) bool {
	return verifyBLS([]blsKey{r[i]}, msg, sig, blsSignDST)
}

func (r blsRing) VerifySame(signers []int, msg []byte, sigs [][]byte) bool {
	if len(signers) != len(sigs) {
		return false
	}
	agg, err := BLS12381{}.Aggregate(sigs)
	return err == nil && r.VerifyAggregate(signers, msg, agg)
}

func (r blsRing) VerifyAggregate(signers []int, msg, agg []byte) bool {
	keys := make([]blsKey, len(signers))
	for k, i := range signers {
		keys[k] = r[i]
	}
	return verifyBLS(keys, msg, agg, blsSignDST)
}
