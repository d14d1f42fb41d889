//! The way to one key: pages read and checked one after the other.

use crate::hashing::Kind;
use crate::page::{self, bits, hash_of, node, Shape, SLOTS, TOP};
use crate::path::nibble;
use crate::{Base, Error, Hash, NibblePath, PageId, PageReader, Version, EMPTY_ROOT, MAX_DEPTH};

/// A leaf of the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// Hash of its raw key.
    pub key: Hash,
    /// Hash of its value.
    pub value: Hash,
}

/// A page on the way, checked along the slot that leads on.
pub(crate) struct Step {
    pub(crate) id: PageId,
    pub(crate) bytes: Vec<u8>,
    pub(crate) shape: Shape,
    /// What the page's parent says of it.
    pub(crate) hash: Hash,
}

impl Step {
    /// Reads a page and checks its form.
    pub(crate) fn read<R: PageReader>(
        reader: &mut R,
        id: PageId,
        hash: Hash,
    ) -> Result<Self, Error<R::Error>> {
        let batch = reader.read(&[id]).map_err(Error::Reader)?;
        if batch.len() != 1 {
            return Err(Error::Answer { asked: 1, answered: batch.len() });
        }
        let bytes = batch.get(0).ok_or(Error::Missing(id))?.to_vec();
        let shape = page::decode(&bytes, &id.path, id.version).map_err(|what| Error::Corrupt(id, what))?;
        Ok(Self { id, bytes, shape, hash })
    }

    /// Checks what lies between the page's top and `slot`, against what the parent says.
    pub(crate) fn check<E>(&self, slot: usize) -> Result<(), Error<E>> {
        let (shape, bytes) = (self.shape, &self.bytes[..]);
        let expected = |i: usize| if i == TOP { self.hash } else { hash_of(bytes, shape.hash_at(i)) };
        let node_fits = |i| Kind::Node.one(node(bytes, shape.node_at(i))) == expected(i);
        let end = shape.end_of(slot);
        let end_fits = match shape.leaf_below(end) {
            Some(leaf) => Kind::Leaf.one(node(bytes, shape.body_at(leaf))) == expected(end),
            None => end != TOP || self.hash == EMPTY_ROOT,
        };
        if end_fits && bits(shape.nodes_above(1 << slot)).all(node_fits) {
            Ok(())
        } else {
            Err(Error::Corrupt(self.id, "does not hash to what its parent says"))
        }
    }

    /// The leaf in `slot`; there must be one.
    pub(crate) fn leaf(&self, slot: usize) -> Leaf {
        let at = self.shape.body_at(slot);
        Leaf { key: hash_of(&self.bytes, at), value: hash_of(&self.bytes, at + 32) }
    }

    /// The name and hash of the child page in `slot`, if there is one. `below` is any key below it.
    pub(crate) fn child(&self, slot: usize, below: NibblePath) -> Option<(PageId, Hash)> {
        let shape = self.shape;
        (shape.is_present(slot) && !shape.is_leaf(slot)).then(|| {
            let version = page::version_of(&self.bytes, shape.version_at(slot));
            (PageId { version, path: below }, hash_of(&self.bytes, shape.hash_at(SLOTS + slot)))
        })
    }
}

/// The pages from the root's to the last on the way to `key`, each checked. A page's place is its depth.
pub(crate) fn walk<R: PageReader>(
    reader: &mut R,
    base: Base,
    key: &Hash,
) -> Result<Vec<Step>, Error<R::Error>> {
    let mut steps = Vec::new();
    let mut next = Some((PageId { version: base.version, path: NibblePath::ROOT }, base.root));
    // A page at depth 63 has no child pages: its form was checked.
    while let Some((id, hash)) = next {
        let step = Step::read(reader, id, hash)?;
        let depth = steps.len();
        let slot = nibble(key, depth);
        step.check(slot)?;
        next =
            if depth + 1 < MAX_DEPTH { step.child(slot, NibblePath::prefix(key, depth + 1)) } else { None };
        steps.push(step);
    }
    Ok(steps)
}

/// The state of the tree at `version` as its root page says, for callers that have no root to check it
/// against. The page hashes to the root that is given; what leads there is checked as always when it is read.
pub fn stored_base<R: PageReader>(reader: &mut R, version: Version) -> Result<Base, Error<R::Error>> {
    let step = Step::read(reader, PageId { version, path: NibblePath::ROOT }, EMPTY_ROOT)?;
    let root = match step.shape.lone_leaf() {
        Some(slot) => Kind::Leaf.one(node(&step.bytes, step.shape.body_at(slot))),
        None if step.shape.present == 0 => EMPTY_ROOT,
        None => Kind::Node.one(node(&step.bytes, step.shape.node_at(TOP))),
    };
    Ok(Base { version, root })
}
