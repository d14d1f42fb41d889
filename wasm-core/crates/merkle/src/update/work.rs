//! What an update holds while it runs: the pages it touches, by level.

use std::ops::Range;

use crate::hashing::Kind;
use crate::page::{Shape, NODE};
use crate::{Change, Hash, NibblePath, PageId, Version};

/// A page that is not as it must be, and what is wrong with it.
pub(super) type Fault = (PageId, &'static str);

/// A leaf that is, or may become, part of the new tree.
#[derive(Clone, Copy)]
pub(super) struct Leaf {
    /// Key hash, value hash.
    pub(super) body: [u8; NODE],
    pub(super) hash: Hash,
}

impl Leaf {
    pub(super) fn key(&self) -> &Hash {
        self.body.first_chunk().expect("a body begins with a key")
    }
}

/// Where a page's bytes come from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// Read, written by this version.
    Stored(Version),
    /// Made by this update.
    New,
}

/// What happens to a slot of a page, as the descent finds it. Numbers are those of [`Tree::leaves`] and of the
/// next level's pages.
#[derive(Clone, Copy)]
pub(super) enum Target {
    Empty,
    Leaf(usize),
    Child(usize),
}

/// A slot that may change.
#[derive(Clone, Copy)]
pub(super) struct Touch {
    pub(super) slot: usize,
    pub(super) target: Target,
}

/// What became of a page.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// As it was: not written.
    Unchanged,
    /// Nothing is left below it.
    Empty,
    /// One leaf is left below it, which moves into its parent.
    Leaf(usize),
    /// A page to write.
    Page,
}

/// One page that the update touches.
pub(super) struct Page {
    pub(super) path: NibblePath,
    pub(super) source: Source,
    /// Changes below a stored page; places in [`Tree::order`] below a new one.
    pub(super) keys: Range<usize>,
    /// Where its bytes lie in the level's buffer.
    pub(super) span: Range<usize>,
    pub(super) shape: Shape,
    /// Its part of the level's touches.
    pub(super) touches: Range<usize>,
    /// What its parent said; once the level has been hashed, its new hash.
    pub(super) hash: Hash,
    /// Nodes to hash.
    pub(super) dirty: u16,
    pub(super) outcome: Outcome,
}

impl Page {
    pub(super) fn new(path: NibblePath, source: Source, keys: Range<usize>, hash: Hash) -> Self {
        let (shape, outcome) = (Shape::default(), Outcome::Unchanged);
        Self { path, source, keys, span: 0..0, shape, touches: 0..0, hash, dirty: 0, outcome }
    }

    /// The name of a stored page.
    pub(super) fn id(&self) -> PageId {
        let version = match self.source {
            Source::Stored(version) => version,
            Source::New => 0,
        };
        PageId { version, path: self.path }
    }

    pub(super) fn fault(&self, what: &'static str) -> Fault {
        (self.id(), what)
    }
}

/// The touched pages of one depth, in the order of their keys.
#[derive(Default)]
pub(super) struct Level {
    /// What was read; pages of unchanged shape are changed in place, others are built at its end.
    pub(super) bytes: Vec<u8>,
    pub(super) pages: Vec<Page>,
    pub(super) touches: Vec<Touch>,
}

/// Pages of a level are worked on in blocks of this many: enough to fill the lanes at each height, few enough
/// to stay in the processor's cache from one step to the next.
const BLOCK: usize = 32;

/// The blocks of a level of `pages` pages.
pub(super) fn blocks(pages: usize) -> impl Iterator<Item = Range<usize>> {
    (0..pages).step_by(BLOCK).map(move |start| start..pages.min(start + BLOCK))
}

/// The state of one update.
pub(super) struct Tree<'a> {
    pub(super) changes: &'a [Change],
    /// First one for each change (of a deletion it is never used), then stored ones that move.
    pub(super) leaves: Vec<Leaf>,
    /// Leaves below new pages, in the order of their keys.
    pub(super) order: Vec<usize>,
    pub(super) levels: Vec<Level>,
}

impl<'a> Tree<'a> {
    /// Hashes the leaves of all changes.
    pub(super) fn new(changes: &'a [Change]) -> Self {
        let mut bodies = Vec::with_capacity(changes.len() * NODE);
        for change in changes {
            bodies.extend_from_slice(&change.key);
            bodies.extend_from_slice(&change.value.unwrap_or_default());
        }
        let mut leaves: Vec<Leaf> = Vec::with_capacity(changes.len() + changes.len() / 4);
        leaves.extend(
            bodies.as_chunks::<NODE>().0.iter().map(|body| Leaf { body: *body, hash: crate::EMPTY_ROOT }),
        );
        let jobs: Vec<usize> = (0..changes.len()).filter(|&i| changes[i].value.is_some()).collect();
        Kind::Leaf.each(&jobs, &mut bodies, |i| i * NODE, |_, i, hash| leaves[i].hash = hash);
        Self { changes, leaves, order: Vec::new(), levels: Vec::new() }
    }
}
