package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/bedrock-bft/bedrock/node/storage/disk"
)

// ballastName is a file of reserved space in the data folder: removing it gives a
// full disk room to start, prune and be looked at.
const ballastName = "ballast"

// Space judges the free space of a volume.
type Space int

// How much room there is.
const (
	SpaceOK       Space = iota
	SpaceTight          // below SpaceLow: no snapshots, no journal, pruning first
	SpaceShortage       // below SpaceCritical: no votes, not ready
)

// String names the state for logs and /readyz.
func (s Space) String() string {
	switch s {
	case SpaceOK:
		return "ok"
	case SpaceTight:
		return "low: less than 2 GiB free; no snapshots and no journal are written, pruning comes first"
	default:
		return "critical: less than 1 GiB free; this node does not vote: make room on its volume"
	}
}

// JudgeSpace decides by the free bytes alone.
func JudgeSpace(free uint64) Space {
	switch {
	case free < SpaceCritical:
		return SpaceShortage
	case free < SpaceLow:
		return SpaceTight
	}
	return SpaceOK
}

// WatchSpace looks at a volume's free space until ctx ends, at once and then at
// every tick, and calls changed when the judgement differs from the one before (the
// first time always). An error of looking counts as a shortage.
func WatchSpace(ctx context.Context, fsys disk.FS, dir string, ticks <-chan time.Time, changed func(Space, uint64)) {
	last := Space(-1)
	for {
		free, err := fsys.Free(dir)
		now := JudgeSpace(free)
		if err != nil {
			now = SpaceShortage
		}
		if now != last {
			last = now
			changed(now, free)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticks:
		}
	}
}

// prepareBallast makes the ballast where there is room, and gives it up where the
// disk is so full that the database might not open.
func (s *Store) prepareBallast() error {
	path := filepath.Join(s.dir, ballastName)
	size := s.opt.BallastBytes
	if size < 0 {
		return nil
	}
	free, err := s.opt.FS.Free(s.dir)
	if err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	if free < uint64(size) {
		return s.ReleaseBallast()
	}
	if f, err := s.opt.FS.Open(path); err == nil {
		return f.Close()
	}
	if free < SpaceCritical+uint64(size) {
		return nil // made at a later start
	}
	f, err := s.opt.FS.Create(path, size)
	if err != nil {
		return fmt.Errorf("reserve %d bytes of ballast: %w", size, err)
	}
	return f.Close()
}

// ReleaseBallast gives the reserved space back. It is made again at a start with
// enough room.
func (s *Store) ReleaseBallast() error {
	err := s.opt.FS.Remove(filepath.Join(s.dir, ballastName))
	if err == nil {
		s.log.Warn("the disk is full: gave up the ballast file", "dir", s.dir, "bytes", s.opt.BallastBytes)
		return nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return fmt.Errorf("give up the ballast: %w", err)
}
