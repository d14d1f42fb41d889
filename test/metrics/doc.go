// Package metrics runs a network under load and looks at it as an operator does:
// every metric of docs/metrics.md is scraped from every node and no other is
// there, nothing was dropped, no host fault counted, and one block is followed by
// its id from proposal to final through the logs of all nodes. It has no code, only
// tests; the nodes are processes of the built program on 127.0.0.160 and following
// (test/fleet, which compares outcomes and votes). With -all under both schemes.
package metrics
