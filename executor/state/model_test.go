package state_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/bedrock-bft/bedrock/executor/memstate"
	"github.com/bedrock-bft/bedrock/executor/state"
)

// modelBlock is the naive rendering of a block: the whole state after it.
type modelBlock struct {
	id     uint64
	height uint64
	rows   map[string]string
	pages  map[state.PageID]string
}

// world drives overlays and the model with the same random steps.
type world struct {
	t         *testing.T
	rng       *rand.Rand
	base      *memstate.State
	overlays  *state.Overlays
	committed *modelBlock
	live      []*modelBlock // above the committed one, parents first
	parents   map[uint64]*modelBlock
	views     map[*state.View]*modelBlock
	next      uint64
}

func (w *world) execute() {
	parent := w.committed
	if len(w.live) > 0 && w.rng.IntN(4) > 0 {
		parent = w.live[w.rng.IntN(len(w.live))]
	}
	w.next++
	block := &modelBlock{id: w.next, height: parent.height + 1, rows: maps.Clone(parent.rows), pages: maps.Clone(parent.pages)}
	overlay := state.NewOverlay(blockID(block.id), blockID(parent.id), state.Ref{Height: block.height})
	for range w.rng.IntN(6) {
		key := fmt.Sprint("key ", w.rng.IntN(12))
		if w.rng.IntN(4) == 0 {
			put(overlay, key, "")
			delete(block.rows, key)
			continue
		}
		value := fmt.Sprint("value ", w.next, w.rng.IntN(100))
		put(overlay, key, value)
		block.rows[key] = value
	}
	for range w.rng.IntN(4) {
		p, page := path(byte(w.rng.IntN(4))), fmt.Sprint("page ", w.next, w.rng.IntN(100))
		overlay.PutPage(p, []byte(page))
		block.pages[state.PageID{Version: block.height, Path: p}] = page
	}
	add(w.t, w.overlays, overlay)
	w.live, w.parents[block.id] = append(w.live, block), parent
}

func (w *world) commit() {
	for _, block := range w.live {
		if w.parents[block.id] == w.committed {
			commit(w.t, w.base, w.overlays, blockID(block.id))
			w.committed = block
			break
		}
	}
	w.prune()
}

func (w *world) drop() {
	if len(w.live) == 0 {
		return
	}
	gone := w.live[w.rng.IntN(len(w.live))]
	w.overlays.Drop(blockID(gone.id))
	delete(w.parents, gone.id)
	w.prune()
}

// prune forgets the model's blocks that lost their way to the committed one.
func (w *world) prune() {
	known := map[*modelBlock]bool{w.committed: true}
	var live []*modelBlock
	for _, block := range w.live {
		if parent := w.parents[block.id]; parent != nil && known[parent] && block != w.committed {
			known[block] = true
			live = append(live, block)
		}
	}
	w.live = live
}

func (w *world) open() {
	block := w.committed
	if len(w.live) > 0 && w.rng.IntN(3) > 0 {
		block = w.live[w.rng.IntN(len(w.live))]
	}
	w.views[view(w.t, w.overlays, blockID(block.id))] = block
}

func (w *world) check() {
	for v, block := range w.views {
		for i := range 12 {
			key := fmt.Sprint("key ", i)
			if got, want := get(w.t, v, key), block.rows[key]; got != want {
				w.t.Fatalf("block %d at height %d, %q: got %q, want %q", block.id, block.height, key, got, want)
			}
		}
		for version := range block.height + 2 {
			for nibble := range byte(4) {
				id := state.PageID{Version: version, Path: path(nibble)}
				if got, want := getPage(w.t, v, id), block.pages[id]; got != want {
					w.t.Fatalf("block %d at height %d, page %v: got %q, want %q", block.id, block.height, id, got, want)
				}
			}
		}
		if w.rng.IntN(8) == 0 {
			v.Close()
			delete(w.views, v)
		}
	}
	if got := w.overlays.Len(); got != len(w.live) {
		w.t.Fatalf("overlays kept: got %d, want %d", got, len(w.live))
	}
}

func TestViewAgainstModel(t *testing.T) {
	for seed := range uint64(12) {
		for _, cacheBytes := range []int{0, 4 << 10, 1 << 20} {
			t.Run(fmt.Sprintf("seed %d cache %d", seed, cacheBytes), func(t *testing.T) {
				base := memstate.New()
				start := &modelBlock{rows: map[string]string{}, pages: map[state.PageID]string{}}
				w := &world{
					t: t, rng: rand.New(rand.NewPCG(seed, 1)), base: base, committed: start,
					overlays: state.NewOverlays(base, blockID(0), state.Ref{}, state.NewCache(cacheBytes, cacheBytes)),
					parents:  map[uint64]*modelBlock{}, views: map[*state.View]*modelBlock{},
				}
				steps := []func(){w.execute, w.execute, w.commit, w.open, w.open, w.drop}
				for range 300 {
					steps[w.rng.IntN(len(steps))]()
					w.check()
				}
			})
		}
	}
}

// TestCacheServesTheRightHeight reads the committed row from many goroutines
// while commits go on: each reader must see its own height's.
func TestCacheServesTheRightHeight(t *testing.T) {
	base := memstate.New()
	cache := state.NewCache(1<<16, 1<<16)
	overlays := state.NewOverlays(base, blockID(0), state.Ref{}, cache)
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				block, _ := overlays.Committed()
				v, err := overlays.View(block)
				if err != nil {
					continue // committed past it between the two calls
				}
				want := ""
				if height := v.Ref().Height; height > 0 {
					want = fmt.Sprint("at ", height)
				}
				rows := make([]state.Row, 1)
				if err := v.ReadValues(rows, []state.Address{address("k")}); err != nil || string(rows[0].Value) != want {
					t.Errorf("height %d: got %q (%v), want %q", v.Ref().Height, rows[0].Value, err, want)
				}
				v.Close()
			}
		})
	}
	for height := uint64(1); height <= 2000; height++ {
		overlay := state.NewOverlay(blockID(height), blockID(height-1), state.Ref{Height: height})
		put(overlay, "k", fmt.Sprint("at ", height))
		add(t, overlays, overlay)
		commit(t, base, overlays, blockID(height))
	}
	close(done)
	readers.Wait()
	v := view(t, overlays, blockID(2000))
	defer v.Close()
	before := cache.Stats().ValueHits
	if got := get(t, v, "k"); got != "at 2000" || cache.Stats().ValueHits == before {
		t.Errorf("last row: got %q with %d hits after %d", got, cache.Stats().ValueHits, before)
	}
}

func TestCacheIsBounded(t *testing.T) {
	base := memstate.New()
	cache := state.NewCache(64<<10, 64<<10)
	overlays := state.NewOverlays(base, blockID(0), state.Ref{}, cache)
	for height := uint64(1); height <= 20; height++ {
		overlay := state.NewOverlay(blockID(height), blockID(height-1), state.Ref{Height: height})
		for i := range 100 {
			put(overlay, fmt.Sprint("key ", height, i), string(make([]byte, 500)))
			overlay.PutPage(path(byte(i/16), byte(i%16)), make([]byte, 500))
		}
		add(t, overlays, overlay)
		commit(t, base, overlays, blockID(height))
		if got := cache.Stats().Bytes; got > 128<<10 {
			t.Fatalf("height %d: the cache holds %d bytes, at most %d", height, got, 128<<10)
		}
	}
	if got := cache.Stats().Bytes; got == 0 {
		t.Error("the cache holds nothing")
	}
}

func TestPathEncoding(t *testing.T) {
	for nibbles := range 65 {
		p := state.Path{Len: uint8(nibbles)}
		for i := range nibbles {
			p.Bits[i/2] |= byte(i%15+1) << (4 * (1 - i%2))
		}
		encoded := p.Append(nil)
		got, n, err := state.ParsePath(append(encoded, 0xff))
		if err != nil || got != p || n != len(encoded) || n != p.EncodedLen() {
			t.Errorf("path of %d nibbles: got %v, %d of %d bytes, %v", nibbles, got, n, len(encoded), err)
		}
		if _, _, err := state.ParsePath(encoded[:n-1]); err == nil {
			t.Errorf("path of %d nibbles cut short: accepted", nibbles)
		}
	}
	for _, bad := range [][]byte{nil, {65}, {1, 0x11}, {3, 0x11, 0x11}} {
		if _, _, err := state.ParsePath(bad); err == nil {
			t.Errorf("path %x: accepted", bad)
		}
	}
}
