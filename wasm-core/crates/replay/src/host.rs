//! The five imports for one call.

use crate::state::{Base, PageKey};
use bedrock_abi::generated::{Context, StateRef};
use bedrock_abi::lists::{parse_events, parse_gas, parse_reads, parse_writes, ReadEntry, WriteEntry, ABSENT};
use bedrock_abi::{Fault, Host, Message, MAX_BLOCK_EVENTS};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Most bytes of a request and of an answer.
const MAX_BYTES: usize = 16 << 20;

/// A row that was written; no value is a tombstone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedRow {
    /// SHA-256 of the key.
    pub address: [u8; 32],
    /// Raw key.
    pub key: Vec<u8>,
    /// New value.
    pub value: Option<Vec<u8>>,
}

/// An event that was emitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedEvent {
    /// Index of the transaction.
    pub transaction: u32,
    /// Its type.
    pub kind: Vec<u8>,
    /// Keys and values.
    pub attributes: Vec<(Vec<u8>, Vec<u8>)>,
}

/// What a call did, in the order in which it did it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// Rows of space 0.
    pub rows: Vec<OwnedRow>,
    /// Pages of this height: encoded path and bytes.
    pub pages: Vec<(Vec<u8>, Vec<u8>)>,
    /// Pages made stale.
    pub stale: Vec<PageKey>,
    /// Events.
    pub events: Vec<OwnedEvent>,
    /// Gas that was consumed.
    pub gas_used: u64,
}

/// Raw key and value of a row.
pub type KeyValue = (Vec<u8>, Vec<u8>);

/// Everything that a call read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// Key and value of each row by its address; none: absent.
    pub rows: BTreeMap<[u8; 32], Option<KeyValue>>,
    /// Pages; none: absent.
    pub pages: BTreeMap<PageKey, Option<Vec<u8>>>,
}

/// How often the imports were called and how many bytes they answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Crossings {
    /// Calls of all imports.
    pub calls: u64,
    /// Entries that were read.
    pub reads: u64,
    /// Bytes answered by `state_read`.
    pub read_bytes: u64,
}

/// The host of one call.
pub struct CallHost<B> {
    base: Rc<B>,
    height: u64,
    metadata: Vec<u8>,
    gas_left: u64,
    /// What the call did so far.
    pub effects: Effects,
    /// What it read, if that is asked for.
    pub trace: Option<Trace>,
    /// What it cost in crossings.
    pub crossings: Crossings,
}

impl<B: Base> CallHost<B> {
    /// A host that reads the state at a height and knows a context.
    pub fn new(base: Rc<B>, state: &StateRef, context: &Context) -> Self {
        CallHost {
            base,
            height: state.height,
            metadata: context.encode_to_vec(),
            gas_left: context.gas_limit,
            effects: Effects::default(),
            trace: None,
            crossings: Crossings::default(),
        }
    }

    /// Records everything that the call reads.
    pub fn traced(mut self) -> Self {
        self.trace = Some(Trace::default());
        self
    }

    /// What the call did and read; the state is let go of.
    pub fn into_parts(self) -> (Effects, Option<Trace>) {
        (self.effects, self.trace)
    }

    fn enter(&mut self, request: &[u8]) -> Result<(), Fault> {
        self.crossings.calls += 1;
        if request.len() > MAX_BYTES {
            return Err(Fault::module("a request of more than 16 MiB"));
        }
        Ok(())
    }

    fn read_value(&mut self, address: &[u8; 32], answer: &mut Vec<u8>) -> Result<(), Fault> {
        let row = self.base.row(address, self.height)?;
        match row {
            None => answer.extend_from_slice(&ABSENT.to_le_bytes()),
            Some(row) => {
                let len = 2 + row.key.len() + row.value.len();
                answer.extend_from_slice(&(len as u32).to_le_bytes());
                answer.extend_from_slice(&(row.key.len() as u16).to_le_bytes());
                answer.extend_from_slice(row.key);
                answer.extend_from_slice(row.value);
            }
        }
        if let Some(trace) = &mut self.trace {
            trace.rows.insert(*address, row.map(|row| (row.key.to_vec(), row.value.to_vec())));
        }
        Ok(())
    }

    fn read_page(&mut self, version: u64, path: &[u8], answer: &mut Vec<u8>) -> Result<(), Fault> {
        let key =
            PageKey::new(version, path).ok_or_else(|| Fault::module("a path of more than 64 nibbles"))?;
        let page = if version > self.height { None } else { self.base.page(&key)? };
        match page {
            None => answer.extend_from_slice(&ABSENT.to_le_bytes()),
            Some(page) => {
                answer.extend_from_slice(&(page.len() as u32).to_le_bytes());
                answer.extend_from_slice(page);
            }
        }
        if let Some(trace) = &mut self.trace {
            trace.pages.insert(key, page.map(<[u8]>::to_vec));
        }
        Ok(())
    }
}

impl<B: Base> Host for CallHost<B> {
    fn state_read(&mut self, request: &[u8], answer: &mut Vec<u8>) -> Result<(), Fault> {
        self.enter(request)?;
        let entries = parse_reads(request)?;
        let before = answer.len();
        answer.extend_from_slice(&(entries.len() as u32).to_le_bytes());
        for entry in &entries {
            match entry {
                ReadEntry::Value(address) => self.read_value(address, answer)?,
                ReadEntry::Page { version, path } => self.read_page(*version, path, answer)?,
            }
            if answer.len() - before > MAX_BYTES {
                return Err(Fault::module("an answer of more than 16 MiB: ask for fewer"));
            }
        }
        self.crossings.reads += entries.len() as u64;
        self.crossings.read_bytes += (answer.len() - before) as u64;
        Ok(())
    }

    fn state_write(&mut self, request: &[u8]) -> Result<(), Fault> {
        self.enter(request)?;
        for entry in parse_writes(request)? {
            match entry {
                WriteEntry::Value { address, key, value } => self.effects.rows.push(OwnedRow {
                    address: *address,
                    key: key.to_vec(),
                    value: value.map(<[u8]>::to_vec),
                }),
                WriteEntry::Page { path, page } => self.effects.pages.push((path.to_vec(), page.to_vec())),
                WriteEntry::Stale { version, path } => {
                    let key = PageKey::new(version, path);
                    self.effects
                        .stale
                        .push(key.ok_or_else(|| Fault::module("a path of more than 64 nibbles"))?);
                }
            }
        }
        Ok(())
    }

    fn emit_event(&mut self, request: &[u8]) -> Result<(), Fault> {
        self.enter(request)?;
        for event in parse_events(request)? {
            let last = self.effects.events.last().map_or(0, |last| last.transaction);
            if self.effects.events.len() >= MAX_BLOCK_EVENTS || event.transaction < last {
                return Err(Fault::module("more than 65,536 events, or their transactions fall"));
            }
            self.effects.events.push(OwnedEvent {
                transaction: event.transaction,
                kind: event.kind.to_vec(),
                attributes: event.attributes.iter().map(|(k, v)| (k.to_vec(), v.to_vec())).collect(),
            });
        }
        Ok(())
    }

    fn consume_gas(&mut self, request: &[u8]) -> Result<u32, Fault> {
        self.enter(request)?;
        let mut fitted = 0;
        for amount in parse_gas(request)? {
            let Some(left) = self.gas_left.checked_sub(amount) else { break };
            self.gas_left = left;
            self.effects.gas_used += amount;
            fitted += 1;
        }
        Ok(fitted)
    }

    fn block_metadata(&mut self, answer: &mut Vec<u8>) -> Result<(), Fault> {
        self.enter(&[])?;
        answer.clear();
        answer.extend_from_slice(&self.metadata);
        Ok(())
    }
}
