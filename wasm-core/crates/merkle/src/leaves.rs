//! Leaves in the order of their keys, from any place on.

use crate::page::bits;
use crate::path::nibble;
use crate::walk::{Leaf, Step};
use crate::{Base, Error, Hash, NibblePath, PageId, PageReader};

/// A page on the way down, and its slots that are not visited yet.
struct Place {
    step: Step,
    /// Nibbles of the page's own path, then zeros.
    below: Hash,
    depth: usize,
    slots: u16,
}

/// The next leaves above the key hash `after` (`None`: from the first on), at most `most`, in ascending order.
/// Fewer mean that there are no more. Each page that is read is checked against the root.
pub fn leaves_after<R: PageReader>(
    reader: &mut R,
    base: Base,
    after: Option<&Hash>,
    most: usize,
) -> Result<Vec<Leaf>, Error<R::Error>> {
    let mut found = Vec::with_capacity(most.min(1 << 16));
    let root = PageId { version: base.version, path: NibblePath::ROOT };
    let mut way = vec![Place::new(reader, (root, base.root), [0; 32], 0, after)?];
    // At most 64 places: a page at depth 63 has no child pages.
    while let Some(place) = way.last_mut() {
        if found.len() == most {
            break;
        }
        let Some(slot) = bits(place.slots).next() else {
            way.pop();
            continue;
        };
        place.slots &= !(1 << slot);
        place.step.check(slot)?;
        if place.step.shape.is_leaf(slot) {
            let leaf = place.step.leaf(slot);
            if after.is_none_or(|after| leaf.key > *after) {
                found.push(leaf);
            }
            continue;
        }
        let mut below = place.below;
        below[place.depth / 2] |= (slot as u8) << if place.depth.is_multiple_of(2) { 4 } else { 0 };
        let depth = place.depth + 1;
        if let Some(child) = place.step.child(slot, NibblePath::prefix(&below, depth)) {
            // Only on the way to `after` itself does it decide which slots come.
            let edge = after.filter(|after| NibblePath::prefix(&below, depth).covers(after));
            way.push(Place::new(reader, child, below, depth, edge)?);
        }
    }
    Ok(found)
}

impl Place {
    fn new<R: PageReader>(
        reader: &mut R,
        (id, hash): (PageId, Hash),
        below: Hash,
        depth: usize,
        edge: Option<&Hash>,
    ) -> Result<Self, Error<R::Error>> {
        let step = Step::read(reader, id, hash)?;
        // A tree without leaves has no slot to check; its root must be that of none.
        step.check(edge.map_or(0, |edge| nibble(edge, depth)))?;
        let from = edge.map_or(0, |edge| nibble(edge, depth));
        let slots = step.shape.present & !((1u16 << from) - 1);
        Ok(Place { step, below, depth, slots })
    }
}
