package simdisk

import (
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/bedrock-bft/bedrock/node/storage/disk"
)

const sector = disk.SectorBytes

// node is a file or a folder, as the cache shows it and as the device has it.
type node struct {
	// Folders.
	entries map[string]*node
	durable map[string]*node
	journal []func(map[string]*node) // changes not yet synced, in order

	// Files.
	cache  []byte
	device []byte
	dirty  map[int]bool // sectors written and not synced
	// lost are sectors whose sync failed: the cache shows them, and no later
	// sync writes them.
	lost       map[int]bool
	unreadable map[int]bool
}

func newDir() *node {
	return &node{entries: make(map[string]*node), durable: make(map[string]*node)}
}

func newFile(size int64) *node {
	return &node{
		cache: make([]byte, size), device: make([]byte, size),
		dirty: make(map[int]bool), lost: make(map[int]bool), unreadable: make(map[int]bool),
	}
}

func (n *node) isDir() bool { return n.entries != nil }

func (n *node) change(f func(map[string]*node)) {
	f(n.entries)
	n.journal = append(n.journal, f)
}

func (n *node) syncDir() {
	n.durable = maps.Clone(n.entries)
	n.journal = nil
}

// powerCut leaves what the device has: of a folder's changes a prefix, of a
// file's unsynced sectors any.
func (n *node) powerCut(rng *rand.Rand) {
	if n.isDir() {
		for _, f := range n.journal[:rng.IntN(len(n.journal)+1)] {
			f(n.durable)
		}
		n.entries, n.journal = maps.Clone(n.durable), nil
		for _, name := range slices.Sorted(maps.Keys(n.entries)) {
			n.entries[name].powerCut(rng)
		}
		return
	}
	for s := range n.lost {
		n.dirty[s] = true
	}
	for _, s := range slices.Sorted(maps.Keys(n.dirty)) {
		if rng.IntN(2) == 0 {
			n.flush(s)
		}
	}
	n.cache = slices.Clone(n.device)
	n.dirty, n.lost = make(map[int]bool), make(map[int]bool)
}

// flush moves one sector from cache to device.
func (n *node) flush(s int) {
	from := s * sector
	to := min(from+sector, len(n.cache))
	if from >= to {
		return
	}
	if to > len(n.device) {
		n.device = append(n.device, make([]byte, to-len(n.device))...)
	}
	copy(n.device[from:to], n.cache[from:to])
}

func (n *node) sync() {
	for s := range n.dirty {
		n.flush(s)
	}
	n.dirty = make(map[int]bool)
}

func (n *node) failSync() {
	for s := range n.dirty {
		n.lost[s] = true
	}
	n.dirty = make(map[int]bool)
}

func (n *node) write(p []byte, off int64) {
	end := off + int64(len(p))
	if end > int64(len(n.cache)) {
		n.cache = append(n.cache, make([]byte, end-int64(len(n.cache)))...)
	}
	copy(n.cache[off:end], p)
	for s := int(off / sector); int64(s)*sector < end; s++ {
		n.dirty[s] = true
		delete(n.lost, s)
		delete(n.unreadable, s)
	}
}

// file is an open file.
type file struct {
	disk *Disk
	node *node
	name string
}

var _ disk.File = (*file)(nil)

// ReadAt implements disk.File.
func (f *file) ReadAt(p []byte, off int64) (int, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if f.disk.crashed {
		return 0, ErrCrashed
	}
	if off >= int64(len(f.node.cache)) {
		return 0, io.EOF
	}
	for s := int(off / sector); int64(s)*sector < off+int64(len(p)); s++ {
		if f.node.unreadable[s] {
			return 0, fmt.Errorf("%s: sector %d: %w", f.name, s, ErrRead)
		}
	}
	n := copy(p, f.node.cache[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// WriteAt implements disk.File.
func (f *file) WriteAt(p []byte, off int64) (int, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	do, err := f.disk.step()
	if do && off+int64(len(p)) > int64(len(f.node.cache)) {
		if err := f.disk.room(f.name); err != nil {
			return 0, err
		}
	}
	if do {
		f.node.write(p, off)
	}
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

// Size implements disk.File.
func (f *file) Size() (int64, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	return int64(len(f.node.cache)), nil
}

// Sync implements disk.File.
func (f *file) Sync() error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	do, err := f.disk.step()
	if !do {
		return err
	}
	f.disk.syncs++
	if f.disk.failAt != 0 && f.disk.syncs >= f.disk.failAt {
		f.disk.failAt = 0
		f.disk.failed++
		f.node.failSync()
		return fmt.Errorf("%s: %w", f.name, ErrSync)
	}
	f.disk.syncWorn(f.node, f.name)
	return err
}

// Close implements disk.File.
func (f *file) Close() error { return nil }
