//! Operations on validators (16 to 22) and of the authority (32 to 36).

use super::number;
use crate::params::BOUNDS;
use crate::transaction::DecodeError;
use crate::wire::{ascending, var, Reader};

/// Most validators of a chain, candidates and jailed ones included.
pub const MAX_VALIDATORS: usize = 256;
/// Most keys of the authority.
pub const MAX_AUTHORITY_KEYS: usize = 64;
/// Longest moniker in bytes.
pub const MAX_MONIKER_BYTES: usize = 48;
/// Powers stay below this, one by one and together.
pub const MAX_TOTAL_POWER: u64 = 1 << 32;
/// In `leave` and `weigh`: also if fewer than four validators remain.
pub const ALLOW_FEW: u8 = 1;

/// A candidate: whoever pays becomes its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Join<'a> {
    /// Its first network identity, which names it for life.
    pub identity: &'a [u8; 32],
    /// Ed25519 (32 bytes) or BLS12-381 (96).
    pub consensus_key: &'a [u8],
    /// Of a BLS key (48 bytes), else empty.
    pub possession: &'a [u8],
    /// 1 to 48 printable ASCII characters.
    pub moniker: &'a [u8],
    /// The identity's signature over [`Join::signed`].
    pub consent: &'a [u8; 64],
}

impl Join<'_> {
    /// What the identity signs.
    pub fn signed(genesis_hash: &[u8; 32], payer: &[u8; 32], consensus_key: &[u8]) -> Vec<u8> {
        let mut out = b"\x0ebedrock/join/1".to_vec();
        out.extend_from_slice(genesis_hash);
        out.extend_from_slice(payer);
        var(&mut out, consensus_key);
        out
    }
}

/// A validator's next identity and consensus key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotate<'a> {
    /// Its name.
    pub validator: &'a [u8; 32],
    /// Its present identity.
    pub expected: &'a [u8; 32],
    /// Its next identity.
    pub identity: &'a [u8; 32],
    /// Its next consensus key.
    pub consensus_key: &'a [u8],
    /// As in [`Join`].
    pub possession: &'a [u8],
    /// The next identity's signature over [`Rotate::signed`].
    pub consent: &'a [u8; 64],
}

impl Rotate<'_> {
    /// What the next identity signs; `valid_until` is the body's.
    pub fn signed(
        genesis_hash: &[u8; 32],
        validator: &[u8; 32],
        expected: &[u8; 32],
        consensus_key: &[u8],
        valid_until: u64,
    ) -> Vec<u8> {
        let mut out = b"\x10bedrock/rotate/1".to_vec();
        for part in [genesis_hash, validator, expected] {
            out.extend_from_slice(part);
        }
        var(&mut out, consensus_key);
        out.extend_from_slice(&valid_until.to_le_bytes());
        out
    }
}

/// Validators with their powers, in ascending order, read in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weights<'a>(&'a [[u8; 40]]);

impl<'a> Weights<'a> {
    /// Takes encoded entries: name, then power.
    pub fn new(entries: &'a [[u8; 40]]) -> Self {
        Weights(entries)
    }

    /// How many there are.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Name and power of each, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&'a [u8; 32], u64)> + use<'a> {
        self.0.iter().map(|entry| match (entry.first_chunk(), entry.last_chunk()) {
            (Some(name), Some(power)) => (name, u64::from_le_bytes(*power)),
            _ => (&[0; 32], 0),
        })
    }
}

/// Indices of parameters with their values, in ascending order, read in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings<'a>(&'a [[u8; 9]]);

impl<'a> Settings<'a> {
    /// Takes encoded entries: index, then value.
    pub fn new(entries: &'a [[u8; 9]]) -> Self {
        Settings(entries)
    }

    /// How many there are.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Index and value of each, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (u8, u64)> + use<'a> {
        self.0.iter().map(|entry| match entry.last_chunk() {
            Some(value) => (entry[0], u64::from_le_bytes(*value)),
            None => (0, 0),
        })
    }
}

/// What a transaction changes of validators, authority, parameters or executor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the fields are those of docs/encodings.md
pub enum Governance<'a> {
    Join(Join<'a>),
    Ready { validator: &'a [u8; 32], identity: &'a [u8; 32] },
    Rotate(Rotate<'a>),
    Delegate { validator: &'a [u8; 32], delegate: &'a [u8; 32] },
    Leave { validator: &'a [u8; 32], expected: &'a [u8; 32], flags: u8 },
    Maintain { validator: &'a [u8; 32], expected: u64, end: u64 },
    ModuleReady { validator: &'a [u8; 32], identity: &'a [u8; 32], executor: &'a [u8; 32], engine: u32 },
    Weigh { flags: u8, weights: Weights<'a> },
    SetParameters(Settings<'a>),
    SetAuthority { threshold: u16, keys: &'a [[u8; 32]] },
    Schedule { executor: &'a [u8; 32], engine: u32, not_before: u64, not_after: u64 },
    Cancel { executor: &'a [u8; 32] },
}

impl<'a> Governance<'a> {
    /// Its operation number.
    pub fn number(&self) -> u8 {
        match self {
            Governance::Join(_) => number::JOIN,
            Governance::Ready { .. } => number::READY,
            Governance::Rotate(_) => number::ROTATE,
            Governance::Delegate { .. } => number::DELEGATE,
            Governance::Leave { .. } => number::LEAVE,
            Governance::Maintain { .. } => number::MAINTAIN,
            Governance::ModuleReady { .. } => number::MODULE_READY,
            Governance::Weigh { .. } => number::WEIGH,
            Governance::SetParameters(_) => number::SET_PARAMETERS,
            Governance::SetAuthority { .. } => number::SET_AUTHORITY,
            Governance::Schedule { .. } => number::SCHEDULE,
            Governance::Cancel { .. } => number::CANCEL,
        }
    }

    /// The validator that it names; none for `join` and the authority's.
    pub fn validator(&self) -> Option<&'a [u8; 32]> {
        match self {
            Governance::Ready { validator, .. }
            | Governance::Delegate { validator, .. }
            | Governance::Leave { validator, .. }
            | Governance::Maintain { validator, .. }
            | Governance::ModuleReady { validator, .. }
            | Governance::Rotate(Rotate { validator, .. }) => Some(validator),
            _ => None,
        }
    }

    /// Whether it is the authority's: its signatures follow the payer's.
    pub fn is_authority(&self) -> bool {
        self.number() >= number::WEIGH
    }

    pub(super) fn decode(number: u8, reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(match number {
            number::JOIN => {
                let identity = reader.array()?;
                let (consensus_key, possession) = consensus_key(reader)?;
                let moniker = moniker(reader)?;
                Governance::Join(Join {
                    identity,
                    consensus_key,
                    possession,
                    moniker,
                    consent: reader.array()?,
                })
            }
            number::READY => Governance::Ready { validator: reader.array()?, identity: reader.array()? },
            number::ROTATE => {
                let (validator, expected, identity) = (reader.array()?, reader.array()?, reader.array()?);
                let (consensus_key, possession) = consensus_key(reader)?;
                let consent = reader.array()?;
                Governance::Rotate(Rotate {
                    validator,
                    expected,
                    identity,
                    consensus_key,
                    possession,
                    consent,
                })
            }
            number::DELEGATE => {
                Governance::Delegate { validator: reader.array()?, delegate: reader.array()? }
            }
            number::LEAVE => Governance::Leave {
                validator: reader.array()?,
                expected: reader.array()?,
                flags: flags(reader)?,
            },
            number::MAINTAIN => {
                let (validator, expected, end) = (reader.array()?, reader.u64()?, reader.u64()?);
                if expected == end {
                    return malformed("the lease would end when it ends already");
                }
                Governance::Maintain { validator, expected, end }
            }
            number::MODULE_READY => Governance::ModuleReady {
                validator: reader.array()?,
                identity: reader.array()?,
                executor: reader.array()?,
                engine: reader.u32()?,
            },
            number => return Self::decode_authority(number, reader),
        })
    }

    fn decode_authority(number: u8, reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(match number {
            number::WEIGH => Governance::Weigh { flags: flags(reader)?, weights: weights(reader)? },
            number::SET_PARAMETERS => {
                let count = usize::from(reader.u8()?);
                let entries = reader.entries::<9>(count)?;
                let rise = entries.windows(2).all(|pair| pair[0][0] < pair[1][0]);
                if !rise || entries.last().is_none_or(|last| usize::from(last[0]) >= BOUNDS.len()) {
                    return malformed("indices of parameters rise, from one entry on, and each is of one");
                }
                Governance::SetParameters(Settings(entries))
            }
            number::SET_AUTHORITY => {
                let (threshold, count) = (reader.u16()?, usize::from(reader.u16()?));
                if !(1..=MAX_AUTHORITY_KEYS).contains(&count)
                    || !(1..=count).contains(&usize::from(threshold))
                {
                    return malformed("an authority has 1 to 64 keys and a threshold of 1 to their number");
                }
                let keys = reader.entries::<32>(count)?;
                if !ascending(keys) {
                    return malformed("keys of the authority rise");
                }
                Governance::SetAuthority { threshold, keys }
            }
            number::SCHEDULE => {
                let (executor, engine) = (reader.array()?, reader.u32()?);
                let (not_before, not_after) = (reader.u64()?, reader.u64()?);
                if not_after < not_before {
                    return malformed("a window ends before it begins");
                }
                Governance::Schedule { executor, engine, not_before, not_after }
            }
            number::CANCEL => Governance::Cancel { executor: reader.array()? },
            number => return Err(DecodeError::UnknownOperation(number)),
        })
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.number());
        let mut put = |parts: &[&[u8]]| parts.iter().for_each(|part| out.extend_from_slice(part));
        match *self {
            Governance::Join(Join { identity, consensus_key, possession, moniker, consent }) => {
                put(&[identity]);
                [consensus_key, possession, moniker].iter().for_each(|bytes| var(out, bytes));
                out.extend_from_slice(consent);
            }
            Governance::Ready { validator, identity } => put(&[validator, identity]),
            Governance::Rotate(rotate) => {
                put(&[rotate.validator, rotate.expected, rotate.identity]);
                [rotate.consensus_key, rotate.possession].iter().for_each(|bytes| var(out, bytes));
                out.extend_from_slice(rotate.consent);
            }
            Governance::Delegate { validator, delegate } => put(&[validator, delegate]),
            Governance::Leave { validator, expected, flags } => put(&[validator, expected, &[flags]]),
            Governance::Maintain { validator, expected, end } => {
                put(&[validator, &expected.to_le_bytes(), &end.to_le_bytes()]);
            }
            Governance::ModuleReady { validator, identity, executor, engine } => {
                put(&[validator, identity, executor, &engine.to_le_bytes()]);
            }
            Governance::Weigh { flags, weights } => {
                put(&[&[flags], &(weights.len() as u16).to_le_bytes(), weights.0.as_flattened()]);
            }
            Governance::SetParameters(settings) => {
                put(&[&[settings.len() as u8], settings.0.as_flattened()]);
            }
            Governance::SetAuthority { threshold, keys } => {
                let count = keys.len() as u16;
                put(&[&threshold.to_le_bytes(), &count.to_le_bytes(), keys.as_flattened()]);
            }
            Governance::Schedule { executor, engine, not_before, not_after } => {
                put(&[executor, &engine.to_le_bytes(), &not_before.to_le_bytes(), &not_after.to_le_bytes()]);
            }
            Governance::Cancel { executor } => put(&[executor]),
        }
    }
}

fn malformed<T>(what: &'static str) -> Result<T, DecodeError> {
    Err(DecodeError::Malformed(what))
}

/// A consensus key and its proof of possession, of either scheme.
fn consensus_key<'a>(reader: &mut Reader<'a>) -> Result<(&'a [u8], &'a [u8]), DecodeError> {
    const WHAT: &str = "a consensus key has 32 bytes and no possession, or 96 bytes and one of 48";
    let (key, possession) = (reader.var(96, WHAT)?, reader.var(48, WHAT)?);
    match (key.len(), possession.len()) {
        (32, 0) | (96, 48) => Ok((key, possession)),
        _ => malformed(WHAT),
    }
}

fn moniker<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], DecodeError> {
    const WHAT: &str = "a moniker has 1 to 48 printable ASCII characters";
    let moniker = reader.var(MAX_MONIKER_BYTES, WHAT)?;
    if moniker.is_empty() || !moniker.iter().all(|c| (b' '..=b'~').contains(c)) {
        return malformed(WHAT);
    }
    Ok(moniker)
}

fn flags(reader: &mut Reader<'_>) -> Result<u8, DecodeError> {
    match reader.u8()? {
        flags @ (0 | ALLOW_FEW) => Ok(flags),
        _ => malformed("the only flag is 1"),
    }
}

fn weights<'a>(reader: &mut Reader<'a>) -> Result<Weights<'a>, DecodeError> {
    let count = usize::from(reader.u16()?);
    if !(1..=MAX_VALIDATORS).contains(&count) {
        return malformed("1 to 256 validators are weighed");
    }
    let weights = Weights(reader.entries::<40>(count)?);
    if !ascending(weights.0) {
        return malformed("validators that are weighed rise");
    }
    Ok(weights)
}
