//! The store against a plain map: whatever is declared, written, deleted and
//! dropped, both say the same; long values are read by their heads.

use bedrock_replay::{CallHost, MemoryState};
use bedrock_sdk::{Context, KeyRef, Keys, StateRef};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::rc::Rc;

fn host(rows: &BTreeMap<Vec<u8>, Vec<u8>>) -> CallHost<MemoryState> {
    let mut state = MemoryState::default();
    for (key, value) in rows {
        state.put(bedrock_crypto::sha256::hash(key), 1, key, Some(value));
    }
    let at = StateRef { height: 1, ..Default::default() };
    CallHost::new(Rc::new(state), &at, &Context::default())
}

#[derive(Clone, Debug)]
enum Write {
    Set(usize, Vec<u8>),
    Delete(usize),
}

fn writes() -> impl Strategy<Value = Vec<Write>> {
    let set = (0usize..12, prop::collection::vec(any::<u8>(), 1..40))
        .prop_map(|(key, value)| Write::Set(key, value));
    let delete = (0usize..12).prop_map(Write::Delete);
    prop::collection::vec(prop_oneof![3 => set, 1 => delete], 0..60)
}

proptest! {
    #[test]
    fn equals_a_map(
        rows in prop::collection::btree_map(prop::collection::vec(0u8..6, 1..3), prop::collection::vec(any::<u8>(), 1..40), 0..30),
        declared in prop::collection::vec(prop::collection::vec(0u8..6, 1..3), 12),
        writes in writes(),
    ) {
        let mut keys = Keys::with_capacity(0);
        let references: Vec<KeyRef> = declared.iter().map(|key| keys.declare(key)).collect();
        let mut host = host(&rows);
        let mut store = keys.load(&mut host).unwrap();
        prop_assert!(host.crossings.calls <= 1, "one call for all keys");
        let mut model = rows.clone();
        for write in writes {
            match write {
                Write::Set(at, value) => {
                    store.set(references[at], &value);
                    model.insert(declared[at].clone(), value);
                }
                Write::Delete(at) => {
                    store.delete(references[at]);
                    model.remove(&declared[at]);
                }
            }
            for (key, reference) in declared.iter().zip(&references) {
                prop_assert_eq!(store.get(*reference), model.get(key).map(Vec::as_slice));
            }
        }
        for (key, reference) in declared.iter().zip(&references) {
            prop_assert_eq!(store.stored_len(*reference), rows.get(key).map_or(0, Vec::len));
        }
    }
}

#[test]
fn long_values_are_read_by_their_heads_in_bounded_calls() {
    let count = 300;
    let rows: BTreeMap<_, _> =
        (0..count).map(|i: u16| (i.to_be_bytes().to_vec(), vec![7; 64 << 10])).collect();
    let mut keys = Keys::with_capacity(0);
    let heads: Vec<_> = rows.keys().map(|key| keys.declare_head(key, 24)).collect();
    let whole = keys.declare(rows.keys().next().unwrap());
    let mut host = host(&rows);
    let store = keys.load(&mut host).unwrap();
    assert!(heads[1..]
        .iter()
        .all(|&key| store.get(key) == Some(&[7; 24]) && store.stored_len(key) == 64 << 10));
    assert_eq!(store.get(whole).map(<[u8]>::len), Some(64 << 10), "declared whole as well");
    assert_eq!(host.crossings.calls, 1 + 3, "answers of at most 8 MiB");
}
