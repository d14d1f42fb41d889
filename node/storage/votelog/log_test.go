package votelog

import (
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bedrock-bft/bedrock/node/storage/disk"
	"github.com/bedrock-bft/bedrock/node/storage/disk/simdisk"
	"github.com/bedrock-bft/bedrock/node/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// The whole way on a real file system, copies synced in parallel.
func TestAppendAndReopenOnDisk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "signer", "votelog")
	var syncs []time.Duration
	opt := Options{
		Owner: testOwner, SegmentBytes: 8 * pageBytes, AllowUnsafeFileSystem: true,
		OnSync: func(d time.Duration) { syncs = append(syncs, d) },
	}
	if err := Create(dir, opt); err != nil {
		t.Fatal(err)
	}
	if err := Create(dir, opt); !errors.Is(err, ErrExists) {
		t.Errorf("second create: %v", err)
	}
	l, _, err := Open(dir, opt)
	if err != nil {
		t.Fatal(err)
	}
	var last Record
	for view := uint64(1); view <= 40; view++ {
		last = voteRecord(view, view, view-min(view, 4), 5000)
		if err := l.Append(last); err != nil {
			t.Fatal(err)
		}
	}
	if s := l.Stats(); s.Segments > 4 || s.HeldBodies != 4 || len(syncs) != 40 {
		t.Errorf("segments %d, bodies %d, syncs %d; segments that nobody needs stay?", s.Segments, s.HeldBodies, len(syncs))
	}
	if _, _, err := Open(dir, opt); !errors.Is(err, disk.ErrLocked) {
		t.Errorf("second open: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := l.Append(last); !errors.Is(err, ErrClosed) {
		t.Errorf("append after close: %v", err)
	}
	l, rec, err := Open(dir, opt)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if diff := cmp.Diff(last.State, rec.State); diff != "" {
		t.Errorf("state differs (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(last.Blocks[0], rec.Blocks[len(rec.Blocks)-1], cmpopts.IgnoreUnexported(types.Block{})); diff != "" {
		t.Errorf("newest body differs (-want +got):\n%s", diff)
	}
	if rec.SyncedHeight != 36 || len(rec.Blocks) != 4 || len(rec.Outcomes) != 4 || len(rec.Damage) != 0 {
		t.Errorf("synced %d, %d bodies, %d outcomes, damage %v", rec.SyncedHeight, len(rec.Blocks), len(rec.Outcomes), rec.Damage)
	}
}

// No caller's mistake takes back what is on record.
func TestAppendRefusesToForget(t *testing.T) {
	base := voteRecord(5, 5, 0, 10)
	tests := []struct {
		name   string
		change func(*types.SafetyState)
	}{
		{"epoch", func(s *types.SafetyState) { s.Epoch = 0 }},
		{"voted view", func(s *types.SafetyState) { s.VotedView = 4 }},
		{"voted block", func(s *types.SafetyState) { s.VotedBlock[0]++ }},
		{"timeout view", func(s *types.SafetyState) { s.TimeoutView = 3 }},
		{"lock", func(s *types.SafetyState) { s.Lock.View = 4 }},
		{"commit gone", func(s *types.SafetyState) { s.Commit = nil }},
		{"commit older", func(s *types.SafetyState) { s.Commit = &types.Commit{View: 4} }},
		{"commit other", func(s *types.SafetyState) { c := *s.Commit; c.Outcome[0]++; s.Commit = &c }},
		{"optimistic view", func(s *types.SafetyState) { s.OptimisticView = 1 }},
		{"proposed view", func(s *types.SafetyState) { s.ProposedView = 1 }},
	}
	base.State.OptimisticView, base.State.ProposedView = 2, 2
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := simdisk.New(1)
			l := newLog(t, d)
			if err := l.Append(base); err != nil {
				t.Fatal(err)
			}
			changed := base
			tt.change(&changed.State)
			ops := d.Ops()
			if err := l.Append(changed); err == nil || errors.Is(err, ErrFailed) {
				t.Fatalf("append: %v", err)
			}
			if d.Ops() != ops {
				t.Error("something was written")
			}
			next := voteRecord(6, 6, 0, 10)
			next.State.OptimisticView, next.State.ProposedView = 2, 2
			if err := l.Append(next); err != nil {
				t.Errorf("a good record after a refused one: %v", err)
			}
		})
	}
}

// Entering an epoch resets views, and the bodies of the one before leave.
func TestEpochEnterDropsTheOldEpoch(t *testing.T) {
	d := simdisk.New(1)
	l := newLog(t, d)
	for view := uint64(1); view <= 3; view++ {
		if err := l.Append(voteRecord(view, view, 0, 10)); err != nil {
			t.Fatal(err)
		}
	}
	if held := l.HeldBodyBytes(); held == 0 {
		t.Fatal("no bodies held")
	}
	if err := l.Append(Record{State: types.SafetyState{Epoch: 2}, SyncedHeight: 1}); err != nil {
		t.Fatal(err)
	}
	if held := l.HeldBodyBytes(); held != 0 {
		t.Errorf("%d bytes of bodies of an epoch that is over", held)
	}
	if err := l.Append(voteRecord(4, 4, 1, 10)); err == nil {
		t.Error("a record of the old epoch was taken") // rule: epoch-no-return
	}
}

func TestFinalDropsConflicting(t *testing.T) {
	l := newLog(t, simdisk.New(1))
	if err := l.Append(voteRecord(1, 1, 0, 10)); err != nil {
		t.Fatal(err)
	}
	l.Final(1, testBlock(1, 1, 1, 10).ID())
	if l.HeldBodyBytes() == 0 {
		t.Error("the final block's body left before its sync was recorded")
	}
	l.Final(1, types.Hash{1})
	if l.HeldBodyBytes() != 0 {
		t.Error("a body stays although another block of its height is final")
	}
}

// The recorded synced height never falls, also while a lost database fills again.
func TestSyncedHeightNeverFalls(t *testing.T) {
	d := simdisk.New(1)
	l := newLog(t, d)
	for view, synced := range []uint64{0, 3, 1} {
		if err := l.Append(voteRecord(uint64(view)+1, uint64(view)+5, synced, 10)); err != nil {
			t.Fatal(err)
		}
	}
	d.Kill()
	if rec := mustOpen(t, d); rec.SyncedHeight != 3 {
		t.Errorf("recorded synced height %d, want 3", rec.SyncedHeight)
	}
}

// A body that came back from peers is written and found again.
func TestMissingBodyComesBack(t *testing.T) {
	d := written(t, 3)
	segments, _ := layout(t, d)
	bitOf(segments[len(segments)-1], 99).flip(t, d)
	l, rec, err := Open(testDir, simOptions(d))
	if err != nil {
		t.Fatal(err)
	}
	b := testBlock(1, 3, 3, 100)
	if rec.MissingBody != b.ID() {
		t.Fatalf("missing body %s, want %s", rec.MissingBody, b.ID())
	}
	if err := l.Append(Record{State: rec.State, Blocks: []*types.Block{b}}); err != nil {
		t.Fatal(err)
	}
	d.PowerCut()
	if again := mustOpen(t, d); !again.MissingBody.IsZero() || !hasBlock(&again, 3) {
		t.Errorf("still missing: %s", again.MissingBody)
	}
}

func TestConcurrentAppends(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "votelog")
	opt := Options{Owner: testOwner, SegmentBytes: 4 * pageBytes, AllowUnsafeFileSystem: true}
	if err := Create(dir, opt); err != nil {
		t.Fatal(err)
	}
	l, _, err := Open(dir, opt)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 10 {
				if err := l.Append(Record{State: types.SafetyState{Epoch: 1}}); err != nil {
					t.Error(err)
				}
				_ = l.Stats()
			}
		})
	}
	wg.Wait()
	if s := l.Stats(); s.Appends < 40 || s.Segments > 1 {
		t.Errorf("%d appends, %d segments", s.Appends, s.Segments)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestInspect(t *testing.T) {
	d := written(t, 3)
	before, _ := d.ReadDir(testDir)
	in, err := Inspect(testDir, simOptions(d))
	if err != nil {
		t.Fatal(err)
	}
	if in.Foreign != "" || in.State == nil || in.State.VotedView != 3 || in.Winner == 0 || len(in.Damage) != 0 {
		t.Errorf("inspection %+v", in)
	}
	if len(in.Slots) != 2 || len(in.Segments) == 0 {
		t.Errorf("%d slots, %d segments", len(in.Slots), len(in.Segments))
	}
	after, _ := d.ReadDir(testDir)
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("inspect changed the folder:\n%s", diff)
	}
	if err := d.Vanish(filepath.Join(testDir, in.Slots[0].Name)); err != nil {
		t.Fatal(err)
	}
	for _, s := range in.Segments {
		if err := d.Erase(filepath.Join(testDir, s.Name)); err != nil {
			t.Fatal(err)
		}
	}
	in, err = Inspect(testDir, simOptions(d))
	if err != nil || !strings.Contains(in.Foreign, "damage") {
		t.Errorf("inspection of a log in ruins: foreign %q, %v", in.Foreign, err)
	}
}

func TestNewerFormatIsRefusedByName(t *testing.T) {
	sealed := seal(place{owner: testOwner, file: 1}, 0, 0, 1, []byte("payload"))
	sealed[8] = formatVersion + 1
	seed := place{owner: testOwner, file: 1}.seed()
	crc := sectorCRC(seed, 0, sealed[:sectorBytes])
	sealed[sectorBytes-4], sealed[sectorBytes-3], sealed[sectorBytes-2], sealed[sectorBytes-1] = byte(crc), byte(crc>>8), byte(crc>>16), byte(crc>>24)
	_, err := scanSegment(place{owner: testOwner, file: 1}, "seg", 1, sealed)
	var newer *VersionError
	if !errors.As(err, &newer) || newer.Version != formatVersion+1 {
		t.Errorf("scan: %v", err)
	}
}

// What peers put into a block is never taken for a record.
func TestForgedRecordInsideABody(t *testing.T) {
	forged := seal(place{owner: testOwner, file: 2}, 0, 0, 99, encodeContent(&content{}, true))
	payload := make([]byte, 0, 8*len(forged))
	for range 8 * pageSectors {
		payload = append(payload, forged[:dataBytes]...)
	}
	whole := seal(place{owner: testOwner, file: 2}, 0, 0, 1, payload)
	whole[5] ^= 1 // its own head is damaged, so reading searches on
	s, err := scanSegment(place{owner: testOwner, file: 2}, "seg", 2, whole)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.records) != 0 || s.hidden != 1 {
		t.Errorf("records %v, hidden %d", s.records, s.hidden)
	}
}
