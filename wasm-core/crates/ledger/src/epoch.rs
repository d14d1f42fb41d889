//! Rows of epochs, of what is scheduled and of evidence (docs/encodings.md,
//! "Ledger state").

use crate::operation::governance::MAX_VALIDATORS;
use crate::transaction::DecodeError;
use crate::wire::{var, Reader};

/// Which epochs are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Epochs {
    /// The one that executes.
    pub number: u64,
    /// The oldest whose row is kept.
    pub oldest: u64,
}

/// A validator in an epoch's set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub validator: [u8; 32],
    /// Its network identity then.
    pub identity: [u8; 32],
    /// Its consensus key then.
    pub consensus_key: Vec<u8>,
    /// Its power then.
    pub power: u64,
}

/// A kept epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Epoch {
    /// Height of its first block.
    pub first_height: u64,
    /// Time of the block before, in ms.
    pub before_ms: u64,
    /// Its module.
    pub executor: [u8; 32],
    /// Its engine number.
    pub engine: u32,
    /// Most bytes of a block.
    pub max_block_bytes: u64,
    /// Most gas of a block.
    pub max_block_gas: u64,
    /// Its set, in order.
    pub members: Vec<Member>,
}

/// An upgrade that is scheduled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upgrade {
    /// The module.
    pub executor: [u8; 32],
    /// Its engine number.
    pub engine: u32,
    /// First height whose block may make the change.
    pub not_before: u64,
    /// Last height whose block may make it.
    pub not_after: u64,
    /// Height of the block that scheduled it.
    pub at: u64,
    /// Names of the validators that are ready for it, ascending.
    pub ready: Vec<[u8; 32]>,
}

/// What evidence did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jailing {
    /// Whom it jailed.
    pub validator: [u8; 32],
    /// Epoch of what it proves.
    pub epoch: u64,
    /// Its kind.
    pub kind: u8,
    /// Height of the block that held it.
    pub height: u64,
}

impl Epochs {
    /// Reads the row.
    pub fn decode(row: &[u8]) -> Option<Self> {
        let mut reader = Reader(row);
        let epochs = Epochs { number: reader.u64().ok()?, oldest: reader.u64().ok()? };
        reader.end("").ok().map(|()| epochs)
    }

    /// The row.
    pub fn encode(&self) -> Vec<u8> {
        [self.number.to_le_bytes(), self.oldest.to_le_bytes()].concat()
    }
}

impl Epoch {
    /// Bytes of a row's head that hold height and time.
    pub const HEAD: u16 = 16;

    /// Time of the block before the epoch, from the head of its row.
    pub fn before_ms_of(row: &[u8]) -> Option<u64> {
        let (_, rest) = row.split_first_chunk::<8>()?;
        rest.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
    }

    /// Reads a row.
    pub fn decode(row: &[u8]) -> Option<Self> {
        Self::read(Reader(row)).ok()
    }

    fn read(mut reader: Reader<'_>) -> Result<Self, DecodeError> {
        let (first_height, before_ms) = (reader.u64()?, reader.u64()?);
        let (executor, engine) = (*reader.array()?, reader.u32()?);
        let (max_block_bytes, max_block_gas) = (reader.u64()?, reader.u64()?);
        let count = reader.u32()? as usize;
        if count > MAX_VALIDATORS {
            return Err(DecodeError::Malformed("an epoch has at most 256 validators"));
        }
        let mut members = Vec::with_capacity(count);
        for _ in 0..count {
            let (validator, identity) = (*reader.array()?, *reader.array()?);
            let consensus_key = reader.var(96, "")?.to_vec();
            members.push(Member { validator, identity, consensus_key, power: reader.u64()? });
        }
        reader.end("")?;
        Ok(Epoch { first_height, before_ms, executor, engine, max_block_bytes, max_block_gas, members })
    }

    /// The row: at most 43 KiB, as it has at most 256 members.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(72 + 172 * self.members.len());
        out.extend_from_slice(&self.first_height.to_le_bytes());
        out.extend_from_slice(&self.before_ms.to_le_bytes());
        out.extend_from_slice(&self.executor);
        out.extend_from_slice(&self.engine.to_le_bytes());
        out.extend_from_slice(&self.max_block_bytes.to_le_bytes());
        out.extend_from_slice(&self.max_block_gas.to_le_bytes());
        out.extend_from_slice(&(self.members.len() as u32).to_le_bytes());
        for member in &self.members {
            out.extend_from_slice(&member.validator);
            out.extend_from_slice(&member.identity);
            var(&mut out, &member.consensus_key);
            out.extend_from_slice(&member.power.to_le_bytes());
        }
        out
    }
}

impl Upgrade {
    /// Reads the row.
    pub fn decode(row: &[u8]) -> Option<Self> {
        Self::read(Reader(row)).ok()
    }

    fn read(mut reader: Reader<'_>) -> Result<Self, DecodeError> {
        let (executor, engine) = (*reader.array()?, reader.u32()?);
        let (not_before, not_after, at) = (reader.u64()?, reader.u64()?, reader.u64()?);
        let count = reader.u32()? as usize;
        let ready = reader.entries::<32>(count)?.to_vec();
        reader.end("")?;
        Ok(Upgrade { executor, engine, not_before, not_after, at, ready })
    }

    /// The row.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = self.executor.to_vec();
        out.extend_from_slice(&self.engine.to_le_bytes());
        for number in [self.not_before, self.not_after, self.at] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&(self.ready.len() as u32).to_le_bytes());
        out.extend_from_slice(self.ready.as_flattened());
        out
    }

    /// Notes that a validator is ready, or that it no longer is; whether that is new.
    pub fn note(&mut self, validator: &[u8; 32], ready: bool) -> bool {
        match (self.ready.binary_search(validator), ready) {
            (Err(at), true) => {
                self.ready.insert(at, *validator);
                true
            }
            (Ok(at), false) => {
                self.ready.remove(at);
                true
            }
            _ => false,
        }
    }
}

impl Jailing {
    /// Reads the row.
    pub fn decode(row: &[u8]) -> Option<Self> {
        let mut reader = Reader(row);
        let validator = *reader.array().ok()?;
        let (epoch, kind) = (reader.u64().ok()?, reader.u8().ok()?);
        let height = reader.u64().ok()?;
        reader.end("").ok().map(|()| Jailing { validator, epoch, kind, height })
    }

    /// The row.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = self.validator.to_vec();
        out.extend_from_slice(&self.epoch.to_le_bytes());
        out.push(self.kind);
        out.extend_from_slice(&self.height.to_le_bytes());
        out
    }
}
