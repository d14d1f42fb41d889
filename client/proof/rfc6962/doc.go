// Package rfc6962 is the Merkle tree of RFC 6962 over lists of byte strings:
// roots and proofs of inclusion for payloads, receipts, events and evidence.
//
// A leaf hashes as SHA-256(0x00 ‖ leaf), a node as SHA-256(0x01 ‖ left ‖
// right), the empty list as SHA-256(""); the left side of a node covers the
// largest power of two below its count. The package imports the standard
// library only, so that node, executor and client share it.
//
// Invariants, each with a test:
//   - Verify accepts what Prove made, for every index of every small count
//     (TestEveryProofVerifies), and the roots are those of the RFC's published
//     test data (TestRootsOfTheRFC).
//   - A proof in which one bit of path, leaf, index or count differs is refused
//     (TestChangedProofIsRefused, FuzzVerify).
//
// It must not panic on input, and it allocates no more than the input's size.
package rfc6962
