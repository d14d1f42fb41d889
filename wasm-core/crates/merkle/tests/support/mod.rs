//! A store in memory, a naive tree, and the oracle, for the tests of the tree.
#![allow(dead_code, missing_docs)]

pub mod keys;

use std::collections::BTreeMap;

use bedrock_merkle::{
    update, value_hash, Base, Change, Error, Hash, PageBatch, PageId, PageReader, Update, Version, EMPTY_ROOT,
};

/// Pages in a map.
#[derive(Clone, Default)]
pub struct Store {
    pub pages: BTreeMap<PageId, Vec<u8>>,
    /// Calls of `read`.
    pub calls: usize,
}

impl PageReader for Store {
    type Error = String;

    fn read(&mut self, pages: &[PageId]) -> Result<PageBatch, String> {
        self.calls += 1;
        let mut batch = PageBatch::default();
        for id in pages {
            batch.push(self.pages.get(id).map(Vec::as_slice));
        }
        Ok(batch)
    }
}

impl Store {
    pub fn keep(&mut self, update: &Update, version: Version) {
        for (path, page) in update.pages() {
            let old = self.pages.insert(PageId { version, path: *path }, page.to_vec());
            assert!(old.is_none(), "{path} of {version} written twice");
        }
    }

    /// Deletes what an update made stale.
    pub fn prune(&mut self, stale: &[PageId]) {
        for id in stale {
            assert!(self.pages.remove(id).is_some(), "stale page {id:?} was not there");
        }
    }
}

/// One state of the tree and the history that led to it.
#[derive(Clone, Default)]
pub struct Chain {
    pub store: Store,
    pub base: Option<Base>,
    pub values: BTreeMap<Hash, Vec<u8>>,
}

/// Keys with their new value, or their deletion.
pub type Batch = BTreeMap<Hash, Option<Vec<u8>>>;

impl Chain {
    pub fn changes(batch: &Batch) -> Vec<Change> {
        let change = |(key, value): (&Hash, &Option<Vec<u8>>)| Change {
            key: *key,
            value: value.as_ref().map(|value| value_hash(value)),
        };
        batch.iter().map(change).collect()
    }

    pub fn version(&self) -> Version {
        self.base.map_or(0, |base| base.version)
    }

    /// Applies a batch as the next version.
    pub fn apply(&mut self, batch: &Batch) -> Update {
        let version = self.base.map_or(0, |base| base.version + 1);
        let made = self.try_apply(batch, version).unwrap();
        self.store.keep(&made, version);
        self.base = Some(Base { version, root: made.root });
        for (key, value) in batch {
            match value {
                Some(value) => self.values.insert(*key, value.clone()),
                None => self.values.remove(key),
            };
        }
        made
    }

    pub fn try_apply(&mut self, batch: &Batch, version: Version) -> Result<Update, Error<String>> {
        update(&mut self.store, self.base, version, &Self::changes(batch))
    }

    pub fn root(&self) -> Hash {
        self.base.map_or(EMPTY_ROOT, |base| base.root)
    }
}

/// The root by the definition, without pages.
pub fn naive_root(leaves: &[(Hash, Hash)], bit: usize) -> Hash {
    match leaves {
        [] => EMPTY_ROOT,
        [(key, value)] => bedrock_crypto::sha256::hash_parts(&[b"JMT::LeafNode", key, value]),
        _ => {
            let middle = leaves.partition_point(|(key, _)| key[bit / 8] >> (7 - bit % 8) & 1 == 0);
            let (left, right) = leaves.split_at(middle);
            let (left, right) = (naive_root(left, bit + 1), naive_root(right, bit + 1));
            bedrock_crypto::sha256::hash_parts(&[b"JMT::IntrnalNode", &left, &right])
        }
    }
}

pub fn naive_root_of(values: &BTreeMap<Hash, Vec<u8>>) -> Hash {
    let leaves: Vec<_> = values.iter().map(|(key, value)| (*key, value_hash(value))).collect();
    naive_root(&leaves, 0)
}
