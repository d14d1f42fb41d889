// Package replay runs a chain under load, executes its blocks again, and has other
// engines do the same: the ledger's crates natively, and the canonical module on
// wasmi.
package replay
