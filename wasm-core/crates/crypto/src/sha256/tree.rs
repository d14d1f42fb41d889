//! Hashes of the state tree's two kinds of node.
//!
//! ```text
//! node:  "JMT::IntrnalNode" (16) || left (32) || right (32)            80 bytes, two blocks
//! leaf:  "JMT::LeafNode"    (13) || key hash (32) || value hash (32)   77 bytes, two blocks
//! ```

use super::Digest;

/// Domain of an inner node, as the `jmt` crate spells it.
pub const INTERNAL_DOMAIN: &[u8; 16] = b"JMT::IntrnalNode";
/// Domain of a leaf.
pub const LEAF_DOMAIN: &[u8; 13] = b"JMT::LeafNode";

pub(super) const INITIAL: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// The two padded blocks of `domain || body`.
#[inline(always)]
fn blocks<const D: usize>(domain: &[u8; D], body: &[u8; 64]) -> [u8; 128] {
    let mut out = [0u8; 128];
    out[..D].copy_from_slice(domain);
    out[D..D + 64].copy_from_slice(body);
    out[D + 64] = 0x80;
    out[126..].copy_from_slice(&(((D + 64) * 8) as u16).to_be_bytes());
    out
}

#[inline]
fn compress(blocks: &[u8; 128]) -> Digest {
    let mut state = INITIAL;
    let (first, second) = blocks.split_at(64);
    sha2::compress256(
        &mut state,
        &[
            *sha2::digest::generic_array::GenericArray::from_slice(first),
            *sha2::digest::generic_array::GenericArray::from_slice(second),
        ],
    );
    let mut out = [0u8; 32];
    for (bytes, word) in out.chunks_exact_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    out
}

/// Hashes one inner node: `body` is its left child's digest and its right child's.
#[inline]
pub fn hash_node(body: &[u8; 64]) -> Digest {
    compress(&blocks(INTERNAL_DOMAIN, body))
}

/// Hashes one leaf: `body` is its key hash and its value hash.
#[inline]
pub fn hash_leaf(body: &[u8; 64]) -> Digest {
    compress(&blocks(LEAF_DOMAIN, body))
}

/// Hashes four inner nodes: equal to [`hash_node`] of each, faster where the build has vector lanes.
#[inline]
pub fn hash_nodes(bodies: [&[u8; 64]; 4]) -> [Digest; 4] {
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    return super::lanes::hash_nodes(INTERNAL_DOMAIN, bodies);
    #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
    bodies.map(hash_node)
}

/// Hashes four leaves: equal to [`hash_leaf`] of each, faster where the build has vector lanes.
#[inline]
pub fn hash_leaves(bodies: [&[u8; 64]; 4]) -> [Digest; 4] {
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    return super::lanes::hash(&bodies.map(|body| blocks(LEAF_DOMAIN, body)));
    #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
    bodies.map(hash_leaf)
}

#[cfg(test)]
mod tests {
    use super::super::lanes;
    use super::*;

    /// Four different bodies, from a seed, without a generator of random numbers.
    fn bodies(seed: u32) -> [[u8; 64]; 4] {
        std::array::from_fn(|lane| {
            let mut out = [0u8; 64];
            for (i, half) in out.chunks_exact_mut(32).enumerate() {
                let tag =
                    [seed.to_le_bytes(), (lane as u32).to_le_bytes(), (i as u32).to_le_bytes()].concat();
                half.copy_from_slice(&super::super::hash(&tag));
            }
            out
        })
    }

    #[test]
    fn one_node_is_the_hash_of_domain_and_body() {
        for body in bodies(7) {
            assert_eq!(hash_node(&body), super::super::hash_parts(&[INTERNAL_DOMAIN, &body]));
            assert_eq!(hash_leaf(&body), super::super::hash_parts(&[LEAF_DOMAIN, &body]));
        }
    }

    #[test]
    fn lanes_agree_with_single_hashes() {
        for seed in 0..64 {
            let owned = bodies(seed);
            let four = [&owned[0], &owned[1], &owned[2], &owned[3]];
            let nodes = owned.each_ref().map(hash_node);
            let leaves = owned.each_ref().map(hash_leaf);
            assert_eq!(lanes::hash_nodes(INTERNAL_DOMAIN, four), nodes);
            assert_eq!(lanes::hash(&four.map(|body| blocks(LEAF_DOMAIN, body))), leaves);
            assert_eq!(hash_nodes(four), nodes);
            assert_eq!(hash_leaves(four), leaves);
        }
    }
}
