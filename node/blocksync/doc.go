// Package blocksync brings final blocks from peers: ranges of blocks with their
// outcomes and the commit certificate that covers them.
//
// What a range must show before a byte of it is executed: the certificate
// verifies under its epoch's set, the outcomes from the own tip up to the
// certificate's form one hash chain, and each block is the one that its outcome
// names. So a range is as final as if its votes had been heard; what is left for
// the caller is to execute it and to compare the outcomes.
//
// Invariants
//
//   - Nothing of a range that does not verify reaches the caller; its sender is
//     penalised and the range asked of another peer.
//   - What a chain had that this one continues is proven likewise, its last blocks by
//     outcomes that lead to the one that the recovery genesis names.
//   - Answers are bounded in bytes and blocks on both sides, and so is what waits for
//     a certificate of its own height (Tail), whatever peers answer: who names one that
//     is too far above is asked last.
//   - A slow peer is hedged: after a while a second one is asked the same.
//
// What it must not do: execute, store, decide whether to sync, or start and wait but
// through node/task.
//
// Guarded by the tests beside the code, with peers that lie in each way named.
package blocksync
