//! The way down: which pages are touched, what happens to their slots, and that what was read is what the root
//! says.

use std::ops::Range;

use super::work::{blocks, Fault, Leaf, Level, Page, Source, Target, Touch, Tree};
use super::Base;
use crate::hashing::Kind;
use crate::page::{self, bits, hash_of, node, Shape, SLOTS, TOP};
use crate::path::nibble;
use crate::{Error, NibblePath, PageId, PageReader, EMPTY_ROOT, MAX_DEPTH};

/// A hash to compare: that of the body at `body`, with the 32 bytes at `expected` or, at a page's top, with
/// what is expected of the page.
#[derive(Clone, Copy)]
struct Check {
    page: usize,
    body: usize,
    expected: Option<usize>,
}

/// The checks of one level: the top of each page against what its parent says, so that a page of another
/// version, of another path or of a fork is found; of the root page every byte; of each page the leaves that
/// stay below touched slots. The nodes between a page's top and its slots are hashed once, on the way up: what
/// is damaged in them gives a root that no quorum has (docs/adr/0012).
#[derive(Default)]
struct Checks {
    nodes: Vec<Check>,
    leaves: Vec<Check>,
}

impl Tree<'_> {
    /// Reads the touched pages, one call a level, and lists what happens to their slots.
    pub(super) fn descend<R: PageReader>(
        &mut self,
        reader: &mut R,
        base: Option<Base>,
    ) -> Result<(), Error<R::Error>> {
        let mut level = self.root(base);
        for depth in 0..MAX_DEPTH {
            load(reader, &mut level)?;
            let mut checks = Checks::default();
            let mut next = Level::default();
            for block in blocks(level.pages.len()) {
                self.split(&mut level, block, depth, &mut next, &mut checks)
                    .map_err(|(id, what)| Error::Corrupt(id, what))?;
            }
            self.levels.push(std::mem::replace(&mut level, next));
            if level.pages.is_empty() {
                break;
            }
        }
        Ok(())
    }

    fn root(&mut self, base: Option<Base>) -> Level {
        let page = match base {
            Some(base) => {
                let source = Source::Stored(base.version);
                Page::new(NibblePath::ROOT, source, 0..self.changes.len(), base.root)
            }
            None => {
                self.order.extend((0..self.changes.len()).filter(|&i| self.changes[i].value.is_some()));
                Page::new(NibblePath::ROOT, Source::New, 0..self.order.len(), EMPTY_ROOT)
            }
        };
        Level { pages: vec![page], ..Level::default() }
    }

    /// Finds the touches of a block of pages and checks the pages.
    fn split(
        &mut self,
        level: &mut Level,
        block: Range<usize>,
        depth: usize,
        next: &mut Level,
        checks: &mut Checks,
    ) -> Result<(), Fault> {
        checks.nodes.clear();
        checks.leaves.clear();
        for index in block {
            let start = level.touches.len();
            if let Source::Stored(version) = level.pages[index].source {
                let page = &mut level.pages[index];
                page.shape = page::decode(&level.bytes[page.span.clone()], &page.path, version)
                    .map_err(|what| page.fault(what))?;
                if page.shape.present == 0 && page.hash != EMPTY_ROOT {
                    return Err(page.fault("empty, where its root says otherwise"));
                }
                self.split_stored(level, index, depth, next, checks);
            } else {
                self.split_new(level, index, depth, next);
            }
            level.pages[index].touches = start..level.touches.len();
        }
        verify(level, checks)
    }

    fn split_stored(
        &mut self,
        level: &mut Level,
        index: usize,
        depth: usize,
        next: &mut Level,
        checks: &mut Checks,
    ) {
        let Page { keys, shape, span, .. } = &level.pages[index];
        let (keys, shape, base) = (keys.clone(), *shape, span.start);
        let (mut touched, mut overwritten) = (0u16, 0u16);
        let mut at = keys.start;
        while at < keys.end {
            let slot = nibble(&self.changes[at].key, depth);
            let mut end = at + 1;
            while end < keys.end && nibble(&self.changes[end].key, depth) == slot {
                end += 1;
            }
            touched |= 1 << slot;
            let target = if shape.is_present(slot) && !shape.is_leaf(slot) {
                let version = page::version_of(&level.bytes, base + shape.version_at(slot));
                let hash = hash_of(&level.bytes, base + shape.hash_at(SLOTS + slot));
                let path = NibblePath::prefix(&self.changes[at].key, depth + 1);
                next.pages.push(Page::new(path, Source::Stored(version), at..end, hash));
                Some(Target::Child(next.pages.len() - 1))
            } else {
                let stored =
                    shape.is_leaf(slot).then(|| stored_leaf(&level.pages[index], &level.bytes, slot));
                let again = stored.filter(|leaf| self.changes[at..end].iter().any(|c| c.key == *leaf.key()));
                overwritten |= u16::from(again.is_some()) << slot;
                self.merge(stored, again.is_some(), at..end, depth, next)
            };
            level.touches.extend(target.map(|target| Touch { slot, target }));
            at = end;
        }
        // The root page is checked whole, so that an update without effect vouches for its root too.
        if depth == 0 {
            checks.add(index, base, shape, shape.nodes, touched | shape.present);
        } else {
            checks.add(index, base, shape, 1 << TOP, touched & !overwritten);
        }
    }

    /// What a slot without a child page becomes: its leaf, if it has one, and the changes of its keys, of which
    /// one may overwrite the leaf.
    fn merge(
        &mut self,
        stored: Option<Leaf>,
        overwritten: bool,
        changes: Range<usize>,
        depth: usize,
        next: &mut Level,
    ) -> Option<Target> {
        let start = self.order.len();
        self.order.extend(changes.filter(|&i| self.changes[i].value.is_some()));
        if let Some(leaf) = stored.filter(|_| !overwritten) {
            let place = self.order[start..].partition_point(|&i| self.leaves[i].key() < leaf.key());
            self.order.insert(start + place, self.leaves.len());
            self.leaves.push(leaf);
        }
        match self.order[start..] {
            [] => stored.map(|_| Target::Empty),
            [one] => {
                self.order.truncate(start);
                let same = stored.is_some_and(|leaf| leaf.hash == self.leaves[one].hash);
                (!same).then_some(Target::Leaf(one))
            }
            [first, ..] => {
                let path = NibblePath::prefix(self.leaves[first].key(), depth + 1);
                next.pages.push(Page::new(path, Source::New, start..self.order.len(), EMPTY_ROOT));
                Some(Target::Child(next.pages.len() - 1))
            }
        }
    }

    /// A new page's slots: its leaves, by their next nibble.
    fn split_new(&mut self, level: &mut Level, index: usize, depth: usize, next: &mut Level) {
        let keys = level.pages[index].keys.clone();
        let mut at = keys.start;
        while at < keys.end {
            let key = *self.leaves[self.order[at]].key();
            let slot = nibble(&key, depth);
            let mut end = at + 1;
            while end < keys.end && nibble(self.leaves[self.order[end]].key(), depth) == slot {
                end += 1;
            }
            let target = if end == at + 1 {
                Target::Leaf(self.order[at])
            } else {
                let path = NibblePath::prefix(&key, depth + 1);
                next.pages.push(Page::new(path, Source::New, at..end, EMPTY_ROOT));
                Target::Child(next.pages.len() - 1)
            };
            level.touches.push(Touch { slot, target });
            at = end;
        }
    }
}

/// Reads the stored pages of a level.
fn load<R: PageReader>(reader: &mut R, level: &mut Level) -> Result<(), Error<R::Error>> {
    let stored = |page: &&Page| page.source != Source::New;
    let ids: Vec<PageId> = level.pages.iter().filter(stored).map(Page::id).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let (bytes, spans) = reader.read(&ids).map_err(Error::Reader)?.into_parts();
    if spans.len() != ids.len() {
        return Err(Error::Answer { asked: ids.len(), answered: spans.len() });
    }
    let stored = |page: &&mut Page| page.source != Source::New;
    for ((page, id), span) in level.pages.iter_mut().filter(stored).zip(ids).zip(spans) {
        page.span = span.ok_or(Error::Missing(id))?;
    }
    level.bytes = bytes;
    Ok(())
}

/// The leaf in `slot` of a stored page.
pub(super) fn stored_leaf(page: &Page, bytes: &[u8], slot: usize) -> Leaf {
    let body = *node(bytes, page.span.start + page.shape.body_at(slot));
    let hash = match page.shape.end_of(slot) {
        TOP => page.hash,
        end => hash_of(bytes, page.span.start + page.shape.hash_at(end)),
    };
    Leaf { body, hash }
}

impl Checks {
    fn add(&mut self, page: usize, base: usize, shape: Shape, nodes: u16, touched: u16) {
        let expected = |i: usize| (i != TOP).then(|| base + shape.hash_at(i));
        for i in bits(shape.nodes & nodes) {
            self.nodes.push(Check { page, body: base + shape.node_at(i), expected: expected(i) });
        }
        let mut seen = 0u16;
        for slot in bits(touched) {
            let end = shape.end_of(slot);
            let Some(leaf) = shape.leaf_below(end) else { continue };
            if seen >> leaf & 1 == 0 {
                seen |= 1 << leaf;
                self.leaves.push(Check { page, body: base + shape.body_at(leaf), expected: expected(end) });
            }
        }
    }
}

fn verify(level: &mut Level, checks: &Checks) -> Result<(), Fault> {
    let Level { bytes, pages, .. } = level;
    let mut failed = None;
    for (kind, checks) in [(Kind::Node, &checks.nodes), (Kind::Leaf, &checks.leaves)] {
        kind.each(
            checks,
            bytes,
            |check| check.body,
            |bytes, check, hash| {
                let fits = match check.expected {
                    Some(at) => bytes[at..at + 32] == hash,
                    None => pages[check.page].hash == hash,
                };
                if !fits && failed.is_none() {
                    failed = Some(check.page);
                }
            },
        );
    }
    match failed {
        Some(page) => Err(pages[page].fault("does not hash to what its parent says")),
        None => Ok(()),
    }
}
