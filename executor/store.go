package executor

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// ErrNoModule: the store has no module of that hash. ErrDamagedModule: its file is
// not what its name says; adding the module again replaces it.
var (
	ErrNoModule      = errors.New("no such executor module")
	ErrDamagedModule = errors.New("the module's file is damaged")
)

// CodeLedger remembers the SHA-256 of compiled code that this node wrote, in the
// database: a file of compiled code counts only if it is the one recorded.
type CodeLedger interface {
	// CodeHash is the hash recorded for a module and engine; ok is false if
	// there is none.
	CodeHash(module [32]byte, engine uint32) (code [32]byte, ok bool, err error)
	// RecordCodeHash replaces it.
	RecordCodeHash(module [32]byte, engine uint32, code [32]byte) error
}

// keptModules is how many compiled modules a store keeps in memory: those of
// the running epoch, the next one and a few that queries ask for.
const keptModules = 4

// Store keeps modules by hash in a folder: `<hash>.wasm`, and beside it compiled
// code, `<hash>.<engine>.cwasm`. It is safe for concurrent use.
type Store struct {
	dir    string
	engine *Engine
	ledger CodeLedger // nil: compiled code is not kept

	mu      sync.Mutex
	loaded  []*Module // newest use first
	loading map[[32]byte]*loading
}

// loading is a module on its way, which several may wait for.
type loading struct {
	done   chan struct{}
	module *Module
	err    error
}

// OpenStore opens the folder, made if it is not there. ledger may be nil.
func OpenStore(dir string, engine *Engine, ledger CodeLedger) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open module store %s: %w", dir, advised(err))
	}
	if err := removeLeftovers(dir); err != nil {
		return nil, fmt.Errorf("open module store %s: %w", dir, advised(err))
	}
	return &Store{dir: dir, engine: engine, ledger: ledger, loading: make(map[[32]byte]*loading)}, nil
}

// advised says what to do about a full disk.
func advised(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("the disk is full: make room on the chain volume, then start again: %w", err)
	}
	return err
}

// leftoverAge is how old a file written aside must be to count as left over by a
// process that died: another one may be writing.
const leftoverAge = time.Hour

func removeLeftovers(dir string) error {
	leftovers, err := filepath.Glob(filepath.Join(dir, asidePrefix+"*"))
	if err != nil {
		return err
	}
	for _, path := range leftovers {
		info, err := os.Stat(path)
		if err == nil && time.Since(info.ModTime()) > leftoverAge {
			err = os.Remove(path)
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// Add checks a module and stores it; one that is there already stays. A module
// that is not accepted gives a *RefusedError.
func (s *Store) Add(wasm []byte) ([32]byte, error) {
	hash := sha256.Sum256(wasm)
	if have, err := s.Wasm(hash); err == nil && bytes.Equal(have, wasm) {
		return hash, nil
	}
	if report := s.engine.Inspect(wasm); !report.Accepted {
		return hash, &RefusedError{What: "module " + report.Hash, Reason: report.Reason}
	}
	if err := writeAside(s.path(hash), wasm); err != nil {
		return hash, fmt.Errorf("store module %x: %w", hash, err)
	}
	return hash, nil
}

// Inspect runs the load check of the store's engine.
func (s *Store) Inspect(wasm []byte) Report { return s.engine.Inspect(wasm) }

// Compile checks and compiles a module that is not to be kept.
func (s *Store) Compile(wasm []byte) (*Module, error) { return s.engine.Load(wasm) }

// Has reports whether the module is stored.
func (s *Store) Has(hash [32]byte) bool {
	_, err := os.Stat(s.path(hash))
	return err == nil
}

// List names the stored modules, sorted.
func (s *Store) List() ([][32]byte, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, fmt.Errorf("list modules: %w", err)
	}
	var hashes [][32]byte
	for _, entry := range entries {
		name, isModule := strings.CutSuffix(entry.Name(), ".wasm")
		if b, err := hex.DecodeString(name); isModule && err == nil && len(b) == 32 {
			hashes = append(hashes, [32]byte(b))
		}
	}
	slices.SortFunc(hashes, func(a, b [32]byte) int { return bytes.Compare(a[:], b[:]) })
	return hashes, nil
}

// Wasm is a module's file, checked against its hash; ErrNoModule if there is
// none.
func (s *Store) Wasm(hash [32]byte) ([]byte, error) {
	wasm, err := readBounded(s.path(hash), s.engine.limits.ModuleBytes)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("module %x: %w: add its file with `bedrock executor add`", hash, ErrNoModule)
	case err != nil:
		return nil, fmt.Errorf("read module %x: %w", hash, err)
	case sha256.Sum256(wasm) != hash:
		return nil, fmt.Errorf("%w: %s has SHA-256 %x: delete it and add the module again", ErrDamagedModule, s.path(hash), sha256.Sum256(wasm))
	}
	return wasm, nil
}

// Load is the compiled module, from memory, from code that this node compiled
// before, or compiled now. Compiling one keeps nobody from the others.
func (s *Store) Load(hash [32]byte) (*Module, error) {
	s.mu.Lock()
	for i, module := range s.loaded {
		if module.hash == hash {
			s.loaded = slices.Insert(slices.Delete(s.loaded, i, i+1), 0, module)
			s.mu.Unlock()
			return module, nil
		}
	}
	l := s.loading[hash]
	if l != nil {
		s.mu.Unlock()
		<-l.done
		return l.module, l.err
	}
	l = &loading{done: make(chan struct{})}
	s.loading[hash] = l
	s.mu.Unlock()
	l.module, l.err = s.load(hash)
	s.mu.Lock()
	delete(s.loading, hash)
	if l.err == nil {
		s.loaded = slices.Insert(s.loaded, 0, l.module)
		s.loaded = s.loaded[:min(len(s.loaded), keptModules)]
	}
	s.mu.Unlock()
	close(l.done)
	return l.module, l.err
}

func (s *Store) load(hash [32]byte) (*Module, error) {
	wasm, err := s.Wasm(hash)
	if err != nil {
		return nil, err
	}
	if module, err := s.cached(hash); module != nil || err != nil {
		return module, err
	}
	module, err := s.engine.Load(wasm)
	if err != nil {
		return nil, err
	}
	if err := s.cache(module); err != nil {
		return nil, err
	}
	return module, nil
}

// cached is the module from its compiled code, nil if there is none to trust.
func (s *Store) cached(hash [32]byte) (*Module, error) {
	if s.ledger == nil {
		return nil, nil
	}
	want, ok, err := s.ledger.CodeHash(hash, s.engine.limits.Engine)
	if err != nil {
		return nil, fmt.Errorf("look up compiled code of module %x: %w", hash, err)
	}
	if !ok {
		return nil, nil
	}
	// Read into memory, not mapped: a file that is overwritten in place while
	// mapped kills the process.
	code, err := readBounded(s.codePath(hash), maxCodeBytes)
	if err != nil || sha256.Sum256(code) != want {
		return nil, nil
	}
	compiled, err := s.engine.sandbox.Deserialize(code)
	if err != nil {
		return nil, nil // of another release or processor
	}
	return s.engine.accept(&Module{engine: s.engine, hash: hash, code: compiled})
}

// maxCodeBytes bounds a file of compiled code.
const maxCodeBytes = 256 << 20

func (s *Store) cache(module *Module) error {
	if s.ledger == nil {
		return nil
	}
	code, err := module.code.Serialize()
	if err != nil {
		return fmt.Errorf("module %x: %w", module.hash, err)
	}
	if err := writeAside(s.codePath(module.hash), code); err != nil {
		return fmt.Errorf("keep compiled code of module %x: %w", module.hash, err)
	}
	if err := s.ledger.RecordCodeHash(module.hash, s.engine.limits.Engine, sha256.Sum256(code)); err != nil {
		return fmt.Errorf("record compiled code of module %x: %w", module.hash, err)
	}
	return nil
}

func (s *Store) path(hash [32]byte) string {
	return filepath.Join(s.dir, hex.EncodeToString(hash[:])+".wasm")
}

func (s *Store) codePath(hash [32]byte) string {
	return filepath.Join(s.dir, fmt.Sprintf("%x.%d.cwasm", hash, s.engine.limits.Engine))
}

// readBounded reads a file of at most that many bytes.
func readBounded(path string, most int) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, int64(most)+1))
	if err == nil && len(content) > most {
		err = fmt.Errorf("%s has more than %d bytes", path, most)
	}
	return content, err
}

// asidePrefix is what the names of files start with until they are whole.
const asidePrefix = ".aside-"

// writeAside writes a file of mode 0600 beside its place, syncs and renames it.
func writeAside(path string, content []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), asidePrefix+"*") // mode 0600
	if err != nil {
		return advised(err)
	}
	_, err = file.Write(content)
	if err == nil {
		err = file.Sync()
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(advised(err), os.Remove(file.Name()))
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
