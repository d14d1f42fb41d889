package storage

import (
	"errors"
	"sync"
	"testing"

	"github.com/bedrock-bft/bedrock/executor/state"
)

// rows counts the rows of a family.
func (s *Store) rows(t *testing.T, f family) int {
	t.Helper()
	it := s.db.NewIteratorCF(s.points, s.handles[f])
	defer it.Close()
	n := 0
	for it.SeekToFirst(); it.Valid(); it.Next() {
		n++
	}
	if err := it.Err(); err != nil {
		t.Fatal(err)
	}
	return n
}

func pruneAll(t *testing.T, s *Store, pinned uint64) {
	t.Helper()
	if _, err := s.Sync(); err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		done, err := s.Prune(pinned)
		if err != nil {
			t.Fatal(err)
		}
		if done {
			return
		}
	}
	t.Fatal("pruning never ends")
}

const noPin = ^uint64(0)

// Heights at or above the floor read as before, those below are refused, and
// nothing is left that no height reads.
func TestPruneState(t *testing.T) {
	c := newChain(3, 30)
	opt := testOptions()
	opt.KeepState = 10
	dir := t.TempDir()
	s := openStore(t, dir, opt)
	c.fill(t, s, 60)
	pruneAll(t, s, noPin)
	if f := s.Floors(); f.State != 50 || f.Blocks != 0 {
		t.Fatalf("floors %+v", f)
	}
	check := func(s *Store) {
		t.Helper()
		for h := uint64(50); h <= 60; h++ {
			if err := c.checkState(s, h); err != nil {
				t.Error(err)
			}
		}
		var pruned *PrunedError
		if _, err := s.ReadValues(49, c.addresses()); !errors.As(err, &pruned) || pruned.Floor != 50 || !errors.Is(err, ErrPruned) {
			t.Errorf("read below the floor: %v", err)
		}
		if _, err := s.StateRef(49); !errors.Is(err, ErrPruned) {
			t.Errorf("state below the floor: %v", err)
		}
	}
	check(s)
	live := 0
	for h := 51; h <= 60; h++ {
		live += len(c.finals[h-1].Writes.Values)
	}
	if got, most := s.rows(t, famState), len(c.values[50])+live; got > most {
		t.Errorf("%d rows are left, at most %d are read", got, most)
	}
	pages := make(map[state.PageID]bool)
	for h := 50; h <= 60; h++ {
		for id := range c.pages[h] {
			pages[id] = true
		}
	}
	if got := s.rows(t, famTree); got != len(pages) {
		t.Errorf("%d pages are left, %d are read", got, len(pages))
	}
	if changes, stale := s.rows(t, famChanges), s.rows(t, famStale); changes != 10 || stale != 10 {
		t.Errorf("%d lists of changes and %d of stale pages are left, want 10", changes, stale)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, dir, opt)
	check(s)
	c.fill(t, s, 75)
	pruneAll(t, s, 55) // a reader is still at 55
	if f := s.Floors(); f.State != 55 {
		t.Errorf("floor %d although a reader is at 55", f.State)
	}
	for h := uint64(55); h <= 75; h++ {
		if err := c.checkState(s, h); err != nil {
			t.Error(err)
		}
	}
}

func TestPruneBlocks(t *testing.T) {
	c := newChain(3, 10)
	opt := testOptions()
	opt.KeepBlocks = 5
	dir := t.TempDir()
	s := openStore(t, dir, opt)
	c.fill(t, s, 30)
	pruneAll(t, s, noPin)
	for range 2 {
		if f := s.Floors(); f.Blocks != 25 || f.State != 0 {
			t.Fatalf("floors %+v", f)
		}
		for h := uint64(1); h < 25; h++ {
			if _, err := s.Block(h); !errors.Is(err, ErrPruned) {
				t.Fatalf("block %d: %v", h, err)
			}
			if _, err := s.Receipts(h); !errors.Is(err, ErrPruned) {
				t.Fatalf("receipts %d: %v", h, err)
			}
			if _, err := s.Outcome(h); err != nil {
				t.Fatalf("outcome %d: %v", h, err)
			}
		}
		for h := uint64(25); h <= 30; h++ {
			c.checkHeight(t, s, h)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = openStore(t, dir, opt)
	}
}

// An archive never prunes, and nothing unsynced is taken for kept.
func TestPruneTargets(t *testing.T) {
	tests := []struct {
		keepState, keepBlocks, tip, pinned uint64
		want                               Floors
	}{
		{0, 0, 1000, noPin, Floors{}},
		{10, 0, 9, noPin, Floors{}},
		{10, 0, 10, noPin, Floors{}},
		{10, 0, 100, noPin, Floors{State: 90}},
		{10, 0, 100, 40, Floors{State: 40}},
		{10, 20, 100, 40, Floors{State: 40, Blocks: 80}},
	}
	for _, tt := range tests {
		o := Options{KeepState: tt.keepState, KeepBlocks: tt.keepBlocks}
		if got := o.targets(tt.tip, tt.pinned); got != tt.want {
			t.Errorf("keep %d and %d at %d, pinned %d: %+v, want %+v", tt.keepState, tt.keepBlocks, tt.tip, tt.pinned, got, tt.want)
		}
	}
}

// A reader gets what its height held or ErrPruned, never a hole, while pruning
// runs beside it.
func TestReadersBesidePruning(t *testing.T) {
	c := newChain(4, 40)
	c.grow(150)
	opt := testOptions()
	opt.KeepState = 3
	s := openStore(t, t.TempDir(), opt)
	c.fill(t, s, 10)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var mu sync.Mutex
	pruned, read := 0, 0
	for r := range 3 {
		wg.Go(func() {
			for i := uint64(0); ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				tip := s.Tip()
				height := tip - min(tip, (i+uint64(r))%6)
				err := c.checkValues(s, height)
				mu.Lock()
				switch {
				case errors.Is(err, ErrPruned):
					pruned++
				case err != nil:
					t.Error(err)
				default:
					read++
				}
				mu.Unlock()
			}
		})
	}
	for h := uint64(11); h <= 150; h++ {
		c.fill(t, s, h)
		pruneAll(t, s, noPin)
	}
	close(stop)
	wg.Wait()
	t.Logf("%d reads, %d pruned", read, pruned)
	if read == 0 {
		t.Error("nothing was read")
	}
}
