package sandbox

// #include "shim.h"
import "C"

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/cgo"
	"runtime/debug"
	"unsafe"
)

// Host answers a module's imports during one run.
type Host interface {
	// Call answers one call; number is the import's place in the engine's list.
	// memory is the instance's, valid until Call returns. An error ends the run
	// and comes back from Run as it is.
	Call(number int, args [4]uint32, memory []byte) (uint32, error)
}

// TrapCode is what Wasmtime says of a trap.
type TrapCode int

// The codes that are told apart; NoTrapCode is that of traps made by the host.
const (
	NoTrapCode        TrapCode = -1
	TrapStackOverflow TrapCode = 0
	TrapOutOfFuel     TrapCode = 11
)

// Trap ended a run by the module's own making.
type Trap struct {
	Code    TrapCode
	Message string
}

// Error is the trap's message, with its backtrace as far as it was kept.
func (t *Trap) Error() string { return t.Message }

// ErrPanic is wrapped by the error of a run in which an import panicked.
var ErrPanic = errors.New("panic in an import")

// Call says what to run.
type Call struct {
	Export string
	// Request is copied into the instance. nil: the export takes nothing and
	// answers with an i32; else it takes address and length, answers an i64.
	Request []byte
	Fuel    uint64
	Host    Host
}

// Usage is what a run took. FuelUsed is exact for a run that did not trap.
type Usage struct {
	FuelUsed uint64
	Memory   int // bytes
}

// host is what a handle stands for while its run goes on.
type host struct {
	imports []Import
	answers Host
	err     error
}

// Run runs an export in a fresh instance and hands its answer to use, together
// with the instance's memory, which is valid until use returns. The error is a
// *Trap where the module made it, the import's own where an import failed,
// another one where the host could not run the module.
func (m *Module) Run(call Call, use func(answer uint64, memory []byte) error) (Usage, error) {
	h := &host{imports: m.engine.settings.Imports, answers: call.Host}
	handle := cgo.NewHandle(h)
	defer handle.Delete()
	limits := C.bd_limits{
		memory:         C.int64_t(m.engine.settings.MaxMemory),
		table_elements: C.int64_t(m.engine.settings.TableElements),
		tables:         1,
		fuel:           C.uint64_t(call.Fuel),
	}
	run := C.bd_start(m.engine.ptr(), m.pre, C.uintptr_t(handle), &limits,
		(*C.char)(unsafe.Pointer(unsafe.StringData(call.Export))), C.size_t(len(call.Export)),
		C.bool(call.Request != nil), (*C.uint8_t)(unsafe.SliceData(call.Request)), C.size_t(len(call.Request)))
	runtime.KeepAlive(m)
	if run == nil {
		return Usage{}, errors.New("no memory for a run")
	}
	defer C.bd_end(run)
	usage := Usage{FuelUsed: call.Fuel - uint64(run.fuel_left), Memory: int(run.size)}
	if err := failure(run, h); err != nil {
		return usage, err
	}
	return usage, use(uint64(run.answer), unsafe.Slice((*byte)(run.data), int(run.size)))
}

func failure(run *C.bd_run, h *host) error {
	if h.err != nil {
		return h.err
	}
	text := string(unsafe.Slice((*byte)(unsafe.Pointer(&run.message[0])), int(run.message_len)))
	switch {
	case run.status == C.BD_OK:
		return nil
	case run.status == C.BD_TRAP, bool(run.early):
		return &Trap{Code: TrapCode(run.trap_code), Message: text}
	default:
		return fmt.Errorf("run module: %s", text)
	}
}

//export bedrockImport
func bedrockImport(handle, number C.uintptr_t, values *C.bd_raw, data *C.uint8_t, size C.size_t) (status C.int) {
	h := cgo.Handle(handle).Value().(*host)
	defer func() {
		if cause := recover(); cause != nil {
			h.err = fmt.Errorf("%w: %v\n%s", ErrPanic, cause, debug.Stack())
			status = 1
		}
	}()
	// One slot of 16 bytes for each parameter; the first takes the result.
	raw := unsafe.Slice((*[2]uint64)(unsafe.Pointer(values)), h.imports[number].Params)
	var args [4]uint32
	for i := range raw {
		args[i] = uint32(raw[i][0])
	}
	result, err := h.answers.Call(int(number), args, unsafe.Slice((*byte)(data), int(size)))
	if err != nil {
		h.err = err
		return 1
	}
	raw[0][0] = uint64(result)
	return 0
}
