package simdisk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/bedrock-bft/bedrock/node/storage/disk"
)

// ErrCrashed is what every operation returns once the disk has crashed, until
// PowerCut or Kill brings it back.
var ErrCrashed = errors.New("simulated disk has crashed")

// ErrSync is what a sync that FailSync chose returns.
var ErrSync = errors.New("simulated disk failed to sync")

// ErrRead is what reading a sector that Unreadable chose returns.
var ErrRead = errors.New("simulated disk cannot read a sector")

// Disk is a simulated disk. Its methods may be called from any goroutine.
type Disk struct {
	mu      sync.Mutex
	rng     *rand.Rand
	root    *node
	locks   map[string]*lock
	ops     int // writes, syncs, creations, renames, deletions so far
	crashAt int // operation that crashes; 0: none
	failAt  int // sync that fails, counted over syncs; 0: none
	syncs   int
	crashed bool
	free    uint64
	full    bool
	failed  int // syncs that FailSync chose, since the last power cut or kill
	wear    Wear
	worn    int
}

var _ disk.FS = (*Disk)(nil)

// New makes an empty disk whose random choices come from seed.
func New(seed uint64) *Disk {
	return &Disk{
		rng:   rand.New(rand.NewPCG(seed, 0x6469736b)),
		root:  newDir(),
		locks: make(map[string]*lock),
		free:  1 << 40,
	}
}

// Ops is the number of operations so far that change the disk.
func (d *Disk) Ops() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ops
}

// CrashAfter makes the n-th changing operation from now crash the disk.
func (d *Disk) CrashAfter(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.crashAt = d.ops + n
}

// FailSync makes the n-th sync of a file from now fail once.
func (d *Disk) FailSync(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failAt = d.syncs + n
}

// FailedSyncs is how many syncs have failed since the disk was last brought back.
func (d *Disk) FailedSyncs() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.failed
}

// SetFree sets what Free answers.
func (d *Disk) SetFree(bytes uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.free = bytes
}

// PowerCut loses what was not synced, as chance has it, and ends all holders.
func (d *Disk) PowerCut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.root.powerCut(d.rng)
	d.revive()
}

// Kill ends all holders; the page cache survives.
func (d *Disk) Kill() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.revive()
}

func (d *Disk) revive() {
	d.locks = make(map[string]*lock)
	d.crashed, d.crashAt, d.failAt, d.failed = false, 0, 0, 0
}

// step counts a changing operation. It answers whether the operation is still
// done, and the error to return: a crash may come before or after it took effect.
func (d *Disk) step() (do bool, err error) {
	if d.crashed {
		return false, ErrCrashed
	}
	d.ops++
	if d.crashAt != 0 && d.ops >= d.crashAt {
		d.crashed = true
		return d.rng.IntN(2) == 0, ErrCrashed
	}
	return true, nil
}

func split(path string) []string {
	return strings.FieldsFunc(filepath.Clean(path), func(r rune) bool { return r == filepath.Separator })
}

// find walks to a node.
func (d *Disk) find(path string) (*node, error) {
	n := d.root
	for _, part := range split(path) {
		next := n.entries[part]
		if next == nil {
			return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
		}
		n = next
	}
	return n, nil
}

func (d *Disk) parent(path string) (*node, string, error) {
	dir, err := d.find(filepath.Dir(path))
	return dir, filepath.Base(path), err
}

// MkdirAll implements disk.FS. Folders are durable at once.
func (d *Disk) MkdirAll(dir string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.crashed {
		return ErrCrashed
	}
	n := d.root
	for _, part := range split(dir) {
		next := n.entries[part]
		if next == nil {
			next = newDir()
			n.entries[part], n.durable[part] = next, next
		}
		n = next
	}
	return nil
}

// Create implements disk.FS.
func (d *Disk) Create(name string, size int64) (disk.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	do, err := d.step()
	if !do {
		return nil, err
	}
	dir, base, findErr := d.parent(name)
	if findErr != nil {
		return nil, findErr
	}
	if dir.entries[base] != nil {
		return nil, &fs.PathError{Op: "create", Path: name, Err: fs.ErrExist}
	}
	if err := d.room(name); err != nil {
		return nil, err
	}
	n := newFile(size)
	dir.change(func(entries map[string]*node) { entries[base] = n })
	return &file{disk: d, node: n, name: name}, err
}

// Open implements disk.FS.
func (d *Disk) Open(name string) (disk.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.crashed {
		return nil, ErrCrashed
	}
	n, err := d.find(name)
	if err != nil {
		return nil, err
	}
	return &file{disk: d, node: n, name: name}, nil
}

// ReadDir implements disk.FS.
func (d *Disk) ReadDir(dir string) ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.crashed {
		return nil, ErrCrashed
	}
	n, err := d.find(dir)
	if err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(n.entries)), nil
}

// Rename implements disk.FS, within one folder.
func (d *Disk) Rename(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if filepath.Dir(from) != filepath.Dir(to) {
		return fmt.Errorf("rename %s to %s: only within one folder", from, to)
	}
	do, err := d.step()
	if !do {
		return err
	}
	dir, base, findErr := d.parent(from)
	if findErr != nil {
		return findErr
	}
	n := dir.entries[base]
	if n == nil {
		return &fs.PathError{Op: "rename", Path: from, Err: fs.ErrNotExist}
	}
	dir.change(func(entries map[string]*node) {
		delete(entries, base)
		entries[filepath.Base(to)] = n
	})
	return err
}

// Remove implements disk.FS.
func (d *Disk) Remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	do, err := d.step()
	if !do {
		return err
	}
	dir, base, findErr := d.parent(name)
	if findErr != nil {
		return findErr
	}
	if dir.entries[base] == nil {
		return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrNotExist}
	}
	dir.change(func(entries map[string]*node) { delete(entries, base) })
	return err
}

// SyncDir implements disk.FS.
func (d *Disk) SyncDir(dir string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	do, err := d.step()
	if !do {
		return err
	}
	n, findErr := d.find(dir)
	if findErr != nil {
		return findErr
	}
	n.syncDir()
	return err
}

type lock struct {
	disk *Disk
	dir  string
}

// Lock implements disk.FS.
func (d *Disk) Lock(dir string) (io.Closer, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.locks[dir] != nil {
		return nil, fmt.Errorf("%s: %w", dir, disk.ErrLocked)
	}
	l := &lock{disk: d, dir: dir}
	d.locks[dir] = l
	return l, nil
}

// Close releases the lock, if it is still this holder's.
func (l *lock) Close() error {
	l.disk.mu.Lock()
	defer l.disk.mu.Unlock()
	if l.disk.locks[l.dir] == l {
		delete(l.disk.locks, l.dir)
	}
	return nil
}

// CheckLocal implements disk.FS.
func (d *Disk) CheckLocal(string) error { return nil }

// Free implements disk.FS.
func (d *Disk) Free(string) (uint64, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.free, nil
}
