// Package sandbox runs one export of a compiled module in a fresh instance, on
// Wasmtime.
//
// Configuration, compilation and serialisation go through wasmtime-go. Its
// bindings lack the pooling allocator, pre-linked instances and unchecked host
// functions, which make an instance and a host call several times cheaper: a
// small C file reaches them by linking the same archive. shim.h declares by hand
// the slice of the C API that it uses (the headers ship inside another module's
// folder, which cgo flags cannot name).
//
// Invariants, each with a test:
//   - The declarations are those of the pinned release's headers
//     (TestDeclarationsMatchTheHeaders), and the objects of wasmtime-go start
//     with their C pointer (TestLayoutOfWasmtimeGo).
//   - An error of an import comes back as it is, by identity
//     (TestImportErrorKeepsItsIdentity); a panic in one is an error too, never
//     an unwinding through foreign frames (TestPanicInImport).
//   - Nothing survives from one run to the next (TestFreshInstance).
//
// It knows nothing of blocks or state, and does not decide what an error means.
package sandbox
