// Package wiring joins a node's parts where production and the simulator must join
// them alike:
//
//	Position   where consensus starts from, by what chain and signer volume hold
//	Newest     the stored tip and the epoch of the block after it
//	Pool       the mempool as the engine uses it
//	Gossip     transactions between pools, certificates to who is no validator
//
// Invariants
//
//   - The vote log's state is started from only where the store knows its epoch and
//     lies in none after it. // rule: epoch-no-return
//   - What a failed block held, or what waits for a migration, stays in the pool.
//     // rule: failed-block, migration
//
// It must not: know which database, executor or network a node has, link cgo, or start,
// wait or take the time but through node/task.
//
// Guarded by position_test.go, by package node's tests over RocksDB, and by node/sim,
// which restarts nodes through it.
package wiring
