// Package module says what the canonical module's hash is, without linking the engine
// that runs it.
//
// Invariants: the hash is that of the committed module; package executor embeds the
// module itself and tests that.
//
// It must not load or run anything. Tests: executor's, over the embedded module.
package module
