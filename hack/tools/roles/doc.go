// Roles splits the operator's generated ClusterRole by what it is bound to: what
// belongs to namespaces, the claims, and what is read of the cluster itself. It writes
// them to config/rbac and config/namespaced, and the bare rules to the chart.
//
// Invariants: every generated rule comes out in exactly one part; a rule of a resource
// that belongs to no namespace never gets into a namespaced Role; no rule names a
// wildcard, `exec`, or more of Secrets than get and create (it fails otherwise).
//
// Tests: split_test.go.
package main
