//! Roots and proofs against the `jmt` crate over histories of batches.

mod support;

use bedrock_merkle::{key_hash, Hash};
use jmt::mock::MockTreeStore;
use jmt::{KeyHash, Sha256Jmt};
use proptest::prelude::*;
use support::{naive_root_of, Batch, Chain};

/// The crate's tree beside ours, fed the same changes.
#[derive(Default)]
struct Oracle {
    store: MockTreeStore,
    versions: u64,
}

impl Oracle {
    /// The crate cannot write a version in which nothing changes: its next one would not find a root. So
    /// changes without effect are left out, and it keeps its own count of versions.
    fn apply(&mut self, before: &Chain, batch: &Batch) -> Option<Hash> {
        let effective = batch.iter().filter(|(key, value)| before.values.get(*key) != value.as_ref());
        let set: Vec<_> = effective.map(|(key, value)| (KeyHash(*key), value.clone())).collect();
        if set.is_empty() {
            return None;
        }
        let (root, made) = Sha256Jmt::new(&self.store).put_value_set(set, self.versions).unwrap();
        self.store.write_tree_update_batch(made).unwrap();
        self.versions += 1;
        Some(root.0)
    }
}

/// Keys that collide: short ones from a few bits, ones that share long prefixes, and spread ones.
fn arb_key() -> impl Strategy<Value = Hash> {
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

fn arb_batch() -> impl Strategy<Value = Batch> {
    let value = prop_oneof![
        3 => prop::collection::vec(any::<u8>(), 1..4).prop_map(Some),
        2 => Just(None),
    ];
    prop::collection::btree_map(arb_key(), value, 0..24)
}

/// One key deleted or written at a time finds collapses that batches hide.
fn arb_history() -> impl Strategy<Value = Vec<Batch>> {
    let single = (arb_key(), prop::option::of(Just(vec![1u8]))).prop_map(|entry| Batch::from([entry]));
    prop::collection::vec(prop_oneof![3 => arb_batch(), 1 => single], 1..10)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn same_roots(history in arb_history()) {
        let (mut chain, mut oracle) = (Chain::default(), Oracle::default());
        for batch in history {
            let expected = oracle.apply(&chain, &batch);
            let before = chain.root();
            let made = chain.apply(&batch);
            prop_assert_eq!(made.root, expected.unwrap_or(before));
            prop_assert_eq!(made.root, naive_root_of(&chain.values));
            chain.store.prune(&made.stale);
        }
    }
}
