package rfc6962

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math/bits"
)

// HashSize is the length of a hash in bytes.
const HashSize = sha256.Size

// MaxPath is the most hashes that a proof holds: one for each bit of a count.
const MaxPath = 64

// ErrMismatch is returned by Verify for a proof that does not lead to the root.
var ErrMismatch = errors.New("rfc6962: proof does not lead to the root")

// Proof is a proof of inclusion of the leaf at Index in a list of Count leaves.
// A root does not commit to the count: that the leaf is in the list is proven,
// and where, if Count is known from elsewhere.
type Proof struct {
	Index uint64
	Count uint64
	// Path holds the sibling hashes from the leaf upwards.
	Path [][HashSize]byte
}

// LeafHash is the hash of one leaf.
func LeafHash(leaf []byte) [HashSize]byte {
	var stack [256]byte
	if len(leaf) < len(stack) {
		copy(stack[1:], leaf)
		return sha256.Sum256(stack[:1+len(leaf)])
	}
	h := sha256.New()
	h.Write([]byte{0})
	h.Write(leaf)
	var out [HashSize]byte
	h.Sum(out[:0])
	return out
}

// NodeHash is the hash of an inner node.
func NodeHash(left, right [HashSize]byte) [HashSize]byte {
	var in [1 + 2*HashSize]byte
	in[0] = 1
	copy(in[1:], left[:])
	copy(in[1+HashSize:], right[:])
	return sha256.Sum256(in[:])
}

// Root is the root over the leaves.
func Root(leaves [][]byte) [HashSize]byte { return RootOf(leafHashes(leaves)) }

// RootOf is the root over leaves that are hashed already (LeafHash). It uses
// hashes as its working space: their content afterwards is unspecified.
func RootOf(hashes [][HashSize]byte) [HashSize]byte {
	if len(hashes) == 0 {
		return sha256.Sum256(nil)
	}
	for n := len(hashes); n > 1; n = (n + 1) / 2 {
		foldLevel(hashes[:n])
	}
	return hashes[0]
}

// foldLevel replaces each pair by its node; an odd last one rises as it is,
// which is the RFC's split at the largest power of two, read from below.
func foldLevel(level [][HashSize]byte) {
	for i := 0; i < len(level); i += 2 {
		if i+1 == len(level) {
			level[i/2] = level[i]
			continue
		}
		level[i/2] = NodeHash(level[i], level[i+1])
	}
}

// Prove makes the proof of inclusion of leaves[index].
func Prove(leaves [][]byte, index int) (Proof, error) {
	return ProveOf(leafHashes(leaves), index)
}

// ProveOf is Prove over leaves that are hashed already. It uses hashes as its
// working space: their content afterwards is unspecified.
func ProveOf(hashes [][HashSize]byte, index int) (Proof, error) {
	if index < 0 || index >= len(hashes) {
		return Proof{}, fmt.Errorf("rfc6962: prove leaf %d of %d: no such leaf", index, len(hashes))
	}
	proof := Proof{Index: uint64(index), Count: uint64(len(hashes))}
	for n, i := len(hashes), index; n > 1; n, i = (n+1)/2, i/2 {
		if sibling := i ^ 1; sibling < n {
			proof.Path = append(proof.Path, hashes[sibling])
		}
		foldLevel(hashes[:n])
	}
	return proof, nil
}

// Verify checks that leaf stands at p.Index of p.Count leaves under root.
func (p Proof) Verify(root [HashSize]byte, leaf []byte) error {
	if p.Index >= p.Count {
		return fmt.Errorf("rfc6962: leaf %d of %d: no such leaf", p.Index, p.Count)
	}
	if want := pathLength(p.Index, p.Count); len(p.Path) != want {
		return fmt.Errorf("rfc6962: path of %d hashes for leaf %d of %d, want %d", len(p.Path), p.Index, p.Count, want)
	}
	hash, path := LeafHash(leaf), p.Path
	for i, last := p.Index, p.Count-1; last > 0; i, last = i/2, last/2 {
		switch {
		case i%2 == 1:
			hash, path = NodeHash(path[0], hash), path[1:]
		case i < last:
			hash, path = NodeHash(hash, path[0]), path[1:]
		}
	}
	if hash != root {
		return ErrMismatch
	}
	return nil
}

// pathLength is the number of siblings on the way up from a leaf: one at each
// level where it is a right child, or a left child that has a right sibling.
func pathLength(index, count uint64) int {
	last := count - 1
	shared := bits.Len64(index ^ last)
	return shared + bits.OnesCount64(index>>shared)
}

func leafHashes(leaves [][]byte) [][HashSize]byte {
	hashes := make([][HashSize]byte, len(leaves))
	for i, leaf := range leaves {
		hashes[i] = LeafHash(leaf)
	}
	return hashes
}
