package storage

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/bedrock-bft/bedrock/executor/state"
)

// checkState compares every row and page of a height with the model.
func (c *chain) checkState(s *Store, height uint64) error {
	if err := c.checkValues(s, height); err != nil {
		return err
	}
	return c.checkPages(s, height)
}

func (c *chain) checkValues(s *Store, height uint64) error {
	addresses := c.addresses()
	rand.Shuffle(len(addresses), func(i, j int) { addresses[i], addresses[j] = addresses[j], addresses[i] })
	rows, err := s.ReadValues(height, addresses)
	if err != nil {
		return err
	}
	for i, a := range addresses {
		want, present := c.values[height][a]
		if rows[i].Present != present || !bytes.Equal(rows[i].Value, want) {
			return fmt.Errorf("height %d: address %x reads %q (%v), want %q (%v)", height, a, rows[i].Value, rows[i].Present, want, present)
		}
		if present && !bytes.Equal(rows[i].Key, c.rawKeys[a]) {
			return fmt.Errorf("height %d: address %x has raw key %q, want %q", height, a, rows[i].Key, c.rawKeys[a])
		}
	}
	return nil
}

func (c *chain) checkPages(s *Store, height uint64) error {
	ids := make([]state.PageID, 0, len(c.pages[height])+1)
	for id := range c.pages[height] {
		ids = append(ids, id)
	}
	ids = append(ids, state.PageID{Version: height, Path: state.Path{Len: 9}})
	pages, err := s.ReadPages(ids)
	if err != nil {
		return err
	}
	for i, id := range ids {
		if want := c.pages[height][id]; !bytes.Equal(pages[i], want) || (pages[i] == nil) != (want == nil) {
			return fmt.Errorf("height %d: page %v reads %q, want %q", height, id, pages[i], want)
		}
	}
	return nil
}

func TestReadsAtEveryHeight(t *testing.T) {
	c := newChain(1, 60)
	s := filled(t, c, 80)
	for h := uint64(0); h <= 80; h++ {
		if err := c.checkState(s, h); err != nil {
			t.Error(err)
		}
	}
	if rows, err := s.ReadValues(5, nil); err != nil || len(rows) != 0 {
		t.Errorf("reading nothing: %v, %v", rows, err)
	}
	if pages, err := s.ReadPages(nil); err != nil || len(pages) != 0 {
		t.Errorf("reading no pages: %v, %v", pages, err)
	}
	if _, err := s.ReadValues(5, make([]state.Address, MaxReads+1)); err == nil {
		t.Error("a read without bounds was answered")
	}
}

// A row that cannot be right is an error, not an absence. // rule: host-fault
func TestCorruptRowIsNoAbsence(t *testing.T) {
	c := newChain(1, 10)
	s := filled(t, c, 3)
	a, _ := c.address(0)
	for name, row := range map[string][]byte{
		"empty": {}, "short": {1}, "flag": {7, 0, 0, 1}, "key beyond the row": {1, 200, 0, 1}, "deleted with a value": {0, 0, 0, 9},
	} {
		b := s.newBatch(100)
		b.put(famState, appendStateKey(nil, &a, 3), row)
		if err := s.write(b, s.unsynced); err != nil {
			t.Fatal(err)
		}
		if rows, err := s.ReadValues(3, []state.Address{a}); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s row: %v, %v", name, rows, err)
		}
	}
}

// Readers at pinned heights see the same thing whatever is committed meanwhile.
func TestReadersBesideCommits(t *testing.T) {
	c := newChain(2, 40)
	c.grow(120)
	s := filled(t, c, 20)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for r := range 3 {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				if err := c.checkState(s, uint64((i*7+r)%21)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	c.fill(t, s, 120)
	close(stop)
	wg.Wait()
	if err := c.checkState(s, 120); err != nil {
		t.Error(err)
	}
}

func TestReadsAfterClose(t *testing.T) {
	c := newChain(1, 10)
	s := filled(t, c, 3)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ReadValues(1, c.addresses()); !errors.Is(err, ErrClosed) {
		t.Errorf("values: %v", err)
	}
	if _, err := s.Block(1); !errors.Is(err, ErrClosed) {
		t.Errorf("block: %v", err)
	}
	if err := s.Commit(c.batch(4, 4)); !errors.Is(err, ErrClosed) {
		t.Errorf("commit: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
}
