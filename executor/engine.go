package executor

import (
	"context"
	"crypto/sha256"
	"fmt"
	"runtime"

	executorv1 "github.com/bedrock-bft/bedrock/proto/bedrock/executor/v1"

	"github.com/bedrock-bft/bedrock/executor/internal/sandbox"
)

// importModule is the module name of the five imports.
const importModule = "bedrock"

// The imports' numbers, which are their places in the list below.
const (
	importStateRead = iota
	importStateWrite
	importEmitEvent
	importConsumeGas
	importBlockMetadata
)

var imports = []sandbox.Import{
	importStateRead:     {Name: "state_read", Params: 4, Result: true},
	importStateWrite:    {Name: "state_write", Params: 2},
	importEmitEvent:     {Name: "emit_event", Params: 2},
	importConsumeGas:    {Name: "consume_gas", Params: 2, Result: true},
	importBlockMetadata: {Name: "block_metadata", Params: 2, Result: true},
}

// Options are what a node may choose of an engine; none of it can be observed
// by an execution.
type Options struct {
	// Number is the engine number; 0 stands for EngineOne.
	Number uint32
	// Instances run at any one time, by kind; 0 stands for the default.
	ExecuteInstances, VerifyInstances, CheckInstances, QueryInstances int
	// ResidentBytes of an instance's memory stay mapped for the next one; 0
	// stands for the default of 128 MiB; a block of 10,000 transfers has a
	// memory of 105 MiB. Only what was touched is kept.
	ResidentBytes int
	// CheckEpoch, if set, judges an epoch change beyond what every module must
	// keep to: keys of the chain's scheme, proofs of possession. Its error makes
	// a failed block, so it must be a pure function (rule: epoch-set-valid).
	CheckEpoch func(*executorv1.EpochParams) error
	// OnHostFault, if set, hears of each run of an export that the host failed, also
	// of one whose second attempt passed; not of those whose context was over
	// (rule: host-fault). Calls come from any goroutine.
	OnHostFault func(export string, err error)
	// NoOptimization compiles without optimising, and Target for another target
	// ("pulley64"): for tests that compare code generators.
	NoOptimization bool
	Target         string
}

// Engine compiles and runs modules for one engine number. It is safe for
// concurrent use.
type Engine struct {
	limits     Limits
	checkEpoch func(*executorv1.EpochParams) error
	onFault    func(export string, err error)
	sandbox    *sandbox.Engine
	// One place for each instance that may run, by kind of call, so that none
	// starves another.
	execute, verify, check, query, load chan struct{}
}

// NewEngine makes an engine.
func NewEngine(options Options) (*Engine, error) {
	if options.Number == 0 {
		options.Number = EngineOne
	}
	limits, err := LimitsOf(options.Number)
	if err != nil {
		return nil, err
	}
	places := func(chosen, standard int) chan struct{} {
		if chosen <= 0 {
			chosen = standard
		}
		return make(chan struct{}, chosen)
	}
	cores := runtime.GOMAXPROCS(0)
	e := &Engine{
		limits:     limits,
		checkEpoch: options.CheckEpoch,
		onFault:    options.OnHostFault,
		execute:    places(options.ExecuteInstances, 4),
		verify:     places(options.VerifyInstances, cores),
		check:      places(options.CheckInstances, 2),
		query:      places(options.QueryInstances, max(1, cores/2)),
		load:       make(chan struct{}, loadSlots),
	}
	if options.ResidentBytes <= 0 {
		options.ResidentBytes = 128 << 20
	}
	e.sandbox, err = sandbox.NewEngine(sandbox.Settings{
		MaxStack:      limits.StackBytes,
		MaxMemory:     limits.MemoryBytes,
		TableElements: limits.TableElements,
		Slots:         cap(e.execute) + cap(e.verify) + cap(e.check) + cap(e.query) + loadSlots,
		Resident:      options.ResidentBytes,
		Optimize:      !options.NoOptimization,
		Target:        options.Target,
		Module:        importModule,
		Imports:       imports,
	})
	if err != nil {
		return nil, fmt.Errorf("make engine %d: %w", options.Number, err)
	}
	return e, nil
}

// loadSlots is room for load checks beside the calls.
const loadSlots = 2

// Limits are those of the engine's number.
func (e *Engine) Limits() Limits { return e.limits }

// acquire waits for a place; the answer gives it back.
func acquire(ctx context.Context, places chan struct{}) (func(), error) {
	select {
	case places <- struct{}{}:
		return func() { <-places }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Module is a compiled, accepted module. It is safe for concurrent use.
type Module struct {
	engine *Engine
	hash   [32]byte
	code   *sandbox.Module
}

// Hash is the executor hash: SHA-256 of the module's file.
func (m *Module) Hash() [32]byte { return m.hash }

// Engine is the engine that the module was compiled for.
func (m *Module) Engine() *Engine { return m.engine }

// Load checks and compiles a module; one that is not accepted gives a
// *RefusedError.
func (e *Engine) Load(wasm []byte) (*Module, error) {
	if report := e.declared(wasm); !report.Accepted {
		return nil, &RefusedError{What: "module " + report.Hash, Reason: report.Reason}
	}
	code, err := e.sandbox.Compile(wasm)
	if err != nil {
		return nil, &RefusedError{What: fmt.Sprintf("module %x", sha256.Sum256(wasm)), Reason: err.Error()}
	}
	return e.accept(&Module{engine: e, hash: sha256.Sum256(wasm), code: code})
}

// accept runs abi_version, the last part of the load check.
func (e *Engine) accept(m *Module) (*Module, error) {
	e.load <- struct{}{}
	defer func() { <-e.load }()
	var version uint32
	_, err := m.code.Run(sandbox.Call{Export: "abi_version", Fuel: e.limits.Fuel.Base, Host: &call{}}, func(answer uint64, _ []byte) error {
		version = uint32(answer)
		return nil
	})
	refused := &RefusedError{What: fmt.Sprintf("module %x", m.hash)}
	switch err := classify("abi_version", err); {
	case err != nil:
		refused.Reason = err.Error()
	case version != abiVersion:
		refused.Reason = fmt.Sprintf("abi_version answers %d, this host has %d", version, abiVersion)
	default:
		return m, nil
	}
	return nil, refused
}
