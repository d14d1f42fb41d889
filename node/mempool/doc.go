// Package mempool holds verified transactions that wait for a block.
//
// A transaction enters through Pool.Add: it is hashed, verified in batches (a
// batch closes after 5 ms or 256 transactions), checked against the newest
// committed state together with what its sender already has queued, and put
// into its sender's nonce lane. The pool decodes nothing: the sender's lane, the
// nonce, the price and the cost are what the executor says they are.
//
// Invariants
//
//   - A lane is contiguous from its sender's committed nonce and at most
//     Limits.LaneTxs long. A transaction beyond a gap is held a bounded time,
//     never proposed.
//   - The sum of what a sender has queued was payable when last checked.
//   - A transaction leaves only when executed in a final block, expired,
//     replaced by one that pays at least a tenth more, dropped as the lowest
//     price of a full pool, failed a new check, or found to be poison. In
//     particular none leaves because a block with it was proposed: what is in
//     flight is the caller's to exclude.
//   - Nothing that did not verify changes what is queued: a broken copy of a
//     good transaction has another hash and is refused.
//   - Every structure is bounded; a full pool says which price would get in.
//   - Build reads no clock and calls nothing of the executor.
//
// Transactions of a failed block stay as suspects: Build leaves them out until a
// run in the sandbox cleared them; one that fails alone is dropped and its hash
// refused for a time. // rule: failed-block
//
// What others call:
//
//	New(Config) (*Pool, error)
//	(*Pool) Add(ctx, tx, source) (Result, error)
//	(*Pool) AddBatch(ctx, txs, source) ([]Result, error)
//	(*Pool) Offer(txs, source) error         the same for gossip: waits for nothing
//	(*Pool) Build(BuildLimits) [][]byte
//	(*Pool) Waiting(height, exclude) bool   something to propose?
//	(*Pool) Notify() <-chan struct{}        a token since something was added
//	(*Pool) Committed(CommitInfo)
//	(*Pool) Suspect(txs)                    the payload of a failed block
//	(*Pool) Has, Get, Stats, Subscribe, Flush, Close
//	(*Pool) Verdicts() *Verdicts            cache: Get, Put, Missing
//	VerifyAll(ctx, tasks, Verifier, *Verdicts, executor, txs) ([]Verdict, error)
//	VerifyBlock(...) (gas, refusal, err)    the same of a block: no more than its gas
//	EncodeBatch, DecodeBatch                gossip of the topic tx
//
// The package must not know the ledger, the network's streams or consensus. The
// state behind Pool (lanes, heaps, suspects) has no goroutine and reads no
// clock; Pool adds both, through node/task alone.
//
// Guarded by the model test (random operations against a naive pool), the table
// tests beside the code, FuzzJournal and FuzzBatch.
package mempool
