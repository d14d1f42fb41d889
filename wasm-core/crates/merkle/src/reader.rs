//! How pages come in, and what can be wrong with them.

use std::fmt;
use std::ops::Range;

use crate::{NibblePath, Version};

/// Names one page for ever: a page is never changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PageId {
    /// The height that wrote it.
    pub version: Version,
    /// Where in the tree it lies.
    pub path: NibblePath,
}

/// Where pages come from: the host in the module, a map in tests.
pub trait PageReader {
    /// Failure of the source itself (the host's I/O error never reaches the module: it ends the call).
    type Error;

    /// Reads pages, in the order of `pages`, absent ones as absences. Called once a level of the tree with all
    /// the pages of that level; an implementation with a limit a call cuts the list.
    fn read(&mut self, pages: &[PageId]) -> Result<PageBatch, Self::Error>;
}

/// Pages that were read, in one buffer: the host's answer need not be cut up and copied.
#[derive(Clone, Debug, Default)]
pub struct PageBatch {
    bytes: Vec<u8>,
    spans: Vec<Option<Range<usize>>>,
}

impl PageBatch {
    /// Pages at `spans` of `bytes`; `None` is an absent page. Spans may leave gaps (lengths and the like) but
    /// must not overlap. `None` if one lies outside of `bytes`, begins before its predecessor ends, or is
    /// reversed.
    pub fn from_spans(bytes: Vec<u8>, spans: Vec<Option<Range<usize>>>) -> Option<Self> {
        let mut end = 0;
        for span in spans.iter().flatten() {
            if span.start < end || span.end < span.start || span.end > bytes.len() {
                return None;
            }
            end = span.end;
        }
        Some(Self { bytes, spans })
    }

    /// Appends a page, or an absence.
    pub fn push(&mut self, page: Option<&[u8]>) {
        self.spans.push(page.map(|page| {
            let start = self.bytes.len();
            self.bytes.extend_from_slice(page);
            start..self.bytes.len()
        }));
    }

    /// Number of pages and absences.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether nothing was read.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Page `index`; `None` if it is absent.
    pub fn get(&self, index: usize) -> Option<&[u8]> {
        self.spans.get(index)?.clone().map(|span| &self.bytes[span])
    }

    pub(crate) fn into_parts(self) -> (Vec<u8>, Vec<Option<Range<usize>>>) {
        (self.bytes, self.spans)
    }
}

/// Why a tree could not be read or updated. Apart from [`Error::Unsorted`] and [`Error::Version`], which are
/// mistakes of the caller, each is a fault of the store, not an outcome of a block. rule: host-fault
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error<E> {
    /// The source failed.
    Reader(E),
    /// The source answered another number of pages than were asked for.
    Answer {
        /// Pages asked for.
        asked: usize,
        /// Pages and absences answered.
        answered: usize,
    },
    /// A page that its parent (or the caller, for a root page) names is not there.
    Missing(PageId),
    /// A page that is not well formed, or does not hash to what its parent or the root says.
    Corrupt(PageId, &'static str),
    /// The changes are not sorted by key, or name a key twice; the index of the first at fault.
    Unsorted(usize),
    /// The new version is not above that of the base.
    Version {
        /// Version of the base.
        base: Version,
        /// Version that was to be written.
        new: Version,
    },
}

impl<E: fmt::Display> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reader(error) => write!(f, "reading pages: {error}"),
            Self::Answer { asked, answered } => write!(f, "{asked} pages asked for, {answered} answered"),
            Self::Missing(id) => write!(f, "page {} of version {} is missing", id.path, id.version),
            Self::Corrupt(id, what) => write!(f, "page {} of version {}: {what}", id.path, id.version),
            Self::Unsorted(at) => write!(f, "change {at} is not above the one before it: sort by key hash"),
            Self::Version { base, new } => write!(f, "version {new} is not above its base {base}"),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> std::error::Error for Error<E> {}
