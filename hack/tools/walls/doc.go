// Command walls holds the tree's import walls and the few rules of style that a
// program can check. `make lint` runs it; it prints one line a finding and exits
// with 1 when there is any.
//
// Rules are in a table (rules.go), each with the reason that it prints. What the
// table cannot say is code: the consensus core's purity (pure.go, which needs
// types), what runs on the runtime port (tasks.go), the absence of cgo below clients
// (cgo.go), package comments and tests that skip (files.go).
//
// It must not: rewrite anything, reach the network, or know of single files.
//
// Guarded by walls_test.go: each testdata/*.txtar is a small module with the
// findings that it must give; one of them has none.
package main
