// Package plan decides when a validator is succeeded by a new instance, and what the
// next step of that is: pure functions over its status and the chain's word.
//
// Invariants
//
//   - The chain's word comes first: who it names is the active instance, whatever the
//     status says. // rule: chain-over-API
//   - Unknown is not missing: nothing is taken over because nobody could be asked. // rule: seen
//   - Each ask by annotation is acted on once.
//   - Bytes are stored before they are sent, and stay until the chain has answered or can
//     no longer take them. // rule: takeover
//
// It must do no I/O and read no clock. Guarded by plan_test.go.
package plan
