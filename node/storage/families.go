package storage

import (
	"fmt"
	"slices"

	"github.com/linxGnu/grocksdb"
)

// settings are RocksDB's option objects for one open database.
type settings struct {
	db       *grocksdb.Options
	families [familyCount]*grocksdb.Options
	cache    *grocksdb.Cache
	limiter  *grocksdb.RateLimiter
}

// Sizes that are the same on every node.
const (
	bloomBits      = 10
	minBlobBytes   = 1 << 10
	infoLogBytes   = 4 << 20
	infoLogFiles   = 3
	maxOpenFiles   = 1024
	pieceBytes     = 1 << 20
	backgroundJobs = 2
	arenaBytes     = 256 << 10
	// never is a size of memtables and logs that no node reaches.
	never = 1 << 36
)

func newSettings(opt *Options, create bool) (*settings, error) {
	s := &settings{
		cache:   grocksdb.NewLRUCache(opt.BlockCacheBytes),
		limiter: grocksdb.NewRateLimiter(opt.CompactionBytesPerSecond, 100_000, 10),
	}
	// RocksDB would allocate a log as large as a memtable may get. What it writes goes
	// to the device piece by piece, each after the one before: a vote that is synced
	// meanwhile waits behind one piece and not behind a whole batch.
	db, err := grocksdb.GetOptionsFromString(nil, "allow_fallocate=false;strict_bytes_per_sync=true")
	if err != nil {
		return nil, fmt.Errorf("set up the database: %w", err)
	}
	s.db = db
	s.db.SetCreateIfMissing(create)
	s.db.SetCreateIfMissingColumnFamilies(true)
	s.db.SetParanoidChecks(true)
	s.db.SetWALRecoveryMode(grocksdb.PointInTimeRecovery)
	s.db.SetMaxTotalWalSize(never) // Store.flush says when
	s.db.SetMaxBackgroundJobs(backgroundJobs)
	s.db.SetMaxOpenFiles(maxOpenFiles)
	s.db.SetBytesPerSync(pieceBytes)
	s.db.SetWALBytesPerSync(pieceBytes)
	s.db.SetRateLimiter(s.limiter)
	// Not even errors, which reach us as such: on a full disk Debian's build aborts
	// the process at the second line that cannot be written.
	s.db.SetInfoLogLevel(grocksdb.FatalInfoLogLevel)
	s.db.SetMaxLogFileSize(infoLogBytes)
	s.db.SetKeepLogFileNum(infoLogFiles)
	s.db.SetStatsDumpPeriodSec(0)
	if opt.NewEnv != nil {
		s.db.SetEnv(opt.NewEnv()) // the options own it from here on
	}
	for f := range familyCount {
		o, err := s.family(f, opt)
		if err != nil {
			s.destroy()
			return nil, err
		}
		s.families[f] = o
	}
	return s, nil
}

// family is how one family lies on disk.
func (s *settings) family(f family, opt *Options) (*grocksdb.Options, error) {
	o, err := baseOptions(f)
	if err != nil {
		return nil, err
	}
	table := grocksdb.NewDefaultBlockBasedTableOptions()
	table.SetBlockCache(s.cache)
	table.SetFilterPolicy(grocksdb.NewBloomFilter(bloomBits))
	table.SetFormatVersion(5)
	o.SetLevelCompactionDynamicLevelBytes(true)
	o.SetCompression(grocksdb.LZ4Compression)
	o.SetWriteBufferSize(never) // Store.flush says when
	o.SetArenaBlockSize(arenaBytes)
	switch f {
	case famState:
		// A read seeks the newest height of one address: the filter is on it.
		table.SetWholeKeyFiltering(false)
	case famTree:
		o.SetCompression(grocksdb.NoCompression) // hashes
	case famBlocks, famReceipts:
		o.EnableBlobFiles(true)
		o.EnableBlobGC(true)
		o.SetMinBlobSize(minBlobBytes)
		o.SetBlobCompressionType(grocksdb.LZ4Compression)
	}
	o.SetBlockBasedTableFactory(table)
	table.Destroy() // the factory has its own copy
	return o, nil
}

// baseOptions are the defaults, for the state with its prefix: by text, since the
// binding would free an extractor that was set by call a second time.
func baseOptions(f family) (*grocksdb.Options, error) {
	if f != famState {
		return grocksdb.NewDefaultOptions(), nil
	}
	o, err := grocksdb.GetOptionsFromString(nil, fmt.Sprintf("prefix_extractor=fixed:%d", addressBytes))
	if err != nil {
		return nil, fmt.Errorf("set up the state family: %w", err)
	}
	return o, nil
}

func (s *settings) destroy() {
	for _, o := range s.families {
		if o != nil {
			o.Destroy()
		}
	}
	s.db.Destroy()
	s.limiter.Destroy()
	s.cache.Destroy()
}

// unknownFamilies are those that this program does not know: a newer schema's.
func unknownFamilies(names []string) []string {
	var unknown []string
	for _, name := range names {
		if !slices.Contains(familyNames[:], name) {
			unknown = append(unknown, name)
		}
	}
	return unknown
}

// checkFamilies refuses a database with families of a newer schema before
// RocksDB opens it.
func checkFamilies(dir string, opts *grocksdb.Options) error {
	names, err := grocksdb.ListColumnFamilies(opts, dir)
	if err != nil {
		return fmt.Errorf("%w: list the column families of %s: %w", ErrDamaged, dir, err)
	}
	if unknown := unknownFamilies(names); len(unknown) > 0 {
		return fmt.Errorf("%s has families %q: %w", dir, unknown, ErrNewerSchema)
	}
	return nil
}
