// Package metrics makes the registry that a node's parts register with, and holds
// the names that they choose to one convention.
//
// Invariants
//
//   - Names begin with bedrock_ and say their unit: durations in _seconds, sizes in
//     _bytes, counters in _total, and a counter of a unit names that first
//     (bedrock_storage_written_bytes_total). A name without a unit counts things.
//   - Every metric has a help text; labels have few values (a label for each peer,
//     hash or height is refused).
//
// It must not collect anything itself but what the process is: version, chain,
// Go runtime, process. Guarded by metrics_test.go and, for a whole node's
// registry, by the test of package node that calls Problems.
package metrics
