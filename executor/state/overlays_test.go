package state_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bedrock-bft/bedrock/executor/memstate"
	"github.com/bedrock-bft/bedrock/executor/state"
)

func blockID(n uint64) state.BlockID {
	var id state.BlockID
	binary.BigEndian.PutUint64(id[:], n)
	return id
}

func put(o *state.Overlay, key, value string) {
	w := state.ValueWrite{Address: address(key), Key: []byte(key), Value: []byte(value), Tombstone: value == ""}
	o.PutValue(w)
}

func address(key string) state.Address {
	var a state.Address
	copy(a[:], key)
	return a
}

func path(nibbles ...byte) state.Path {
	p := state.Path{Len: uint8(len(nibbles))}
	for i, nibble := range nibbles {
		p.Bits[i/2] |= nibble << (4 * (1 - i%2))
	}
	return p
}

// get reads one row; absent reads as "".
func get(t *testing.T, v *state.View, key string) string {
	t.Helper()
	rows := make([]state.Row, 1)
	if err := v.ReadValues(rows, []state.Address{address(key)}); err != nil {
		t.Fatal(err)
	}
	if rows[0].Present != (len(rows[0].Value) > 0) {
		t.Fatalf("row %q: present %v with %d bytes", key, rows[0].Present, len(rows[0].Value))
	}
	return string(rows[0].Value)
}

func getPage(t *testing.T, v *state.View, id state.PageID) string {
	t.Helper()
	pages := make([][]byte, 1)
	if err := v.ReadPages(pages, []state.PageID{id}); err != nil {
		t.Fatal(err)
	}
	return string(pages[0])
}

func view(t *testing.T, o *state.Overlays, block state.BlockID) *state.View {
	t.Helper()
	v, err := o.View(block)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func add(t *testing.T, o *state.Overlays, overlay *state.Overlay) {
	t.Helper()
	if err := o.Add(overlay); err != nil {
		t.Fatal(err)
	}
}

func commit(t *testing.T, base *memstate.State, o *state.Overlays, block state.BlockID) {
	t.Helper()
	set, err := o.WriteSet(block)
	if err != nil {
		t.Fatal(err)
	}
	if err := base.Apply(set); err != nil {
		t.Fatal(err)
	}
	if err := o.Commit(block); err != nil {
		t.Fatal(err)
	}
}

func TestForksDoNotMix(t *testing.T) {
	base := memstate.New()
	o := state.NewOverlays(base, blockID(0), state.Ref{}, state.NewCache(1<<20, 1<<20))
	left := state.NewOverlay(blockID(1), blockID(0), state.Ref{Height: 1})
	put(left, "k", "left")
	left.PutPage(path(1), []byte("left page"))
	right := state.NewOverlay(blockID(2), blockID(0), state.Ref{Height: 1})
	right.PutPage(path(1), []byte("right page"))
	child := state.NewOverlay(blockID(3), blockID(2), state.Ref{Height: 2})
	put(child, "only", "child")
	for _, overlay := range []*state.Overlay{left, right, child} {
		add(t, o, overlay)
	}
	id := state.PageID{Version: 1, Path: path(1)}
	l, c, genesis := view(t, o, blockID(1)), view(t, o, blockID(3)), view(t, o, blockID(0))
	defer l.Close()
	defer c.Close()
	defer genesis.Close()
	got := []string{get(t, l, "k"), get(t, c, "k"), get(t, genesis, "k"), getPage(t, l, id), getPage(t, c, id), getPage(t, genesis, id)}
	want := []string{"left", "", "", "left page", "right page", ""}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	commit(t, base, o, blockID(2))
	if o.Has(blockID(1)) || !o.Has(blockID(2)) || !o.Has(blockID(3)) {
		t.Error("commit of one fork: the other is to go, its own children are to stay")
	}
	if _, err := o.View(blockID(1)); !errors.Is(err, state.ErrUnknownBlock) {
		t.Errorf("view of a dropped fork: got %v, want %v", err, state.ErrUnknownBlock)
	}
	if got := get(t, l, "k") + getPage(t, l, id); got != "leftleft page" {
		t.Errorf("open view of the dropped fork: got %q", got)
	}
}

func TestCommitMovesNoView(t *testing.T) {
	base := memstate.New()
	o := state.NewOverlays(base, blockID(0), state.Ref{}, state.NewCache(1<<20, 1<<20))
	var views []*state.View
	for height := uint64(1); height <= 20; height++ {
		overlay := state.NewOverlay(blockID(height), blockID(height-1), state.Ref{Height: height})
		put(overlay, "k", fmt.Sprint("at ", height))
		overlay.PutPage(state.Path{}, fmt.Appendf(nil, "root %d", height))
		overlay.PutStale(state.PageID{Version: height - 1})
		add(t, o, overlay)
		views = append(views, view(t, o, blockID(height)))
	}
	if got := o.LowestPinned(); got != 0 {
		t.Errorf("lowest pinned before commits: got %d, want 0", got)
	}
	for height := uint64(1); height <= 20; height++ {
		commit(t, base, o, blockID(height))
		for i, v := range views {
			at := uint64(i + 1)
			want := fmt.Sprintf("at %d root %d", at, at)
			if got := get(t, v, "k") + " " + getPage(t, v, state.PageID{Version: at}); got != want {
				t.Fatalf("committed %d, view of %d: got %q, want %q", height, at, got, want)
			}
		}
	}
	for _, v := range views {
		v.Close()
	}
	if got := o.LowestPinned(); got != 20 {
		t.Errorf("lowest pinned with all views closed: got %d, want 20", got)
	}
}

func TestAddAndCommitRefuse(t *testing.T) {
	o := state.NewOverlays(memstate.New(), blockID(0), state.Ref{Height: 4}, nil)
	add(t, o, state.NewOverlay(blockID(1), blockID(0), state.Ref{Height: 5}))
	add(t, o, state.NewOverlay(blockID(2), blockID(1), state.Ref{Height: 6}))
	cases := map[string]error{
		"unknown parent": o.Add(state.NewOverlay(blockID(9), blockID(8), state.Ref{Height: 5})),
		"height gap":     o.Add(state.NewOverlay(blockID(9), blockID(0), state.Ref{Height: 6})),
		"commit ahead":   o.Commit(blockID(2)),
		"commit unknown": o.Commit(blockID(9)),
	}
	for name, err := range cases {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := o.ViewAt(state.Ref{Height: 5}); !errors.Is(err, state.ErrUnknownBlock) {
		t.Errorf("view above the commit: got %v, want %v", err, state.ErrUnknownBlock)
	}
	add(t, o, state.NewOverlay(blockID(1), blockID(0), state.Ref{Height: 5}))
	if got := o.Len(); got != 2 {
		t.Errorf("overlays after adding one twice: got %d, want 2", got)
	}
	o.Drop(blockID(1))
	if got := o.Len(); got != 0 {
		t.Errorf("overlays after dropping the first: got %d, want 0", got)
	}
}

func TestOverlaysAreBounded(t *testing.T) {
	o := state.NewOverlays(memstate.New(), blockID(0), state.Ref{}, nil)
	for i := range uint64(state.MaxOverlays) {
		add(t, o, state.NewOverlay(blockID(i+1), blockID(0), state.Ref{Height: 1}))
	}
	err := o.Add(state.NewOverlay(blockID(1<<20), blockID(0), state.Ref{Height: 1}))
	if !errors.Is(err, state.ErrTooManyOverlays) {
		t.Errorf("got %v, want %v", err, state.ErrTooManyOverlays)
	}
}

func TestWriteSetIsOrdered(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	keys := make([]string, 200)
	for i := range keys {
		keys[i] = fmt.Sprintf("%08x", rng.Uint32())
	}
	var first *state.WriteSet
	for range 5 {
		rng.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
		overlay := state.NewOverlay(blockID(1), blockID(0), state.Ref{Height: 1})
		for _, key := range keys {
			put(overlay, key, "old")
			put(overlay, key, key)
			at := path(key[0]&15, key[1]&15)
			overlay.PutPage(at, []byte(at.String()))
			overlay.PutStale(state.PageID{Path: path(key[0] & 15)})
		}
		overlay.SetRoot([32]byte{7})
		set := overlay.WriteSet()
		if !slices.IsSortedFunc(set.Values, func(a, b state.ValueWrite) int { return bytes.Compare(a.Address[:], b.Address[:]) }) {
			t.Fatal("values are not in the order of their addresses")
		}
		if first == nil {
			first = set
		}
		if diff := cmp.Diff(first, set); diff != "" {
			t.Fatalf("write sets of the same writes differ:\n%s", diff)
		}
	}
	if first.After.TreeVersion != 0 {
		t.Errorf("tree version without a root page: got %d, want 0", first.After.TreeVersion)
	}
}

func TestReadErrorIsPassedOn(t *testing.T) {
	base, disk := memstate.New(), errors.New("disk on fire")
	o := state.NewOverlays(base, blockID(0), state.Ref{}, state.NewCache(1<<16, 1<<16))
	v := view(t, o, blockID(0))
	defer v.Close()
	base.SetFault(func() error { return disk })
	if err := v.ReadValues(make([]state.Row, 1), make([]state.Address, 1)); !errors.Is(err, disk) {
		t.Errorf("values: got %v, want %v", err, disk)
	}
	if err := v.ReadPages(make([][]byte, 1), make([]state.PageID, 1)); !errors.Is(err, disk) {
		t.Errorf("pages: got %v, want %v", err, disk)
	}
}
