package rpctest

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"sort"

	"github.com/bedrock-bft/bedrock/node/types"
)

// tree is a Jellyfish Merkle tree written for clarity: it hashes everything anew.
type tree struct {
	rows   map[string][]byte
	leaves []leaf // by key hash
	root   types.Hash
}

type leaf struct{ key, value types.Hash }

var placeholder = types.Hash([]byte("SPARSE_MERKLE_PLACEHOLDER_HASH__"))

func newTree(rows map[string][]byte) *tree {
	t := &tree{rows: rows}
	for k, v := range rows {
		t.leaves = append(t.leaves, leaf{types.SumHash([]byte(k)), types.SumHash(v)})
	}
	sort.Slice(t.leaves, func(i, j int) bool { return bytes.Compare(t.leaves[i].key[:], t.leaves[j].key[:]) < 0 })
	t.root = subtree(t.leaves, 0)
	return t
}

func subtree(leaves []leaf, depth int) types.Hash {
	switch len(leaves) {
	case 0:
		return placeholder
	case 1:
		return hashed("JMT::LeafNode", leaves[0].key, leaves[0].value)
	}
	left, right := split(leaves, depth)
	return hashed("JMT::IntrnalNode", subtree(left, depth+1), subtree(right, depth+1))
}

func split(leaves []leaf, depth int) (left, right []leaf) {
	n := sort.Search(len(leaves), func(i int) bool { return bit(leaves[i].key, depth) })
	return leaves[:n], leaves[n:]
}

// prove makes the state proof of a key or of its absence (docs/encodings.md).
func (t *tree) prove(rawKey []byte) []byte {
	key := types.SumHash(rawKey)
	var siblings []types.Hash // from the top
	leaves := t.leaves
	for depth := 0; len(leaves) > 1; depth++ {
		left, right := split(leaves, depth)
		if bit(key, depth) {
			left, right = right, left
		}
		siblings = append(siblings, subtree(right, depth+1))
		leaves = left
	}
	out := []byte{3}
	if len(leaves) == 1 {
		out = []byte{1}
		if leaves[0].key != key {
			out = append(append([]byte{2}, leaves[0].key[:]...), leaves[0].value[:]...)
		}
	}
	out = binary.LittleEndian.AppendUint16(out, uint16(len(siblings)))
	bitmap := make([]byte, (len(siblings)+7)/8)
	var hashes []byte
	for i := range siblings {
		if s := siblings[len(siblings)-1-i]; s != placeholder {
			bitmap[i/8] |= 1 << (i % 8)
			hashes = append(hashes, s[:]...)
		}
	}
	return append(append(out, bitmap...), hashes...)
}

func bit(key types.Hash, at int) bool { return key[at/8]>>(7-at%8)&1 == 1 }

func hashed(tag string, left, right types.Hash) types.Hash {
	return sha256.Sum256(append(append([]byte(tag), left[:]...), right[:]...))
}
