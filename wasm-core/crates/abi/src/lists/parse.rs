//! Requests of the imports, as a host reads them: every bound is checked.

use super::Cursor;
use crate::host::Fault;
use crate::{MAX_KEY_BYTES, MAX_LIST_ENTRIES, MAX_VALUE_BYTES};

/// An entry of `state_read`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadEntry<'a> {
    /// Newest value at or below the height.
    Value(&'a [u8; 32]),
    /// Exactly this page.
    Page {
        /// Height that wrote it.
        version: u64,
        /// Encoded path.
        path: &'a [u8],
    },
}

/// An entry of `state_write`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteEntry<'a> {
    /// A value, or a tombstone where it is none.
    Value {
        /// SHA-256 of the key.
        address: &'a [u8; 32],
        /// Raw key.
        key: &'a [u8],
        /// New value.
        value: Option<&'a [u8]>,
    },
    /// A page of this height.
    Page {
        /// Encoded path.
        path: &'a [u8],
        /// Its bytes.
        page: &'a [u8],
    },
    /// A page that this height made stale.
    Stale {
        /// Height that wrote it.
        version: u64,
        /// Encoded path.
        path: &'a [u8],
    },
}

/// An entry of `emit_event`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// Index of the transaction in the block.
    pub transaction: u32,
    /// Its type.
    pub kind: &'a [u8],
    /// Keys and values.
    pub attributes: Vec<(&'a [u8], &'a [u8])>,
}

fn entries<'a, T>(
    request: &'a [u8],
    mut entry: impl FnMut(&mut Cursor<'a>) -> Result<T, Fault>,
) -> Result<Vec<T>, Fault> {
    let mut cursor = Cursor::new(request);
    let count = cursor.u32()? as usize;
    if count > MAX_LIST_ENTRIES {
        return Err(Fault::module("a list of more than 65,536 entries"));
    }
    let mut out = Vec::with_capacity(count);
    for _ in 0..count {
        out.push(entry(&mut cursor)?);
    }
    cursor.end()?;
    Ok(out)
}

/// Reads a request of `state_read`.
pub fn parse_reads(request: &[u8]) -> Result<Vec<ReadEntry<'_>>, Fault> {
    entries(request, |cursor| match cursor.u8()? {
        0 => Ok(ReadEntry::Value(cursor.address()?)),
        1 => Ok(ReadEntry::Page { version: cursor.u64()?, path: cursor.path()? }),
        _ => Err(Fault::module("a read of an unknown space")),
    })
}

/// Reads a request of `state_write`.
pub fn parse_writes(request: &[u8]) -> Result<Vec<WriteEntry<'_>>, Fault> {
    entries(request, |cursor| match cursor.u8()? {
        0 => value_entry(cursor),
        1 => {
            let path = cursor.path()?;
            let len = cursor.u32()? as usize;
            Ok(WriteEntry::Page { path, page: cursor.take(len)? })
        }
        2 => Ok(WriteEntry::Stale { version: cursor.u64()?, path: cursor.path()? }),
        _ => Err(Fault::module("a write to an unknown space")),
    })
}

fn value_entry<'a>(cursor: &mut Cursor<'a>) -> Result<WriteEntry<'a>, Fault> {
    let flag = cursor.u8()?;
    let address = cursor.address()?;
    let key_len = usize::from(cursor.u16()?);
    let key = cursor.take(key_len)?;
    let value_len = cursor.u32()? as usize;
    let value = cursor.take(value_len)?;
    if key.is_empty() || key_len > MAX_KEY_BYTES {
        return Err(Fault::module("a key of 0 or more than 256 bytes"));
    }
    match flag {
        0 if value.is_empty() => Ok(WriteEntry::Value { address, key, value: None }),
        1 if (1..=MAX_VALUE_BYTES).contains(&value_len) => {
            Ok(WriteEntry::Value { address, key, value: Some(value) })
        }
        _ => Err(Fault::module("a value of 0 or more than 64 KiB, or an unknown flag")),
    }
}

/// Reads a request of `emit_event`.
pub fn parse_events(request: &[u8]) -> Result<Vec<Event<'_>>, Fault> {
    entries(request, event)
}

fn event<'a>(cursor: &mut Cursor<'a>) -> Result<Event<'a>, Fault> {
    let transaction = cursor.u32()?;
    let kind_len = usize::from(cursor.u16()?);
    let kind = cursor.take(kind_len)?;
    let count = usize::from(cursor.u16()?);
    let mut attributes = Vec::new();
    for _ in 0..count {
        let key_len = usize::from(cursor.u16()?);
        let key = cursor.take(key_len)?;
        let value_len = cursor.u32()? as usize;
        attributes.push((key, cursor.take(value_len)?));
    }
    Ok(Event { transaction, kind, attributes })
}

/// Length of the event at the head of `bytes`.
pub(super) fn event_len(bytes: &[u8]) -> Option<usize> {
    let mut cursor = Cursor::new(bytes);
    event(&mut cursor).ok()?;
    Some(bytes.len() - cursor.rest.len())
}

/// Reads a request of `consume_gas`.
pub fn parse_gas(request: &[u8]) -> Result<Vec<u64>, Fault> {
    entries(request, Cursor::u64)
}
