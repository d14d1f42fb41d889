// Package modules builds the WASM modules that tests run beside the canonical one:
// the example of the counter, and variants of the ledger that are no part of any
// release.
//
//	path := modules.Build(t, modules.LedgerTrap)
//
// hack/wasm/modules builds them, each once for what it is built from, and
// hack/test has all of them built before tests run.
//
// It must not build the canonical module, nor be imported by what ships. Guarded by
// modules_test.go.
package modules
