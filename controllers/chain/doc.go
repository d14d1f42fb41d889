// Package chain is how the operator and the kubectl plugin reach nodes: what a
// node says of itself, what the chain proves, the transactions that are sent, and
// the nodes' administration.
//
//	c, err := chain.New(chain.Options{Trust: trust})   one a network
//	s, err := c.Status(ctx, "http://val-0.net.svc:7601")
//	set, err := c.Set(ctx, at)                          who is in the set, and who was seen
//	tx, err := chain.Rotate(delegate, genesis, op, validUntil)
//	v, err := c.Submit(ctx, at, tx)
//
// Invariants
//
//   - Every call names the node that it asks: to ask two nodes other than the one
//     in question is the caller's. // rule: seen
//   - Set, Validator, Holder, Authority, Account, Parameters and Transaction hold
//     under the genesis, by certificates and proofs, or are errors. Status, what a
//     node has seen (Seen) and Set.TimeMs are that node's own word.
//   - A proof does not say that it is the newest: Height says of when it is.
//   - A transaction is bytes, made once: callers store it, and send the same bytes
//     again. // rule: delegate-only
//   - Everything is bounded in time and size; a node that cannot be reached is
//     ErrUnreachable, and says nothing of the chain.
//
// It must not decide anything (plan packages do), keep keys, or reach the API
// server. It links no cgo. Guarded by client_test.go, over a chain of real
// certificates and proofs; chaintest is a chain in memory for callers' tests.
package chain
