package votelog

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/bedrock-bft/bedrock/node/storage/disk/simdisk"
)

// walk is one random life of a log: appends, crashes, failed syncs and openings,
// each of which may crash too. It holds what the log promised.
type walk struct {
	t      *testing.T
	seed   uint64
	disk   *simdisk.Disk
	rng    *rand.Rand
	log    *Log
	view   uint64 // last tried
	synced uint64
	// promised is the newest view that an Append or Open returned, attempted the
	// newest that was written at all.
	promised, attempted uint64
	promisedSynced      uint64
	missing             uint64            // recovered without its body: a vote that Append never returned for
	bodies              map[uint64]uint64 // view -> height, promised and not covered
	opened              int
	torn                int
}

func (w *walk) fatal(format string, args ...any) {
	w.t.Helper()
	w.t.Fatalf("seed %d: "+format, append([]any{w.seed}, args...)...)
}

// arm lets the next few operations fail in some way, or not.
func (w *walk) arm() {
	switch w.rng.IntN(6) {
	case 0, 1:
		w.disk.CrashAfter(1 + w.rng.IntN(10))
	case 2:
		w.disk.FailSync(1 + w.rng.IntN(4))
	}
}

func (w *walk) stop() {
	if w.log != nil && w.rng.IntN(2) == 0 {
		_ = w.log.Close() // a crashed disk may refuse; a clean stop must change nothing
	}
	w.log = nil
	if w.rng.IntN(2) == 0 {
		w.disk.Kill()
	} else {
		w.disk.PowerCut()
	}
}

func (w *walk) open() {
	w.arm()
	l, rec, err := Open(testDir, simOptions(w.disk))
	if err != nil {
		if errors.Is(err, ErrForeign) || !(errors.Is(err, simdisk.ErrCrashed) || errors.Is(err, simdisk.ErrSync)) {
			w.fatal("open: %v (damage %v)", err, rec.Damage)
		}
		w.stop()
		return
	}
	w.log = l
	w.check(&rec)
	w.promised, w.attempted = rec.State.VotedView, rec.State.VotedView
	w.view = max(w.view, w.promised)
	w.promisedSynced = rec.SyncedHeight
	w.opened++
}

func (w *walk) check(rec *Recovered) {
	got := rec.State.VotedView
	if got < w.promised || got > w.attempted {
		w.fatal("recovered view %d, promised %d, attempted %d", got, w.promised, w.attempted)
	}
	if rec.SyncedHeight < w.promisedSynced {
		w.fatal("recovered synced height %d, promised %d", rec.SyncedHeight, w.promisedSynced)
	}
	if !rec.MissingBody.IsZero() {
		if got <= w.promised && got != w.missing {
			w.fatal("the body of promised view %d is missing", got)
		}
		w.missing = got
	}
	for view, height := range w.bodies {
		if height > rec.SyncedHeight && (!hasBlock(rec, view) || !hasOutcome(rec, view)) {
			w.fatal("body or outcome of view %d (height %d, synced %d) lost", view, height, rec.SyncedHeight)
		}
	}
	for _, d := range rec.Damage {
		if d.Kind == DamageTorn {
			w.torn++
			continue
		}
		if d.Kind == DamageMissing && rec.MissingBody == rec.State.VotedBlock {
			continue // a vote that was never promised, from a slot alone
		}
		if d.Kind == DamageMissing && d.File == "slots" {
			continue // one slot torn, the other one held by the page cache alone
		}
		w.fatal("crashes alone reported damage: %v", rec.Damage)
	}
}

func (w *walk) append() {
	w.arm()
	w.view++
	if w.rng.IntN(3) == 0 {
		w.synced += uint64(w.rng.IntN(int(w.view - w.synced + 1)))
	}
	payload := 0
	switch w.rng.IntN(8) {
	case 0:
		payload = 3 * pageBytes
	case 1:
		payload = 9 * pageBytes // above the size of a segment
	}
	rec := voteRecord(w.view, w.view, w.synced, payload)
	w.attempted = w.view
	err := w.log.Append(rec)
	if err != nil {
		if !errors.Is(err, ErrFailed) {
			w.fatal("append: %v", err)
		}
		if again := w.log.Append(rec); !errors.Is(again, ErrFailed) {
			w.fatal("append after a failure: %v", again)
		}
		w.stop()
		return
	}
	w.promised, w.promisedSynced = w.view, max(w.promisedSynced, w.synced)
	w.bodies[w.view] = w.view
	for view, height := range w.bodies {
		if height <= w.promisedSynced {
			delete(w.bodies, view)
		}
	}
}

// rule: log-open, persist-first, vote-durable, sync-failure
func TestCrashAtEveryWrite(t *testing.T) {
	walks := uint64(600)
	var opened, torn int
	for seed := range walks {
		d := simdisk.New(seed)
		w := &walk{t: t, seed: seed, disk: d, rng: rand.New(rand.NewPCG(seed, 1)), bodies: make(map[uint64]uint64)}
		if err := Create(testDir, simOptions(d)); err != nil {
			t.Fatal(err)
		}
		for range 40 {
			switch {
			case w.log == nil:
				w.open()
			case w.rng.IntN(12) == 0:
				w.stop()
			default:
				w.append()
			}
		}
		opened, torn = opened+w.opened, torn+w.torn
	}
	t.Logf("%d walks, %d openings, %d torn records", walks, opened, torn)
	if torn == 0 {
		t.Error("no walk tore a record: the test does not reach what it is for")
	}
}

// Create appears whole or not at all, and can be tried again.
func TestCrashDuringCreate(t *testing.T) {
	for n := 1; n < 40; n++ {
		for seed := range uint64(20) {
			d := simdisk.New(seed)
			d.CrashAfter(n)
			created := Create(testDir, simOptions(d))
			if created != nil && !errors.Is(created, simdisk.ErrCrashed) {
				t.Fatalf("create, crash at %d: %v", n, created)
			}
			d.PowerCut()
			l, rec, err := Open(testDir, simOptions(d))
			switch {
			case err == nil:
				if rec.State.Epoch != 0 || rec.State.VotedView != 0 {
					t.Fatalf("a new log says %+v", rec.State)
				}
				if err := l.Close(); err != nil {
					t.Fatal(err)
				}
			case created == nil:
				t.Fatalf("crash at %d after create returned: %v", n, err)
			case !errors.Is(err, ErrForeign):
				t.Fatalf("open after crash at %d: %v", n, err)
			default:
				if err := Create(testDir, simOptions(d)); err != nil {
					t.Fatalf("create again after crash at %d: %v", n, err)
				}
			}
		}
	}
}

// A sync that failed is final for the process, and an opening does not trust what
// the page cache shows: it writes it again. // rule: sync-failure, log-open
func TestFailedSyncThenPowerCut(t *testing.T) {
	for sync := 1; sync <= 2; sync++ {
		for seed := range uint64(200) {
			d := simdisk.New(seed)
			l := newLog(t, d)
			if err := l.Append(voteRecord(1, 1, 0, 10)); err != nil {
				t.Fatal(err)
			}
			d.FailSync(sync)
			if err := l.Append(voteRecord(2, 2, 0, 10)); !errors.Is(err, ErrFailed) || !errors.Is(err, simdisk.ErrSync) {
				t.Fatalf("append with a failing sync: %v", err)
			}
			d.Kill()
			_, rec, err := Open(testDir, simOptions(d))
			if err != nil {
				t.Fatal(err)
			}
			if rec.State.VotedView != 2 {
				t.Fatalf("the page cache shows view 2, opened at %d", rec.State.VotedView)
			}
			d.PowerCut()
			_, again, err := Open(testDir, simOptions(d))
			if err != nil {
				t.Fatal(err)
			}
			if again.State.VotedView != 2 || !hasBlock(&again, 2) || !hasBlock(&again, 1) {
				t.Fatalf("seed %d: what an opening answered was lost: view %d, blocks %d", seed, again.State.VotedView, len(again.Blocks))
			}
		}
	}
}
