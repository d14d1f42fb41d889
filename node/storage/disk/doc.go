// Package disk is the small file system that the vote log and the volume checks
// are written over: the operating system's in production, a simulated one
// (package simdisk) in tests and in the simulator.
//
// Invariants
//
//   - A new file has its full size allocated and reads as zeros before Create
//     returns, so that an append changes no metadata that a data sync skips.
//   - Nothing here retries: a failed write or sync is handed up as it is, since
//     after a failed sync the page cache may claim what the device never got.
//     // rule: sync-failure
//   - A volume lock lives as long as its holder's process. // rule: exclusive-volume
//
// It must not buffer, cache or reorder. Guarded by os_test.go and by the crash
// tests of node/storage/votelog.
package disk
