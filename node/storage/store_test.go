package storage

import (
	"errors"
	"slices"
	"testing"

	"github.com/bedrock-bft/bedrock/node/storage/disk"
	"github.com/bedrock-bft/bedrock/node/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// checkHeight compares everything stored of a height with what was committed.
func (c *chain) checkHeight(t *testing.T, s *Store, height uint64) {
	t.Helper()
	f := &c.finals[height-1]
	block, err := s.Block(height)
	if err != nil {
		t.Fatalf("block %d: %v", height, err)
	}
	if diff := cmp.Diff(f.Block, block, cmpopts.IgnoreUnexported(types.Block{}), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("block %d (-want +got):\n%s", height, diff)
	}
	if byID, err := s.BlockByID(f.Block.ID()); err != nil || byID.ID() != f.Block.ID() {
		t.Errorf("block %d by id: %v", height, err)
	}
	outcome, err := s.Outcome(height)
	if err != nil || *outcome != f.Outcome {
		t.Errorf("outcome %d: %+v, %v", height, outcome, err)
	}
	list, err := s.Receipts(height)
	if err != nil {
		t.Fatalf("receipts %d: %v", height, err)
	}
	if diff := cmp.Diff(f.Receipts, list, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("receipts %d (-want +got):\n%s", height, diff)
	}
	for i, r := range f.Receipts {
		want := TxPlace{Height: height, Index: uint32(i), Success: r.Code == 0}
		if place, err := s.TxLookup(r.TxHash); err != nil || place != want {
			t.Errorf("transaction %d of height %d: %+v, %v", i, height, place, err)
		}
	}
	for _, hash := range f.EvidenceHashes {
		if known, err := s.KnownEvidence(hash); err != nil || !known {
			t.Errorf("evidence of height %d: %v, %v", height, known, err)
		}
	}
	if ref, err := s.StateRef(height); height >= s.Floors().State && (err != nil || ref != f.Writes.After) {
		t.Errorf("state of height %d: %+v, %v", height, ref, err)
	}
}

func TestCommitAndRead(t *testing.T) {
	c := newChain(1, 20)
	dir := t.TempDir()
	s := openStore(t, dir, testOptions())
	if !s.Empty() {
		t.Fatal("a new database is not empty")
	}
	if err := s.CommitGenesis(c.genesis); err != nil {
		t.Fatal(err)
	}
	// Batches of all sizes, cut where an epoch ends.
	for from, size := uint64(1), uint64(1); from <= 130; size++ {
		to := min(from+size-1, (from+49)/50*50)
		if err := s.Commit(c.batch(from, to)); err != nil {
			t.Fatalf("commit %d to %d: %v", from, to, err)
		}
		from = to + 1
	}
	tip := s.Tip()
	if synced, err := s.Sync(); err != nil || synced != tip || s.SyncedHeight() != tip {
		t.Fatalf("synced %d of %d: %v", synced, tip, err)
	}
	check := func() {
		t.Helper()
		for h := uint64(1); h <= tip; h++ {
			c.checkHeight(t, s, h)
		}
		c.checkCertificates(t, s, tip)
	}
	check()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, dir, testOptions())
	if s.Tip() != tip || s.SyncedHeight() != tip {
		t.Fatalf("tip %d, synced %d after reopening, want %d", s.Tip(), s.SyncedHeight(), tip)
	}
	check()
}

func (c *chain) checkCertificates(t *testing.T, s *Store, tip uint64) {
	t.Helper()
	for h := uint64(1); h <= tip; h++ {
		cc, err := s.Certificate(h)
		if err != nil {
			t.Fatalf("certificate at or above %d: %v", h, err)
		}
		at := cc.Outcome.Height
		if at < h || at-h >= MaxBatchBlocks || cc.Outcome != c.finals[at-1].Outcome {
			t.Errorf("certificate at or above %d is of height %d", h, at)
		}
	}
	if _, err := s.Certificate(tip + 1); !errors.Is(err, ErrNotFound) {
		t.Errorf("certificate above the tip: %v", err)
	}
	epochs, err := s.Epochs(0, 100)
	if err != nil {
		t.Fatal(err)
	}
	if want := int(1 + tip/50); len(epochs) != want {
		t.Fatalf("%d epochs, want %d", len(epochs), want)
	}
	for i, e := range epochs {
		one, err := s.EpochStart(uint64(i) + 1)
		if err != nil || one.Epoch.Number != uint64(i)+1 {
			t.Fatalf("epoch %d: %v", i+1, err)
		}
		if i == 0 {
			if e.Certificate != nil || e.Epoch.Digest() != c.genesis.Outcome.NextEpoch {
				t.Error("epoch 1 is not genesis'")
			}
			continue
		}
		if e.Certificate.Outcome.NextEpoch != e.Epoch.Digest() {
			t.Errorf("epoch %d is not what its certificate names", e.Epoch.Number)
		}
	}
}

func TestAbsentIsNotFound(t *testing.T) {
	c := newChain(1, 10)
	s := filled(t, c, 3)
	for name, err := range map[string]error{
		"block":       second(s.Block(4)),
		"block 0":     second(s.Block(0)),
		"block by id": second(s.BlockByID(types.Hash{1})),
		"outcome":     second(s.Outcome(4)),
		"outcomes":    second(s.Outcomes(2, 4)),
		"receipts":    second(s.Receipts(4)),
		"transaction": second(s.TxLookup(types.Hash{1})),
		"epoch":       second(s.EpochStart(2)),
		"height":      second(s.HeightOf(types.Hash{1})),
		"state":       second(s.StateRef(4)),
	} {
		if !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if known, err := s.KnownEvidence(types.Hash{1}); known || err != nil {
		t.Errorf("evidence: %v, %v", known, err)
	}
	if list, err := s.Outcomes(0, 3); err != nil || len(list) != 4 {
		t.Errorf("outcomes 0 to 3: %d, %v", len(list), err)
	}
	if _, err := s.Outcomes(0, MaxOutcomes); err == nil {
		t.Error("a range without bounds was answered")
	}
}

func second[T any](_ T, err error) error { return err }

// What does not go on from the tip changes nothing.
func TestCommitRefusals(t *testing.T) {
	tests := []struct {
		name   string
		change func(list []Final) []Final
	}{
		{"empty", func(l []Final) []Final { return nil }},
		{"gap", func(l []Final) []Final { return l[1:] }},
		{"no certificate", func(l []Final) []Final { l[1].Certificate = nil; return l }},
		{"certificate of another block", func(l []Final) []Final {
			cc := *l[1].Certificate
			cc.Outcome.FailedRun = 3
			l[1].Certificate = &cc
			return l
		}},
		{"parent outcome", func(l []Final) []Final { l[0].Outcome.Parent[0]++; return l }},
		{"another block", func(l []Final) []Final { l[0].Block = l[1].Block; return l }},
		{"state root", func(l []Final) []Final { l[0].Outcome.StateRoot[0]++; return l }},
		{"no writes", func(l []Final) []Final { l[0].Writes = nil; return l }},
		{"no block", func(l []Final) []Final { l[0].Block = nil; return l }},
		{"evidence without hash", func(l []Final) []Final { l[1].EvidenceHashes = nil; return l }},
		{"next epoch that nothing names", func(l []Final) []Final { l[1].NextEpoch = &types.Epoch{Number: 2}; return l }},
		{"too many", func(l []Final) []Final { return slices.Repeat(l, MaxBatchBlocks) }},
	}
	c := newChain(1, 10)
	s := filled(t, c, 3)
	before := s.written.Load()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := s.Commit(tt.change(c.batch(4, 5))); err == nil || errors.Is(err, ErrFailed) {
				t.Errorf("commit: %v", err)
			}
			if s.Tip() != 3 || s.written.Load() != before {
				t.Errorf("tip %d, something was written", s.Tip())
			}
		})
	}
	if err := s.CommitGenesis(c.genesis); err == nil {
		t.Error("genesis was stored twice")
	}
	if err := s.Commit(c.batch(4, 5)); err != nil {
		t.Errorf("a good batch after refused ones: %v", err)
	}
}

// An epoch may end on the last block of a batch only.
func TestEpochEndInsideBatch(t *testing.T) {
	c := newChain(1, 10)
	s := filled(t, c, 49)
	if err := s.Commit(c.batch(50, 51)); err == nil {
		t.Error("a batch went past the end of an epoch")
	}
	if err := s.Commit(c.batch(50, 50)); err != nil {
		t.Error(err)
	}
}

func TestTxIndexKeepsTheLastSuccess(t *testing.T) {
	c := newChain(1, 10)
	c.grow(6)
	hash := types.Hash{42}
	code := []uint32{7, 0, 7, 0, 7, 7} // of heights 1 to 6
	want := []uint64{1, 2, 2, 4, 4, 4}
	s := openStore(t, t.TempDir(), testOptions())
	c.fill(t, s, 0)
	for i := range code {
		list := c.batch(uint64(i)+1, uint64(i)+1)
		list[0].Receipts = append([]receiptT(nil), list[0].Receipts...)
		list[0].Receipts[0].TxHash, list[0].Receipts[0].Code = hash, code[i]
		if err := s.Commit(list); err != nil {
			t.Fatal(err)
		}
		place, err := s.TxLookup(hash)
		if err != nil || place.Height != want[i] || place.Success != (code[want[i]-1] == 0) {
			t.Errorf("after height %d: %+v, %v; want height %d", i+1, place, err, want[i])
		}
	}
}

func TestInspect(t *testing.T) {
	c := newChain(1, 10)
	dir := t.TempDir()
	s := openStore(t, dir, testOptions())
	c.fill(t, s, 60)
	if _, err := Inspect(dir, Options{}); !errors.Is(err, disk.ErrLocked) {
		t.Errorf("inspect of a database in use: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	in, err := Inspect(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if in.Tip != 60 || in.Epoch != 2 || in.Genesis != testGenesis || in.Problem != "" || in.Empty || len(in.Families) != int(familyCount)-1 {
		t.Errorf("inspection %+v", in)
	}
	if _, err := Inspect(t.TempDir(), Options{}); err == nil {
		t.Error("inspected a database that is not there")
	}
}

// A failed block judged none of its evidence, nor did one of a migration: it may come
// again. // rule: failed-block, migration
func TestEvidenceThatNoBlockJudgedIsNotKnown(t *testing.T) {
	for name, spoil := range map[string]func(*Final){
		"failed block":         func(f *Final) { f.Failed = true },
		"block of a migration": func(f *Final) { f.EvidenceWaits = true },
	} {
		t.Run(name, func(t *testing.T) {
			c := newChain(1, 10)
			s := filled(t, c, 4)
			batch := c.batch(5, 5) // the fifth holds evidence
			spoil(&batch[0])
			if err := s.Commit(batch); err != nil {
				t.Fatal(err)
			}
			if known, err := s.KnownEvidence(batch[0].EvidenceHashes[0]); err != nil || known {
				t.Errorf("known: %v, error %v", known, err)
			}
		})
	}
}
