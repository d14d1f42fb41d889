//! Answers of `state_read`.

use super::{Cursor, ABSENT};
use crate::host::Fault;

/// A row of space 0: the raw key and its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// The key whose hash is the address.
    pub key: &'a [u8],
    /// 1 byte to 64 KiB.
    pub value: &'a [u8],
}

/// Reads an answer entry by entry.
pub struct AnswerReader<'a> {
    cursor: Cursor<'a>,
    left: u32,
    len: usize,
}

/// An answer that is cut off is the host's fault, not the module's.
fn cut(_: Fault) -> Fault {
    Fault::state("an answer ends within an entry")
}

impl<'a> AnswerReader<'a> {
    /// Opens the answer to a request of `expected` entries.
    pub fn new(answer: &'a [u8], expected: usize) -> Result<Self, Fault> {
        let mut cursor = Cursor::new(answer);
        let left = cursor.u32().map_err(cut)?;
        if left as usize != expected {
            return Err(Fault::state("an answer of another count than the request"));
        }
        Ok(AnswerReader { cursor, left, len: answer.len() })
    }

    fn entry(&mut self) -> Result<Option<&'a [u8]>, Fault> {
        if self.left == 0 {
            return Err(Fault::state("more entries read than the answer has"));
        }
        self.left -= 1;
        match self.cursor.u32().map_err(cut)? {
            ABSENT => Ok(None),
            len => Ok(Some(self.cursor.take(len as usize).map_err(cut)?)),
        }
    }

    /// The next entry as a value's row; none where the key is absent.
    pub fn row(&mut self) -> Result<Option<Row<'a>>, Fault> {
        let Some(entry) = self.entry()? else { return Ok(None) };
        let mut cursor = Cursor::new(entry);
        let key_len = usize::from(cursor.u16().map_err(cut)?);
        let key = cursor.take(key_len).map_err(cut)?;
        Ok(Some(Row { key, value: cursor.rest }))
    }

    /// The next entry as a page; none where there is none.
    pub fn page(&mut self) -> Result<Option<&'a [u8]>, Fault> {
        self.entry()
    }

    /// Where the next entry's page lies in the answer; none where there is none.
    pub fn page_span(&mut self) -> Result<Option<std::ops::Range<usize>>, Fault> {
        let Some(page) = self.entry()? else { return Ok(None) };
        let end = self.len - self.cursor.rest.len();
        Ok(Some(end - page.len()..end))
    }

    /// Nothing may follow the last entry.
    pub fn end(&self) -> Result<(), Fault> {
        self.cursor.end()
    }
}
