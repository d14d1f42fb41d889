// Package operator holds tests of the operator on a real cluster, which they share: API
// server, etcd, kubelets and containerd, under load. `make e2e ROW=6` gives the cluster
// and runs one row.
//
// Invariants: every wait has a bound and says what it waits for; every test makes a
// namespace of its own and takes it away; the vote log of every process that was ever
// started is held against all others (votebook), and every final block that any node
// told is held against what the others told.
//
// It must not count on what another row left. The tests stand behind the build tag e2e:
// they need root and minutes, and are no part of `make test`.
package operator
