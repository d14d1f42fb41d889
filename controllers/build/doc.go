// Package build makes the objects of one instance of a validator: pure functions from
// an Instance to apply configurations, and to the volume claims, which are made by
// Create alone. // rule: own-pvcs, no-owner
//
//	in := build.Instance{...}
//	apply.Object(ctx, c, manager, build.StatefulSet(&in), owned)
//
// Invariants
//
//   - Every pod passes the restricted Pod Security Standard (host ports aside, which
//     the controller refuses where the namespace does), has no token of the API
//     server, and has requests that equal its limits (Guaranteed).
//   - What a running node reads again (peers, announced addresses) is outside of the
//     config-hash: a larger set, or another address, restarts nobody.
//     // rule: peers-by-name, exposure
//   - The same Instance gives the same bytes; nothing is read but the argument.
//   - Claims and genesis carry no owner reference. // rule: no-owner
//
// It must not do I/O or decide whether an object is wanted: controllers/validator/plan
// does. Tests: build_test.go holds every object to a golden file (-update writes them)
// and the configuration to the node's own parser; security_test.go holds pods to the
// restricted standard; policy_test.go is the table of who may reach what.
package build
