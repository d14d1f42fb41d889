package disk

import (
	"errors"
	"io"
)

// SectorBytes is the unit that a device writes wholly or not at all, also when
// its power fails in the middle of a larger write.
const SectorBytes = 512

// ErrLocked says that another process (or another part of this one) holds a
// volume's lock.
var ErrLocked = errors.New("volume is locked by another process")

// ErrUnsafeFileSystem says that a volume lies on a network or overlay file
// system, where locks and syncs cannot be relied on.
var ErrUnsafeFileSystem = errors.New("file system is not local")

// FS is what the vote log needs of a file system. Names are paths as the
// implementation understands them; all are made with path/filepath.
type FS interface {
	// MkdirAll makes dir (mode 0700) and its parents; one that exists is fine.
	MkdirAll(dir string) error
	// Create makes a file of mode 0600 that did not exist, allocates size
	// bytes, which read as zeros, and syncs the file's metadata (not its folder).
	Create(name string, size int64) (File, error)
	// Open opens a file for reading and writing.
	Open(name string) (File, error)
	// ReadDir lists the names in dir, sorted. A missing dir is fs.ErrNotExist.
	ReadDir(dir string) ([]string, error)
	// Rename moves a file or folder.
	Rename(from, to string) error
	// Remove deletes a file or an empty folder.
	Remove(name string) error
	// SyncDir makes creations, renames and deletions in dir durable.
	SyncDir(dir string) error
	// Lock takes dir's lock for the life of the process or until the closer is
	// closed; ErrLocked if it is held.
	Lock(dir string) (io.Closer, error)
	// CheckLocal returns ErrUnsafeFileSystem, wrapped, if dir lies on a network
	// or overlay file system.
	CheckLocal(dir string) error
	// Free is the number of bytes that an ordinary user may still write below dir.
	Free(dir string) (uint64, error)
}

// File is a file that is written in place.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Size is the file's length in bytes.
	Size() (int64, error)
	// Sync makes what was written durable. After an error nothing may be
	// assumed of any write since the last success.
	Sync() error
}
