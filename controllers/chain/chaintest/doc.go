// Package chaintest is a chain in memory, for tests of who drives chains through
// controllers/chain: a set, powers, votes, heights, and a ledger that executes
// join, ready, delegate, rotate, weigh, leave and maintain by the rules of
// docs/keys.md, with the ledger's own codes. A test can run a network's whole life
// on it without a node.
//
//	c := chaintest.New(chaintest.Options{Validators: 4})
//	r := plan(c)                   *Chain is a chain.Client and a chain.Admin
//	c.Node("http://val-0:7601").Stop()
//	c.Silence(true)                all run, and none can be asked
//	c.Advance(8)                   eight heights, if the live power is a quorum
//	c.Elapse(10 * time.Minute)     time without blocks
//
// Invariants
//
//   - Time and heights move only by Advance, Elapse and Run.
//   - The same calls give the same chain: keys come from names, nothing is random.
//   - A transaction is checked when it is submitted and again when a block holds it,
//     as a real chain does; what failed stands in Transactions with its code.
//
// It has no fees but nonces, and no certificates: that reads are verified is tested
// in controllers/chain. Guarded by chaintest_test.go.
package chaintest
