// Package votebook holds what vote logs said over a test's whole life against each
// other: whoever signed two things that exclude each other is found, by whatever
// processes and on whatever copies of a volume it did.
//
// Invariants: an entry is never taken out; one view has one prepare vote and one commit
// vote of an identity; the newest state of an identity never falls.
//
// It must not start processes or read logs: callers do. Tests: book_test.go.
package votebook
