// Command pagegen writes docs/metrics.md from the registry of a node that it
// opens in a folder of its own and never runs: `make metrics-page`.
//
// The node is a whole one, so that no metric is on the page that no node exports,
// and none is missing. Guarded by the test here, which holds the committed page to
// what would be written, and by test/metrics, which scrapes nodes under load.
package main
