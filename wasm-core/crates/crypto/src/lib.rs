//! Cryptography of the core: SHA-256, Ed25519 under ZIP-215, BLS12-381, addresses.
//!
//! Everything here is a pure function of its arguments: no clock, no randomness, no host call. The same
//! source runs in the module and natively and gives the same answers; that is what lets a native replay
//! check a chain.
//!
//! Invariants
//! - One signature rule everywhere, ZIP-215: a verdict is the same from [`ed25519::verify`], from
//!   [`ed25519::verify_batch`] with any neighbours, and from the Go side of the project.
//! - [`sha256::hash_nodes`] gives what [`sha256::hash`] gives, whichever lanes the build uses.
//! - No function panics on any input.
//!
//! It must not sign, hold secret keys, or read anything but its arguments.
//!
//! Guarded by: `tests/ed25519_vectors.rs` (all pairs of small-order points with their non-canonical
//! encodings, shared with Go through `test/vectors/ed25519_zip215.json`), `tests/ed25519_props.rs`
//! (batch against single against `ed25519-zebra`), `tests/sha256_props.rs`, `tests/bls_vectors.rs` (what blst made, through `test/vectors/bls.json`).

pub mod address;
pub mod bls;
pub mod ed25519;
pub mod sha256;
