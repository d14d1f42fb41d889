package state

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"fmt"
)

// Address is SHA-256 of a raw key: where a row stands.
type Address = [32]byte

// BlockID is the hash of a block's header.
type BlockID = [32]byte

// MaxPathNibbles is the depth of the tree in nibbles.
const MaxPathNibbles = 64

// Path names a page of the tree: its first Len nibbles from the root, the high
// nibble of a byte first; what is behind them in Bits is zero.
type Path struct {
	Len  uint8
	Bits [32]byte
}

// PageID names one immutable page: the height that wrote it, and its path.
type PageID struct {
	Version uint64
	Path    Path
}

// EncodedLen is the number of bytes of the path's encoding.
func (p Path) EncodedLen() int { return 1 + (int(p.Len)+1)/2 }

// Append appends the path's encoding (docs/encodings.md): its length in
// nibbles, then its bytes.
func (p Path) Append(dst []byte) []byte {
	dst = append(dst, p.Len)
	return append(dst, p.Bits[:(p.Len+1)/2]...)
}

// ParsePath reads a path from the front of b and answers with its encoded
// length. Anything but the one encoding is refused.
func ParsePath(b []byte) (Path, int, error) {
	if len(b) == 0 {
		return Path{}, 0, fmt.Errorf("path: no length")
	}
	path := Path{Len: b[0]}
	if path.Len > MaxPathNibbles {
		return Path{}, 0, fmt.Errorf("path of %d nibbles, at most %d", path.Len, MaxPathNibbles)
	}
	end := path.EncodedLen()
	if len(b) < end {
		return Path{}, 0, fmt.Errorf("path of %d nibbles in %d bytes, want %d", path.Len, len(b), end)
	}
	copy(path.Bits[:], b[1:end])
	if path.Len%2 == 1 && path.Bits[path.Len/2]&0x0f != 0 {
		return Path{}, 0, fmt.Errorf("path of %d nibbles: the last low nibble is not zero", path.Len)
	}
	return path, end, nil
}

// Compare orders paths by depth, then by their nibbles.
func (p Path) Compare(q Path) int {
	if c := cmp.Compare(p.Len, q.Len); c != 0 {
		return c
	}
	return bytes.Compare(p.Bits[:], q.Bits[:])
}

// String is the path's nibbles in hex, "root" for the empty one.
func (p Path) String() string {
	if p.Len == 0 {
		return "root"
	}
	return hex.EncodeToString(p.Bits[:])[:p.Len]
}

// Compare orders pages by version, then by path.
func (id PageID) Compare(other PageID) int {
	if c := cmp.Compare(id.Version, other.Version); c != 0 {
		return c
	}
	return id.Path.Compare(other.Path)
}

// Row is what stands at an address: a raw key and its value, or nothing.
// Its slices are never written to again.
type Row struct {
	Present bool
	Key     []byte // 1 to 256 bytes
	Value   []byte // 1 byte to 64 KiB
}

// Base is the state that is final. Its methods are safe for concurrent use; an
// error is a fault of the host and never means absence (rule: host-fault). What
// they answer is kept in the cache: each slice owns its memory and is never
// written to again.
type Base interface {
	// ReadValues answers for each address, in order, with the newest row
	// written at or below height, absent where that is a tombstone or none.
	ReadValues(height uint64, addresses []Address) ([]Row, error)
	// ReadPages answers for each page, in order; nil where there is none.
	ReadPages(ids []PageID) ([][]byte, error)
}

// Ref names a state as modules are told of it.
type Ref struct {
	Root   [32]byte
	Height uint64
	// TreeVersion is the newest height at or below Height whose execution wrote
	// the tree's root page.
	TreeVersion uint64
}

// ValueWrite is one row that a block wrote, or its deletion.
type ValueWrite struct {
	Address   Address
	Tombstone bool
	Key       []byte
	Value     []byte // empty for a tombstone
}

// row is what a reader finds where w stands.
func (w *ValueWrite) row() Row {
	if w.Tombstone {
		return Row{}
	}
	return Row{Present: true, Key: w.Key, Value: w.Value}
}

// PageWrite is one page that a block wrote; its version is the block's height.
type PageWrite struct {
	Path Path
	Page []byte
}

// WriteSet is all that one block wrote, in the order in which it is stored:
// values by address, pages and stale pages by path.
type WriteSet struct {
	Block  BlockID
	After  Ref
	Values []ValueWrite
	Pages  []PageWrite
	Stale  []PageID // pages that no height from this one on reads
}
