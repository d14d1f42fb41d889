// Package sim runs whole nodes in one process, under one seed and in virtual time.
//
//	result, err := sim.Run(sim.Draw(seed, 4))
//
// What is real: consensus, engine, mempool, block sync, the vote log (its files, its
// records, its opening), the rules of the signer, both signature schemes and every encoding. They run
// on package deterministic, with not a line of their own for it.
//
// What is simulated
//
//   - The network (network.go): messages are late, lost, doubled and out of order,
//     links are cut one way or both, clog (clog.go), peers are gone and come back. Requests are
//     answered by a task of the other node, or not. Not yet: rate limits, scores,
//     gossip that others pass on.
//   - The disk of the signer volume: package simdisk, with crashes at any write and
//     what was not synced lost or torn; flipped bits, lost and misdirected writes in one
//     copy of the vote log or in both; syncs that fail; no room; a volume that is lost,
//     rolled back or copied to a second process (disks.go, volumefaults.go). Identities
//     are made and set aside by the rules of docs/keys.md (volume.go); marks, which the
//     signer holds volumes against, and the boot count are not simulated.
//   - The chain's store (store.go): heights in memory; a crash cuts it at a batch at or
//     above the height that was synced. Heights that do not read, syncs that fail, a lost
//     volume, which fills itself from peers. Not yet: RocksDB.
//   - The executor (machine.go): eight accounts with nonces, which takes time. It ends
//     epochs, which change powers. Not yet: WASM, blocks that fail, members that come
//     and go, upgrades.
//   - Clocks (clock.go): both run too fast or too slow, the wall clock jumps.
//   - Crashes: at any switch of tasks, or inside a write; restart of one or of all.
//   - Conduct (conduct.go) puts other parts in the place of some nodes' own: Byzantine
//     validators (package byzantine), and what must be caught.
//
// What holds after every event, or the run ends with the seed: one block and one outcome
// a height, each of the epoch that it must be of; nothing told final is missing later; no
// validator signs two messages of one kind and view; nobody is accused; the database holds
// what the vote log saw synced (check.go). What is persisted never goes back, whatever is
// sent is in the vote log before, and no signer refuses what consensus asks for
// (promises.go). Every certificate sent is valid, and no two of a view contradict one
// another (certificates.go). After the last fault heals every node commits new blocks
// within Plan.Heal of virtual time, transactions among them, and every validator votes.
//
// It must not: hold a second copy of a rule, reach a real clock, file or socket, or be
// imported by what it simulates.
//
// Guarded by sim_test.go: seeds give their fingerprint again, in this process and in
// another, and a node that forgets its votes, a store that lies about what it synced
// and an executor that is not deterministic are each caught.
package sim
