//! The state tree: a Jellyfish Merkle tree over SHA-256 whose roots and proofs are exactly those of the
//! `jmt` crate 0.12, with an update of its own that touches each dirty node once.
//!
//! # The tree
//!
//! A key is 32 bytes, SHA-256 of the raw key ([`key_hash`]); a leaf holds the key and SHA-256 of the value.
//! The tree is binary, 256 levels deep, and compressed: the hash of a set of leaves that share a prefix is
//!
//! ```text
//! none      "SPARSE_MERKLE_PLACEHOLDER_HASH__"
//! one       H("JMT::LeafNode" || key hash || value hash)
//! more      H("JMT::IntrnalNode" || hash of those with the next bit 0 || hash of those with it 1)
//! ```
//!
//! so it is a function of the set alone, not of the order of insertion.
//!
//! # Pages
//!
//! Four binary levels are one page, stored under `(version, path)`, never changed; see `page.rs` for the
//! layout. Leaves live in their parent's page. A page names the versions of its child pages, so the root page
//! of a version, at the empty path, leads to everything else.
//!
//! # Promises
//!
//! - No I/O: pages come through a [`PageReader`], one call a level; what an update makes is returned.
//! - What a proof is made of is checked against the root, whole. Of an update every page is checked for its
//!   form and, by its top, against its parent up to the root: one that is missing, of another version or of
//!   another path is an [`Error`], never a panic and never another root. Damage to the nodes between a page's
//!   top and its slots is for the store to find; here it gives another root (`docs/adr/0012`).
//! - No recursion, no hash maps, no floats; work is bounded by keys times 64 levels.
//!
//! # Guarded by
//!
//! `tests/oracle.rs` (roots and proofs against `jmt` over random and adversarial histories), `tests/small.rs`
//! (every transition between sets of a few keys, and blocks of 100,000),
//! `tests/leaves.rs` (leaves in order, from every place), `tests/damage.rs` (every page, damaged),
//! `tests/proofs.rs` (every byte of every proof changed), `tests/ics23.rs`,
//! `tests/vectors.rs` (`test/vectors/merkle.json`, shared with Go).

mod hashing;
#[cfg(feature = "ics23")]
pub mod ics23;
mod leaves;
mod page;
mod path;
pub mod proof;
mod prove;
mod reader;
mod update;
mod walk;

pub use leaves::leaves_after;
pub use page::MAX_PAGE;
pub use path::NibblePath;
pub use proof::{verify_absence, verify_inclusion, Proof, ProofError};
pub use prove::{neighbours, prove, Neighbours};
pub use reader::{Error, PageBatch, PageId, PageReader};
pub use update::{update, Base, Change, Update};
pub use walk::{stored_base, Leaf};

/// A SHA-256 digest.
pub type Hash = [u8; 32];

/// The height that wrote a page.
pub type Version = u64;

/// Root of the tree without leaves, and hash of every empty subtree.
pub const EMPTY_ROOT: Hash = *b"SPARSE_MERKLE_PLACEHOLDER_HASH__";

/// Nibbles of a key hash, and so the deepest path of a slot.
pub const MAX_DEPTH: usize = 64;

/// Place of a raw key in the tree.
pub fn key_hash(raw_key: &[u8]) -> Hash {
    bedrock_crypto::sha256::hash(raw_key)
}

/// What a leaf says of a value.
pub fn value_hash(value: &[u8]) -> Hash {
    bedrock_crypto::sha256::hash(value)
}
