//! Exported proofs, judged by the `ics23` crate under jmt's specification.

#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;

use bedrock_merkle::ics23::{export, spec, Entry, ExportError};
use bedrock_merkle::{key_hash, neighbours, Hash};
use ics23::{verify_membership, verify_non_membership, CommitmentProof, HostFunctionsManager};
use proptest::prelude::*;
use support::keys::arb_history;
use support::Chain;

type Entries = BTreeMap<Hash, Entry>;

fn entries(count: u32) -> Entries {
    let entry = |i: u32| (format!("key {i}").into_bytes(), format!("value {i}").into_bytes());
    (0..count).map(entry).map(|entry| (key_hash(&entry.0), entry)).collect()
}

fn tree(entries: &Entries) -> Chain {
    let mut chain = Chain::default();
    chain.apply(&entries.iter().map(|(key, (_, value))| (*key, Some(value.clone()))).collect());
    chain
}

fn exported(
    chain: &mut Chain,
    entries: &Entries,
    key: &[u8],
) -> Result<CommitmentProof, ExportError<String>> {
    export(&mut chain.store, chain.base.unwrap(), key, |hash| Ok(entries.get(hash).cloned()))
}

#[test]
fn the_specification_is_jmts() {
    assert_eq!(spec(), jmt::ics23_spec());
}

#[test]
fn members_and_others() {
    for count in [1, 2, 3, 17, 500] {
        let entries = entries(count);
        let mut chain = tree(&entries);
        let root = chain.root().to_vec();
        for (key, value) in entries.values().take(40) {
            let proof = exported(&mut chain, &entries, key).unwrap();
            assert!(verify_membership::<HostFunctionsManager>(&proof, &spec(), &root, key, value));
            assert!(!verify_membership::<HostFunctionsManager>(&proof, &spec(), &root, key, b"other"));
            assert!(!verify_non_membership::<HostFunctionsManager>(&proof, &spec(), &root, key));
        }
        for i in 0..200 {
            let key = format!("absent {i}").into_bytes();
            let proof = exported(&mut chain, &entries, &key).unwrap();
            assert!(
                verify_non_membership::<HostFunctionsManager>(&proof, &spec(), &root, &key),
                "{count} {i}"
            );
            let mut other = root.clone();
            other[0] ^= 1;
            assert!(!verify_non_membership::<HostFunctionsManager>(&proof, &spec(), &other, &key));
        }
    }
}

#[test]
fn what_cannot_be_exported_is_said() {
    let mut empty = tree(&Entries::new());
    assert_eq!(exported(&mut empty, &Entries::new(), b"key"), Err(ExportError::EmptyTree));

    let all = entries(3);
    let mut chain = tree(&all);
    let hash = key_hash(b"key 1");
    let missing = exported(&mut chain, &Entries::new(), b"key 1");
    assert_eq!(missing, Err(ExportError::Preimage(hash)));

    // A neighbour 65 levels deep, which no raw key can be found for: the lookup invents one.
    let mut deep = key_hash(b"key 1");
    deep[8] ^= 0x40;
    chain.apply(&support::Batch::from([(deep, Some(vec![1]))]));
    assert_eq!(exported(&mut chain, &all, b"key 1"), Err(ExportError::Depth(66)));
}

proptest! {
    #[test]
    fn neighbours_are_those_of_the_sorted_keys(history in arb_history()) {
        let mut chain = Chain::default();
        for batch in &history {
            chain.apply(batch);
        }
        let base = chain.base.unwrap();
        for key in history.iter().flat_map(|batch| batch.keys()) {
            let found = neighbours(&mut chain.store, base, key).unwrap();
            let left = chain.values.range(..*key).next_back().map(|(key, _)| *key);
            let right = chain.values.range(*key..).find(|(other, _)| *other > key).map(|(key, _)| *key);
            prop_assert_eq!((found.left.map(|leaf| leaf.key), found.right.map(|leaf| leaf.key)), (left, right));
        }
    }
}
