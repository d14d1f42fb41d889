// Package devnet runs a whole network on one machine: each validator a process
// of its own, with a home as `bedrock init` makes it, on an address 127.0.0.x.
//
// `bedrock devnet` is this package with a terminal around it; test/chaos drives
// the same processes and kills them.
//
// Invariants
//
//   - It ends only processes that it started, and all of them with its own end:
//     each dies with its parent, even if that is killed.
//   - A node that dies is named and stays down until somebody starts it.
//   - A folder that holds a chain is continued, never made anew.
//
// What it must not do: reach into a node other than by its command line, its
// files and its listeners. Linux only, as the address range and /proc are.
//
// Guarded by test/chaos and by the tests beside the code.
package devnet
