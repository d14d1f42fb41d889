//! Roots and proofs against the `jmt` crate over histories of batches.

#![allow(clippy::unwrap_used)]

mod support;

use bedrock_crypto::sha256::{hash_leaf, hash_node};
use bedrock_merkle::proof::End;
use bedrock_merkle::{prove, Hash, Leaf, Proof, EMPTY_ROOT};
use jmt::mock::MockTreeStore;
use jmt::{KeyHash, Sha256Jmt};
use proptest::prelude::*;
use support::keys::{arb_history, arb_key};
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

    /// The crate's proof. It does not give out its siblings, but encodes them with their kind of node.
    fn prove(&self, key: &Hash) -> Proof {
        let (_, proof) =
            Sha256Jmt::new(&self.store).get_with_proof(KeyHash(*key), self.versions - 1).unwrap();
        let bytes = borsh::to_vec(&proof).unwrap();
        let mut rest = &bytes[..];
        let end = match take::<1>(&mut rest) {
            [0] => End::Empty,
            _ => {
                let leaf = Leaf { key: take(&mut rest), value: take(&mut rest) };
                if leaf.key == *key {
                    End::Present(leaf.value)
                } else {
                    End::Other(leaf)
                }
            }
        };
        let count = u32::from_le_bytes(take(&mut rest));
        let siblings = (0..count).map(|_| match take::<1>(&mut rest) {
            [0] => EMPTY_ROOT,
            [1] => hash_node(&take(&mut rest)),
            _ => hash_leaf(&take(&mut rest)),
        });
        let siblings = siblings.collect();
        assert!(rest.is_empty());
        Proof { end, siblings }
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> [u8; N] {
    let (head, tail) = rest.split_first_chunk().unwrap();
    *rest = tail;
    *head
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
    #[test]
    fn same_proofs(history in arb_history(), absent in prop::collection::vec(arb_key(), 8)) {
        let (mut chain, mut oracle) = (Chain::default(), Oracle::default());
        for batch in &history {
            oracle.apply(&chain, batch);
            chain.apply(batch);
        }
        prop_assume!(oracle.versions > 0);
        let touched = history.iter().flat_map(|batch| batch.keys().copied());
        for key in touched.chain(absent) {
            let proof = prove(&mut chain.store, chain.base.unwrap(), &key).unwrap();
            prop_assert_eq!(&proof, &oracle.prove(&key));
            prop_assert_eq!(proof.check(&chain.root(), &key), Ok(()));
            prop_assert_eq!(matches!(proof.end, End::Present(_)), chain.values.contains_key(&key));
        }
    }

    #[test]
    fn older_versions_stay_readable(history in arb_history()) {
        let mut chain = Chain::default();
        let mut states = Vec::new();
        for batch in &history {
            chain.apply(batch);
            states.push((chain.base.unwrap(), chain.values.clone()));
        }
        for (base, values) in states {
            for key in history.iter().flat_map(|batch| batch.keys()) {
                let proof = prove(&mut chain.store, base, key).unwrap();
                prop_assert_eq!(proof.check(&base.root, key), Ok(()));
                prop_assert_eq!(matches!(proof.end, End::Present(_)), values.contains_key(key));
            }
        }
    }
}
