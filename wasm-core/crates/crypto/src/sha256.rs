//! SHA-256, singly and for the nodes of the state tree.
//!
//! The tree hashes millions of short messages of two fixed shapes. [`hash_nodes`] and [`hash_leaves`] take
//! them in lists; with SIMD128 four are hashed at a time ([`lanes`]), natively `sha2` uses the processor's
//! SHA instructions, which are faster still.

#[cfg(any(all(target_arch = "wasm32", target_feature = "simd128"), test))]
mod lanes;
mod list;
mod tree;

pub use list::hash_list;
pub use tree::{hash_leaf, hash_leaves, hash_node, hash_nodes, INTERNAL_DOMAIN, LEAF_DOMAIN};

use sha2::Digest as _;

/// A SHA-256 digest.
pub type Digest = [u8; 32];

/// Hashes one message.
pub fn hash(message: &[u8]) -> Digest {
    sha2::Sha256::digest(message).into()
}

/// Hashes the concatenation of `parts` without building it.
pub fn hash_parts(parts: &[&[u8]]) -> Digest {
    let mut hasher = sha2::Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}
