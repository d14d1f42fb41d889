//! The way up: each page of a level gets its new slots, then the level's dirty nodes are hashed, and the
//! hashes of its pages are what the level above needs.

use std::ops::Range;

use super::descent::stored_leaf;
use super::work::{blocks, Fault, Leaf, Level, Outcome, Page, Source, Target, Tree};
use crate::hashing::Kind;
use crate::page::{bits, put_header, Shape, HEADER, NODE, RANGE, SLOTS, TOP, VERSION};
use crate::{Hash, Version, EMPTY_ROOT};

/// What a slot becomes.
#[derive(Clone, Copy)]
enum Edit {
    Keep,
    Empty,
    Leaf(usize),
    /// A child page of the version being written, with its hash.
    Page(Hash),
}

/// The slots of one page that change.
struct Edits {
    slots: [Edit; 16],
    changed: u16,
    shape: Shape,
}

impl Tree<'_> {
    /// Writes all new pages of `version`, bottom up.
    pub(super) fn ascend(&mut self, version: Version) -> Result<(), Fault> {
        for depth in (0..self.levels.len()).rev() {
            let (upper, lower) = self.levels.split_at_mut(depth + 1);
            let level = &mut upper[depth];
            let below = lower.first().map_or(&[][..], |level| &level.pages);
            let mut jobs = Vec::new();
            for block in blocks(level.pages.len()) {
                for index in block.clone() {
                    settle(level, index, below, &mut self.leaves, version)?;
                }
                hash_nodes(level, block, &mut jobs);
            }
        }
        Ok(())
    }
}

fn settle(
    level: &mut Level,
    index: usize,
    below: &[Page],
    leaves: &mut Vec<Leaf>,
    version: Version,
) -> Result<(), Fault> {
    let edits = Edits::of(level, index, below);
    let page = &mut level.pages[index];
    let is_root = page.path.len() == 0;
    page.outcome = if !is_root && edits.changed == 0 && page.source != Source::New {
        Outcome::Unchanged
    } else if !is_root && edits.shape.present == 0 {
        Outcome::Empty
    } else if let Some(slot) = edits.shape.lone_leaf().filter(|_| !is_root) {
        Outcome::Leaf(last_leaf(page, &level.bytes, slot, edits.slots[slot], leaves)?)
    } else {
        if edits.shape == page.shape && page.source != Source::New {
            change_in_place(page, &mut level.bytes, &edits, leaves, version);
        } else {
            build(page, &mut level.bytes, &edits, leaves, version);
        }
        Outcome::Page
    };
    Ok(())
}

impl Edits {
    fn of(level: &Level, index: usize, below: &[Page]) -> Self {
        let page = &level.pages[index];
        let mut slots = [Edit::Keep; 16];
        let (mut present, mut leaves, mut changed) = (page.shape.present, page.shape.leaves, 0u16);
        for touch in &level.touches[page.touches.clone()] {
            let edit = match touch.target {
                Target::Empty => Edit::Empty,
                Target::Leaf(leaf) => Edit::Leaf(leaf),
                Target::Child(child) => match below[child].outcome {
                    Outcome::Unchanged => continue,
                    Outcome::Empty => Edit::Empty,
                    Outcome::Leaf(leaf) => Edit::Leaf(leaf),
                    Outcome::Page => Edit::Page(below[child].hash),
                },
            };
            let bit = 1 << touch.slot;
            changed |= bit;
            present = if matches!(edit, Edit::Empty) { present & !bit } else { present | bit };
            leaves = if matches!(edit, Edit::Leaf(_)) { leaves | bit } else { leaves & !bit };
            slots[touch.slot] = edit;
        }
        let same = (present, leaves) == (page.shape.present, page.shape.leaves);
        let shape = if same { page.shape } else { Shape::new(present, leaves) };
        Self { slots, changed, shape }
    }
}

/// The leaf that is left of a page. One that was stored there is checked before it moves, since the nodes'
/// hashes do not say in which slot it was.
fn last_leaf(
    page: &Page,
    bytes: &[u8],
    slot: usize,
    edit: Edit,
    leaves: &mut Vec<Leaf>,
) -> Result<usize, Fault> {
    if let Edit::Leaf(leaf) = edit {
        return Ok(leaf);
    }
    let leaf = stored_leaf(page, bytes, slot);
    if Kind::Leaf.one(&leaf.body) != leaf.hash {
        return Err(page.fault("a leaf that does not hash to what its page says"));
    }
    leaves.push(leaf);
    Ok(leaves.len() - 1)
}

/// Writes new leaves and children over the old ones.
fn change_in_place(page: &mut Page, bytes: &mut [u8], edits: &Edits, leaves: &[Leaf], version: Version) {
    let shape = page.shape;
    let bytes = &mut bytes[page.span.clone()];
    for slot in bits(edits.changed) {
        let end = shape.end_of(slot);
        let hash = match edits.slots[slot] {
            Edit::Keep | Edit::Empty => continue,
            Edit::Leaf(leaf) => {
                put(bytes, shape.body_at(slot), &leaves[leaf].body);
                leaves[leaf].hash
            }
            Edit::Page(hash) => {
                put(bytes, shape.version_at(slot), &version.to_le_bytes());
                hash
            }
        };
        match end {
            TOP => page.hash = hash,
            end => put(bytes, shape.hash_at(end), &hash),
        }
    }
    page.dirty = shape.nodes_above(edits.changed);
}

/// Builds a page of another shape at the end of the level's buffer.
fn build(page: &mut Page, bytes: &mut Vec<u8>, edits: &Edits, leaves: &[Leaf], version: Version) {
    let (old, new) = (page.shape, edits.shape);
    let from = page.span.start;
    let to = bytes.len();
    bytes.resize(to + new.len(), 0);
    put_header(&mut bytes[to..to + HEADER], new);
    // The hash of each slot's leaf or child, where it is not copied with a clean node.
    let hash_of_slot = |bytes: &[u8], slot: usize| match edits.slots[slot] {
        Edit::Leaf(leaf) => leaves[leaf].hash,
        Edit::Page(hash) => hash,
        Edit::Keep | Edit::Empty => match old.end_of(slot) {
            TOP => page.hash,
            end => crate::page::hash_of(bytes, from + old.hash_at(end)),
        },
    };
    for i in bits(new.nodes) {
        for child in [2 * i, 2 * i + 1] {
            let below = RANGE[child] & new.present;
            let at = to + new.hash_at(child);
            if below == 0 {
                put(bytes, at, &EMPTY_ROOT);
            } else if child >= SLOTS || !new.has_node(child) {
                let hash = hash_of_slot(bytes, below.trailing_zeros() as usize);
                put(bytes, at, &hash);
            } else if RANGE[child] & edits.changed == 0 {
                let old = from + old.hash_at(child);
                bytes.copy_within(old..old + 32, at);
            }
        }
    }
    if new.nodes == 0 {
        page.hash = new.lone_leaf().map_or(EMPTY_ROOT, |slot| hash_of_slot(bytes, slot));
    }
    copy_slots(bytes, (from, old), (to, new), edits, leaves, version);
    page.dirty = new.nodes_above(edits.changed);
    (page.shape, page.span) = (new, to..to + new.len());
}

/// Puts the leaves' bodies and the children's versions into a built page.
fn copy_slots(
    bytes: &mut [u8],
    (from, old): (usize, Shape),
    (to, new): (usize, Shape),
    edits: &Edits,
    leaves: &[Leaf],
    version: Version,
) {
    for slot in bits(new.present) {
        match edits.slots[slot] {
            Edit::Leaf(leaf) => put(bytes, to + new.body_at(slot), &leaves[leaf].body),
            Edit::Page(_) => put(bytes, to + new.version_at(slot), &version.to_le_bytes()),
            Edit::Keep | Edit::Empty => {
                let (source, target, len) = if new.is_leaf(slot) {
                    (old.body_at(slot), new.body_at(slot), NODE)
                } else {
                    (old.version_at(slot), new.version_at(slot), VERSION)
                };
                bytes.copy_within(from + source..from + source + len, to + target);
            }
        }
    }
}

fn put(bytes: &mut [u8], at: usize, what: &[u8]) {
    bytes[at..at + what.len()].copy_from_slice(what);
}

/// Inner nodes at each height of a page, the lowest first.
const HEIGHTS: [u16; 4] = [0xff00, 0x00f0, 0x000c, 0x0002];

/// A node to hash, and where its hash goes: into its parent in the page or, of a top, to the page's record.
#[derive(Clone, Copy)]
struct Job {
    page: usize,
    body: usize,
    result: Option<usize>,
}

/// Hashes the dirty nodes of a block of pages, height by height, so that each digest lies in its parent before
/// that is hashed.
fn hash_nodes(level: &mut Level, block: Range<usize>, jobs: &mut Vec<Job>) {
    let Level { bytes, pages, .. } = level;
    for height in HEIGHTS {
        jobs.clear();
        for (index, page) in block.clone().zip(&pages[block.clone()]) {
            let (base, shape) = (page.span.start, page.shape);
            jobs.extend(bits(page.dirty & height).map(|i| Job {
                page: index,
                body: base + shape.node_at(i),
                result: (i != TOP).then(|| base + shape.hash_at(i)),
            }));
        }
        Kind::Node.each(
            jobs,
            bytes,
            |job| job.body,
            |bytes, job, hash| match job.result {
                Some(at) => bytes[at..at + 32].copy_from_slice(&hash),
                None => pages[job.page].hash = hash,
            },
        );
    }
}
