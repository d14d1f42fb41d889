// Command app is the program in the containers of row 0: it counts its starts on a volume,
// and looks names up and gets addresses for the test.
//
// Invariants: a start is counted before anything is served.
//
// It must not be used outside of that test. Tests: TestRow0Cluster uses it.
package main
