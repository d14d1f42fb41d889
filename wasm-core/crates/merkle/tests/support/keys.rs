//! Keys and histories for property tests.

use bedrock_merkle::{key_hash, Hash};
use proptest::prelude::*;

use super::Batch;

/// Keys that collide: short ones from a few bits, ones that share long prefixes, and spread ones.
pub fn arb_key() -> impl Strategy<Value = Hash> {
    prop_oneof![
        3 => any::<u8>().prop_map(|seed| key_hash(&[seed])),
        2 => (0usize..256, any::<bool>()).prop_map(|(bit, ones)| {
            let mut key = if ones { [0xff; 32] } else { [0; 32] };
            key[bit / 8] ^= 0x80 >> (bit % 8);
            key
        }),
        2 => (0u8..4, 0u8..16).prop_map(|(a, b)| {
            let mut key = [0xab; 32];
            key[0] = a << 6 | 0x0b;
            key[31] = b << 4;
            key
        }),
        1 => any::<[u8; 32]>(),
    ]
}

pub fn arb_batch() -> impl Strategy<Value = Batch> {
    let value = prop_oneof![
        3 => prop::collection::vec(any::<u8>(), 1..4).prop_map(Some),
        2 => Just(None),
    ];
    prop::collection::btree_map(arb_key(), value, 0..24)
}

/// One key deleted or written at a time finds collapses that batches hide.
pub fn arb_history() -> impl Strategy<Value = Vec<Batch>> {
    let single = (arb_key(), prop::option::of(Just(vec![1u8]))).prop_map(|entry| Batch::from([entry]));
    prop::collection::vec(prop_oneof![3 => arb_batch(), 1 => single], 1..10)
}
