package state

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"slices"
)

// places says where in a list of ascending keys a key may stand, by the key's
// first bits: keys are hashes, so that one or two share a place. Those of one
// place are searched, since keys can be chosen so that many share one.
type places struct {
	shift uint
	// first is where the keys of each leading bits begin, with the end behind.
	first []int32
}

// head is a key's first 64 bits.
func head(key *[32]byte) uint64 { return binary.BigEndian.Uint64(key[:8]) }

// placesOf makes the places of n keys, of which the i-th begins with head(i).
func placesOf(n int, head func(i int) uint64) places {
	width := uint(bits.Len(uint(n)))
	p := places{shift: 64 - width, first: make([]int32, 1<<width+1)}
	next := 0
	for i := range n {
		for at := int(head(i) >> p.shift); next <= at; next++ {
			p.first[next] = int32(i)
		}
	}
	for ; next < len(p.first); next++ {
		p.first[next] = int32(n)
	}
	return p
}

// find is where the key is, if it is in the list.
func (p *places) find(key *[32]byte, at func(i int) *[32]byte) (int, bool) {
	if len(p.first) == 0 {
		return 0, false
	}
	place := head(key) >> p.shift
	from, to := int(p.first[place]), int(p.first[place+1])
	for to-from > 4 {
		middle := int(uint(from+to) / 2)
		if bytes.Compare(at(middle)[:], key[:]) > 0 {
			to = middle
		} else {
			from = middle
		}
	}
	for ; from < to; from++ {
		if *at(from) == *key {
			return from, true
		}
	}
	return 0, false
}

// level is the pages of one length of path.
type level struct {
	length   uint8
	from, to int
	places   places
}

// levelsOf finds the levels in a list of pages in order.
func levelsOf(pages []PageWrite) []level {
	var levels []level
	for from := 0; from < len(pages); {
		length := pages[from].Path.Len
		to, _ := slices.BinarySearchFunc(pages, length, func(w PageWrite, length uint8) int {
			if w.Path.Len <= length {
				return -1
			}
			return 1
		})
		rest := pages[from:to]
		levels = append(levels, level{length: length, from: from, to: to,
			places: placesOf(len(rest), func(i int) uint64 { return head(&rest[i].Path.Bits) })})
		from = to
	}
	return levels
}
