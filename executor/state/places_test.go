package state

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// keysOf are distinct keys: random ones, and ones that share their first bytes.
func keysOf(rng *rand.Rand, count, shared int) [][32]byte {
	keys := make([][32]byte, 0, count)
	for range count {
		var key [32]byte
		for i := shared * rng.IntN(2); i < len(key); i++ {
			key[i] = byte(rng.Uint32())
		}
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b [32]byte) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(keys)
}

// An overlay answers the same whether it was written in order, and found by
// places, or not, and found by maps.
func TestOverlayFindsWhatWasWrittenInAnyOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, count := range []int{0, 1, 2, 3, 4, 5, 17, 1000} {
		for _, shared := range []int{0, 7, 9, 31} {
			keys := keysOf(rng, count, shared)
			var pages []Path
			for i, key := range keys {
				path := Path{Len: uint8(min(64, i*64/max(1, len(keys))))}
				copy(path.Bits[:(path.Len+1)/2], key[:])
				if path.Len%2 == 1 {
					path.Bits[path.Len/2] &= 0xf0
				}
				pages = append(pages, path)
			}
			slices.SortFunc(pages, Path.Compare)
			pages = slices.Compact(pages)
			absent := keysOf(rng, 50, shared)
			for _, inOrder := range []bool{true, false} {
				o := NewOverlay(BlockID{1}, BlockID{}, Ref{Height: 1})
				write(o, rng, keys, pages, inOrder)
				o.seal()
				if _, want := slices.BinarySearchFunc(pages, Path{}, Path.Compare); o.After().TreeVersion != 0 != want {
					t.Errorf("%d keys: the root page was written: %v, tree of version %d", count, want, o.After().TreeVersion)
				}
				checkOverlay(t, o, keys, pages, absent)
			}
		}
	}
}

func write(o *Overlay, rng *rand.Rand, keys [][32]byte, pages []Path, inOrder bool) {
	keys, pages = slices.Clone(keys), slices.Clone(pages)
	if !inOrder {
		rng.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
		rng.Shuffle(len(pages), func(i, j int) { pages[i], pages[j] = pages[j], pages[i] })
		// What is written twice counts as it was written last.
		for _, key := range keys[:len(keys)/2] {
			o.PutValue(ValueWrite{Address: key, Key: []byte("first"), Value: []byte("first")})
		}
		for _, path := range pages[:len(pages)/2] {
			o.PutPage(path, []byte("first"))
		}
	}
	for _, key := range keys {
		o.PutValue(ValueWrite{Address: key, Key: key[:], Value: fmt.Appendf(nil, "%x", key)})
	}
	for _, path := range pages {
		o.PutPage(path, path.Append(nil))
	}
	o.SetRoot([32]byte{1})
}

func checkOverlay(t *testing.T, o *Overlay, keys [][32]byte, pages []Path, absent [][32]byte) {
	t.Helper()
	if values, written, _ := o.Counts(); values != len(keys) || written != len(pages) {
		t.Fatalf("%d rows and %d pages, want %d and %d", values, written, len(keys), len(pages))
	}
	for _, key := range keys {
		var row Row
		if !o.value(&row, &key) || string(row.Value) != fmt.Sprintf("%x", key) {
			t.Fatalf("row %x of %d: got %q", key, len(keys), row.Value)
		}
	}
	for _, path := range pages {
		if got := o.page(&path); !bytes.Equal(got, path.Append(nil)) {
			t.Fatalf("page %v of %d: got %q", path, len(pages), got)
		}
	}
	for _, key := range absent {
		var row Row
		if _, there := slices.BinarySearchFunc(keys, key, func(a, b [32]byte) int { return bytes.Compare(a[:], b[:]) }); o.value(&row, &key) != there {
			t.Fatalf("row %x: found, and was not written", key)
		}
		if path := (Path{Len: 64, Bits: key}); o.page(&path) != nil && !slices.Contains(pages, path) {
			t.Fatalf("page %v: found, and was not written", path)
		}
	}
}
