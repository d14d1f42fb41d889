package storage

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/bedrock-bft/bedrock/node/storage/crashfs"
)

// life is one random life of a database: commits, syncs, pruning, crashes at any
// write, openings that crash too.
type life struct {
	t     *testing.T
	seed  uint64
	dir   string
	fs    *crashfs.FS
	rng   *rand.Rand
	chain *chain
	store *Store
	// promised was answered by Sync or found by an opening; attempted is the
	// highest height that was ever written.
	promised, attempted uint64
	genesis             bool // promised
	openings, cuts      int
}

func (l *life) fatal(format string, args ...any) {
	l.t.Helper()
	l.t.Fatalf("seed %d: "+format, append([]any{l.seed}, args...)...)
}

func (l *life) options() Options {
	opt := testOptions()
	opt.NewEnv = l.fs.Env
	opt.VoteLogSynced = l.promised // the vote log records what Sync answered
	opt.KeepState = 12
	opt.WriteBufferBytes = 64 << 10 // many flushes and logs
	return opt
}

func (l *life) arm() {
	if l.rng.IntN(3) == 0 {
		l.fs.CrashAfter(1 + l.rng.IntN(40))
	}
}

// stop ends the process, with or without the power.
func (l *life) stop() {
	if l.store != nil {
		err := l.store.Close()
		if err != nil && !l.fs.Crashed() {
			l.fatal("close: %v", err)
		}
		l.store = nil
	}
	lost, err := l.fs.Restart(l.rng.IntN(3) != 0)
	if err != nil {
		l.fatal("restart: %v", err)
	}
	l.cuts += lost
}

func (l *life) open() {
	l.arm()
	s, err := Open(l.dir, l.options())
	l.store = s
	if l.fs.Crashed() {
		l.stop()
		return
	}
	if err != nil {
		l.fatal("open with promised height %d: %v", l.promised, err)
	}
	l.openings++
	if s.Filling() {
		l.fatal("filling although nothing promised is missing")
	}
	tip := s.Tip()
	if tip < l.promised || tip > l.attempted || (l.genesis && s.Empty()) {
		l.fatal("tip %d (empty %v), promised %d, attempted %d", tip, s.Empty(), l.promised, l.attempted)
	}
	l.check()
	l.promised = tip // found and synced by the opening
}

// check reads heights back: the tip, some others, and that nothing is above it.
func (l *life) check() {
	s := l.store
	if s.Empty() {
		return
	}
	tip, floor := s.Tip(), s.Floors().State
	for _, h := range []uint64{tip, tip / 2, floor + l.rng.Uint64N(tip-floor+1)} {
		if h > 0 {
			l.chain.checkHeight(l.t, s, h)
		}
		if h < floor {
			continue
		}
		if err := l.chain.checkState(s, h); err != nil {
			l.fatal("tip %d, floor %d: %v", tip, floor, err)
		}
	}
	if _, err := s.Block(tip + 1); !errors.Is(err, ErrNotFound) {
		l.fatal("a block above the tip: %v", err)
	}
}

func (l *life) act() {
	s := l.store
	l.arm()
	var err error
	promised, genesis := l.promised, l.genesis
	switch tip := s.Tip(); {
	case s.Empty():
		err = s.CommitGenesis(l.chain.genesis)
		genesis = true
	case l.rng.IntN(4) == 0:
		promised, err = s.Sync()
	case l.rng.IntN(8) == 0:
		_, err = s.Prune(noPin)
	default:
		to := min(tip+1+l.rng.Uint64N(3), tip/50*50+50)
		l.attempted = max(l.attempted, to)
		err = s.Commit(l.chain.batch(tip+1, to))
	}
	if l.fs.Crashed() {
		l.stop()
		return
	}
	if err != nil {
		l.fatal("act: %v", err)
	}
	l.promised, l.genesis = promised, genesis
}

// The promises of doc.go.
func TestCrashAtEveryWrite(t *testing.T) {
	const lives, firstLife = 12, 100
	var openings, cuts, ops int
	for seed := range uint64(lives) {
		seed += firstLife
		root := t.TempDir()
		trash := filepath.Join(root, "trash")
		if err := os.Mkdir(trash, 0o700); err != nil {
			t.Fatal(err)
		}
		l := &life{
			t: t, seed: seed, dir: filepath.Join(root, "data"), fs: crashfs.New(seed, trash),
			rng: rand.New(rand.NewPCG(seed, 2)), chain: newChain(seed, 30),
		}
		l.chain.txBytes = 2000 // blob files
		for range 60 {
			switch {
			case l.store == nil:
				l.open()
			case l.rng.IntN(15) == 0:
				l.stop()
			default:
				l.act()
			}
		}
		l.stop()
		openings, cuts, ops = openings+l.openings, cuts+l.cuts, ops+l.fs.Ops()
		l.fs.Free()
	}
	t.Logf("%d lives, %d openings, %d changes of the disk, %d files cut or torn", lives, openings, ops, cuts)
	if cuts == 0 {
		t.Error("no crash lost anything: the test does not reach what it is for")
	}
}

// failing is a store on a disk of its own, with three heights synced.
func failing(t *testing.T) (*crashfs.FS, *chain, *Store, string) {
	t.Helper()
	root := t.TempDir()
	trash := filepath.Join(root, "trash")
	if err := os.Mkdir(trash, 0o700); err != nil {
		t.Fatal(err)
	}
	fs := crashfs.New(1, trash)
	t.Cleanup(fs.Free) // after the stores are closed
	opt := testOptions()
	opt.NewEnv = fs.Env
	dir := filepath.Join(root, "data")
	s := openStore(t, dir, opt)
	c := newChain(1, 10)
	c.fill(t, s, 3)
	if _, err := s.Sync(); err != nil {
		t.Fatal(err)
	}
	return fs, c, s, dir
}

// expectFailed holds a failed store to refusing writes and answering reads, and
// what is found after a power cut to what was synced.
func expectFailed(t *testing.T, fs *crashfs.FS, c *chain, s *Store, dir string) {
	t.Helper()
	if _, err := s.Sync(); !errors.Is(err, ErrFailed) {
		t.Errorf("a sync after the failure: %v", err)
	}
	if err := s.Commit(c.batch(s.Tip()+1, s.Tip()+1)); !errors.Is(err, ErrFailed) {
		t.Errorf("a commit after the failure: %v", err)
	}
	if s.SyncedHeight() != 3 {
		t.Errorf("synced %d, want 3", s.SyncedHeight())
	}
	tip := s.Tip()
	if err := c.checkState(s, tip); err != nil {
		t.Errorf("reading goes on: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := fs.Restart(true); err != nil {
		t.Fatal(err)
	}
	opt := testOptions()
	opt.NewEnv, opt.VoteLogSynced = fs.Env, 3
	s = openStore(t, dir, opt)
	if s.Tip() < 3 || s.Tip() > tip {
		t.Errorf("tip %d after a power cut, synced 3, committed %d", s.Tip(), tip)
	}
}

// A sync that failed ends the store; nothing is retried. // rule: sync-failure
func TestFailedSyncIsFinal(t *testing.T) {
	fs, c, s, dir := failing(t)
	c.fill(t, s, 5)
	fs.FailSync()
	if _, err := s.Sync(); !errors.Is(err, ErrFailed) {
		t.Fatalf("a failing sync: %v", err)
	}
	expectFailed(t, fs, c, s, dir)
}

// A full disk ends the store with an error that says so; nothing synced is lost.
func TestFullDisk(t *testing.T) {
	fs, c, s, dir := failing(t)
	fs.Fill()
	err := s.Commit(c.batch(4, 4))
	if !errors.Is(err, ErrFailed) || !isNoSpace(err) {
		t.Fatalf("a commit to a full disk: %v", err)
	}
	expectFailed(t, fs, c, s, dir)
}
