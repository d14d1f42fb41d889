//! Hashes of any length and cut, and of nodes and leaves, against `sha2`.

#![allow(missing_docs)]

use bedrock_crypto::sha256::{hash, hash_leaf, hash_leaves, hash_node, hash_nodes, hash_parts};
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

fn body() -> impl Strategy<Value = [u8; 64]> {
    (any::<[u8; 32]>(), any::<[u8; 32]>())
        .prop_map(|(left, right)| std::array::from_fn(|i| if i < 32 { left[i] } else { right[i - 32] }))
}

proptest! {
    #[test]
    fn parts_are_one_message(message in prop::collection::vec(any::<u8>(), 0..300), cut in 0usize..300) {
        let expected: [u8; 32] = Sha256::digest(&message).into();
        let (head, tail) = message.split_at(cut.min(message.len()));
        prop_assert_eq!(hash(&message), expected);
        prop_assert_eq!(hash_parts(&[head, &[], tail]), expected);
    }

    #[test]
    fn four_are_as_one(a in body(), b in body(), c in body(), d in body()) {
        let four = [&a, &b, &c, &d];
        prop_assert_eq!(hash_nodes(four), four.map(hash_node));
        prop_assert_eq!(hash_leaves(four), four.map(hash_leaf));
        prop_assert_eq!(hash_node(&a), hash_parts(&[b"JMT::IntrnalNode", &a]));
        prop_assert_eq!(hash_leaf(&a), hash_parts(&[b"JMT::LeafNode", &a]));
    }
}
