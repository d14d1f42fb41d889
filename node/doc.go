// Package node puts a node together from its parts, and is the one place that
// does: it opens the volumes, finds out where the chain stands, and connects
// engine, executor, pool, network and listeners.
//
//	New(ctx, Options) (*Node, error)   everything is open, nothing runs
//	(*Node).Run(ctx) error             until ctx ends or the node must stop
//	(*Node).Close() error
//
// Order matters at the start: the signer volume is locked first, its vote log
// says which height the database must reach, and nothing is signed before
// own-echo passed. // rule: exclusive-volume, key-with-memory, own-echo
//
// What it must not do: decide anything about blocks; the files here only turn
// one part's types into another's.
//
// Guarded by node_test.go, which runs whole nodes on loopback, and test/chaos.
package node
