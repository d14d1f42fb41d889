// Package takeover has a new instance take a validator's place: a new signer volume with
// an identity of its own, which the chain's set then names. Keys are never moved.
//
// One pass for a Validator: the chain is read first, then plan.Next decides one step,
// which is one write: begin, store the signed bytes, send them, or follow the chain.
//
// Invariants
//
//   - The chain says who is active; the status follows it. // rule: chain-over-API
//   - The rotate transaction is stored in the status before it is sent, and the same
//     bytes are sent until the chain has answered. // rule: takeover
//   - What nobody can tell is no reason to take over. // rule: seen
//   - It is signed by the delegate's key, or, in a handoff, by the owner alone.
//
// It must not make volumes or pods (the validator controller does, for every entry of
// status.instances), nor stop the instance that is superseded: the chain does. Guarded by
// plan's tables and takeover_test.go (a real API server, crashes at every write).
package takeover
