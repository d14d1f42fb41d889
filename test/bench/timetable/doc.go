// Command timetable measures where a validator's time goes on blocks of transfers:
// `make bench PARTS=time`, printed as the table of docs/performance.md.
//
// It drives the parts that a node is made of, without consensus between them: the
// canonical module in the executor's host, state and pages read from RocksDB on
// disk, commit batches as the node writes them, a vote log beside, and two p2p
// hosts on loopback.
//
// What is measured how
//
//   - Processor time, of the thread that does it where one thread does: others may
//     use the machine at the same time. Only the votes' latency is time that passed,
//     hence given idle and under load in the same run.
//   - decode is the module's own verify on transactions of another chain, which it
//     refuses after decoding; verify is the rest of a good run.
//   - tree begins at the first page that the module asks for and ends with the call:
//     descent, checking pages, hashing, the writes, and handing over receipts.
//   - Bytes are what the kernel counts as written to the device for this process,
//     compaction included as far as it came.
//
// It must not be part of a node. Guarded by the test here, which runs it small and
// holds that each figure is there.
package main
