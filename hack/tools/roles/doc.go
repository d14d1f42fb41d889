// Roles splits the operator's generated ClusterRole by what it is bound to: what
// belongs to namespaces, the claims, and what is read of the cluster itself. It writes
// them to config/rbac and config/namespaced, and the bare rules to the chart.
//
// Invariants: every generated rule comes out in exactly one part; a rule of a resource
// that belongs to no namespace never gets into a namespaced Role; no rule names a
// wildcard, `exec`, or more of Secrets than get, create and delete (it fails
// otherwise), and in a namespaced Role the first and last of them by name.
//
// Tests: split_test.go.
package main
