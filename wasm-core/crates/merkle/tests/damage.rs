//! Pages that are missing, damaged or of another version: an error, never a panic. Another root only where a
//! node between a page's top and its slots is damaged.

#![allow(clippy::unwrap_used)]

mod support;

use bedrock_merkle::{key_hash, neighbours, prove, Base, Error, PageId};
use support::{Batch, Chain};

fn value(text: &str) -> Option<Vec<u8>> {
    Some(text.as_bytes().to_vec())
}

/// A tree with pages at three depths, chains of one-child pages among them.
fn grown() -> Chain {
    let mut chain = Chain::default();
    let mut batch: Batch = (0..60u32).map(|i| (key_hash(&i.to_le_bytes()), value("first"))).collect();
    batch.extend((0..4u8).map(|i| {
        let mut key = [0x5a; 32];
        key[3] = i << 4;
        (key, value("deep"))
    }));
    chain.apply(&batch);
    chain.apply(&(0..20u32).map(|i| (key_hash(&i.to_le_bytes()), value("second"))).collect());
    chain
}

/// Writes over, removes and adds keys all over the tree.
fn next() -> Batch {
    let mut batch: Batch = (10..50u32)
        .map(|i| (key_hash(&i.to_le_bytes()), if i % 3 == 0 { None } else { value("third") }))
        .collect();
    let mut deep = [0x5a; 32];
    deep[3] = 0;
    batch.insert(deep, None);
    deep[3] = 0x10;
    batch.insert(deep, None);
    deep[3] = 0x7f;
    batch.insert(deep, value("new"));
    batch
}

/// Whether a byte lies in a node below the top of a page that is not the root's: an update hashes those once,
/// on its way up, and does not compare them with what they hashed to before.
fn is_hashed_once(id: &PageId, page: &[u8], at: usize) -> bool {
    let [present, leaves] = [0, 2].map(|i| u16::from_le_bytes([page[i], page[i + 1]]));
    let children = (present & !leaves).count_ones() as usize;
    let nodes = (page.len() - 4 - 8 * children) / 64 - leaves.count_ones() as usize;
    id.path.len() > 0 && (4 + 64..4 + 64 * nodes).contains(&at)
}

#[test]
fn a_changed_byte_never_gives_another_result() {
    let mut chain = grown();
    let (version, batch) = (chain.version() + 1, next());
    let root = chain.try_apply(&batch, version).unwrap().root;
    let keys: Vec<_> = batch.keys().copied().collect();
    let base = chain.base.unwrap();
    let proofs: Vec<_> = keys.iter().map(|key| prove(&mut chain.store, base, key).unwrap()).collect();
    let ids: Vec<PageId> = chain.store.pages.keys().copied().collect();
    let (mut refused, mut tried, mut another) = (0, 0, 0);
    for id in ids {
        for at in 0..chain.store.pages[&id].len() {
            let once = is_hashed_once(&id, &chain.store.pages[&id], at);
            for flip in [0x01, 0x80] {
                chain.store.pages.get_mut(&id).unwrap()[at] ^= flip;
                tried += 1;
                match chain.try_apply(&batch, version) {
                    Ok(made) if once => another += usize::from(made.root != root),
                    Ok(made) => assert_eq!(made.root, root, "{id:?} byte {at}"),
                    Err(Error::Corrupt(..) | Error::Missing(_)) => refused += 1,
                    Err(other) => panic!("{other}"),
                }
                let key = at % keys.len();
                if let Ok(proof) = prove(&mut chain.store, base, &keys[key]) {
                    assert_eq!(proof, proofs[key], "{id:?} byte {at}");
                }
                let _ = neighbours(&mut chain.store, base, &keys[key]);
                chain.store.pages.get_mut(&id).unwrap()[at] ^= flip;
            }
        }
    }
    // Bytes of older versions, and siblings' insides, are not looked at.
    assert!(refused > tried / 4, "{refused} of {tried}");
    // Such damage cannot be told from a right page, but never goes unseen: the root is another one.
    assert!(another > 0, "none of {tried}");
}

#[test]
fn pages_of_any_length_are_refused() {
    let mut chain = grown();
    let (version, batch) = (chain.version() + 1, next());
    let id = PageId { version: chain.version(), path: bedrock_merkle::NibblePath::ROOT };
    let page = chain.store.pages[&id].clone();
    for len in (0..page.len()).chain([page.len() + 1, page.len() + 64]) {
        let mut cut = page.clone();
        cut.resize(len, 0);
        chain.store.pages.insert(id, cut);
        assert!(matches!(chain.try_apply(&batch, version), Err(Error::Corrupt(at, _)) if at == id));
    }
    chain.store.pages.insert(id, vec![0xff; 1 << 20]);
    assert!(matches!(chain.try_apply(&batch, version), Err(Error::Corrupt(..))));
}

#[test]
fn a_missing_page_is_named() {
    let mut chain = grown();
    let (version, batch) = (chain.version() + 1, next());
    let read: Vec<PageId> = chain.try_apply(&batch, version).unwrap().stale;
    assert!(read.len() > 10);
    for id in read {
        let page = chain.store.pages.remove(&id).unwrap();
        assert_eq!(chain.try_apply(&batch, version).unwrap_err(), Error::Missing(id));
        chain.store.pages.insert(id, page);
    }
}

#[test]
fn a_page_of_another_version_is_refused() {
    let mut chain = grown();
    let first = chain.store.clone();
    let (version, batch) = (chain.version() + 1, next());
    chain.apply(&next());
    chain.store = first.clone();
    let older: Vec<PageId> = first.pages.keys().copied().filter(|id| id.version == 0).collect();
    chain.base = Some(Base { version: 1, root: chain.root() });
    for id in older {
        let newer = PageId { version: 1, path: id.path };
        if let Some(page) = chain.store.pages.insert(newer, first.pages[&id].clone()) {
            let result = chain.try_apply(&batch, version);
            assert!(matches!(result, Err(Error::Corrupt(..))), "{id:?}");
            chain.store.pages.insert(newer, page);
        }
    }
}

#[test]
fn another_root_is_refused_even_where_nothing_changes() {
    let mut chain = grown();
    let base = chain.base.unwrap();
    chain.base = Some(Base { root: [7; 32], ..base });
    for batch in [Batch::new(), next()] {
        let result = chain.try_apply(&batch, base.version + 1);
        assert!(matches!(result, Err(Error::Corrupt(id, _)) if id.path.len() == 0));
    }
    let mut empty = Chain::default();
    empty.apply(&Batch::new());
    empty.base = Some(Base { root: [7; 32], version: 0 });
    assert!(matches!(empty.try_apply(&Batch::new(), 1), Err(Error::Corrupt(..))));
}

#[test]
fn mistakes_of_the_caller_are_named() {
    let mut chain = grown();
    let base = chain.base.unwrap();
    assert_eq!(chain.try_apply(&next(), 1).unwrap_err(), Error::Version { base: 1, new: 1 });
    let mut changes = Chain::changes(&next());
    changes.swap(3, 4);
    let result = bedrock_merkle::update(&mut chain.store, Some(base), 2, &changes);
    assert_eq!(result.unwrap_err(), Error::Unsorted(4));
    changes[3] = changes[4];
    let result = bedrock_merkle::update(&mut chain.store, Some(base), 2, &changes);
    assert_eq!(result.unwrap_err(), Error::Unsorted(4));
}
