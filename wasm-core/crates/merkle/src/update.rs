//! One update of the tree for a whole block: down once, level by level, then up once.

mod ascent;
mod descent;
mod work;

use std::ops::Range;

use crate::{Error, Hash, NibblePath, PageId, PageReader, Version};
use work::{Level, Outcome, Source, Tree};

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
#[derive(Clone, Debug)]
pub struct Update {
    /// Root of the new version.
    pub root: Hash,
    /// Pages of older versions that are no longer part of the tree, top down.
    pub stale: Vec<PageId>,
    /// One buffer a level; pages are cut out of them.
    buffers: Vec<Vec<u8>>,
    pages: Vec<NewPage>,
}

#[derive(Clone, Debug)]
struct NewPage {
    path: NibblePath,
    level: usize,
    span: Range<usize>,
}

impl Update {
    /// New pages with their paths, the root's first; their version is the update's.
    pub fn pages(&self) -> impl ExactSizeIterator<Item = (&NibblePath, &[u8])> {
        self.pages.iter().map(|page| (&page.path, &self.buffers[page.level][page.span.clone()]))
    }
}

/// Applies `changes`, sorted by key without repetition, to the tree at `base` (`None`: the empty tree, of which
/// nothing is stored), and gives the pages of `version`, which must be above the base's.
///
/// Deleting an absent key and writing the value that is there change nothing. The root page is always written,
/// also where nothing changed, so that each version that was updated has one.
pub fn update<R: PageReader>(
    reader: &mut R,
    base: Option<Base>,
    version: Version,
    changes: &[Change],
) -> Result<Update, Error<R::Error>> {
    if let Some(base) = base.filter(|base| base.version >= version) {
        return Err(Error::Version { base: base.version, new: version });
    }
    if let Some(at) = changes.windows(2).position(|pair| pair[0].key >= pair[1].key) {
        return Err(Error::Unsorted(at + 1));
    }
    let mut tree = Tree::new(changes);
    tree.descend(reader, base)?;
    tree.ascend(version).map_err(|(id, what)| Error::Corrupt(id, what))?;
    Ok(collect(tree.levels))
}

/// Gathers what was written and what fell out of the tree.
fn collect(levels: Vec<Level>) -> Update {
    let mut update =
        Update { root: crate::EMPTY_ROOT, stale: Vec::new(), buffers: Vec::new(), pages: Vec::new() };
    for (level, Level { bytes, pages, .. }) in levels.into_iter().enumerate() {
        for page in pages {
            if page.outcome == Outcome::Unchanged {
                continue;
            }
            if let Source::Stored(version) = page.source {
                update.stale.push(PageId { version, path: page.path });
            }
            if page.outcome == Outcome::Page {
                if level == 0 {
                    update.root = page.hash;
                }
                update.pages.push(NewPage { path: page.path, level, span: page.span });
            }
        }
        update.buffers.push(bytes);
    }
    update
}
