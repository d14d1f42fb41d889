package storage

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// stopped is the folder of a database that was closed at a height, all of it in
// the write-ahead log.
func stopped(t *testing.T, c *chain, height uint64) string {
	t.Helper()
	dir := t.TempDir()
	s := openStore(t, dir, testOptions())
	c.fill(t, s, height)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// flipped is a copy of a folder with one bit of one file flipped.
func flipped(t *testing.T, dir, file string, bit int64) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "data")
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(to, file)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[bit/8] ^= 1 << (bit % 8)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return to
}

// largest is the largest file with that extension, below dir, and its size.
func largest(t *testing.T, dir, ext string) (name string, size int64) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ext {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Size() > size {
			name, size = path, info.Size()
		}
		return err
	})
	if err != nil || name == "" {
		t.Fatalf("no %s file: %v", ext, err)
	}
	return name, size
}

// One bit flipped in the write-ahead log between stop and start: a tip below what
// the vote log saw synced is refused, an empty database is filled again, and
// nothing wrong is ever read.
func TestOneBitFlippedInTheWAL(t *testing.T) {
	const height = 12
	c := newChain(5, 20)
	dir := stopped(t, c, height)
	wal, size := largest(t, dir, ".log")
	rng := rand.New(rand.NewPCG(6, 6))
	refused, rebuilt, shorter := 0, 0, 0
	for range 20 {
		at := rng.Int64N(size * 8)
		opt := testOptions()
		opt.VoteLogSynced = height
		switch s, err := Open(flipped(t, dir, wal, at), opt); {
		case err == nil && s.Empty() && s.Filling():
			rebuilt++ // nothing at all was left
			_ = s.Close()
		case err == nil:
			t.Errorf("bit %d of %s: opened at height %d of %d (filling %v)", at, wal, s.Tip(), height, s.Filling())
			_ = s.Close()
		case errors.Is(err, ErrMissingWrites), errors.Is(err, ErrDamaged):
			refused++
		default:
			t.Errorf("bit %d of %s: %v", at, wal, err)
		}
		opt.VoteLogSynced = 0
		s, err := Open(flipped(t, dir, wal, at), opt)
		if err != nil {
			continue
		}
		if s.Tip() < height {
			shorter++
		}
		for h := uint64(0); !s.Empty() && h <= s.Tip(); h++ {
			if err := c.checkState(s, h); err != nil {
				t.Errorf("bit %d of %s: %v", at, wal, err)
			}
		}
		_ = s.Close()
	}
	t.Logf("%d flips refused, %d rebuilt, %d would have opened shorter", refused, rebuilt, shorter)
	if shorter == 0 {
		t.Error("no flip shortened the log: the comparison was not tested")
	}
}

// One bit flipped in a table: reads are right or an error, never an absence.
// // rule: host-fault
func TestOneBitFlippedInATable(t *testing.T) {
	const height = 12
	c := newChain(5, 200)
	dir := stopped(t, c, height)
	if err := openStore(t, dir, testOptions()).Close(); err != nil { // writes tables
		t.Fatal(err)
	}
	table, size := largest(t, dir, ".sst")
	rng := rand.New(rand.NewPCG(7, 7))
	faults := 0
	for range 15 {
		at := rng.Int64N(size * 8)
		s, err := Open(flipped(t, dir, table, at), testOptions())
		if err != nil {
			faults++
			continue
		}
		addresses := c.addresses()
		for h := uint64(0); h <= height; h++ {
			for part := range slices.Chunk(addresses, 10) {
				rows, err := s.ReadValues(h, part)
				if err != nil {
					faults++
					continue
				}
				for i, a := range part {
					if want, present := c.values[h][a]; rows[i].Present != present || string(rows[i].Value) != string(want) {
						t.Fatalf("bit %d of %s: address %x at height %d reads %q, want %q", at, table, a, h, rows[i].Value, want)
					}
				}
			}
		}
		_ = s.Close()
	}
	if faults == 0 {
		t.Error("no flip was noticed")
	}
}
