package storage

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/bedrock-bft/bedrock/executor/state"
	"github.com/bedrock-bft/bedrock/node/storage/disk"
	"github.com/bedrock-bft/bedrock/node/types"
	"github.com/linxGnu/grocksdb"
)

// Store is an open database. Its methods may be called from any goroutine.
type Store struct {
	dir      string
	opt      Options
	log      *slog.Logger
	lock     io.Closer
	settings *settings
	db       *grocksdb.DB
	handles  [familyCount]*grocksdb.ColumnFamilyHandle
	ids      [familyCount]uint32
	unsynced *grocksdb.WriteOptions
	durable  *grocksdb.WriteOptions
	points   *grocksdb.ReadOptions // point reads and whole scans
	prefixed *grocksdb.ReadOptions // seeks inside one address

	background *grocksdb.FlushOptions // does not wait

	gate   sync.RWMutex // held for reading by every use of db
	closed bool
	schema uint32 // that the database has on record
	// continued: it holds the chain that the recovery genesis continues.
	continued bool

	committing sync.Mutex // one Commit at a time
	pruning    sync.Mutex // one step of Prune at a time
	writing    sync.Mutex // one batch at a time
	sinceFlush uint64     // bytes of batches

	mu      sync.RWMutex
	tip     tip
	failed  error
	filling bool

	synced      atomic.Uint64
	written     atomic.Uint64 // bytes of batches
	syncs       atomic.Uint64
	floorBlocks atomic.Uint64
	floorState  atomic.Uint64
}

// Schema is the layout that the database has. // rule: schema-after-fleet
func (s *Store) Schema() uint32 { return s.schema }

// tip is the height committed last; known is false in an empty database.
type tip struct {
	known       bool
	height      uint64
	block       types.Hash
	outcomeHash types.Hash
	ref         state.Ref
	rooted      bool
}

func (o *Options) setDefaults() {
	if o.BlockCacheBytes == 0 {
		o.BlockCacheBytes = 64 << 20
	}
	if o.WriteBufferBytes == 0 {
		o.WriteBufferBytes = 128 << 20
	}
	if o.CompactionBytesPerSecond <= 0 {
		o.CompactionBytesPerSecond = 64 << 20
	}
	if o.BallastBytes == 0 {
		o.BallastBytes = DefaultBallastBytes
	}
	if o.FS == nil {
		o.FS = disk.OS{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
}

// usable is nil while the store may be written to.
func (s *Store) usable() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.failed
}

// fail ends the store. // rule: sync-failure
func (s *Store) fail(doing string, err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed == nil {
		s.failed = fmt.Errorf("%w (%s in %s: %w)", ErrFailed, doing, s.dir, err)
		// Said at once: Debian's RocksDB may abort the process on its next use of the file.
		s.log.Error("database failed to write", "error", s.failed)
	}
	return s.failed
}

// enter lets a reader or writer use the database until the returned function is
// called.
func (s *Store) enter() (leave func(), err error) {
	s.gate.RLock()
	if s.closed {
		s.gate.RUnlock()
		return nil, ErrClosed
	}
	return s.gate.RUnlock, nil
}

// Tip is the height committed last; 0 also in an empty database (see Empty).
func (s *Store) Tip() uint64 { return s.currentTip().height }

// Empty reports whether not even genesis was committed.
func (s *Store) Empty() bool { return !s.currentTip().known }

// TipBlock is the id of the block committed last and the state after it.
func (s *Store) TipBlock() (types.Hash, state.Ref) {
	t := s.currentTip()
	return t.block, t.ref
}

func (s *Store) currentTip() tip {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.tip
}

// SyncedHeight is the height of the last commit whose sync has returned.
func (s *Store) SyncedHeight() uint64 { return s.synced.Load() }

// Filling reports whether synced writes are still missing: the node does not sign
// until they are here again.
func (s *Store) Filling() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.filling
}

// Floors are the lowest heights that can be read.
func (s *Store) Floors() Floors {
	return Floors{Blocks: s.floorBlocks.Load(), State: s.floorState.Load()}
}

// Stats are figures for metrics.
type Stats struct {
	Tip, Synced   uint64
	BatchBytes    uint64 // handed to RocksDB since the start
	Syncs         uint64
	SSTBytes      uint64
	BlobBytes     uint64
	MemtableBytes uint64
	PendingBytes  uint64 // that compaction is behind by
}

// Stats asks RocksDB too; it may take a millisecond.
func (s *Store) Stats() (Stats, error) {
	leave, err := s.enter()
	if err != nil {
		return Stats{}, err
	}
	defer leave()
	out := Stats{Tip: s.Tip(), Synced: s.SyncedHeight(), BatchBytes: s.written.Load(), Syncs: s.syncs.Load()}
	for f := range familyCount {
		for name, sum := range map[string]*uint64{
			"rocksdb.total-sst-files-size":              &out.SSTBytes,
			"rocksdb.total-blob-file-size":              &out.BlobBytes,
			"rocksdb.cur-size-all-mem-tables":           &out.MemtableBytes,
			"rocksdb.estimate-pending-compaction-bytes": &out.PendingBytes,
		} {
			if n, ok := s.db.GetIntPropertyCF(name, s.handles[f]); ok {
				*sum += n
			}
		}
	}
	return out, nil
}

// Close waits for readers and releases everything. What was committed and not
// synced is synced first, if the store has not failed.
func (s *Store) Close() error {
	var err error
	if s.usable() == nil {
		if _, err = s.Sync(); errors.Is(err, ErrClosed) {
			return nil
		}
	}
	s.gate.Lock()
	defer s.gate.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	return errors.Join(err, s.release())
}

// release frees what an opening took, as far as it came.
func (s *Store) release() error {
	for _, h := range s.handles {
		if h != nil {
			h.Destroy() // before the database: Debian's build asserts
		}
	}
	if s.db != nil {
		s.db.Close()
	}
	for _, o := range []*grocksdb.WriteOptions{s.unsynced, s.durable} {
		if o != nil {
			o.Destroy()
		}
	}
	for _, o := range []*grocksdb.ReadOptions{s.points, s.prefixed} {
		if o != nil {
			o.Destroy()
		}
	}
	if s.background != nil {
		s.background.Destroy()
	}
	if s.settings != nil {
		s.settings.destroy()
	}
	if s.lock != nil {
		return s.lock.Close()
	}
	return nil
}

// isNoSpace reports whether RocksDB's error is a full disk: its C interface hands
// up texts only.
func isNoSpace(err error) bool {
	return err != nil && strings.Contains(strings.ToLower(err.Error()), "no space left")
}
