//! A page: four binary levels of the tree in one row.
//!
//! ```text
//! present  u16   bit n: slot n (the next nibble of the keys) is not empty
//! leaves   u16   bit n: slot n is a leaf; set only where present is
//! nodes    64 each: the inner nodes of the page, their two children's hashes, in heap order
//! bodies   64 each: key hash and value hash of each leaf slot, by slot
//! versions u64 each: version of the child page of each other present slot, by slot
//! ```
//!
//! Inner nodes are numbered as in a heap: 1 is the page's top, the children of `i` are `2i` and `2i + 1`,
//! and 16 to 31 are the slots. Node `i` is there if more than one leaf lies below it: two present slots or a
//! child page. So which nodes there are, and with it the page's length, follows from the two bitmaps:
//!
//! ```text
//!                 1                        slots 0 and 1 hold leaves, slot 12 a child page, the rest
//!         /               \                nothing: nodes 1, 2, 4, 8 and 3, 7, 14
//!       2                   3
//!     /   \               /   \            node 2 = hash of 4 || placeholder
//!    4     .             .     7           node 8 = hash of leaf 0 || hash of leaf 1
//!   / \                       / \          node 14 = hash of page 12 || placeholder
//!  8   .                    14   .
//! ```
//!
//! (A leaf alone below a node is that node's child hash, wherever its slot is.) Bytes 4 to 68 are node 1, so
//! the hash of a page, which its parent holds, is that of these 64 bytes. Only the root page may have no node:
//! with no slot (hash: the placeholder) or one leaf (hash: the leaf's).

use crate::path::nibble;
use crate::{Hash, NibblePath, Version, EMPTY_ROOT, MAX_DEPTH};

/// Bytes of the two bitmaps.
pub(crate) const HEADER: usize = 4;
/// Bytes of an inner node, and of a leaf's body.
pub(crate) const NODE: usize = 64;
/// Bytes of a child page's version.
pub(crate) const VERSION: usize = 8;
/// Bytes of the largest page: 15 nodes, 16 leaves.
pub const MAX_PAGE: usize = HEADER + 15 * NODE + 16 * NODE;
/// The page's top in heap order.
pub(crate) const TOP: usize = 1;
/// Heap index of slot 0.
pub(crate) const SLOTS: usize = 16;

/// Slots below each heap index.
pub(crate) const RANGE: [u16; 32] = {
    let mut out = [0u16; 32];
    let mut i = 31;
    while i > 0 {
        out[i] = if i >= SLOTS { 1 << (i - SLOTS) } else { out[2 * i] | out[2 * i + 1] };
        i -= 1;
    }
    out
};

/// Which slots and nodes a page has, and so where everything lies in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) present: u16,
    pub(crate) leaves: u16,
    /// Bit i: inner node i of the heap is there.
    pub(crate) nodes: u16,
}

impl Shape {
    /// The shape with these slots; `leaves` must be among `present`.
    pub(crate) fn new(present: u16, leaves: u16) -> Self {
        let mut nodes = 0;
        let mut i = SLOTS - 1;
        while i >= TOP {
            let below = RANGE[i] & present;
            let one = below & below.wrapping_sub(1) == 0;
            if below != 0 && !(one && below & leaves != 0) {
                nodes |= 1 << i;
            }
            i -= 1;
        }
        Self { present, leaves, nodes }
    }

    pub(crate) fn has_node(self, i: usize) -> bool {
        self.nodes >> i & 1 == 1
    }

    pub(crate) fn is_present(self, slot: usize) -> bool {
        self.present >> slot & 1 == 1
    }

    pub(crate) fn is_leaf(self, slot: usize) -> bool {
        self.leaves >> slot & 1 == 1
    }

    /// Whether this is a tree of one leaf: only a root page stays so.
    pub(crate) fn lone_leaf(self) -> Option<usize> {
        (self.present == self.leaves && self.present.is_power_of_two())
            .then(|| self.present.trailing_zeros() as usize)
    }

    fn child_pages(self) -> u16 {
        self.present & !self.leaves
    }

    /// Where node `i` lies; it must be there.
    pub(crate) fn node_at(self, i: usize) -> usize {
        debug_assert!(self.has_node(i));
        HEADER + NODE * rank(self.nodes, i)
    }

    /// Where the body of the leaf in `slot` lies.
    pub(crate) fn body_at(self, slot: usize) -> usize {
        debug_assert!(self.is_leaf(slot));
        HEADER + NODE * (self.nodes.count_ones() as usize + rank(self.leaves, slot))
    }

    /// Where the version of the child page in `slot` lies.
    pub(crate) fn version_at(self, slot: usize) -> usize {
        debug_assert!(self.is_present(slot) && !self.is_leaf(slot));
        let fixed = (self.nodes.count_ones() + self.leaves.count_ones()) as usize;
        HEADER + NODE * fixed + VERSION * rank(self.child_pages(), slot)
    }

    /// Bytes of a page of this shape.
    pub(crate) fn len(self) -> usize {
        let fixed = (self.nodes.count_ones() + self.leaves.count_ones()) as usize;
        HEADER + NODE * fixed + VERSION * self.child_pages().count_ones() as usize
    }

    /// Where the hash of heap index `i` (2 to 31) lies: in its parent, which must be there.
    pub(crate) fn hash_at(self, i: usize) -> usize {
        self.node_at(i / 2) + 32 * (i & 1)
    }

    /// The first heap index on the way from the top to `slot` that is no inner node.
    pub(crate) fn end_of(self, slot: usize) -> usize {
        let mut i = TOP;
        while i < SLOTS && self.has_node(i) {
            i = toward(i, slot);
        }
        i
    }

    /// The slot of the leaf that lies alone below heap index `i`, if one does.
    pub(crate) fn leaf_below(self, i: usize) -> Option<usize> {
        let below = RANGE[i] & self.present;
        (below != 0 && below & self.leaves == below).then(|| below.trailing_zeros() as usize)
    }

    /// The inner nodes from the top to any of `slots`.
    pub(crate) fn nodes_above(self, slots: u16) -> u16 {
        let mut above = 0;
        let mut rest = self.nodes;
        while rest != 0 {
            let i = rest.trailing_zeros() as usize;
            rest &= rest - 1;
            if RANGE[i] & slots != 0 {
                above |= 1 << i;
            }
        }
        above
    }
}

/// The child of inner node `i` on the way to `slot`.
pub(crate) fn toward(i: usize, slot: usize) -> usize {
    let left = 2 * i;
    if RANGE[left] >> slot & 1 == 1 {
        left
    } else {
        left + 1
    }
}

/// How many bits of `set` are below bit `i`.
fn rank(set: u16, i: usize) -> usize {
    (set & ((1 << i) - 1)).count_ones() as usize
}

/// Bits of `set`, ascending.
pub(crate) fn bits(mut set: u16) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let i = (set != 0).then(|| set.trailing_zeros() as usize)?;
        set &= set - 1;
        Some(i)
    })
}

/// The 64 bytes at `at`.
pub(crate) fn node(bytes: &[u8], at: usize) -> &[u8; NODE] {
    bytes[at..at + NODE].first_chunk().expect("64 bytes were cut")
}

/// The hash at `at`.
pub(crate) fn hash_of(bytes: &[u8], at: usize) -> Hash {
    let mut out = [0; 32];
    out.copy_from_slice(&bytes[at..at + 32]);
    out
}

/// The version at `at`.
pub(crate) fn version_of(bytes: &[u8], at: usize) -> Version {
    let mut out = [0; VERSION];
    out.copy_from_slice(&bytes[at..at + VERSION]);
    Version::from_le_bytes(out)
}

/// Writes the two bitmaps.
pub(crate) fn put_header(bytes: &mut [u8], shape: Shape) {
    bytes[..2].copy_from_slice(&shape.present.to_le_bytes());
    bytes[2..HEADER].copy_from_slice(&shape.leaves.to_le_bytes());
}

/// Reads the shape of a page and checks its form: length, slots, that each empty subtree has the placeholder
/// and no other does, that each leaf lies below `path` in its slot, that no child is newer than the page.
/// Hashes are not looked at. The error says what is wrong.
pub(crate) fn decode(bytes: &[u8], path: &NibblePath, version: Version) -> Result<Shape, &'static str> {
    let Some(header) = bytes.first_chunk::<HEADER>() else { return Err("shorter than its header") };
    let present = u16::from_le_bytes([header[0], header[1]]);
    let leaves = u16::from_le_bytes([header[2], header[3]]);
    if leaves & !present != 0 {
        return Err("a leaf in an empty slot");
    }
    let shape = Shape::new(present, leaves);
    if bytes.len() != shape.len() {
        return Err("not of the length that its slots need");
    }
    if shape.nodes == 0 && path.len() > 0 {
        return Err("fewer than two leaves below the root");
    }
    if path.len() == MAX_DEPTH - 1 && shape.child_pages() != 0 {
        return Err("a child page below the last nibble");
    }
    check_placeholders(bytes, shape)?;
    check_leaves(bytes, shape, path)?;
    let versions = shape.len() - VERSION * shape.child_pages().count_ones() as usize;
    if bytes[versions..].chunks_exact(VERSION).any(|v| version_of(v, 0) > version) {
        return Err("a child newer than the page");
    }
    Ok(shape)
}

fn check_placeholders(bytes: &[u8], shape: Shape) -> Result<(), &'static str> {
    for i in bits(shape.nodes) {
        let at = shape.node_at(i);
        for child in [2 * i, 2 * i + 1] {
            let start = at + 32 * (child & 1);
            let placeholder = bytes[start..start + 32] == EMPTY_ROOT;
            if placeholder != (RANGE[child] & shape.present == 0) {
                return Err("the placeholder where something is, or none where nothing is");
            }
        }
    }
    Ok(())
}

fn check_leaves(bytes: &[u8], shape: Shape, path: &NibblePath) -> Result<(), &'static str> {
    let depth = path.len();
    let packed = path.packed();
    let whole = depth / 2;
    for slot in bits(shape.leaves) {
        let body = node(bytes, shape.body_at(slot));
        let Some(key) = body.first_chunk::<32>() else { continue };
        let odd_fits = depth.is_multiple_of(2) || key[whole] >> 4 == packed[whole] >> 4;
        if key[..whole] != packed[..whole] || !odd_fits || nibble(key, depth) != slot {
            return Err("a leaf in a slot that is not its key's");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_drawing_in_the_documentation() {
        let shape = Shape::new(0b0001_0000_0000_0011, 0b11);
        assert_eq!(bits(shape.nodes).collect::<Vec<_>>(), [1, 2, 3, 4, 7, 8, 14]);
        assert_eq!(shape.len(), 4 + 7 * 64 + 2 * 64 + 8);
        assert_eq!((shape.end_of(0), shape.end_of(1), shape.end_of(2)), (16, 17, 9));
        assert_eq!((shape.end_of(12), shape.end_of(13), shape.end_of(9)), (28, 29, 6));
    }

    #[test]
    fn nodes_are_there_where_more_than_one_leaf_lies_below() {
        for (present, leaves) in
            [(0u16, 0u16), (1, 1), (1, 0), (0x8001, 0x8001), (0xffff, 0x5555), (0x0300, 0x0300)]
        {
            let shape = Shape::new(present, leaves);
            for (i, range) in RANGE.into_iter().enumerate().take(SLOTS).skip(TOP) {
                let below = range & present;
                let expected = below.count_ones() > 1 || below & !leaves != 0;
                assert_eq!(shape.has_node(i), expected, "{present:x} {leaves:x} {i}");
            }
        }
        assert_eq!(Shape::new(0xffff, 0xffff).len(), MAX_PAGE);
    }

    #[test]
    fn parts_of_a_page_do_not_overlap() {
        for seed in 0..2000u32 {
            let mixed = seed.wrapping_mul(0x9e37_79b9);
            let present = (mixed >> 16) as u16;
            let shape = Shape::new(present, present & mixed as u16);
            let mut covered = vec![0u8; shape.len()];
            covered[..HEADER].fill(1);
            let parts = bits(shape.nodes).map(|i| (shape.node_at(i), NODE));
            let parts = parts.chain(bits(shape.leaves).map(|s| (shape.body_at(s), NODE)));
            let parts = parts.chain(bits(shape.child_pages()).map(|s| (shape.version_at(s), VERSION)));
            for (at, len) in parts {
                covered[at..at + len].iter_mut().for_each(|byte| *byte += 1);
            }
            assert!(covered.iter().all(|&times| times == 1), "{shape:?}");
        }
    }
}
