// Package diagnose says from the nodes' own accounts whether a chain is fine, degraded
// or halted, and why: pure, so that it needs neither an API server nor a clock.
//
//	report := diagnose.Of(accounts)
//
// Invariants
//
//   - One account proves nothing about another validator: it is missing when two nodes
//     other than itself say so and none has seen it, and unknown where they disagree or
//     too few answer. // rule: seen
//   - A node that syncs is no witness.
//   - A chain without work to do is idle, not halted, as long as enough power is seen
//     to finish a view.
//   - With no account at all nothing is said of the chain.
//
// It must not do I/O. Tests: diagnose_test.go.
package diagnose
