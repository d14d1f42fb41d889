package votelog

import (
	"path/filepath"
	"sync"
	"testing"

	"github.com/bedrock-bft/bedrock/node/storage/disk"
)

// watchedFS notes what is written to each file since its last sync, and what was
// synced.
type watchedFS struct {
	disk.OS
	mu    sync.Mutex
	files map[string]*watchedFile
}

type watchedFile struct {
	disk.File
	name   string
	fs     *watchedFS
	dirty  int64 // bytes written in order, from the start
	synced int64
}

func (w *watchedFS) Create(name string, size int64) (disk.File, error) {
	f, err := w.OS.Create(name, size)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	watched := &watchedFile{File: f, name: name, fs: w}
	w.files[filepath.Base(name)] = watched
	return watched, nil
}

func (f *watchedFile) WriteAt(b []byte, at int64) (int, error) {
	f.fs.mu.Lock()
	if at == f.dirty {
		f.dirty += int64(len(b))
	}
	f.fs.mu.Unlock()
	return f.File.WriteAt(b, at)
}

func (f *watchedFile) Sync() error {
	err := f.File.Sync()
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	f.synced = f.dirty
	return err
}

// A segment is written and synced from end to end before a record goes into it, so
// that no record's sync waits for the file system's journal.
func TestSegmentsAreFilledBeforeTheirUse(t *testing.T) {
	fs := &watchedFS{files: map[string]*watchedFile{}}
	dir := filepath.Join(t.TempDir(), "votelog")
	const size = 3<<20 + pageBytes
	opt := Options{Owner: testOwner, FS: fs, AllowUnsafeFileSystem: true, SegmentBytes: size}
	if err := Create(dir, opt); err != nil {
		t.Fatal(err)
	}
	l, _, err := Open(dir, opt)
	if err != nil {
		t.Fatal(err)
	}
	for view := uint64(1); view <= 8; view++ {
		if err := l.Append(voteRecord(view, view, view-1, 1<<20)); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	segments := 0
	for name, f := range fs.files {
		// The first holds the record of the log's birth; each opening begins another.
		if number, is := segmentNumber(name); !is || number == 1 {
			continue
		}
		segments++
		if f.synced < size {
			t.Errorf("%s: %d of %d bytes were written and synced", name, f.synced, size)
		}
	}
	if segments < 3 {
		t.Errorf("%d segments were made for 8 MiB of records, want at least 3", segments)
	}
}
