//! All that a few keys can do, and what many do at once.

#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;

use bedrock_merkle::{key_hash, prove, update, Base, Change, Error, Hash, NibblePath, PageId, EMPTY_ROOT};
use proptest::prelude::*;
use support::{naive_root, naive_root_of, Batch, Chain, Store};

/// Keys that share nothing, a page, several pages, or all but the last bit.
fn close_keys() -> [Hash; 6] {
    let mut keys = [[0u8; 32]; 6];
    keys[1][31] = 0x01;
    keys[2][31] = 0x10;
    keys[3][1] = 0x08;
    keys[4][0] = 0x08;
    keys[5][0] = 0x80;
    keys
}

fn value_of(key: usize, generation: u8) -> Vec<u8> {
    vec![key as u8, generation]
}

/// The set of keys whose bits are set in `members`.
fn state(members: usize) -> Chain {
    let keys = close_keys();
    let mut chain = Chain::default();
    let present = (0..keys.len()).filter(|key| members >> key & 1 == 1);
    chain.apply(&present.map(|key| (keys[key], Some(value_of(key, 0)))).collect());
    chain
}

#[test]
fn every_transition_between_sets_of_six_keys() {
    let keys = close_keys();
    for before in 0..1usize << keys.len() {
        let start = state(before);
        assert_eq!(start.root(), naive_root_of(&start.values), "{before:06b}");
        for after in 0..1usize << keys.len() {
            let mut chain = start.clone();
            let batch: Batch = (0..keys.len())
                .map(|key| (keys[key], (after >> key & 1 == 1).then(|| value_of(key, key as u8 & 1))))
                .collect();
            let made = chain.apply(&batch);
            assert_eq!(made.root, naive_root_of(&chain.values), "{before:06b} to {after:06b}");
            chain.store.prune(&made.stale);
            // Nothing of the old tree is left but what the new one uses: the same pages as if grown anew.
            let paths: Vec<NibblePath> = chain.store.pages.keys().map(|id| id.path).collect();
            let mut fresh: Vec<NibblePath> = state(after).store.pages.keys().map(|id| id.path).collect();
            let mut paths_sorted = paths.clone();
            paths_sorted.sort_unstable();
            fresh.sort_unstable();
            assert_eq!(paths_sorted, fresh, "{before:06b} to {after:06b}");
        }
    }
}

#[test]
fn one_key_at_a_time_is_as_all_at_once() {
    let keys = close_keys();
    for after in 0..1usize << keys.len() {
        let mut chain = state(0b010101);
        for (index, key) in keys.into_iter().enumerate() {
            let value = (after >> index & 1 == 1).then(|| value_of(index, 7));
            let made = chain.apply(&Batch::from([(key, value)]));
            chain.store.prune(&made.stale);
        }
        assert_eq!(chain.root(), naive_root_of(&chain.values));
    }
}

#[test]
fn no_change_keeps_root_and_children() {
    let mut chain = Chain::default();
    let empty = chain.apply(&Batch::new());
    assert_eq!(empty.root, EMPTY_ROOT);
    assert_eq!(empty.pages().len(), 1);
    let batch: Batch = (0..100u8).map(|i| (key_hash(&[i]), Some(vec![i]))).collect();
    let grown = chain.apply(&batch).root;
    let mut absent: Batch = (100..200u8).map(|i| (key_hash(&[i]), None)).collect();
    absent.extend(batch);
    let made = chain.apply(&absent);
    assert_eq!(made.root, grown);
    assert_eq!(made.pages().map(|(path, _)| path.len()).collect::<Vec<_>>(), [0]);
    assert_eq!(made.stale, [PageId { version: 1, path: NibblePath::ROOT }]);
}

#[test]
fn a_hundred_thousand_at_once_in_one_call_a_level() {
    let entry = |i: u32, value: u32| Change {
        key: key_hash(&i.to_le_bytes()),
        value: Some(key_hash(&value.to_le_bytes())),
    };
    let sorted = |mut changes: Vec<Change>| {
        changes.sort_unstable_by_key(|change| change.key);
        changes
    };
    let mut store = Store::default();
    let first = sorted((0..100_000).map(|i| entry(i, i)).collect());
    let made = update(&mut store, None, 0, &first).unwrap();
    assert_eq!(store.calls, 0);
    store.keep(&made, 0);
    let base = Base { version: 0, root: made.root };

    // Half written over, a quarter deleted, as many added.
    let second = sorted(
        (50_000..150_000)
            .map(|i| if i < 75_000 { Change { value: None, ..entry(i, i) } } else { entry(i, i + 1) })
            .collect(),
    );
    let made = update(&mut store, Some(base), 1, &second).unwrap();
    assert!(store.calls <= 10, "{} calls", store.calls);
    let mut expected: BTreeMap<Hash, Hash> = BTreeMap::new();
    for change in first.iter().chain(&second) {
        match change.value {
            Some(value) => expected.insert(change.key, value),
            None => expected.remove(&change.key),
        };
    }
    let leaves: Vec<(Hash, Hash)> = expected.into_iter().collect();
    assert_eq!(made.root, naive_root(&leaves, 0));
}

proptest! {
    /// Whatever a page holds: an answer or an error.
    #[test]
    fn any_bytes_as_a_page(
        present in any::<u16>(),
        leaves in any::<u16>(),
        len in 0usize..2100,
        fitting in any::<bool>(),
        filler in any::<u8>(),
        key in any::<Hash>(),
    ) {
        let leaves = if fitting { leaves & present } else { leaves };
        let mut page = vec![filler; len];
        for (byte, bits) in page.iter_mut().zip([present.to_le_bytes(), leaves.to_le_bytes()].concat()) {
            *byte = bits;
        }
        let base = Base { version: 3, root: [1; 32] };
        let mut store = Store::default();
        store.pages.insert(PageId { version: 3, path: NibblePath::ROOT }, page);
        let made = update(&mut store, Some(base), 4, &[Change { key, value: None }]);
        prop_assert!(matches!(made, Err(Error::Corrupt(..))));
        prop_assert!(prove(&mut store, base, &key).is_err());
    }
}
