package votelog

import (
	"errors"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bedrock-bft/bedrock/node/storage/disk/simdisk"
)

// spot is one bit of one file.
type spot struct {
	file string
	bit  int64
}

func (s spot) flip(t *testing.T, d *simdisk.Disk) {
	t.Helper()
	if err := d.Flip(filepath.Join(testDir, s.file), s.bit); err != nil {
		t.Fatal(err)
	}
}

// layout says where a written log's records lie.
func layout(t *testing.T, d *simdisk.Disk) (segments, slots []RecordInfo) {
	t.Helper()
	in, err := Inspect(testDir, simOptions(d))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range in.Records {
		if strings.HasPrefix(r.File, slotPrefix) {
			slots = append(slots, r)
		} else {
			segments = append(segments, r)
		}
	}
	return segments, slots
}

// bitOf is bit n of a record's place in its file.
func bitOf(r RecordInfo, n int64) spot {
	return spot{file: r.File, bit: r.Offset*8 + n%(sealedBytes(r.Bytes)*8)}
}

// Any one bit of either copy: the newest state is still known, and the damage is
// reported. // rule: log-open
func TestAnyOneBitFlipped(t *testing.T) {
	const votes = 7
	origin := written(t, votes)
	segments, slots := layout(t, origin)
	newest := segments[len(segments)-1]
	flips := 0
	for _, r := range append(segments, slots...) {
		for at := range sealedBytes(r.Bytes) {
			if at%3 != 0 && at%sectorBytes < dataBytes && at%sectorBytes > headerBytes {
				continue // every byte of heads and stamps, every third of the rest
			}
			d := origin.Clone(1)
			bitOf(r, at*8+at%8).flip(t, d)
			rec := mustOpen(t, d)
			if rec.State.VotedView != votes {
				t.Fatalf("byte %d of record %d in %s: opened at view %d of %d", at, r.Seq, r.File, rec.State.VotedView, votes)
			}
			if len(rec.Damage) == 0 {
				t.Fatalf("byte %d of record %d in %s: not reported", at, r.Seq, r.File)
			}
			if lost := !rec.MissingBody.IsZero(); lost != (r.File == newest.File && r.Seq == newest.Seq) {
				t.Fatalf("byte %d of record %d in %s: body missing: %v", at, r.Seq, r.File, lost)
			}
			flips++
		}
	}
	t.Logf("%d flips", flips)
}

func mustOpen(t *testing.T, d *simdisk.Disk) Recovered {
	t.Helper()
	l, rec, err := Open(testDir, simOptions(d))
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return rec
}

// One bit in each copy's newest record: nothing can vouch for what was signed
// last, so the volume is foreign. // rule: volume-foreign
func TestNewestRecordFlippedInBothCopies(t *testing.T) {
	origin := written(t, 7)
	segments, slots := layout(t, origin)
	a, b := segments[len(segments)-1], slots[len(slots)-1]
	rng := rand.New(rand.NewPCG(3, 3))
	for i := range 2000 {
		d := origin.Clone(1)
		bitOf(a, rng.Int64N(1<<40)).flip(t, d)
		bitOf(b, rng.Int64N(1<<40)).flip(t, d)
		_, rec, err := Open(testDir, simOptions(d))
		if !errors.Is(err, ErrForeign) {
			t.Fatalf("try %d: opened with %v at view %d", i, err, rec.State.VotedView)
		}
		if len(rec.Damage) < 2 {
			t.Fatalf("try %d: damage reported: %v", i, rec.Damage)
		}
		if _, _, err := Open(testDir, simOptions(d)); !errors.Is(err, ErrForeign) {
			t.Fatalf("try %d: a foreign log opened the second time: %v", i, err)
		}
	}
}

// Up to three bits anywhere: never an older state. // rule: key-with-memory
func TestManyBitsFlipped(t *testing.T) {
	const votes = 7
	origin := written(t, votes)
	segments, slots := layout(t, origin)
	all := append(segments, slots...)
	rng := rand.New(rand.NewPCG(5, 5))
	foreign := 0
	for i := range 6000 {
		d := origin.Clone(1)
		var spots []spot
		for range 2 + rng.IntN(2) {
			spots = append(spots, bitOf(all[rng.IntN(len(all))], rng.Int64N(1<<40)))
			spots[len(spots)-1].flip(t, d)
		}
		l, rec, err := Open(testDir, simOptions(d))
		switch {
		case errors.Is(err, ErrForeign):
			foreign++
		case err != nil:
			t.Fatalf("try %d, %v: %v", i, spots, err)
		case rec.State.VotedView != votes:
			t.Fatalf("try %d, %v: opened at view %d", i, spots, rec.State.VotedView)
		default:
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if foreign == 0 {
		t.Error("no try hit both copies' newest records")
	}
	t.Logf("%d of 6000 foreign", foreign)
}

// A device that refuses to read a sector is damage like any other.
func TestUnreadableSectors(t *testing.T) {
	origin := written(t, 7)
	segments, slots := layout(t, origin)
	newest, slot := segments[len(segments)-1], slots[len(slots)-1]
	d := origin.Clone(1)
	unreadable(t, d, newest)
	if rec := mustOpen(t, d); rec.State.VotedView != 7 || rec.MissingBody.IsZero() {
		t.Errorf("segment unreadable: view %d, missing body %s", rec.State.VotedView, rec.MissingBody)
	}
	d = origin.Clone(1)
	unreadable(t, d, newest)
	unreadable(t, d, slot)
	if _, _, err := Open(testDir, simOptions(d)); !errors.Is(err, ErrForeign) {
		t.Errorf("both unreadable: %v", err)
	}
}

func unreadable(t *testing.T, d *simdisk.Disk, r RecordInfo) {
	t.Helper()
	if err := d.Unreadable(filepath.Join(testDir, r.File), int(r.Offset/sectorBytes)+1); err != nil {
		t.Fatal(err)
	}
}

// Whole files lost: one copy is enough, none is foreign.
func TestFilesMissing(t *testing.T) {
	origin := written(t, 7)
	names, err := origin.ReadDir(testDir)
	if err != nil {
		t.Fatal(err)
	}
	remove := func(prefixes ...string) *simdisk.Disk {
		d := origin.Clone(1)
		for _, name := range names {
			for _, p := range prefixes {
				if strings.HasPrefix(name, p) {
					if err := d.Vanish(filepath.Join(testDir, name)); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		return d
	}
	for _, prefixes := range [][]string{{segmentPrefix}, {slotPrefix}, {"slot-0"}, {"slot-1"}} {
		rec := mustOpen(t, remove(prefixes...))
		if rec.State.VotedView != 7 || len(rec.Damage) == 0 {
			t.Errorf("without %v: view %d, damage %v", prefixes, rec.State.VotedView, rec.Damage)
		}
	}
	if _, _, err := Open(testDir, simOptions(remove(segmentPrefix, slotPrefix))); !errors.Is(err, ErrForeign) {
		t.Errorf("without both copies: %v", err)
	}
	if _, _, err := Open("/signer/nothing", simOptions(origin)); !errors.Is(err, ErrForeign) {
		t.Errorf("without the folder: %v", err)
	}
	opt := simOptions(origin)
	opt.Owner[0]++
	if _, _, err := Open(testDir, opt); !errors.Is(err, ErrForeign) {
		t.Errorf("under another identity: %v", err)
	}
}
