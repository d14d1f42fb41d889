//go:build cgo

package types

import (
	"fmt"

	blst "github.com/supranational/blst/bindings/go"
)

type blsKey = *blst.P2Affine

// parseBLSKey decodes a key and checks that it lies in G2 and is not the identity.
func parseBLSKey(b []byte) (blsKey, error) {
	if len(b) != blsKeyBytes {
		return nil, fmt.Errorf("%w: bls12381 key of %d bytes, want %d", ErrKey, len(b), blsKeyBytes)
	}
	k := new(blst.P2Affine).Uncompress(b)
	if k == nil || !k.KeyValidate() {
		return nil, fmt.Errorf("%w: not a point of G2, or its identity", ErrKey)
	}
	return k, nil
}

// parseBLSSignature decodes a signature: a point of G1, not the identity.
func parseBLSSignature(b []byte) *blst.P1Affine {
	if len(b) != blsSignatureBytes {
		return nil
	}
	s := new(blst.P1Affine).Uncompress(b)
	if s == nil || !s.SigValidate(true) {
		return nil
	}
	return s
}

func verifyBLS(keys []blsKey, msg, sig, dst []byte) bool {
	s := parseBLSSignature(sig)
	if s == nil || len(keys) == 0 {
		return false
	}
	if len(keys) == 1 {
		return s.Verify(false, keys[0], false, msg, dst)
	}
	return s.FastAggregateVerify(false, keys, msg, dst)
}

func aggregateBLS(sigs [][]byte) ([]byte, error) {
	points := make([]*blst.P1Affine, len(sigs))
	for i, b := range sigs {
		if points[i] = parseBLSSignature(b); points[i] == nil {
			return nil, fmt.Errorf("signature %d is not a point of G1, or its identity", i)
		}
	}
	sum := new(blst.P1Aggregate)
	if !sum.Aggregate(points, false) {
		return nil, fmt.Errorf("aggregate %d signatures: refused", len(sigs))
	}
	return sum.ToAffine().Compress(), nil
}

type blsPrivate struct {
	secret *blst.SecretKey
	public []byte
}

func newBLSPrivate(secret []byte) (PrivateKey, error) {
	s := new(blst.SecretKey).Deserialize(secret)
	if s == nil {
		return nil, fmt.Errorf("%w: secret is zero or not below the group's order", ErrKey)
	}
	return &blsPrivate{secret: s, public: new(blst.P2Affine).From(s).Compress()}, nil
}

func (k *blsPrivate) Public() []byte { return append([]byte(nil), k.public...) }

func (k *blsPrivate) Possession() []byte {
	return new(blst.P1Affine).Sign(k.secret, possessionMessage(k.public), blsPossessionDST).Compress()
}

func (k *blsPrivate) Sign(msg []byte) []byte {
	return new(blst.P1Affine).Sign(k.secret, msg, blsSignDST).Compress()
}
