package votelog

import (
	"errors"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/bedrock-bft/bedrock/node/storage/disk"
)

// smallFS is a disk on which room can run out: files are made while there is some.
type smallFS struct {
	disk.OS
	full bool
}

func (s *smallFS) Create(name string, size int64) (disk.File, error) {
	if s.full {
		return nil, syscall.ENOSPC
	}
	return s.OS.Create(name, size)
}

// A full volume ends the log with what to do; nothing that was recorded is lost, the
// log does not open while the volume is full, and goes on once there is room.
// // rule: sync-failure
func TestFullVolume(t *testing.T) {
	fs := &smallFS{}
	dir := filepath.Join(t.TempDir(), "votelog")
	opt := Options{Owner: testOwner, FS: fs, AllowUnsafeFileSystem: true, SegmentBytes: 256 << 10}
	if err := Create(dir, opt); err != nil {
		t.Fatal(err)
	}
	l, _, err := Open(dir, opt)
	if err != nil {
		t.Fatal(err)
	}
	advised := func(err error) {
		t.Helper()
		if !errors.Is(err, ErrFailed) || !strings.Contains(err.Error(), "the signer volume is full: make room") || !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("a full volume gives: %v", err)
		}
	}
	last := uint64(0)
	appendUntil := func(stop func(error) bool) {
		t.Helper()
		for range 64 {
			err := l.Append(voteRecord(last+1, last+1, last, 40_000))
			if err == nil {
				last++
			}
			if stop(err) {
				return
			}
		}
		t.Fatal("a log of small segments never needed another one")
	}
	appendUntil(func(err error) bool { return err != nil || last == 3 })
	fs.full = true
	appendUntil(func(err error) bool {
		if err != nil {
			advised(err)
		}
		return err != nil
	})
	fs.full = false
	advised(l.Append(voteRecord(last+1, last+1, last, 40_000))) // nothing is retried
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}

	fs.full = true
	_, _, err = Open(dir, opt)
	advised(err)
	fs.full = false
	l, recovered, err := Open(dir, opt)
	if err != nil {
		t.Fatal(err)
	}
	if recovered.State.VotedView != last || !recovered.MissingBody.IsZero() {
		t.Errorf("recovered view %d, recorded %d; missing body %s", recovered.State.VotedView, last, recovered.MissingBody)
	}
	other := voteRecord(last, last, last-1, 50_000) // another block in the same view
	if err := l.Append(other); err == nil {
		t.Error("a second block was voted for in one view")
	}
	appendUntil(func(err error) bool {
		if err != nil {
			t.Fatal(err)
		}
		return true
	})
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// Room that ran out while a segment was made ahead, and is there again when it is
// needed, ends nothing.
func TestRoomThatComesBack(t *testing.T) {
	fs := &smallFS{}
	dir := filepath.Join(t.TempDir(), "votelog")
	opt := Options{Owner: testOwner, FS: fs, AllowUnsafeFileSystem: true, SegmentBytes: 256 << 10}
	if err := Create(dir, opt); err != nil {
		t.Fatal(err)
	}
	l, _, err := Open(dir, opt)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	// The next segment, as if it had been made while there was no room.
	<-l.next
	made := l.segment.number + 1
	if err := fs.Remove(l.path(segmentName(made))); err != nil {
		t.Fatal(err)
	}
	l.next = make(chan prepared, 1)
	l.next <- prepared{err: syscall.ENOSPC}
	for view := uint64(1); view <= 16; view++ {
		if err := l.Append(voteRecord(view, view, view-1, 40_000)); err != nil {
			t.Fatal(err)
		}
	}
	if l.segment.number < made {
		t.Errorf("segment %d is written to, %d was to be needed", l.segment.number, made)
	}
}
