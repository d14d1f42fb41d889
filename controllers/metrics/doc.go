// Package metrics is the operator's own metrics, in the registry that its manager
// serves. docs/operator-metrics.md is written from All by docs_test.go.
//
// Invariants: every metric has a unit in its name or its help; labels are names of
// objects and reasons, so their number is bounded by the objects.
//
// It must not measure what nodes measure themselves. Tests: docs_test.go.
package metrics
