// Package validator makes what a Validator asks for: for each of its instances two
// volume claims, an identity Job and its record, and then a StatefulSet of one with
// its Services, configuration, NetworkPolicy and ServiceAccount.
//
// A reconcile goes in one order: fetch, deletion, paused, gather, steps (volumes,
// identity, objects, node), what the chain says, one status patch. Decisions are in
// plan; objects in controllers/build.
//
// Invariants
//
//   - Claims are made by Create, have no owner, are never deleted but by
//     deletionPolicy Delete with their recorded UIDs; what is not recorded is not used.
//     // rule: own-pvcs, no-owner
//   - The identity is written into the status once, and never changes there.
//   - A changed template restarts nothing: pods go under tokens of the disruption
//     controller. // rule: one-gate
//   - The status is written with the version that was read: a role that the takeover
//     controller gave is never taken back.
//   - No Secret is read; a brought key is mounted in the identity Job alone.
//   - In a steady state nothing is written, and reads come from the cache.
//
// It must not decide who is in the set, or grant disruption. Tests: validator_test.go
// and faults_test.go, against a real API server; plan's tables.
package validator
