// Package fleet reads what several controllers need of a network: its genesis document
// and the operator's key, the instances of its Validators, and what some of their nodes
// say of the chain.
//
// Invariants: a Secret is read by its name alone, and never kept; at most askMost nodes
// are asked, each within askTimeout; a node that is not who its Validator's status says
// is no witness.
//
// It must not write, or decide anything. Tests: the controllers' own, over what it reads.
package fleet
