// Package plan decides for the keyclaim controller: pure functions from what was read
// of a key and its claim to what to do, and why.
//
// Invariants: a key is claimed after it has proved possession; a claim that another
// Validator holds is never taken while that one may exist; what cannot be read counts
// as existing.
//
// It must not do I/O. Tests: plan_test.go.
package plan
