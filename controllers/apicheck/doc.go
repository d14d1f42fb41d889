// Package apicheck holds the schema of Bedrock's types against a real API server: what
// it must refuse, with messages that say what to do, what cannot change, and what it
// fills in. It has tests only.
//
// Invariants: every CEL rule of config/crd is broken by a case, so that a rule that
// can never fire, or whose message changed, shows; the samples are accepted whole.
//
// Tests: refused_test.go (bad specs), change_test.go (transitions), rules_test.go (every
// rule is hit), accepted_test.go (defaults and samples), select_test.go (fields that are
// selected by).
package apicheck
