// Roles splits the operator's generated ClusterRole by what it is bound to: what
// belongs to namespaces, the claims, and what is read of the cluster itself. It writes
// them to config/rbac and config/namespaced, and the bare rules to the chart.
//
// Invariants: every generated rule comes out in exactly one part (namespaces in two: a
// Role may let its own namespace be read, a cluster role kube-system); a rule of another
// resource that belongs to no namespace never gets into a namespaced Role; no rule names
// a wildcard, `exec`, or a Secret other than by name (it fails otherwise).
//
// Tests: split_test.go.
package main
