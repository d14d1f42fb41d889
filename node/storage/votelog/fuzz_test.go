package votelog

import (
	"bytes"
	"errors"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/bedrock-bft/bedrock/node/storage/disk/simdisk"
	"github.com/bedrock-bft/bedrock/node/types"
	"github.com/bedrock-bft/bedrock/node/wire"
)

// FuzzContent reads arbitrary bytes as a record's payload: what is accepted is the
// one encoding of its content, and its bodies are read or refused.
func FuzzContent(f *testing.F) {
	r := voteRecord(5, 5, 3, 40)
	full := content{synced: 3, state: r.State, outcomes: []outcomeEntry{{epoch: 1, signed: r.Outcomes[0]}},
		blocks: []blockEntry{{id: r.Blocks[0].ID(), body: wire.EncodeBlock(r.Blocks[0])}}}
	f.Add(encodeContent(&content{}, true))
	f.Add(encodeContent(&full, true))
	f.Add(encodeContent(&full, false))
	f.Add(bytes.Repeat([]byte{0xff}, 40))
	f.Fuzz(func(t *testing.T, payload []byte) {
		c, err := decodeContent(payload)
		if err != nil {
			return
		}
		if again := encodeContent(&c, true); !bytes.Equal(again, payload) && c.state.Epoch != 0 {
			t.Fatalf("two encodings of one record:\n%x\n%x", payload, again)
		}
		blocks, err := c.decodeBlocks()
		if err == nil && len(blocks) > len(c.blocks) {
			t.Fatal("more bodies than entries")
		}
	})
}

// FuzzOpenFiles opens a log whose segment and slots hold arbitrary bytes, as they are
// and behind valid checksums, as another program may have left them: it opens, or says why not, and what it opens with
// opens again with the same. Nothing panics.
func FuzzOpenFiles(f *testing.F) {
	d := simdisk.New(1)
	if err := Create(testDir, simOptions(d)); err != nil {
		f.Fatal(err)
	}
	segment, slot := fileOf(f, d, segmentName(1)), fileOf(f, d, slotName(1))
	r := voteRecord(2, 2, 0, 40)
	c := content{state: r.State, outcomes: []outcomeEntry{{epoch: 1, signed: r.Outcomes[0]}}, blocks: []blockEntry{{id: r.Blocks[0].ID(), body: wire.EncodeBlock(r.Blocks[0])}}}
	f.Add(segment[:pageBytes], slot, false)
	f.Add(encodeContent(&c, true), encodeContent(&c, false), true)
	f.Add(encodeContent(&c, true), []byte{}, true)
	f.Add([]byte{}, []byte{}, false)
	f.Add([]byte("BRVOTELG"), bytes.Repeat([]byte{1}, sectorBytes), false)
	f.Fuzz(func(t *testing.T, segment, slot []byte, seals bool) {
		if len(segment) > 4*pageBytes || len(slot) > 2*pageBytes {
			return
		}
		if seals {
			segment, slot = seal(place{testOwner, 1}, 0, 0, 1, segment), seal(slotPlace(testOwner, 1), 0, 0, 1, slot)
		}
		d := simdisk.New(1)
		put(t, d, segmentName(1), segment)
		put(t, d, slotName(0), nil)
		put(t, d, slotName(1), slot)
		checkOpens(t, d)
	})
}

// checkOpens opens a log twice: whatever the first opening answers, it names a reason
// or leaves a log that opens with the same state.
func checkOpens(t *testing.T, d *simdisk.Disk) (Recovered, bool) {
	t.Helper()
	l, rec, err := Open(testDir, simOptions(d))
	if err != nil {
		return rec, false
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l, again, err := Open(testDir, simOptions(d))
	if err != nil {
		t.Fatalf("what was opened and written again does not open: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	ascending(rec.Outcomes)
	ascending(again.Outcomes)
	if !reflect.DeepEqual(again.State, rec.State) || again.SyncedHeight < rec.SyncedHeight || !reflect.DeepEqual(again.Outcomes, rec.Outcomes) {
		t.Fatalf("opened with %+v, then with %+v", rec, again)
	}
	return rec, true
}

// ascending sorts outcomes, whose order tells only which record they were read from.
func ascending(list []types.SignedOutcome) {
	slices.SortFunc(list, func(a, b types.SignedOutcome) int {
		return bytes.Compare(wire.EncodeSignedOutcome(&a), wire.EncodeSignedOutcome(&b))
	})
}

func put(t testing.TB, d *simdisk.Disk, name string, data []byte) {
	t.Helper()
	if err := d.MkdirAll(testDir); err != nil {
		t.Fatal(err)
	}
	size := (int64(len(data)) + pageBytes - 1) / pageBytes * pageBytes
	file, err := d.Create(filepath.Join(testDir, name), size)
	if err != nil {
		t.Fatal(err)
	}
	padded := append(bytes.Clone(data), make([]byte, size-int64(len(data)))...)
	if _, err := file.WriteAt(padded, 0); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(file.Sync(), file.Close()); err != nil {
		t.Fatal(err)
	}
}

func fileOf(t testing.TB, d *simdisk.Disk, name string) []byte {
	t.Helper()
	data, _, err := readFile(d, filepath.Join(testDir, name), name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// FuzzMutated flips bits of a log that voted in seven views, three bytes a spot: it opens
// with the newest vote, or as foreign with the damage named, never with an older one
// and never with what was not written. // rule: key-with-memory, log-open
func FuzzMutated(f *testing.F) {
	const votes = 7
	origin := written(f, votes)
	names, err := origin.ReadDir(testDir)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte{0, 0, 1})
	f.Add([]byte{1, 16, 1, 2, 32, 255})
	f.Add([]byte{3, 0, 8, 4, 0, 8, 1, 2, 64})
	f.Fuzz(func(t *testing.T, spots []byte) {
		d := origin.Clone(1)
		spots = spots[:min(len(spots), 3*64)]
		for ; len(spots) >= 3; spots = spots[3:] {
			name := filepath.Join(testDir, names[int(spots[0])%len(names)])
			// 256 places, spread over the file, and within a sector by the last byte.
			at := int64(spots[1])*pageBytes*8*6/256 + int64(spots[2])*17
			if err := d.Flip(name, at%(fileBits(t, d, name))); err != nil {
				t.Fatal(err)
			}
		}
		rec, opened := checkOpens(t, d)
		if !opened {
			if len(rec.Damage) == 0 {
				t.Fatal("a log that does not open names no damage")
			}
			return
		}
		if rec.State.VotedView != votes {
			t.Fatalf("opened at view %d of %d", rec.State.VotedView, votes)
		}
		for _, b := range rec.Blocks {
			if want := voteRecord(b.Header.View, b.Header.View, 0, 100).Blocks[0].ID(); b.ID() != want {
				t.Fatalf("a block of view %d that was not written", b.Header.View)
			}
		}
		for _, o := range rec.Outcomes {
			if want := voteRecord(o.View, o.View, 0, 100).Outcomes[0]; o != want || o.View > votes {
				t.Fatalf("an outcome that was not written: %+v", o)
			}
		}
	})
}

func fileBits(t *testing.T, d *simdisk.Disk, name string) int64 {
	t.Helper()
	return int64(len(fileOf(t, d, filepath.Base(name)))) * 8
}
