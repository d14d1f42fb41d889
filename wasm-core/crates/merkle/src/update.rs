//! One update of the tree for a whole block.

use crate::{Error, Hash, NibblePath, PageId, PageReader, Version};

/// A state of the tree to start from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Base {
    /// The version of its root page.
    pub version: Version,
    /// Its root, against which the pages are checked.
    pub root: Hash,
}

/// What a block did to one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// [`crate::key_hash`] of the raw key.
    pub key: Hash,
    /// [`crate::value_hash`] of the new value; `None` deletes.
    pub value: Option<Hash>,
}

/// What an update made. Nothing of it is stored until the caller stores it.
#[derive(Debug, Default)]
pub struct Update {
    /// Root of the new version.
    pub root: Hash,
    /// Pages that are no longer part of the tree.
    pub stale: Vec<PageId>,
}

impl Update {
    /// New pages with their paths; their version is the update's.
    pub fn pages(&self) -> impl ExactSizeIterator<Item = (&NibblePath, &[u8])> {
        [].into_iter()
    }
}

/// Applies `changes`, sorted by key without repetition, to the tree at `base` (`None`: the empty tree, of which
/// nothing is stored), and gives the pages of `version`.
///
/// Deleting an absent key and writing the value that is there change nothing. The root page is always written,
/// also where nothing changed, so that each version that was updated has one.
pub fn update<R: PageReader>(
    _reader: &mut R,
    _base: Option<Base>,
    _version: Version,
    _changes: &[Change],
) -> Result<Update, Error<R::Error>> {
    Ok(Update::default())
}
