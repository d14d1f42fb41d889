package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/bedrock-bft/bedrock/executor"
	"github.com/bedrock-bft/bedrock/node/modules"
	"github.com/bedrock-bft/bedrock/node/storage"
	"github.com/bedrock-bft/bedrock/node/types"
)

// fetchAgain is how long after no peer had a module the peers are asked again.
const fetchAgain = 2 * time.Second

// moduleStore gives compiled modules: from its folder, and where a source is set,
// from peers into the folder first. Modules are only ever added, so that those of
// all epochs stay: reads and replays of a height run the module of its epoch.
type moduleStore struct {
	dir     string
	ledger  executor.CodeLedger
	options executor.Options // of every engine, but for its number

	mu      sync.Mutex
	engines map[uint32]*executor.Store // by engine number, made when first asked for
	files   *executor.Store            // the first engine's, for what all share

	// source brings a module by its hash; nil: nothing is brought.
	source   func(ctx context.Context, hash types.Hash) ([]byte, error)
	fetching chan struct{} // one place
	failed   map[types.Hash]failedFetch
}

// failedFetch is when a module was last looked for in vain, and what came of it.
type failedFetch struct {
	at  time.Time
	err error
}

// openModules opens the module folder with the canonical module in it, and the
// one that the configuration names.
func openModules(dir, extra string, options executor.Options, ledger executor.CodeLedger) (*moduleStore, error) {
	m := &moduleStore{dir: dir, ledger: ledger, options: options, engines: map[uint32]*executor.Store{},
		fetching: make(chan struct{}, 1), failed: map[types.Hash]failedFetch{}}
	var err error
	if m.files, err = m.of(options.Number); err != nil {
		return nil, err
	}
	canonical, err := executor.Canonical()
	if err != nil {
		return nil, err
	}
	if _, err := m.files.Add(canonical); err != nil {
		return nil, fmt.Errorf("store the built-in module: %w", err)
	}
	if extra != "" {
		wasm, err := os.ReadFile(extra)
		if err != nil {
			return nil, fmt.Errorf("executor.module: %w", err)
		}
		if _, err := m.files.Add(wasm); err != nil {
			return nil, fmt.Errorf("executor.module %s: %w", extra, err)
		}
	}
	return m, nil
}

// of is the store of an engine number. An error that is executor.ErrNoEngine says
// that this program does not have it.
func (m *moduleStore) of(number uint32) (*executor.Store, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.engines[number]; s != nil {
		return s, nil
	}
	options := m.options
	options.Number = number
	engine, err := executor.NewEngine(options)
	if err != nil {
		return nil, err
	}
	s, err := executor.OpenStore(m.dir, engine, m.ledger)
	if err != nil {
		return nil, err
	}
	m.engines[number] = s
	return s, nil
}

// Module implements ModuleSource.
func (m *moduleStore) Module(ctx context.Context, hash types.Hash, engine uint32) (*executor.Module, error) {
	store, err := m.of(engine)
	if err != nil {
		return nil, err
	}
	module, err := store.Load(hash)
	if m.source == nil || !errors.Is(err, executor.ErrNoModule) && !errors.Is(err, executor.ErrDamagedModule) {
		return module, err
	}
	if ferr := m.fetch(ctx, store, hash); ferr != nil {
		return nil, fmt.Errorf("%w; %w", err, ferr)
	}
	return store.Load(hash)
}

// Kept is Module of one that the folder holds: not one that is at hand from before its
// file went, which is brought again. // rule: module-ready
func (m *moduleStore) Kept(ctx context.Context, hash types.Hash, engine uint32) (*executor.Module, error) {
	module, err := m.Module(ctx, hash, engine)
	if err != nil {
		return nil, err
	}
	store, err := m.of(engine)
	if err != nil {
		return nil, err
	}
	if _, err = store.Wasm(hash); err != nil && m.source != nil {
		if ferr := m.fetch(ctx, store, hash); ferr != nil {
			return nil, fmt.Errorf("%w; %w", err, ferr)
		}
		_, err = store.Wasm(hash)
	}
	return module, err
}

// fetch brings a module, one at a time; where nobody had it, not again at once.
func (m *moduleStore) fetch(ctx context.Context, store *executor.Store, hash types.Hash) error {
	select {
	case m.fetching <- struct{}{}:
		defer func() { <-m.fetching }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if _, err := store.Wasm(hash); err == nil {
		return nil // another one brought it
	}
	if last, ok := m.failed[hash]; ok && time.Since(last.at) < fetchAgain {
		return last.err
	}
	wasm, err := m.source(ctx, hash)
	if err == nil {
		_, err = store.Add(wasm)
	}
	if err != nil {
		if ctx.Err() == nil {
			clear(m.failed) // one is enough: who needs several asks in turn
			m.failed[hash] = failedFetch{time.Now(), err}
		}
		return err
	}
	return nil
}

// Inspect runs the load check of an engine.
func (m *moduleStore) Inspect(engine uint32, wasm []byte) (executor.Report, error) {
	store, err := m.of(engine)
	if err != nil {
		return executor.Report{}, err
	}
	return store.Inspect(wasm), nil
}

// Add checks a module and keeps it.
func (m *moduleStore) Add(wasm []byte) ([32]byte, error) { return m.files.Add(wasm) }

// List names the modules that are kept.
func (m *moduleStore) List() ([][32]byte, error) { return m.files.List() }

// Has reports whether a module is kept.
func (m *moduleStore) Has(hash [32]byte) bool { return m.files.Has(hash) }

// Wasm is the file of a module that is kept.
func (m *moduleStore) Wasm(hash [32]byte) ([]byte, error) { return m.files.Wasm(hash) }

// shareModules gives peers what this node has, and takes from them what it lacks.
func (n *Node) shareModules() error {
	if err := n.network.Handle(modules.Protocol, modules.Serve(content{n.modules, n.store})); err != nil {
		return fmt.Errorf("serve modules: %w", err)
	}
	n.takeModules()
	return nil
}

// takeModules takes from peers what this node lacks.
func (n *Node) takeModules() {
	if !n.cfg.Executor.Fetch {
		return
	}
	fetcher := &modules.Fetcher{Network: n.network}
	n.modules.source = func(ctx context.Context, hash types.Hash) ([]byte, error) {
		wasm, err := fetcher.Fetch(ctx, hash)
		if err == nil {
			n.log.Info("brought an executor module from a peer", "executor", hash, "bytes", len(wasm))
		}
		return wasm, err
	}
}

// content is what peers may ask for by its SHA-256: modules, and the documents of the
// chains that this one continues. // rule: recovery-genesis
type content struct {
	*moduleStore
	store *storage.Store
}

// Has implements modules.Source.
func (c content) Has(hash [32]byte) bool {
	if c.moduleStore.Has(hash) {
		return true
	}
	document, err := c.store.Document(hash)
	return err == nil && len(document) <= modules.MaxBytes // who asks would take more for a lie
}

// Wasm implements modules.Source.
func (c content) Wasm(hash [32]byte) ([]byte, error) {
	if c.moduleStore.Has(hash) {
		return c.moduleStore.Wasm(hash)
	}
	return c.store.Document(hash)
}

// genesisWait is how long a node without any state waits for peers to give it the
// module of genesis: those of a new chain all lack it, or none does.
const genesisWait = 30 * time.Second

// bringGenesisModule asks peers for the module of genesis where it is not here: a
// release that is newer than the chain has another one built in. What comes of it
// shows when genesis is executed.
func (n *Node) bringGenesisModule(ctx context.Context) {
	epoch := n.genesis.Epoch()
	peers, err := n.peers()
	if err != nil || len(peers) == 0 || n.modules.source == nil || n.modules.Has(epoch.ExecutorHash) {
		return
	}
	n.log.Info("the executor of genesis is not here: asking peers for it", "executor", epoch.ExecutorHash, "for", genesisWait)
	ctx, cancel := context.WithTimeout(ctx, genesisWait)
	defer cancel()
	for {
		_, err := n.modules.Module(ctx, epoch.ExecutorHash, epoch.Engine)
		if err == nil || !errors.Is(err, executor.ErrNoModule) {
			return
		}
		select {
		case <-time.After(fetchAgain / 10):
		case <-ctx.Done():
			return
		}
	}
}
