//! State in memory: every version of every row, every page.
// Nothing here is iterated, so no order can leak; lookups must be as fast as
// a host's.
#![allow(clippy::disallowed_types)]

use bedrock_abi::lists::Row;
use bedrock_abi::Fault;
use std::collections::HashMap;

/// What a call reads from.
pub trait Base {
    /// The newest row at or below a height.
    fn row(&self, address: &[u8; 32], height: u64) -> Result<Option<Row<'_>>, Fault>;
    /// Exactly this page.
    fn page(&self, key: &PageKey) -> Result<Option<&[u8]>, Fault>;
}

/// Names a page: its version, big-endian, then its encoded path, padded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PageKey([u8; 41]);

impl PageKey {
    /// The key of a page; none if the path is longer than a path can be.
    pub fn new(version: u64, path: &[u8]) -> Option<Self> {
        let mut key = [0; 41];
        key[..8].copy_from_slice(&version.to_be_bytes());
        key[8..].get_mut(..path.len())?.copy_from_slice(path);
        Some(PageKey(key))
    }

    /// The version.
    pub fn version(&self) -> u64 {
        self.0.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
    }

    /// The encoded path.
    pub fn path(&self) -> &[u8] {
        &self.0[8..9 + usize::from(self.0[8]).div_ceil(2)]
    }
}

struct Version {
    height: u64,
    row: Option<StoredRow>,
}

struct StoredRow {
    key: Box<[u8]>,
    value: Box<[u8]>,
}

/// A state in memory.
#[derive(Default)]
pub struct MemoryState {
    rows: HashMap<[u8; 32], Vec<Version>>,
    pages: HashMap<PageKey, Box<[u8]>>,
}

impl MemoryState {
    /// Writes a row at a height, or its tombstone. Heights of a row rise.
    pub fn put(&mut self, address: [u8; 32], height: u64, key: &[u8], value: Option<&[u8]>) {
        let row = value.map(|value| StoredRow { key: key.into(), value: value.into() });
        self.rows.entry(address).or_default().push(Version { height, row });
    }

    /// Writes a page.
    pub fn put_page(&mut self, key: PageKey, page: &[u8]) {
        self.pages.insert(key, page.into());
    }

    /// Drops a page, as pruning would.
    pub fn drop_page(&mut self, key: &PageKey) {
        self.pages.remove(key);
    }

    /// Makes room.
    pub fn reserve(&mut self, rows: usize, pages: usize) {
        self.rows.reserve(rows);
        self.pages.reserve(pages);
    }
}

impl Base for MemoryState {
    fn row(&self, address: &[u8; 32], height: u64) -> Result<Option<Row<'_>>, Fault> {
        let versions = self.rows.get(address).map_or(&[][..], Vec::as_slice);
        let newest = versions.iter().rev().find(|version| version.height <= height);
        Ok(newest
            .and_then(|version| version.row.as_ref())
            .map(|row| Row { key: &row.key, value: &row.value }))
    }

    fn page(&self, key: &PageKey) -> Result<Option<&[u8]>, Fault> {
        Ok(self.pages.get(key).map(|page| &page[..]))
    }
}
