// Package engine drives the consensus core: one event loop over interfaces for
// clock, network, execution, store, vote log, signer and pool.
//
//	p2p ──▶ inbox ──▶ consensus.Core.Step ──▶ effects ─┬▶ writer: vote log, then sign and send
//	pool, timers ──▶                                   ├▶ executor (one block at a time)
//	verdicts, blocks fetched ◀─────────────────────────┼▶ verifier, builder, fetcher
//	                                                   └▶ committer ──▶ store, pool, subscribers
//
// Invariants
//
//   - Effects are carried out in the order in which the core gave them; what
//     signs waits until every Persist before it is durable. // rule: persist-first
//   - A Persist that waits for the one in flight is merged with those behind it:
//     one write at a time, and each write holds the newest state.
//   - Nothing is signed before own-echo passed in the epoch that is signed in, nor
//     after a jump of the wall clock until it passed again. // rule: own-echo
//   - Evidence is verified before it is passed on, once an offender and kind, until
//     a final block that did not fail holds it.
//   - Finalised blocks reach the store in height order, subscribers after that.
//   - An error of the vote log, of a sync, or a host fault ends the engine: Run
//     returns it and nothing more is signed. // rule: sync-failure, host-fault
//   - Every queue is bounded; the core itself is stepped by one goroutine.
//
// What it must not do: decide anything about the protocol (consensus does), know
// RocksDB, libp2p or Wasmtime (node wires those), read the wall clock except
// through Clock, or start a goroutine, wait or take the time but through node/task:
// the simulator runs this very code under a seed.
//
// Guarded by the tests beside the code, which run whole networks of engines over
// an in-memory transport, and by test/chaos with real processes.
package engine
