// Package plan decides what the network controller does: which validators a spec asks
// for, what the genesis is, who joins and leaves next, and what the conditions say.
//
// Invariants
//
//   - Every function is pure: values in, a decision with its reason out. The reason is
//     the condition's reason.
//   - The genesis is a function of the spec, the recorded public records, the recorded
//     time, module and operator key. // rule: ceremony
//   - Where a genesis exists nothing asks for new keys: KeyMissing. // rule: ceremony
//   - At most one change of the chain's set is decided at a time, and none after which
//     the live power is no quorum. // rule: leave-only-by-scale
//   - The chain wins over recorded status. // rule: chain-over-API
//
// It must not do I/O or read a clock. Guarded by the tables beside each file.
package plan
