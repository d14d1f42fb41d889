//! Layouts of the lists that cross to the host (docs/encodings.md, "Imports
//! of a module"), both sides of them: a module builds requests and reads
//! answers, a native host reads requests.

use crate::host::Fault;

mod answer;
mod build;
mod parse;

pub use answer::{AnswerReader, Row};
pub use build::{EventList, GasList, ReadList, WriteList};
pub use parse::{parse_events, parse_gas, parse_reads, parse_writes, Event, ReadEntry, WriteEntry};

/// What stands for an absent row in the answer of `state_read`.
pub const ABSENT: u32 = u32::MAX;

/// A cursor over one list.
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Cursor { rest: bytes }
    }

    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], Fault> {
        if len > self.rest.len() {
            return Err(Fault::module("a list ends within an entry"));
        }
        let (head, rest) = self.rest.split_at(len);
        self.rest = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Fault> {
        Ok(self.array::<1>()?[0])
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Fault> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Fault> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Fault> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    pub(crate) fn address(&mut self) -> Result<&'a [u8; 32], Fault> {
        self.take(32)?.try_into().map_err(|_| Fault::module("address"))
    }

    /// A path: its length in nibbles, then two nibbles a byte.
    pub(crate) fn path(&mut self) -> Result<&'a [u8], Fault> {
        let Some(&nibbles) = self.rest.first() else {
            return Err(Fault::module("a list ends within an entry"));
        };
        self.take(1 + usize::from(nibbles).div_ceil(2))
    }

    pub(crate) fn end(&self) -> Result<(), Fault> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(Fault::module("bytes after the end of a list"))
        }
    }
}

#[cfg(test)]
mod tests;
