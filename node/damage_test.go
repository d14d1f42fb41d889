package node_test

import (
	"encoding/binary"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/linxGnu/grocksdb"

	"github.com/bedrock-bft/bedrock/executor"
	"github.com/bedrock-bft/bedrock/node"
	"github.com/bedrock-bft/bedrock/node/config"
	"github.com/bedrock-bft/bedrock/node/storage"
)

// A root page that does not hash to the tip's state root is found when the node is
// opened, not in the first block.
func TestDamagedRootPageIsRefusedAtStart(t *testing.T) {
	homes := makeNetwork(t, 1, "ed25519")
	n := start(t, homes[0])
	n.waitUp(t)
	for nonce := range uint64(3) {
		transfer(t, homes, n, nonce)
	}
	n.end(t)
	cfg, _, err := config.Load(homes[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	open := func() error {
		again, err := node.New(t.Context(), node.Options{Home: homes[0], Config: &cfg, Log: slog.New(slog.DiscardHandler), Version: "test"})
		if err != nil {
			return err
		}
		return again.Close()
	}
	if err := open(); err != nil {
		t.Fatalf("unharmed: %v", err)
	}
	changeRootPage(t, filepath.Join(cfg.Dirs.Data, "db", "db"))
	if err := open(); !errors.Is(err, storage.ErrDamaged) || !errors.Is(err, executor.ErrUnverifiable) {
		t.Fatalf("with another root page: %v", err)
	}
}

// changeRootPage puts an earlier root page in the place of the newest.
func changeRootPage(t *testing.T, path string) {
	t.Helper()
	editFamily(t, path, "tree", func(db *grocksdb.DB, tree *grocksdb.ColumnFamilyHandle) {
		pages := map[uint64][]byte{}
		it := db.NewIteratorCF(grocksdb.NewDefaultReadOptions(), tree)
		for it.SeekToFirst(); it.Valid(); it.Next() {
			if key := it.Key().Data(); len(key) == 9 && key[8] == 0 { // version, the empty path
				pages[binary.BigEndian.Uint64(key)] = append([]byte(nil), it.Value().Data()...)
			}
		}
		it.Close()
		newest, oldest := uint64(0), ^uint64(0)
		for version := range pages {
			newest, oldest = max(newest, version), min(oldest, version)
		}
		if newest == oldest {
			t.Fatalf("%d root pages", len(pages))
		}
		if err := db.PutCF(grocksdb.NewDefaultWriteOptions(), tree, append(binary.BigEndian.AppendUint64(nil, newest), 0), pages[oldest]); err != nil {
			t.Fatal(err)
		}
	})
}

// editFamily opens a database that nobody uses, for one column family.
func editFamily(t *testing.T, path, family string, edit func(*grocksdb.DB, *grocksdb.ColumnFamilyHandle)) {
	t.Helper()
	options := grocksdb.NewDefaultOptions()
	names, err := grocksdb.ListColumnFamilies(options, path)
	if err != nil {
		t.Fatal(err)
	}
	each := make([]*grocksdb.Options, len(names))
	for i := range each {
		each[i] = options
	}
	db, handles, err := grocksdb.OpenDbColumnFamilies(options, path, names, each)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for i, name := range names {
		defer handles[i].Destroy()
		if name == family {
			edit(db, handles[i])
		}
	}
}
