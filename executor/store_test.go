package executor

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// memLedger is a ledger in memory that counts what is recorded.
type memLedger struct {
	codes    map[[32]byte][32]byte
	recorded int
	err      error
}

func (l *memLedger) CodeHash(module [32]byte, _ uint32) ([32]byte, bool, error) {
	code, ok := l.codes[module]
	return code, ok, l.err
}

func (l *memLedger) RecordCodeHash(module [32]byte, _ uint32, code [32]byte) error {
	l.codes[module] = code
	l.recorded++
	return l.err
}

func openStore(t *testing.T, dir string, ledger CodeLedger) *Store {
	t.Helper()
	store, err := OpenStore(dir, testEngine(t), ledger)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func addModule(t *testing.T, s *Store, wasm []byte) [32]byte {
	t.Helper()
	hash, err := s.Add(wasm)
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

func TestStoreKeepsByHash(t *testing.T) {
	dir := t.TempDir()
	store := openStore(t, dir, nil)
	wasm := watModule{}.wasm(t)
	hash := addModule(t, store, wasm)
	if hash != sha256.Sum256(wasm) || !store.Has(hash) || addModule(t, store, wasm) != hash {
		t.Errorf("hash: got %x", hash)
	}
	got, err := store.Wasm(hash)
	if err != nil || !bytes.Equal(got, wasm) {
		t.Errorf("file: got %d bytes, %v", len(got), err)
	}
	list, err := store.List()
	if diff := cmp.Diff([][32]byte{hash}, list); err != nil || diff != "" {
		t.Errorf("list: %v (-want +got):\n%s", err, diff)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Fatalf("folder: got %v, %v, want one file", entries, err)
	}
	if info, err := entries[0].Info(); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode: got %v, %v, want 0600", info.Mode(), err)
	}
	if _, err := store.Load([32]byte{1}); !errors.Is(err, ErrNoModule) {
		t.Errorf("unknown module: got %v, want %v", err, ErrNoModule)
	}
}

func TestStoreRefuses(t *testing.T) {
	store := openStore(t, t.TempDir(), nil)
	wasm := watModule{imports: fiveImports + `(import "bedrock" "clock" (func))`}.wasm(t)
	hash, err := store.Add(wasm)
	var refused *RefusedError
	if !errors.As(err, &refused) || !strings.Contains(refused.Reason, "bedrock.clock") || store.Has(hash) {
		t.Errorf("got %v, stored %v", err, store.Has(hash))
	}
}

func TestStoreNoticesDamage(t *testing.T) {
	dir := t.TempDir()
	store := openStore(t, dir, nil)
	wasm := watModule{}.wasm(t)
	hash := addModule(t, store, wasm)
	wasm[len(wasm)-1] ^= 1
	if err := os.WriteFile(store.path(hash), wasm, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Load(hash); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("got %v, want an error that says it is damaged", err)
	}
}

func TestCompiledCodeCountsOnlyIfRecorded(t *testing.T) {
	dir, ledger := t.TempDir(), &memLedger{codes: map[[32]byte][32]byte{}}
	wasm := watModule{answer: response(t, nil)}.wasm(t)
	hash := addModule(t, openStore(t, dir, ledger), wasm)
	chain := newChain(t)
	load := func(what string, recorded int) {
		t.Helper()
		m, err := openStore(t, dir, ledger).Load(hash)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if result, err := chain.execute(t, m); err != nil || !result.Success {
			t.Errorf("%s: got %+v, %v", what, result, err)
		}
		if ledger.recorded != recorded {
			t.Errorf("%s: compiled %d times, want %d", what, ledger.recorded, recorded)
		}
	}
	load("first", 1)
	load("again, from compiled code", 1)
	files, err := filepath.Glob(filepath.Join(dir, "*.cwasm"))
	if err != nil || len(files) != 1 {
		t.Fatalf("compiled files: got %v, %v", files, err)
	}
	info, err := os.Stat(files[0])
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode of compiled code: got %v, %v, want 0600", info.Mode(), err)
	}
	code, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	code[len(code)/2] ^= 1
	if err := os.WriteFile(files[0], code, 0o600); err != nil {
		t.Fatal(err)
	}
	load("code changed by one bit", 2)
	delete(ledger.codes, hash)
	load("code not recorded", 3)
	if err := os.Remove(files[0]); err != nil {
		t.Fatal(err)
	}
	load("code deleted", 4)
	ledger.err = errors.New("disk on fire")
	if _, err := openStore(t, dir, ledger).Load(hash); !errors.Is(err, ledger.err) {
		t.Errorf("failing ledger: got %v", err)
	}
}

func TestStoreRemovesLeftovers(t *testing.T) {
	dir := t.TempDir()
	old, fresh := filepath.Join(dir, asidePrefix+"old"), filepath.Join(dir, asidePrefix+"fresh")
	for _, path := range []string{old, fresh} {
		if err := os.WriteFile(path, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chtimes(old, time.Time{}, time.Now().Add(-2*leftoverAge)); err != nil {
		t.Fatal(err)
	}
	openStore(t, dir, nil)
	if _, err := os.Stat(old); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("old leftover: got %v, want it gone", err)
	}
	if _, err := os.Stat(fresh); err != nil {
		t.Errorf("file that may be in the making: %v", err)
	}
}

func TestStoreKeepsFewLoaded(t *testing.T) {
	store := openStore(t, t.TempDir(), nil)
	var hashes [][32]byte
	for i := range keptModules + 2 {
		hashes = append(hashes, addModule(t, store, watModule{answer: []byte{byte(i)}}.wasm(t)))
	}
	first, err := store.Load(hashes[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, hash := range hashes[1:] {
		if _, err := store.Load(hash); err != nil {
			t.Fatal(err)
		}
		if again, err := store.Load(hash); err != nil || again.Hash() != hash {
			t.Fatalf("again: %v", err)
		}
	}
	if len(store.loaded) != keptModules {
		t.Errorf("kept: got %d, want %d", len(store.loaded), keptModules)
	}
	if again, err := store.Load(hashes[0]); err != nil || again == first {
		t.Errorf("the oldest is to be loaded anew: %v", err)
	}
}

// A module that is compiled keeps nobody from those that are loaded, and is compiled
// once for all who wait.
func TestLoadingKeepsNobodyWaiting(t *testing.T) {
	dir, ledger := t.TempDir(), &gateLedger{memLedger: memLedger{codes: map[[32]byte][32]byte{}}, open: make(chan struct{})}
	store := openStore(t, dir, ledger)
	first, second := watModule{answer: response(t, nil)}.wasm(t), watModule{}.wasm(t)
	loaded, slow := addModule(t, store, first), addModule(t, store, second)
	if _, err := store.Load(loaded); err != nil {
		t.Fatal(err)
	}
	ledger.slow = slow
	results := make(chan *Module, 2)
	for range 2 {
		go func() {
			m, err := store.Load(slow)
			if err != nil {
				t.Error(err)
			}
			results <- m
		}()
	}
	if _, err := store.Load(loaded); err != nil { // while the gate is closed
		t.Fatal(err)
	}
	close(ledger.open)
	if a, b := <-results, <-results; a == nil || a != b {
		t.Errorf("two loads of one module gave %p and %p", a, b)
	}
}

// gateLedger answers for one module only once it is open.
type gateLedger struct {
	memLedger
	slow [32]byte
	open chan struct{}
}

func (l *gateLedger) CodeHash(module [32]byte, engine uint32) ([32]byte, bool, error) {
	if module == l.slow {
		<-l.open
	}
	return l.memLedger.CodeHash(module, engine)
}

func TestDamagedModuleIsReplaced(t *testing.T) {
	store := openStore(t, t.TempDir(), nil)
	wasm := watModule{}.wasm(t)
	hash := addModule(t, store, wasm)
	if err := os.WriteFile(store.path(hash), wasm[1:], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Load(hash); !errors.Is(err, ErrDamagedModule) {
		t.Fatalf("got %v", err)
	}
	addModule(t, store, wasm)
	if _, err := store.Load(hash); err != nil {
		t.Errorf("after it was added again: %v", err)
	}
}
