// Package types holds what validators agree about: blocks, votes,
// certificates, outcomes, evidence and validator sets, with their hashed and
// signed encodings (docs/encodings.md) and their verification.
//
// Invariants
//
//   - A hash never covers a certificate nor anything derived from one.
//   - Encodings are canonical: one value has one encoding.
//   - Values are immutable once built; whoever changes a slice copies it first.
//   - Nothing here does I/O, reads a clock or knows of other packages of ours,
//     save the leaf package client/proof/rfc6962 (ADR 0002).
//
// Guarded by the vectors in test/vectors and by the tests beside the code.
package types
