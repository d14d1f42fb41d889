package storage

import (
	"errors"
	"testing"

	"github.com/bedrock-bft/bedrock/node/storage/disk"
)

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
