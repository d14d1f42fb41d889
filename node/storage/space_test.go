package storage

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/bedrock-bft/bedrock/node/storage/disk"
	"github.com/bedrock-bft/bedrock/node/storage/disk/simdisk"
)

func TestJudgeSpace(t *testing.T) {
	for free, want := range map[uint64]Space{
		0: SpaceShortage, SpaceCritical - 1: SpaceShortage, SpaceCritical: SpaceTight,
		SpaceLow - 1: SpaceTight, SpaceLow: SpaceOK, 1 << 50: SpaceOK,
	} {
		if got := JudgeSpace(free); got != want {
			t.Errorf("%d bytes free: %v, want %v", free, got, want)
		}
	}
}

func TestWatchSpace(t *testing.T) {
	d := simdisk.New(1)
	ctx, cancel := context.WithCancel(t.Context())
	ticks, changes := make(chan time.Time), make(chan Space, 16)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		WatchSpace(ctx, d, "/", ticks, func(s Space, _ uint64) { changes <- s })
	}()
	if s := <-changes; s != SpaceOK {
		t.Errorf("at first: %v", s)
	}
	for _, step := range []struct {
		free uint64
		want Space
	}{{SpaceLow - 1, SpaceTight}, {SpaceCritical - 1, SpaceShortage}, {SpaceLow, SpaceOK}} {
		ticks <- time.Time{} // nothing changed since: no call
		d.SetFree(step.free)
		ticks <- time.Time{}
		if s := <-changes; s != step.want {
			t.Errorf("%d free: %v, want %v", step.free, s, step.want)
		}
	}
	cancel()
	<-ended
}

// fullDisk is the operating system's file system with a free space of choice.
type fullDisk struct {
	disk.OS
	free uint64
}

func (f fullDisk) Free(string) (uint64, error) { return f.free, nil }

func TestBallast(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, ballastName)
	opt := testOptions()
	opt.BallastBytes = 1 << 20
	start := func(free uint64) bool {
		opt.FS = fullDisk{free: free}
		s, err := Open(dir, opt)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		return err == nil && info.Size() == 1<<20
	}
	for i, step := range []struct {
		free uint64
		want bool
	}{
		{SpaceCritical, false},            // not enough to reserve any
		{2 * SpaceCritical, true},         // reserved
		{2 << 20, true},                   // kept while the database opens without it
		{1<<20 - 1, false},                // given up on a full disk
		{SpaceCritical + (1 << 20), true}, // made again
		{2 * SpaceCritical, true},         // kept
	} {
		if got := start(step.free); got != step.want {
			t.Errorf("step %d, %d bytes free: ballast %v, want %v", i, step.free, got, step.want)
		}
	}
}
