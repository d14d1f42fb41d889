package votelog

import (
	"encoding/binary"
	"testing"

	"github.com/bedrock-bft/bedrock/node/storage/disk/simdisk"
	"github.com/bedrock-bft/bedrock/node/types"
)

// testDir is the log's folder on simulated disks.
const testDir = "/signer/votelog"

var testOwner = [32]byte{7, 1}

func simOptions(d *simdisk.Disk) Options {
	return Options{Owner: testOwner, FS: d, SegmentBytes: 6 * pageBytes, SlotBytes: pageBytes, Serial: true}
}

// testBlock is a block of that height and view with some payload.
func testBlock(epoch, view, height uint64, payload int) *types.Block {
	tx := make([]byte, 8+payload)
	binary.LittleEndian.PutUint64(tx, view)
	b := &types.Block{
		Header:  types.Header{Genesis: types.Hash{1}, Epoch: epoch, View: view, Height: height, TimestampMs: view},
		Payload: [][]byte{tx},
	}
	b.Header.PayloadRoot = types.ListRoot(b.Payload)
	b.Header.EvidenceRoot = types.ListRoot(nil)
	return b
}

// voteRecord is what a validator writes when it votes in a view: the block of
// that height is voted for, the one below commit-voted.
func voteRecord(view, height, synced uint64, payload int) Record {
	b := testBlock(1, view, height, payload)
	commit := &types.Commit{View: view, Height: height, Block: b.ID(), Outcome: types.Hash{9, byte(view)}}
	return Record{
		State: types.SafetyState{
			Epoch: 1, VotedView: view, VotedBlock: b.ID(), VotedHeight: height,
			TimeoutView: view - 1, Commit: commit, Lock: types.QC{Epoch: 1, View: view, Height: height, Block: b.ID()},
		},
		Blocks:       []*types.Block{b},
		Outcomes:     []types.SignedOutcome{{View: view, Height: height, Block: b.ID(), Outcome: commit.Outcome}},
		SyncedHeight: synced,
	}
}

// newLog creates a log on a simulated disk and opens it.
func newLog(t testing.TB, d *simdisk.Disk) *Log {
	t.Helper()
	if err := Create(testDir, simOptions(d)); err != nil {
		t.Fatalf("create: %v", err)
	}
	l, _, err := Open(testDir, simOptions(d))
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return l
}

// written is a disk with a closed log that voted in views 1 to n.
func written(t testing.TB, n int) *simdisk.Disk {
	t.Helper()
	d := simdisk.New(1)
	l := newLog(t, d)
	for view := 1; view <= n; view++ {
		if err := l.Append(voteRecord(uint64(view), uint64(view), 0, 100)); err != nil {
			t.Fatalf("append %d: %v", view, err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	return d
}

// hasBlock reports whether a recovered log holds the block of a view.
func hasBlock(rec *Recovered, view uint64) bool {
	for _, b := range rec.Blocks {
		if b.Header.View == view {
			return true
		}
	}
	return false
}

func hasOutcome(rec *Recovered, view uint64) bool {
	for _, o := range rec.Outcomes {
		if o.View == view {
			return true
		}
	}
	return false
}
