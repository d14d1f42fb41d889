package storage

import (
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/bedrock-bft/bedrock/node/types"
	"github.com/linxGnu/grocksdb"
)

// Inspection is what an offline look finds.
type Inspection struct {
	Dir         string           `json:"dir"`
	DatabaseID  string           `json:"database_id"`
	Genesis     types.Hash       `json:"genesis"`
	Schema      uint64           `json:"schema"`
	Filling     bool             `json:"filling"`
	Empty       bool             `json:"empty"` // not even genesis
	Tip         uint64           `json:"tip"`
	Block       types.Hash       `json:"block"`
	OutcomeHash types.Hash       `json:"outcome_hash"`
	StateRoot   types.Hash       `json:"state_root"`
	TreeVersion uint64           `json:"tree_version"`
	Epoch       uint64           `json:"epoch"` // newest one that is proven
	FloorBlocks uint64           `json:"floor_blocks"`
	FloorState  uint64           `json:"floor_state"`
	Families    []FamilyOverview `json:"families"`
	Problem     string           `json:"problem,omitempty"` // what an opening would refuse
}

// FamilyOverview is one column family's size.
type FamilyOverview struct {
	Name      string `json:"name"`
	Keys      uint64 `json:"keys"` // estimated
	SSTBytes  uint64 `json:"sst_bytes"`
	BlobBytes uint64 `json:"blob_bytes"`
}

// Inspect opens a database that no process uses for reading only and describes it.
// A tip that does not agree with itself is described, not refused.
func Inspect(dir string, opt Options) (Inspection, error) {
	opt.setDefaults()
	in := Inspection{Dir: dir}
	lock, err := opt.FS.Lock(dir)
	if err != nil {
		return in, fmt.Errorf("inspect the database: %w", err)
	}
	s := &Store{dir: dir, opt: opt, log: opt.Log, lock: lock}
	err = s.openReadOnly()
	if err == nil {
		err = s.describe(&in)
	}
	return in, errors.Join(err, s.release())
}

func (s *Store) openReadOnly() error {
	path := filepath.Join(s.dir, dbFolder)
	var err error
	if s.settings, err = newSettings(&s.opt, false); err != nil {
		return err
	}
	exists, err := s.exists(path)
	if err != nil {
		return err
	}
	if !exists {
		return fmt.Errorf("inspect %s: %w", path, ErrNoDatabase)
	}
	if err := checkFamilies(path, s.settings.db); err != nil {
		return err
	}
	db, handles, err := grocksdb.OpenDbForReadOnlyColumnFamilies(s.settings.db, path, familyNames[:], s.settings.families[:], false)
	if err != nil {
		return fmt.Errorf("%w: open %s: %w", ErrDamaged, path, err)
	}
	s.db = db
	copy(s.handles[:], handles)
	s.points = grocksdb.NewDefaultReadOptions()
	s.points.SetTotalOrderSeek(true)
	s.prefixed = grocksdb.NewDefaultReadOptions()
	s.prefixed.SetPrefixSameAsStart(true)
	return nil
}

func (s *Store) describe(in *Inspection) error {
	meta := make(map[string][]byte)
	for _, key := range []string{metaSchema, metaGenesis, metaDatabaseID, metaFilling} {
		b, err := s.get(famMeta, []byte(key))
		if err != nil {
			return err
		}
		meta[key] = b
	}
	if meta[metaSchema] == nil {
		in.Empty = true // it ended before its first write was synced
		return nil
	}
	var err error
	if in.Schema, err = readU64("the schema version", meta[metaSchema]); err != nil {
		return err
	}
	if in.Genesis, err = types.HashFromBytes(meta[metaGenesis]); err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	in.DatabaseID, in.Filling = hex.EncodeToString(meta[metaDatabaseID]), meta[metaFilling] != nil
	s.opt.Genesis = in.Genesis
	if err := s.loadFloors(); err != nil {
		return err
	}
	if err := s.loadTip(); err != nil {
		in.Problem = err.Error()
	}
	t := s.tip
	in.Empty, in.Tip, in.Block, in.OutcomeHash = !t.known, t.height, t.block, t.outcomeHash
	in.StateRoot, in.TreeVersion = types.Hash(t.ref.Root), t.ref.TreeVersion
	in.FloorBlocks, in.FloorState = s.floorBlocks.Load(), s.floorState.Load()
	return s.describeFamilies(in)
}

func (s *Store) describeFamilies(in *Inspection) error {
	for f := famBlocks; f < familyCount; f++ {
		o := FamilyOverview{Name: familyNames[f]}
		o.Keys, _ = s.db.GetIntPropertyCF("rocksdb.estimate-num-keys", s.handles[f])
		o.SSTBytes, _ = s.db.GetIntPropertyCF("rocksdb.total-sst-files-size", s.handles[f])
		o.BlobBytes, _ = s.db.GetIntPropertyCF("rocksdb.total-blob-file-size", s.handles[f])
		in.Families = append(in.Families, o)
	}
	it := s.db.NewIteratorCF(s.points, s.handles[famCertificates])
	defer it.Close()
	it.SeekForPrev(prefixedHeight(certByEpoch, ^uint64(0)))
	if it.Valid() && it.Key().Data()[0] == certByEpoch {
		epoch, err := readU64("an epoch's key", it.Key().Data()[1:])
		if err != nil {
			return err
		}
		in.Epoch = epoch
	}
	return it.Err()
}
