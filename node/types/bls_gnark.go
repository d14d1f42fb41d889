//go:build !cgo

package types

import (
	"fmt"
	"math/big"

	bls "github.com/consensys/gnark-crypto/ecc/bls12-381"
	"github.com/consensys/gnark-crypto/ecc/bls12-381/fr"
)

type blsKey = *bls.G2Affine

// parseBLSKey decodes a key and checks that it lies in G2 and is not the identity.
func parseBLSKey(b []byte) (blsKey, error) {
	if len(b) != blsKeyBytes {
		return nil, fmt.Errorf("%w: bls12381 key of %d bytes, want %d", ErrKey, len(b), blsKeyBytes)
	}
	var k bls.G2Affine
	// SetBytes checks the subgroup. Uncompressed points have another length.
	if n, err := k.SetBytes(b); err != nil || n != blsKeyBytes || k.IsInfinity() {
		return nil, fmt.Errorf("%w: not a point of G2, or its identity", ErrKey)
	}
	return &k, nil
}

// parseBLSSignature decodes a signature: a point of G1, not the identity.
func parseBLSSignature(b []byte) *bls.G1Affine {
	if len(b) != blsSignatureBytes {
		return nil
	}
	var s bls.G1Affine
	if n, err := s.SetBytes(b); err != nil || n != blsSignatureBytes || s.IsInfinity() {
		return nil
	}
	return &s
}

func verifyBLS(keys []blsKey, msg, sig, dst []byte) bool {
	s := parseBLSSignature(sig)
	if s == nil || len(keys) == 0 {
		return false
	}
	var sum bls.G2Jac
	sum.FromAffine(keys[0])
	for _, k := range keys[1:] {
		sum.AddMixed(k)
	}
	var key bls.G2Affine
	key.FromJacobian(&sum)
	if key.IsInfinity() {
		return false
	}
	h, err := bls.HashToG1(msg, dst)
	if err != nil {
		return false
	}
	_, _, _, g2 := bls.Generators()
	g2.Neg(&g2)
	ok, err := bls.PairingCheck([]bls.G1Affine{h, *s}, []bls.G2Affine{key, g2})
	return err == nil && ok
}

func aggregateBLS(sigs [][]byte) ([]byte, error) {
	var sum bls.G1Jac
	for i, b := range sigs {
		p := parseBLSSignature(b)
		if p == nil {
			return nil, fmt.Errorf("signature %d is not a point of G1, or its identity", i)
		}
		if i == 0 {
			sum.FromAffine(p)
		} else {
			sum.AddMixed(p)
		}
	}
	var out bls.G1Affine
	out.FromJacobian(&sum)
	b := out.Bytes()
	return b[:], nil
}

type blsPrivate struct {
	secret *big.Int
	public []byte
}

func newBLSPrivate(secret []byte) (PrivateKey, error) {
	s := new(big.Int).SetBytes(secret)
	if s.Sign() == 0 || s.Cmp(fr.Modulus()) >= 0 {
		return nil, fmt.Errorf("%w: secret is zero or not below the group's order", ErrKey)
	}
	var p bls.G2Affine
	p.ScalarMultiplicationBase(s)
	b := p.Bytes()
	return &blsPrivate{secret: s, public: b[:]}, nil
}

func (k *blsPrivate) sign(msg, dst []byte) []byte {
	h, err := bls.HashToG1(msg, dst)
	if err != nil {
		return nil // only a domain tag above 255 bytes
	}
	h.ScalarMultiplication(&h, k.secret)
	b := h.Bytes()
	return b[:]
}

func (k *blsPrivate) Public() []byte         { return append([]byte(nil), k.public...) }
func (k *blsPrivate) Sign(msg []byte) []byte { return k.sign(msg, blsSignDST) }
func (k *blsPrivate) Possession() []byte {
	return k.sign(possessionMessage(k.public), blsPossessionDST)
}
