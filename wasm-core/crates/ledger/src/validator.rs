//! Rows of validators (docs/encodings.md, "Ledger state").

use crate::operation::governance::MAX_VALIDATORS;
use crate::transaction::DecodeError;
use crate::wire::{var, Reader};
use bedrock_crypto::sha256;

/// What a validator is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Joined, outside the set.
    Candidate = 1,
    /// In the set.
    Active = 2,
    /// Gone for good: its name and keys never come back.
    Left = 3,
    /// Out of the set, by evidence, until it is rotated, ready and weighed.
    Jailed = 4,
}

impl Status {
    fn of(number: u8) -> Option<Self> {
        [Status::Candidate, Status::Active, Status::Left, Status::Jailed]
            .into_iter()
            .find(|status| *status as u8 == number)
    }
}

/// A validator's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validator {
    /// What it is.
    pub status: Status,
    /// Its node said that it is synced.
    pub ready: bool,
    /// Network identity of the instance that may sign.
    pub identity: [u8; 32],
    /// Address that owns it.
    pub owner: [u8; 32],
    /// Public key that may rotate, leave and maintain; zero: none.
    pub delegate: [u8; 32],
    /// 0 outside the set.
    pub power: u64,
    /// End of its last maintenance lease, in ms of block time; 0: it never had one.
    pub lease_end: u64,
    /// Height that gave it its status.
    pub since: u64,
    /// Time of the block that last rotated it, in ms; 0: none since it joined or
    /// was last jailed.
    pub rotated: u64,
    /// Epoch of the block that last jailed it; 0: none.
    pub jailed: u64,
    /// Ed25519 (32 bytes) or BLS12-381 (96).
    pub consensus_key: Vec<u8>,
    /// Of a BLS key, else empty.
    pub possession: Vec<u8>,
    /// Printable ASCII; of genesis it may be empty.
    pub moniker: Vec<u8>,
}

/// The name for life of the validator that had this identity first.
pub fn name_of(first_identity: &[u8; 32]) -> [u8; 32] {
    sha256::hash_parts(&[b"\x13bedrock/validator/1", first_identity])
}

impl Validator {
    /// Reads a row.
    pub fn decode(row: &[u8]) -> Option<Self> {
        let mut reader = Reader(row);
        let mut read = || {
            let (status, ready) = (Status::of(reader.u8()?), reader.u8()?);
            let (identity, owner, delegate) = (*reader.array()?, *reader.array()?, *reader.array()?);
            let [power, lease_end, since, rotated, jailed] =
                [reader.u64()?, reader.u64()?, reader.u64()?, reader.u64()?, reader.u64()?];
            let [consensus_key, possession, moniker] =
                [reader.var(96, "")?.to_vec(), reader.var(48, "")?.to_vec(), reader.var(48, "")?.to_vec()];
            reader.end("")?;
            Ok::<_, DecodeError>(status.filter(|_| ready < 2).map(|status| Validator {
                status,
                ready: ready == 1,
                identity,
                owner,
                delegate,
                power,
                lease_end,
                since,
                rotated,
                jailed,
                consensus_key,
                possession,
                moniker,
            }))
        };
        read().ok().flatten()
    }

    /// The row.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(160 + self.consensus_key.len() + self.possession.len());
        out.extend_from_slice(&[self.status as u8, u8::from(self.ready)]);
        for part in [&self.identity, &self.owner, &self.delegate] {
            out.extend_from_slice(part);
        }
        for number in [self.power, self.lease_end, self.since, self.rotated, self.jailed] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        for part in [&self.consensus_key, &self.possession, &self.moniker] {
            var(&mut out, part);
        }
        out
    }

    /// Whether it is in the set.
    pub fn is_active(&self) -> bool {
        self.status == Status::Active
    }
}

/// The fields of a row that sums over the set need.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Glance {
    pub(crate) status: Status,
    pub(crate) power: u64,
    pub(crate) lease_end: u64,
    pub(crate) rotated: u64,
}

impl Glance {
    pub(crate) fn of(row: &[u8]) -> Option<Self> {
        let mut reader = Reader(row);
        let status = Status::of(reader.u8().ok()?)?;
        reader.take(1 + 3 * 32).ok()?;
        let (power, lease_end) = (reader.u64().ok()?, reader.u64().ok()?);
        reader.u64().ok()?;
        Some(Glance { status, power, lease_end, rotated: reader.u64().ok()? })
    }
}

/// Reads the row of validators' names.
pub fn decode_names(row: &[u8]) -> Option<Vec<[u8; 32]>> {
    let mut reader = Reader(row);
    let count = reader.u32().ok()? as usize;
    let names = reader.entries::<32>(count).ok()?;
    (count <= MAX_VALIDATORS && reader.end("").is_ok()).then(|| names.to_vec())
}

/// The row of validators' names.
pub fn encode_names(names: &[[u8; 32]]) -> Vec<u8> {
    let mut out = (names.len() as u32).to_le_bytes().to_vec();
    out.extend_from_slice(names.as_flattened());
    out
}
