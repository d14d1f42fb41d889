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

func TestForeignNewerLocked(t *testing.T) {
	c := newChain(1, 10)
	dir := t.TempDir()
	s := openStore(t, dir, testOptions())
	c.fill(t, s, 3)
	if _, err := Open(dir, testOptions()); !errors.Is(err, disk.ErrLocked) {
		t.Errorf("second open: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	other := testOptions()
	other.Genesis[0]++
	if _, err := Open(dir, other); !errors.Is(err, ErrForeignChain) {
		t.Errorf("another chain: %v", err)
	}
	s = openStore(t, dir, testOptions())
	b := s.newBatch(64)
	b.put(famMeta, []byte(metaSchema), u64Value(SchemaVersion+1))
	if err := s.write(b, s.durable); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, testOptions()); !errors.Is(err, ErrNewerSchema) {
		t.Errorf("newer schema: %v", err)
	}
	if _, err := Open(dir, Options{}); err == nil {
		t.Error("opened without a genesis hash")
	}
}

// A database with a family that this program does not know is a newer one's.
func TestUnknownFamily(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir, testOptions())
	h, err := s.db.CreateColumnFamily(s.settings.db, "from-the-future")
	if err != nil {
		t.Fatal(err)
	}
	h.Destroy()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, testOptions()); !errors.Is(err, ErrNewerSchema) {
		t.Errorf("open: %v", err)
	}
}

// Anything of the tip that does not agree is refused at opening.
func TestTipMustAgree(t *testing.T) {
	tests := []struct {
		name   string
		damage func(*batch, *chain, *Final)
	}{
		{"no block", func(b *batch, c *chain, f *Final) { b.delete(famBlocks, heightKey(f.Outcome.Height)) }},
		{"block of another height", func(b *batch, c *chain, f *Final) {
			b.put(famBlocks, heightKey(f.Outcome.Height), encodeBlockOf(c, 2))
		}},
		{"no outcome", func(b *batch, c *chain, f *Final) { b.delete(famOutcomes, heightKey(f.Outcome.Height)) }},
		{"no parent", func(b *batch, c *chain, f *Final) { b.delete(famOutcomes, heightKey(f.Outcome.Height-1)) }},
		{"no receipts", func(b *batch, c *chain, f *Final) { b.delete(famReceipts, heightKey(f.Outcome.Height)) }},
		{"other receipts", func(b *batch, c *chain, f *Final) {
			b.put(famReceipts, heightKey(f.Outcome.Height), encodeReceipts(f.Receipts[:0]))
		}},
		{"no index", func(b *batch, c *chain, f *Final) { b.delete(famIndex, indexKey(indexBlock, f.Outcome.Block)) }},
		{"a row gone", func(b *batch, c *chain, f *Final) {
			b.delete(famState, appendStateKey(nil, &f.Writes.Values[0].Address, f.Outcome.Height))
		}},
		{"no changes", func(b *batch, c *chain, f *Final) { b.delete(famChanges, heightKey(f.Outcome.Height)) }},
		{"root page gone", func(b *batch, c *chain, f *Final) {
			b.delete(famTree, appendTreeKey(nil, &pageID{Version: f.Outcome.Height}))
		}},
		{"root page wrong", func(b *batch, c *chain, f *Final) {
			b.put(famTree, appendTreeKey(nil, &pageID{Version: f.Outcome.Height}), []byte("x"))
		}},
		{"tip beyond", func(b *batch, c *chain, f *Final) { b.put(famMeta, []byte(metaTip), u64Value(f.Outcome.Height+1)) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newChain(1, 10)
			dir := t.TempDir()
			s := openStore(t, dir, testOptions())
			c.fill(t, s, 5)
			b := s.newBatch(1024)
			tt.damage(b, c, &c.finals[4])
			if err := s.write(b, s.durable); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(dir, testOptions()); !errors.Is(err, ErrDamaged) {
				t.Errorf("open: %v", err)
			}
			in, err := Inspect(dir, testOptions())
			if err != nil || in.Problem == "" {
				t.Errorf("inspect: problem %q, %v", in.Problem, err)
			}
		})
	}
}

// Below what the vote log saw synced: refused, unless empty or marked.
func TestComparedWithTheVoteLog(t *testing.T) {
	c := newChain(1, 10)
	c.grow(12)
	dir := t.TempDir()
	s := openStore(t, dir, testOptions())
	c.fill(t, s, 5)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	opt := testOptions()
	opt.VoteLogSynced = 5
	if err := openStore(t, dir, opt).Close(); err != nil {
		t.Fatal(err)
	}
	opt.VoteLogSynced = 6
	if _, err := Open(dir, opt); !errors.Is(err, ErrMissingWrites) {
		t.Fatalf("below the vote log: %v", err)
	}
	if err := MarkFilling(dir, testOptions()); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, dir, opt)
	if !s.Filling() {
		t.Fatal("a marked database is not filling")
	}
	c.fill(t, s, 6)
	if !s.Filling() {
		t.Error("the mark left before a sync")
	}
	if _, err := s.Sync(); err != nil || s.Filling() {
		t.Errorf("filling %v after the synced tip reached the vote log: %v", s.Filling(), err)
	}
}

// An empty database is filled without a question, across restarts.
func TestEmptyDatabaseFills(t *testing.T) {
	c := newChain(1, 10)
	c.grow(8)
	dir := t.TempDir()
	opt := testOptions()
	opt.VoteLogSynced = 8
	for h := uint64(0); h < 8; h++ {
		s := openStore(t, dir, opt)
		if !s.Filling() {
			t.Fatalf("not filling at height %d", h)
		}
		c.fill(t, s, h)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	s := openStore(t, dir, opt)
	c.fill(t, s, 8)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s = openStore(t, dir, opt); s.Filling() {
		t.Error("still filling at the vote log's height")
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
