// Package e2e holds the tests that need a real cluster: kubelets, containers, volumes,
// evictions and cut cables. They have the build tag e2e, need root, and run by
// "make e2e ROW=N"; "make test-long PARTS=cluster" runs row 0.
//
// Row 0 is the cluster itself: what every other row counts on. Each test makes a cluster
// of its own by package local and leaves nothing behind. Every wait has a bound, and a
// failure says what was waited for and what was there instead.
package e2e
