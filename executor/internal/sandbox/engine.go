package sandbox

// #include <stdlib.h>
// #include "shim.h"
import "C"

import (
	"errors"
	"fmt"
	"runtime"
	"syscall"
	"unsafe"

	wasmtime "github.com/bytecodealliance/wasmtime-go/v44"
)

// Import is one function that modules may import; all its parameters are i32,
// and so is its result, if it has one.
type Import struct {
	Name   string
	Params int // at most 4
	Result bool
}

// Settings are what an engine is made with. Stack, memory and tables are part of
// what an execution can observe; slots and resident bytes are not.
type Settings struct {
	MaxStack      int // bytes
	MaxMemory     int // bytes of linear memory
	TableElements int
	// Slots is the most instances at any one time.
	Slots int
	// Resident is how many bytes of an instance's memory stay mapped for the
	// next one.
	Resident int
	// Optimize is off only where tests compare code generators.
	Optimize bool
	// Target is a compilation target, "" for this machine.
	Target string
	// Module and Imports are what the linker offers.
	Module  string
	Imports []Import
}

// Engine compiles modules and links them. It is safe for concurrent use.
type Engine struct {
	settings Settings
	engine   *wasmtime.Engine
	linker   *C.wasmtime_linker_t
}

// first reads the C pointer that an object of wasmtime-go starts with.
func first[T any](object *T) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(object)) }

// hostStack is what the host needs of a thread's stack beside the module.
const hostStack = 1 << 20

// enoughStack refuses to run modules on stacks that they could overflow without
// a trap.
func enoughStack(forModule int) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_STACK, &limit); err != nil {
		return fmt.Errorf("read the limit of stacks: %w", err)
	}
	need := uint64(forModule) + hostStack
	if have := min(limit.Cur, uint64(C.bd_thread_stack())); have < need {
		return fmt.Errorf("threads have stacks of %d bytes, modules need %d: raise the limit (`ulimit -s 8192`)", have, need)
	}
	return nil
}

// NewEngine makes an engine.
func NewEngine(settings Settings) (*Engine, error) {
	if err := enoughStack(settings.MaxStack); err != nil {
		return nil, err
	}
	config := wasmtime.NewConfig()
	setFeatures(config)
	config.SetMaxWasmStack(settings.MaxStack)
	config.SetConsumeFuel(true)
	config.SetCraneliftNanCanonicalization(true)
	config.SetCraneliftOptLevel(wasmtime.OptLevelSpeed)
	if !settings.Optimize {
		config.SetCraneliftOptLevel(wasmtime.OptLevelNone)
	}
	if settings.Target != "" {
		if err := config.SetTarget(settings.Target); err != nil {
			return nil, fmt.Errorf("set compilation target %q: %w", settings.Target, err)
		}
	}
	C.bd_config((*C.wasm_config_t)(first(config)), C.uint32_t(settings.Slots), C.size_t(settings.MaxMemory),
		C.size_t(settings.TableElements), C.size_t(settings.Resident), C.uint32_t(settings.Slots))
	e := &Engine{settings: settings, engine: wasmtime.NewEngineWithConfig(config)}
	e.linker = C.wasmtime_linker_new(e.ptr())
	runtime.AddCleanup(e, func(linker *C.wasmtime_linker_t) { C.wasmtime_linker_delete(linker) }, e.linker)
	for i, imported := range settings.Imports {
		if err := e.define(i, imported); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// setFeatures turns on what the contract names and everything else off, as far
// as there are switches; what has none is refused by the load check.
func setFeatures(config *wasmtime.Config) {
	config.SetWasmBulkMemory(true)
	config.SetWasmMultiValue(true)
	config.SetWasmReferenceTypes(true)
	config.SetWasmSIMD(true)
	config.SetWasmWideArithmetic(true)
	config.SetWasmThreads(false)
	config.SetWasmRelaxedSIMD(false)
	config.SetWasmRelaxedSIMDDeterministic(true)
	config.SetWasmMultiMemory(false)
	config.SetWasmMemory64(false)
	config.SetWasmTailCall(false)
	config.SetWasmFunctionReferences(false)
	config.SetWasmGC(false)
	config.SetWasmComponentModel(false)
}

func (e *Engine) define(number int, imported Import) error {
	module, name := C.CString(e.settings.Module), C.CString(imported.Name)
	defer C.free(unsafe.Pointer(module))
	defer C.free(unsafe.Pointer(name))
	failed := C.bd_define(e.linker, module, name, C.int(imported.Params), C.bool(imported.Result), C.uintptr_t(number))
	if failed != nil {
		return fmt.Errorf("define import %s.%s: %w", e.settings.Module, imported.Name, toError(failed))
	}
	return nil
}

func (e *Engine) ptr() *C.wasm_engine_t { return (*C.wasm_engine_t)(first(e.engine)) }

// toError takes over an error of the C side.
func toError(failed *C.wasmtime_error_t) error {
	var text [480]byte
	n := C.bd_error_text(failed, (*C.char)(unsafe.Pointer(&text[0])), C.size_t(len(text)))
	return errors.New(string(text[:n]))
}

// Module is compiled code, linked to the engine's imports. It is safe for
// concurrent use.
type Module struct {
	engine *Engine
	module *wasmtime.Module
	pre    *C.wasmtime_instance_pre_t
}

// Compile compiles WebAssembly.
func (e *Engine) Compile(wasm []byte) (*Module, error) {
	if m := e.compiledBefore(wasm); m != nil {
		return m, nil
	}
	module, err := wasmtime.NewModule(e.engine, wasm)
	if err != nil {
		return nil, fmt.Errorf("compile module: %w", err)
	}
	m, err := e.link(module)
	if err == nil {
		e.compiled(wasm, m)
	}
	return m, err
}

// Deserialize takes code that Serialize made. It must be known to be that: it
// runs as it is, outside of any sandbox if it was tampered with.
func (e *Engine) Deserialize(code []byte) (*Module, error) {
	module, err := wasmtime.NewModuleDeserialize(e.engine, code)
	if err != nil {
		return nil, fmt.Errorf("load compiled code: %w", err)
	}
	return e.link(module)
}

// Serialize is the compiled code, for Deserialize of the same release, settings
// and processor features.
func (m *Module) Serialize() ([]byte, error) {
	code, err := m.module.Serialize()
	if err != nil {
		return nil, fmt.Errorf("serialise compiled code: %w", err)
	}
	return code, nil
}

func (e *Engine) link(module *wasmtime.Module) (*Module, error) {
	m := &Module{engine: e, module: module}
	failed := C.wasmtime_linker_instantiate_pre(e.linker, (*C.wasmtime_module_t)(first(module)), &m.pre)
	runtime.KeepAlive(module)
	if failed != nil {
		return nil, fmt.Errorf("link module: %w", toError(failed))
	}
	runtime.AddCleanup(m, func(pre *C.wasmtime_instance_pre_t) { C.wasmtime_instance_pre_delete(pre) }, m.pre)
	return m, nil
}
