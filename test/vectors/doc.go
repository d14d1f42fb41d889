// Package vectors is the home of test vectors that Go and Rust both check; its
// README says what each file holds. It has no code, only the tests that stand in
// no package of the node: those of libraries that the chain's rules rely on.
package vectors
