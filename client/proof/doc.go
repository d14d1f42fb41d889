// Package proof checks what a chain says without trusting who says it: a
// transaction, a receipt, an event, a block or a key of the state, final under a
// genesis document and nothing else.
//
//	p, err := proof.Decode(file)                       one form, bounded
//	result, err := proof.Verify(p, genesisHash, epoch1)
//
// A proof goes down from what is trusted:
//
//	genesis ─▶ epoch certificates ─▶ commit certificate ─▶ its outcome
//	        ─▶ parents' outcomes, down to the proven height ─▶ state root,
//	           receipts root, block id ─▶ what is claimed
//
// Invariants
//
//   - Nothing in a proof is free: what the checks do not bind is not in it, and a
//     file has one form, with a digest, so that any changed byte is refused.
//   - A proof of absence is a proof; silence is none.
//
// It links no cgo, does no I/O and reads no clock. Guarded by verify_test.go,
// which changes every byte of golden files, and FuzzDecode.
package proof
