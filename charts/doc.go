// Package charts holds the Helm charts to what they promise. It has tests only.
//
// Invariants: the charts pass Helm's lint; what they make of their values is in golden
// files (testdata; -update writes them); values that make no sense are refused by
// name; CRDs are those of config/crd, are upgraded with the chart, and stay with every
// network when it is uninstalled.
//
// Tests: charts_test.go, install_test.go (against a real API server, with Helm as
// hack/charts pins it; testdata/*.tgz is the frozen first version).
package charts
