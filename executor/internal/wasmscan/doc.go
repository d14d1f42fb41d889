// Package wasmscan reads the sections of a WebAssembly module that the load
// check judges: types, imports, exports, memories, tables, globals, segments.
//
// It refuses, by name, what the contract leaves off and the runtime has no
// switch for (extended constant expressions), and what a reader should be told
// of in plain words: shared or 64-bit memory, custom page sizes, exceptions,
// reference types beyond funcref and externref, a component instead of a module.
// It does not validate code; the runtime does, with those features off.
//
// Every count is bounded by the bytes that are left, and no input makes it panic
// (FuzzScan). It knows nothing of what a module should import or export.
package wasmscan
