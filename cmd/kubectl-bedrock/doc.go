// Kubectl-bedrock is a plugin of kubectl: it says how a network is and why, and does
// by hand what people are asked to decide.
//
// Exit codes of status and why: 0 the chain is fine, 1 degraded, 2 halted, 3 it cannot
// be told or the command failed. safe-to-delete: 0 yes, 1 no, 3 as above.
//
// Invariants:
//   - It decides nothing by itself that the operator decides: takeovers, disruptions
//     and releases are annotations, written with the caller's own rights.
//   - It reads no Secret, but for the drill, which says so; bundle takes none along.
//   - `why` needs no API server: nodes can be named by --endpoint.
//   - What it says of a chain is the nodes' word, put together by package diagnose, and
//     verified under the network's genesis where the chain proves it.
//   - It links no cgo.
//
// Tests: transcripts in testdata, against a real API server and a chain in memory.
package main
