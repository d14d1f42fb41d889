// Package fleet reads what several controllers need of a network: its genesis document
// and the operator's key, the instances of its Validators, what some of their nodes say
// of the chain, and which network an object belongs to.
//
// Invariants: a Secret is read by its name alone, and never kept; at most askMost nodes
// are asked, each within askTimeout; a node that is not who its Validator's status says
// is no witness; a reader over a cache has the index of IndexValidators.
//
// It must not write, or decide anything. Tests: watch_test.go, select_test.go of
// controllers/apicheck, and the controllers' own, over what it reads.
package fleet
