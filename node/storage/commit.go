package storage

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/bedrock-bft/bedrock/executor/state"
	"github.com/bedrock-bft/bedrock/node/types"
	"github.com/bedrock-bft/bedrock/node/wire"
)

// CommitGenesis stores height 0 in an empty database, synced.
func (s *Store) CommitGenesis(g Genesis) error {
	leave, err := s.enter()
	if err != nil {
		return err
	}
	defer leave()
	s.committing.Lock()
	defer s.committing.Unlock()
	switch {
	case !s.Empty():
		return fmt.Errorf("store genesis: the database is at height %d already", s.Tip())
	case g.Outcome.Height != 0 || g.Outcome.Block != s.opt.Genesis:
		return fmt.Errorf("store genesis: outcome of height %d and block %s, want 0 and %s", g.Outcome.Height, g.Outcome.Block, s.opt.Genesis)
	case g.Epoch.Digest() != g.Outcome.NextEpoch:
		return errors.New("store genesis: the outcome does not name the first epoch")
	}
	b := s.newBatch(batchSize(g.Writes))
	t := tip{}
	if err := b.height(&t, &g.Outcome, g.Writes); err != nil {
		return fmt.Errorf("store genesis: %w", err)
	}
	b.epochStart(&types.EpochStart{Epoch: g.Epoch})
	b.put(famMeta, []byte(metaTip), u64Value(0))
	if err := s.write(b, s.durable); err != nil {
		return err
	}
	s.setTip(t)
	return nil
}

// Commit stores final blocks in one batch: heights without a gap above the tip,
// the last one with a certificate, and only the last may end its epoch. Nothing
// is synced. A refusal changes nothing; ErrFailed ends the store.
func (s *Store) Commit(blocks []Final) error { return s.commit(blocks, false) }

// CommitLocked stores blocks that a survivor of a halted chain has locked, without a
// certificate, for a recovery genesis that continues them. // rule: recovery-genesis
func (s *Store) CommitLocked(blocks []Final) error { return s.commit(blocks, true) }

func (s *Store) commit(blocks []Final, locked bool) error {
	leave, err := s.enter()
	if err != nil {
		return err
	}
	defer leave()
	s.committing.Lock()
	defer s.committing.Unlock()
	if err := s.usable(); err != nil {
		return err
	}
	t := s.currentTip()
	if err := checkBatch(&t, blocks, locked); err != nil {
		return fmt.Errorf("store blocks above height %d: %w", t.height, err)
	}
	b, err := s.buildBatch(&t, blocks)
	if err != nil {
		return fmt.Errorf("store blocks above height %d: %w", s.Tip(), err)
	}
	if err := s.write(b, s.unsynced); err != nil {
		return err
	}
	s.setTip(t)
	return nil
}

func (s *Store) setTip(t tip) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tip = t
}

// checkBatch refuses what does not go on from the tip.
func checkBatch(t *tip, blocks []Final, locked bool) error {
	switch {
	case !t.known:
		return errors.New("genesis is not stored yet")
	case len(blocks) == 0:
		return errors.New("an empty batch")
	case len(blocks) > MaxBatchBlocks:
		return fmt.Errorf("%d blocks in one batch, at most %d", len(blocks), MaxBatchBlocks)
	case blocks[len(blocks)-1].Certificate == nil && !locked:
		return errors.New("no certificate for the last block")
	}
	height, parent := t.height, t.outcomeHash
	for i := range blocks {
		f := &blocks[i]
		height++
		if err := checkFinal(f, height, parent); err != nil {
			return fmt.Errorf("block %d of the batch: %w", i, err)
		}
		if f.Outcome.EndsEpoch() && i != len(blocks)-1 {
			return fmt.Errorf("block %d of the batch ends its epoch and is not the last", i)
		}
		parent = f.Outcome.Hash()
	}
	return nil
}

func checkFinal(f *Final, height uint64, parent types.Hash) error {
	if f.Block == nil || f.Writes == nil {
		return errors.New("no block, or no writes")
	}
	hash := f.Outcome.Hash()
	switch {
	case f.Outcome.Height != height || f.Block.Header.Height != height:
		return fmt.Errorf("block of height %d with outcome of height %d, want %d", f.Block.Header.Height, f.Outcome.Height, height)
	case f.Outcome.Block != f.Block.ID():
		return fmt.Errorf("outcome of block %s, block is %s", f.Outcome.Block, f.Block.ID())
	case f.Outcome.Parent != parent:
		return fmt.Errorf("parent outcome %s, the one stored has %s", f.Outcome.Parent, parent)
	case f.Writes.After.Height != height || types.Hash(f.Writes.After.Root) != f.Outcome.StateRoot:
		return fmt.Errorf("writes lead to height %d and root %x, the outcome to %d and %s", f.Writes.After.Height, f.Writes.After.Root, height, f.Outcome.StateRoot)
	case f.Certificate != nil && f.Certificate.Outcome.Hash() != hash:
		return errors.New("the certificate certifies another outcome")
	case len(f.EvidenceHashes) != len(f.Block.Evidence):
		return fmt.Errorf("%d hashes of %d pieces of evidence", len(f.EvidenceHashes), len(f.Block.Evidence))
	case (f.NextEpoch != nil) != f.Outcome.EndsEpoch():
		return errors.New("the outcome names a next epoch, or one is given, but not both")
	case f.NextEpoch != nil && f.NextEpoch.Digest() != f.Outcome.NextEpoch:
		return errors.New("the next epoch is not the one that the outcome names")
	}
	return nil
}

// buildBatch lays out all rows of a batch and moves t.
func (s *Store) buildBatch(t *tip, blocks []Final) (*batch, error) {
	size := 1 << 12
	for i := range blocks {
		size += batchSize(blocks[i].Writes) + blocks[i].Block.PayloadBytes() + 1<<12 + 256*len(blocks[i].Receipts)
	}
	b := s.newBatch(size)
	places := make(map[types.Hash]TxPlace)
	for i := range blocks {
		f := &blocks[i]
		if err := b.height(t, &f.Outcome, f.Writes); err != nil {
			return nil, err
		}
		key := heightKey(f.Outcome.Height)
		b.put(famBlocks, key, wire.EncodeBlock(f.Block))
		b.put(famReceipts, key, encodeReceipts(f.Receipts))
		b.put(famIndex, indexKey(indexBlock, f.Outcome.Block), key)
		for _, hash := range executed(f) {
			b.put(famEvidence, hash[:], key)
		}
		if f.Certificate != nil {
			b.put(famCertificates, prefixedHeight(certByHeight, f.Outcome.Height), wire.EncodeCC(f.Certificate))
		}
		if f.NextEpoch != nil {
			b.epochStart(&types.EpochStart{Epoch: *f.NextEpoch, Certificate: f.Certificate})
		}
		if err := s.index(places, f); err != nil {
			return nil, err
		}
	}
	hashes := slices.SortedFunc(maps.Keys(places), func(a, b types.Hash) int { return bytes.Compare(a[:], b[:]) })
	for _, hash := range hashes {
		b.put(famIndex, indexKey(indexTx, hash), encodePlace(places[hash]))
	}
	b.put(famMeta, []byte(metaTip), u64Value(t.height))
	return b, nil
}

// batchSize is about what a write set takes in a batch.
func batchSize(w *state.WriteSet) int {
	n := 1 << 10
	if w == nil {
		return n
	}
	for i := range w.Values {
		n += 2*addressBytes + 32 + len(w.Values[i].Key) + len(w.Values[i].Value)
	}
	for i := range w.Pages {
		n += 64 + len(w.Pages[i].Page)
	}
	return n + 48*len(w.Stale)
}

// height adds a height's outcome and state, and moves t to it.
func (b *batch) height(t *tip, o *types.Outcome, w *state.WriteSet) error {
	if w == nil {
		return errors.New("no writes")
	}
	rooted := t.rooted
	key := heightKey(o.Height)
	row := make([]byte, 0, 512)
	stateKey := make([]byte, 0, stateKeyBytes)
	changes := make([]byte, 0, addressBytes*len(w.Values))
	for i := range w.Values {
		v := &w.Values[i]
		if len(v.Key) > 1<<16-1 {
			return fmt.Errorf("a raw key of %d bytes", len(v.Key))
		}
		row = appendRow(row[:0], v)
		b.put(famState, appendStateKey(stateKey[:0], &v.Address, o.Height), row)
		changes = append(changes, v.Address[:]...)
	}
	for i := range w.Pages {
		id := state.PageID{Version: o.Height, Path: w.Pages[i].Path}
		row = appendTreeKey(row[:0], &id)
		b.put(famTree, row, w.Pages[i].Page)
		rooted = rooted || id.Path.Len == 0
	}
	b.put(famChanges, key, changes)
	if len(w.Stale) > 0 {
		b.put(famStale, key, appendPages(nil, w.Stale))
	}
	after := w.After
	b.put(famOutcomes, key, encodeOutcomeRow(&outcomeRow{outcome: *o, treeVersion: after.TreeVersion, rooted: rooted}))
	*t = tip{known: true, height: o.Height, block: o.Block, outcomeHash: o.Hash(), ref: after, rooted: rooted}
	return nil
}

func (b *batch) epochStart(start *types.EpochStart) {
	b.put(famCertificates, prefixedHeight(certByEpoch, start.Epoch.Number), wire.EncodeEpochStart(start))
}

// index places a block's transactions: a success replaces what was there, a
// failure only another failure.
func (s *Store) index(places map[types.Hash]TxPlace, f *Final) error {
	for i := range f.Receipts {
		r := &f.Receipts[i]
		place := TxPlace{Height: f.Outcome.Height, Index: uint32(i), Success: r.Code == 0}
		if !place.Success {
			keep, err := s.succeeded(places, r.TxHash)
			if err != nil {
				return err
			}
			if keep {
				continue
			}
		}
		places[r.TxHash] = place
	}
	return nil
}

// succeeded reports whether the transaction's place on record is a success.
func (s *Store) succeeded(places map[types.Hash]TxPlace, hash types.Hash) (bool, error) {
	if place, ok := places[hash]; ok {
		return place.Success, nil
	}
	b, err := s.get(famIndex, indexKey(indexTx, hash))
	if err != nil || b == nil {
		return false, err
	}
	place, err := decodePlace(b)
	return place.Success, err
}

// Sync makes every commit so far durable and answers the height synced. The
// engine calls it within 50 ms or 64 MiB of a commit. An error ends the store and
// must end the process. // rule: sync-failure
func (s *Store) Sync() (uint64, error) {
	leave, err := s.enter()
	if err != nil {
		return 0, err
	}
	defer leave()
	if err := s.usable(); err != nil {
		return 0, err
	}
	t := s.currentTip() // committed before the sync begins
	if n, ok := s.db.GetIntPropertyCF("rocksdb.background-errors", s.handles[famMeta]); ok && n > 0 {
		return 0, s.fail("flush in the background", errors.New("RocksDB reports a failed background write: the disk is full or damaged"))
	}
	if err := s.db.FlushWAL(true); err != nil {
		return 0, s.fail("sync the write-ahead log", err)
	}
	s.syncs.Add(1)
	s.raiseSynced(t.height)
	if s.Filling() && !s.opt.NoVoteLog && t.known && t.height >= s.opt.VoteLogSynced {
		if err := s.setFilling(false); err != nil {
			return 0, err
		}
	}
	return s.synced.Load(), nil
}

func (s *Store) raiseSynced(height uint64) {
	for {
		old := s.synced.Load()
		if height <= old || s.synced.CompareAndSwap(old, height) {
			return
		}
	}
}

// executed is the evidence that a block held against validators and judged.
func executed(f *Final) []types.Hash {
	if f.Failed || f.EvidenceWaits {
		return nil
	}
	return f.EvidenceHashes
}
