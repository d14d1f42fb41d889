package proof

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/bedrock-bft/bedrock/node/types"
)

// A state proof is jmt's native one (docs/encodings.md, State proof): where the
// way to the key ends, and the siblings on it from there to the root.
const (
	proofPresent = 1
	proofOther   = 2
	proofEmpty   = 3
	maxSiblings  = 256
)

// maxStateKey bounds a raw state key.
const maxStateKey = 256

var (
	emptyRoot = types.Hash([]byte("SPARSE_MERKLE_PLACEHOLDER_HASH__"))
	leafTag   = []byte("JMT::LeafNode")
	nodeTag   = []byte("JMT::IntrnalNode")
)

var (
	errProofCut  = errors.New("state proof is cut off")
	errProofRoot = errors.New("state proof leads to another root: other state, key or value")
)

// checkInclusion checks that under root the raw key has value.
func checkInclusion(root types.Hash, key, value, proof []byte) error {
	if len(proof) < 1 || proof[0] != proofPresent {
		return errors.New("state proof is none of inclusion")
	}
	keyHash, valueHash := types.SumHash(key), types.SumHash(value)
	siblings, err := decodeSiblings(proof[1:])
	if err != nil {
		return err
	}
	return climb(root, keyHash, tagged(leafTag, keyHash, valueHash), siblings)
}

// checkAbsence checks that under root the raw key has no value.
func checkAbsence(root types.Hash, key, proof []byte) error {
	if len(proof) < 1 {
		return errProofCut
	}
	keyHash := types.SumHash(key)
	switch rest := proof[1:]; proof[0] {
	case proofEmpty:
		siblings, err := decodeSiblings(rest)
		if err != nil {
			return err
		}
		return climb(root, keyHash, emptyRoot, siblings)
	case proofOther:
		if len(rest) < 64 {
			return errProofCut
		}
		other, value := types.Hash(rest[:32]), types.Hash(rest[32:64])
		siblings, err := decodeSiblings(rest[64:])
		if err != nil {
			return err
		}
		if other == keyHash || sharedBits(other, keyHash) < len(siblings) {
			return errors.New("state proof's other leaf does not show the key's absence")
		}
		return climb(root, keyHash, tagged(leafTag, other, value), siblings)
	}
	return errors.New("state proof is none of absence")
}

// climb hashes from the bottom to the root.
func climb(root, key, hash types.Hash, siblings []types.Hash) error {
	for i, sibling := range siblings {
		if keyBit(key, len(siblings)-1-i) {
			hash = tagged(nodeTag, sibling, hash)
		} else {
			hash = tagged(nodeTag, hash, sibling)
		}
	}
	if hash != root {
		return errProofRoot
	}
	return nil
}

// decodeSiblings reads count, bitmap and hashes, and refuses all but the one
// encoding.
func decodeSiblings(b []byte) ([]types.Hash, error) {
	if len(b) < 2 {
		return nil, errProofCut
	}
	count := int(binary.LittleEndian.Uint16(b))
	b = b[2:]
	if count > maxSiblings {
		return nil, fmt.Errorf("state proof with %d siblings, at most %d", count, maxSiblings)
	}
	width := (count + 7) / 8
	if len(b) < width {
		return nil, errProofCut
	}
	bitmap, rest := b[:width], b[width:]
	set := func(i int) bool { return bitmap[i/8]>>(i%8)&1 == 1 }
	for i := count; i < 8*width; i++ {
		if set(i) {
			return nil, errors.New("state proof sets bits after its last sibling")
		}
	}
	if count > 0 && !set(0) {
		return nil, errors.New("state proof has an empty sibling at the bottom")
	}
	siblings := make([]types.Hash, count)
	for i := range siblings {
		siblings[i] = emptyRoot
		if !set(i) {
			continue
		}
		if len(rest) < 32 {
			return nil, errProofCut
		}
		siblings[i], rest = types.Hash(rest[:32]), rest[32:]
		if siblings[i] == emptyRoot {
			return nil, errors.New("state proof spells an empty sibling out")
		}
	}
	if len(rest) > 0 {
		return nil, errors.New("state proof goes on after its end")
	}
	return siblings, nil
}

func tagged(tag []byte, left, right types.Hash) types.Hash {
	h := sha256.New()
	h.Write(tag)
	h.Write(left[:])
	h.Write(right[:])
	return types.Hash(h.Sum(nil))
}

// keyBit is bit at (0 to 255) of a key hash, from its most significant.
func keyBit(key types.Hash, at int) bool { return key[at/8]>>(7-at%8)&1 == 1 }

func sharedBits(a, b types.Hash) int {
	n := 0
	for n < maxSiblings && keyBit(a, n) == keyBit(b, n) {
		n++
	}
	return n
}
