// Package local makes clusters for tests by hack/cluster/ctl, and takes them down again.
//
// A cluster has an index from 0 to 9 that no other on the machine has: 0 is make cluster's,
// tests take theirs from 1 on (test/e2e row 0: 9). Commands run with bounds; a failure ends
// the test with the command's own words. It must not touch a cluster that it did not make.
// Guarded by test/e2e's row 0.
package local
