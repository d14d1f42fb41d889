// Package names says what the operator's objects are called, and on which ports nodes
// listen: one place for the controllers, the plugin and the tests.
//
// Invariants: every name fits 63 characters given the limits of the API types; the
// names of an instance's objects follow from validator and number alone.
//
// It must not do I/O. Tests: names_test.go.
package names
