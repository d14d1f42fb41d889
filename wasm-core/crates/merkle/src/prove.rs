//! Making proofs, and finding a key's neighbours.

use crate::page::{bits, hash_of, toward, TOP};
use crate::path::nibble;
use crate::proof::{End, Proof};
use crate::walk::{walk, Leaf, Step};
use crate::{Base, Error, Hash, NibblePath, PageReader};

/// Proves the value, or the absence, of the key hash `key` in the tree at `base`.
pub fn prove<R: PageReader>(reader: &mut R, base: Base, key: &Hash) -> Result<Proof, Error<R::Error>> {
    let steps = walk(reader, base, key)?;
    let mut siblings = Vec::new();
    let mut end = End::Empty;
    for (depth, step) in steps.iter().enumerate() {
        let slot = nibble(key, depth);
        let last = step.shape.end_of(slot);
        let mut i = TOP;
        while i != last {
            i = toward(i, slot);
            siblings.push(hash_of(&step.bytes, step.shape.hash_at(i ^ 1)));
        }
        if let Some(leaf) = step.shape.leaf_below(last).map(|slot| step.leaf(slot)) {
            end = if leaf.key == *key { End::Present(leaf.value) } else { End::Other(leaf) };
        }
    }
    siblings.reverse();
    Ok(Proof { end, siblings })
}

/// The leaves beside a key: the nearest below it and the nearest above it. The key's own leaf is neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbours {
    /// The greatest key below, if there is one.
    pub left: Option<Leaf>,
    /// The smallest key above, if there is one.
    pub right: Option<Leaf>,
}

/// Finds the neighbours of the key hash `key`, which need not be in the tree.
pub fn neighbours<R: PageReader>(
    reader: &mut R,
    base: Base,
    key: &Hash,
) -> Result<Neighbours, Error<R::Error>> {
    let steps = walk(reader, base, key)?;
    let left = beside(reader, &steps, key, Side::Left)?;
    let right = beside(reader, &steps, key, Side::Right)?;
    Ok(Neighbours { left, right })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

impl Side {
    /// Of these slots the one nearest to a key on the other side of them all.
    fn nearest(self, slots: u16) -> Option<usize> {
        match self {
            Side::Left => bits(slots).last(),
            Side::Right => bits(slots).next(),
        }
    }

    /// The slots on this side of `slot`.
    fn beyond(self, slot: usize) -> u16 {
        match self {
            Side::Left => (1 << slot) - 1,
            Side::Right => !((1 << slot) | ((1 << slot) - 1)),
        }
    }

    fn has(self, leaf: &Hash, key: &Hash) -> bool {
        match self {
            Side::Left => leaf < key,
            Side::Right => leaf > key,
        }
    }
}

/// Climbs from the last page until there is something on that side, then goes down along its near edge.
fn beside<R: PageReader>(
    reader: &mut R,
    steps: &[Step],
    key: &Hash,
    side: Side,
) -> Result<Option<Leaf>, Error<R::Error>> {
    for (depth, step) in steps.iter().enumerate().rev() {
        let slot = nibble(key, depth);
        if step.shape.is_leaf(slot) && side.has(&step.leaf(slot).key, key) {
            return Ok(Some(step.leaf(slot)));
        }
        let Some(slot) = side.nearest(step.shape.present & side.beyond(slot)) else { continue };
        step.check(slot)?;
        if step.shape.is_leaf(slot) {
            return Ok(Some(step.leaf(slot)));
        }
        return edge(reader, step, slot, depth, key, side).map(Some);
    }
    Ok(None)
}

/// The leaf nearest to `key` below the child page in `slot` of `step`, which lies at `depth` on the key's way.
fn edge<R: PageReader>(
    reader: &mut R,
    step: &Step,
    slot: usize,
    depth: usize,
    key: &Hash,
    side: Side,
) -> Result<Leaf, Error<R::Error>> {
    let mut below = *key;
    set_nibble(&mut below, depth, slot);
    let mut depth = depth + 1;
    let mut next = step.child(slot, NibblePath::prefix(&below, depth));
    let mut last = step.id;
    // A page at depth 63 has no child pages: its form was checked.
    while let Some((id, hash)) = next {
        let page = Step::read(reader, id, hash)?;
        let Some(slot) = side.nearest(page.shape.present) else { break };
        page.check(slot)?;
        if page.shape.is_leaf(slot) {
            return Ok(page.leaf(slot));
        }
        set_nibble(&mut below, depth, slot);
        depth += 1;
        next = page.child(slot, NibblePath::prefix(&below, depth));
        last = id;
    }
    Err(Error::Corrupt(last, "a child page without a leaf below it"))
}

fn set_nibble(key: &mut Hash, at: usize, value: usize) {
    let byte = &mut key[at / 2];
    *byte = if at.is_multiple_of(2) { *byte & 0x0f | (value as u8) << 4 } else { *byte & 0xf0 | value as u8 };
}
