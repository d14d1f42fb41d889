// Package memstate is a base state in memory, with every version of every row:
// for tests, benchmarks and the replay of single blocks.
//
// It follows the rules of state.Base exactly (newest at or below a height,
// immutable pages) and can be told to fail reads, which is how tests show that
// a fault of the host is never an outcome (rule: host-fault). It does not
// persist anything and never prunes. Its tests are TestNewestAtOrBelow and
// TestInjectedFault; the property tests of package state run on it.
package memstate
