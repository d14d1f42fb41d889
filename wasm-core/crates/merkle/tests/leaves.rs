//! Leaves in order: all of them, from every place on, in parts of any length.
#![allow(clippy::unwrap_used)]

mod support;

use bedrock_merkle::{leaves_after, value_hash, Error, Hash, Leaf};
use support::keys::{arb_history, arb_key};
use support::Chain;

use proptest::prelude::*;

fn expected(chain: &Chain) -> Vec<Leaf> {
    chain.values.iter().map(|(key, value)| Leaf { key: *key, value: value_hash(value) }).collect()
}

fn after(chain: &mut Chain, after: Option<&Hash>, most: usize) -> Vec<Leaf> {
    leaves_after(&mut chain.store, chain.base.unwrap(), after, most).unwrap()
}

proptest! {
    #[test]
    fn every_part_of_every_tree(history in arb_history(), places in prop::collection::vec(arb_key(), 0..20), most in 1usize..9) {
        let mut chain = Chain::default();
        for batch in &history {
            chain.apply(batch);
        }
        let all = expected(&chain);
        prop_assert_eq!(after(&mut chain, None, usize::MAX), all.clone());
        prop_assert_eq!(after(&mut chain, None, 0), vec![]);
        let extremes = [[0; 32], [0xff; 32]];
        let keys: Vec<Hash> = all.iter().map(|leaf| leaf.key).chain(places).chain(extremes).collect();
        for key in keys {
            let above: Vec<_> = all.iter().copied().filter(|leaf| leaf.key > key).collect();
            prop_assert_eq!(after(&mut chain, Some(&key), most), above[..above.len().min(most)].to_vec());
        }
        let (mut walked, mut cursor) = (Vec::new(), None);
        loop {
            let part = after(&mut chain, cursor.as_ref(), most);
            cursor = part.last().map(|leaf| leaf.key);
            walked.extend(part.iter().copied());
            if part.len() < most {
                break;
            }
        }
        prop_assert_eq!(walked, all);
    }
}

/// A page that is damaged or missing is an error wherever it is met, and no other leaf.
#[test]
fn damaged_pages_are_found() {
    let mut chain = Chain::default();
    chain.apply(&(0..300u32).map(|i| (bedrock_merkle::key_hash(&i.to_le_bytes()), Some(vec![1]))).collect());
    let (base, all) = (chain.base.unwrap(), expected(&chain));
    for (id, page) in chain.store.pages.clone() {
        let mut missing = chain.store.clone();
        missing.pages.remove(&id);
        let answer = leaves_after(&mut missing, base, None, usize::MAX);
        assert_eq!(answer, Err(Error::Missing(id)));
        for at in 0..page.len() {
            let mut damaged = chain.store.clone();
            damaged.pages.get_mut(&id).unwrap()[at] ^= 1;
            match leaves_after(&mut damaged, base, None, usize::MAX) {
                Err(Error::Corrupt(..) | Error::Missing(_)) => {}
                Ok(leaves) => panic!("byte {at} of {id:?}: {} of {} leaves", leaves.len(), all.len()),
                Err(error) => panic!("byte {at} of {id:?}: {error}"),
            }
        }
    }
}
