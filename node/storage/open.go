package storage

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/bedrock-bft/bedrock/node/types"
	"github.com/linxGnu/grocksdb"
)

// dbFolder is where RocksDB lives below a chain volume's folder.
const dbFolder = "db"

// Open opens or creates the database below dir and checks what it finds. Errors:
// disk.ErrLocked, disk.ErrUnsafeFileSystem, ErrForeignChain, ErrNewerSchema,
// ErrOlderSchema, ErrSchemaUnknown, ErrDamaged, ErrMissingWrites.
func Open(dir string, opt Options) (*Store, error) {
	opt.setDefaults()
	if opt.Genesis.IsZero() {
		return nil, errors.New("open the database: no genesis hash given")
	}
	if opt.Schema > SchemaVersion {
		return nil, fmt.Errorf("open the database: schema %d is asked for, and this program knows %d to %d: %w", opt.Schema, OldestSchema, SchemaVersion, ErrSchemaUnknown)
	}
	if err := opt.FS.MkdirAll(dir); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	if !opt.AllowUnsafeFileSystem {
		if err := opt.FS.CheckLocal(dir); err != nil {
			return nil, fmt.Errorf("open the database: %w", err)
		}
	}
	lock, err := opt.FS.Lock(dir) // rule: exclusive-volume
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	s := &Store{dir: dir, opt: opt, log: opt.Log, lock: lock}
	if err := s.open(); err != nil {
		return nil, errors.Join(err, s.release())
	}
	return s, nil
}

func (s *Store) open() error {
	if err := s.prepareBallast(); err != nil {
		return err
	}
	if err := s.openRocks(); err != nil {
		return err
	}
	if err := s.identify(); err != nil {
		return err
	}
	if err := s.loadTip(); err != nil {
		return err
	}
	if err := s.compareWithVoteLog(); err != nil {
		return err
	}
	if s.continued {
		if err := s.checkContinued(); err != nil {
			return err
		}
	}
	return s.migrate() // only what would be opened
}

// openRocks opens all families; one that was never created is made.
func (s *Store) openRocks() error {
	path := filepath.Join(s.dir, dbFolder)
	var err error
	if s.settings, err = newSettings(&s.opt, true); err != nil {
		return err
	}
	exists, err := s.exists(path)
	if err != nil {
		return err
	}
	if exists {
		if err := checkFamilies(path, s.settings.db); err != nil {
			return err
		}
	}
	db, handles, err := grocksdb.OpenDbColumnFamilies(s.settings.db, path, familyNames[:], s.settings.families[:])
	if err != nil {
		if isNoSpace(err) {
			return fmt.Errorf("open the database %s: the disk is full: make room, then start again: %w", path, err)
		}
		return fmt.Errorf("%w: open %s: %w", ErrDamaged, path, err)
	}
	s.db = db
	for f, h := range handles {
		s.handles[f], s.ids[f] = h, h.ID()
	}
	s.unsynced = grocksdb.NewDefaultWriteOptions()
	s.unsynced.SetMemtableInsertHintPerBatch(true) // rows come sorted
	s.durable = grocksdb.NewDefaultWriteOptions()
	s.durable.SetSync(true)
	s.background = grocksdb.NewDefaultFlushOptions()
	s.background.SetWait(false)
	s.points = grocksdb.NewDefaultReadOptions()
	s.points.SetTotalOrderSeek(true)
	s.prefixed = grocksdb.NewDefaultReadOptions()
	s.prefixed.SetPrefixSameAsStart(true)
	return nil
}

// exists reports whether a database was made here before. Tables without the
// file that names the database's state would be deleted by making a new one.
func (s *Store) exists(path string) (bool, error) {
	names, err := s.opt.FS.ReadDir(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for a database: %w", err)
	}
	if slices.Contains(names, "CURRENT") {
		return true, nil
	}
	for _, name := range names {
		if ext := filepath.Ext(name); ext == ".sst" || ext == ".blob" {
			return false, fmt.Errorf("%w: %s has table %s, but no CURRENT", ErrDamaged, path, name)
		}
	}
	return false, nil
}

// identify checks schema and chain, and writes them into a new database in its
// first synced write, with the filling mark where the vote log knows of synced
// writes.
func (s *Store) identify() error {
	schema, err := s.get(famMeta, []byte(metaSchema))
	if err != nil {
		return err
	}
	if schema == nil {
		return s.initialise()
	}
	version, err := readU64("the schema version", schema)
	if err != nil {
		return err
	}
	if version > SchemaVersion {
		return fmt.Errorf("%s has schema %d, this program knows %d: %w", s.dir, version, SchemaVersion, ErrNewerSchema)
	}
	if version < OldestSchema {
		return fmt.Errorf("%s has schema %d, this program reads from %d on: %w", s.dir, version, OldestSchema, ErrOlderSchema)
	}
	s.schema = uint32(version)
	genesis, err := s.get(famMeta, []byte(metaGenesis))
	if err != nil {
		return err
	}
	if found, err := types.HashFromBytes(genesis); err != nil {
		return fmt.Errorf("%w: the genesis hash on record: %w", ErrDamaged, err)
	} else if c := s.opt.Continues; c != nil && found == c.Genesis {
		s.continued = true
	} else if found != s.opt.Genesis {
		return fmt.Errorf("%s holds the chain of genesis %s, this node runs %s: %w", s.dir, found, s.opt.Genesis, ErrForeignChain)
	}
	filling, err := s.get(famMeta, []byte(metaFilling))
	if err != nil {
		return err
	}
	s.filling = filling != nil
	return s.loadFloors()
}

func (s *Store) initialise() error {
	for f := range familyCount {
		if empty, err := s.emptyFamily(f); err != nil {
			return err
		} else if !empty {
			return fmt.Errorf("%w: family %s has rows, but no schema version is on record", ErrDamaged, familyNames[f])
		}
	}
	id := make([]byte, 16)
	if _, err := rand.Read(id); err != nil {
		return fmt.Errorf("choose a database id: %w", err)
	}
	b := s.newBatch(256)
	s.schema = max(OldestSchema, s.opt.Schema)
	b.put(famMeta, []byte(metaSchema), u64Value(uint64(s.schema)))
	b.put(famMeta, []byte(metaGenesis), s.opt.Genesis[:])
	b.put(famMeta, []byte(metaDatabaseID), id)
	if s.opt.VoteLogSynced > 0 {
		b.put(famMeta, []byte(metaFilling), []byte{1})
		s.filling = true
		s.log.Warn("the database is empty, the vote log saw synced writes: filling from peers, signing waits for that",
			"dir", s.dir, "vote_log_synced", s.opt.VoteLogSynced)
	}
	return s.write(b, s.durable)
}

func (s *Store) emptyFamily(f family) (bool, error) {
	it := s.db.NewIteratorCF(s.points, s.handles[f])
	defer it.Close()
	it.SeekToFirst()
	valid := it.Valid()
	if err := it.Err(); err != nil {
		return false, fmt.Errorf("%w: read family %s: %w", ErrDamaged, familyNames[f], err)
	}
	return !valid, nil
}

func (s *Store) loadFloors() error {
	for key, floor := range map[string]interface{ Store(uint64) }{
		metaFloorBlocks: &s.floorBlocks, metaFloorState: &s.floorState,
	} {
		b, err := s.get(famMeta, []byte(key))
		if err != nil {
			return err
		}
		if b == nil {
			continue
		}
		n, err := readU64(key, b)
		if err != nil {
			return err
		}
		floor.Store(n)
	}
	return nil
}

// compareWithVoteLog refuses a database that lost synced writes, unless it is
// being filled from peers.
func (s *Store) compareWithVoteLog() error {
	t := s.currentTip()
	s.synced.Store(t.height) // recovery has written what it replayed into tables
	want := s.opt.VoteLogSynced
	switch {
	case s.opt.NoVoteLog:
		return nil
	case t.height >= want:
		if s.filling {
			return s.setFilling(false)
		}
		return nil
	case s.filling:
		return nil
	case !t.known:
		return s.setFilling(true)
	}
	return fmt.Errorf("%s ends at height %d, the vote log saw %d synced: %w", s.dir, t.height, want, ErrMissingWrites)
}

// setFilling makes or removes the mark, synced.
func (s *Store) setFilling(on bool) error {
	b := s.newBatch(64)
	if on {
		b.put(famMeta, []byte(metaFilling), []byte{1})
	} else {
		b.delete(famMeta, []byte(metaFilling))
	}
	if err := s.write(b, s.durable); err != nil {
		return err
	}
	s.mu.Lock()
	s.filling = on
	s.mu.Unlock()
	s.log.Info("filling mark changed", "filling", on, "height", s.Tip(), "vote_log_synced", s.opt.VoteLogSynced)
	return nil
}

// MarkFilling marks a database whose synced writes are knowingly gone (after a
// rollback) as one that is filled from peers: the node opens it without a
// question, and signs again once it reached what the vote log saw synced.
func MarkFilling(dir string, opt Options) error {
	opt.VoteLogSynced, opt.NoVoteLog = 0, true
	s, err := Open(dir, opt)
	if err != nil {
		return err
	}
	return errors.Join(s.setFilling(true), s.Close())
}
