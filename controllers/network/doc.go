// Package network is the controller of BedrockNetwork: it makes the operator's key,
// the Validators, the genesis of the ceremony, full nodes and the RPC Service, and
// changes the chain's membership to what the spec asks for.
//
// A reconcile is one visible order of steps (steps in reconciler.go): fetch, deletion,
// paused, key, genesis, validators, services, chain, membership; then one status patch.
//
// Invariants
//
//   - What must outlive a crash is in the status before it is acted on: records and
//     genesis before the ConfigMap, signed bytes before they are sent. The status is
//     written against the version that was read, so that no stale read overwrites it.
//   - Genesis and operator key are made by Create only and carry no owner reference.
//     // rule: no-owner
//   - Only a smaller count, or deleting a hand-made Validator, takes one out of the
//     set; deleting a network only stops it. // rule: leave-only-by-scale
//   - In a steady state nothing is written.
//
// It must not decide (plan does), reach nodes but through controllers/chain, or list
// Secrets. Tests: plan's tables, and network_test.go against a real API server.
package network
