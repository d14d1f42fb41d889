// Package client talks to a node and believes none: what it answers as final has
// been checked against a genesis document, by certificates and proofs.
//
//	c, err := client.New(url, client.Options{Genesis: g})
//	r, err := c.Query(ctx, "account/bed1…", nil, 0)   a value or a proven absence
//	r, err := c.SubmitFinal(ctx, tx)                  final, with receipt and proof
//	err = c.Follow(ctx, 0, opt, func(b client.Block) error { … })
//
// Invariants
//
//   - Verified answers (Query, Transaction, Block, SubmitFinal, Follow) hold under
//     the genesis, or are errors. What a node merely says of itself (Status,
//     Validators, Simulate) is said so.
//   - Epochs are followed by their certificates; a node that knows of later ones
//     is asked for them when a certificate needs them.
//   - No cgo is linked.
//
// Guarded by client_test.go, over a chain of real certificates and nodes that lie.
package client
