package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bedrock-bft/bedrock/executor/state"
	"github.com/linxGnu/grocksdb"
)

// maxPruneRows bounds the rows that one step deletes, about: a height is pruned
// whole.
const maxPruneRows = 20_000

// targets are the floors that pruning moves to.
func (o *Options) targets(tip, pinned uint64) Floors {
	var f Floors
	if o.KeepState > 0 && tip > o.KeepState {
		f.State = min(tip-o.KeepState, pinned)
	}
	if o.KeepBlocks > 0 && tip > o.KeepBlocks {
		f.Blocks = tip - o.KeepBlocks
	}
	return f
}

// Prune takes one bounded step towards the floors that the options ask for and
// reports whether they are reached. pinned is the lowest height that a reader
// still needs; what it and everything above it reads stays.
func (s *Store) Prune(pinned uint64) (done bool, err error) {
	leave, err := s.enter()
	if err != nil {
		return false, err
	}
	defer leave()
	s.pruning.Lock()
	defer s.pruning.Unlock()
	target := s.opt.targets(s.SyncedHeight(), pinned)
	stateDone, err := s.pruneState(target.State)
	if err != nil {
		return false, err
	}
	blocksDone, err := s.pruneBlocks(target.Blocks)
	return stateDone && blocksDone, err
}

// pruneState deletes what no state from target on reads: rows older than one
// written at or below it, and pages made stale at or below it.
func (s *Store) pruneState(target uint64) (bool, error) {
	floor := s.floorState.Load()
	if floor >= target {
		return true, nil
	}
	b := s.newBatch(1 << 16)
	next := floor
	for next < target && b.count < maxPruneRows {
		next++
		// Readers check the floor after they took their snapshot: raised first.
		s.floorState.Store(next)
		if err := s.pruneHeight(b, next); err != nil {
			return false, fmt.Errorf("prune the state below height %d: %w", next, err)
		}
	}
	b.put(famMeta, []byte(metaFloorState), u64Value(next))
	if err := s.write(b, s.unsynced); err != nil {
		return false, err
	}
	return next >= target, nil
}

// pruneHeight makes a height the lowest one that can be read.
func (s *Store) pruneHeight(b *batch, height uint64) error {
	key := heightKey(height)
	changes, err := s.get(famChanges, key)
	if err != nil {
		return err
	}
	addresses, err := readAddresses(changes)
	if err != nil {
		return err
	}
	if err := s.pruneRows(b, height, addresses); err != nil {
		return err
	}
	stale, err := s.get(famStale, key)
	if err != nil {
		return err
	}
	pages, err := readPageList(stale)
	if err != nil {
		return err
	}
	for i := range pages {
		b.delete(famTree, appendTreeKey(nil, &pages[i]))
	}
	if height == 1 {
		b.delete(famChanges, heightKey(0))
	}
	b.delete(famChanges, key)
	b.delete(famStale, key)
	return nil
}

// pruneRows deletes the rows that those of a height replaced, and a tombstone of
// that height itself, which says no more than absence.
func (s *Store) pruneRows(b *batch, height uint64, addresses []state.Address) error {
	it := s.db.NewIteratorCF(s.prefixed, s.handles[famState])
	defer it.Close()
	for _, i := range inOrder(addresses) {
		for it.Seek(appendStateKey(nil, &addresses[i], height)); it.Valid(); it.Next() {
			key := it.Key().Data()
			if len(key) != stateKeyBytes || state.Address(key[:addressBytes]) != addresses[i] {
				break
			}
			if stateKeyHeight(key) == height {
				if row, err := readRow(it.Value().Data()); err != nil {
					return err
				} else if row.Present {
					continue
				}
			}
			b.delete(famState, key)
		}
		if err := it.Err(); err != nil {
			return err
		}
	}
	return nil
}

// pruneBlocks deletes blocks and receipts below target. Outcomes, certificates and
// indexes stay: they prove what is left.
func (s *Store) pruneBlocks(target uint64) (bool, error) {
	floor := max(s.floorBlocks.Load(), 1)
	if floor >= target {
		return true, nil
	}
	s.floorBlocks.Store(target)
	b := s.newBatch(256)
	for _, f := range []family{famBlocks, famReceipts} {
		b.deleteRange(f, heightKey(0), heightKey(target))
	}
	b.put(famMeta, []byte(metaFloorBlocks), u64Value(target))
	if err := s.write(b, s.durable); err != nil { // before files go for good
		return false, err
	}
	whole := grocksdb.Range{Start: heightKey(0), Limit: heightKey(target - 1)}
	for _, f := range []family{famBlocks, famReceipts} {
		if err := s.db.DeleteFileInRangeCF(s.handles[f], whole); err != nil {
			return false, s.fail("delete files of pruned blocks", err)
		}
	}
	return true, nil
}

// Pruner takes one step of Prune at every tick until ctx ends, so that the rate is
// the ticks'. pinned gives the lowest height that a reader still needs.
func (s *Store) Pruner(ctx context.Context, ticks <-chan time.Time, pinned func() uint64) error {
	if s.opt.KeepState == 0 && s.opt.KeepBlocks == 0 {
		return nil // an archive
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticks:
		}
		if _, err := s.Prune(pinned()); err != nil {
			if errors.Is(err, ErrClosed) {
				return nil
			}
			return fmt.Errorf("prune: %w", err)
		}
	}
}
