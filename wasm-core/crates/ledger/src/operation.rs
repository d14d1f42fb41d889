//! Operations: what a transaction does, in a fixed layout (docs/encodings.md,
//! "Ledger transactions").

pub mod governance;

use crate::keys::MAX_RECORD_KEY_BYTES;
use crate::transaction::DecodeError;
use crate::wire::{var, Reader};
pub use governance::{Governance, Join, Rotate, Settings, Weights};

/// Operation numbers.
pub mod number {
    /// One recipient.
    pub const TRANSFER: u8 = 1;
    /// Many recipients.
    pub const BATCH_TRANSFER: u8 = 2;
    /// Writes a record of the payer.
    pub const RECORD_PUT: u8 = 3;
    /// Deletes a record of the payer.
    pub const RECORD_DELETE: u8 = 4;
    /// A candidate.
    pub const JOIN: u8 = 16;
    /// A candidate's node is synced.
    pub const READY: u8 = 17;
    /// A validator's next identity and key.
    pub const ROTATE: u8 = 18;
    /// A key that may rotate, leave and maintain.
    pub const DELEGATE: u8 = 19;
    /// Out of the set for good.
    pub const LEAVE: u8 = 20;
    /// A lease on a share of the disruption budget.
    pub const MAINTAIN: u8 = 21;
    /// A validator's node can run a module.
    pub const MODULE_READY: u8 = 22;
    /// Powers.
    pub const WEIGH: u8 = 32;
    /// Parameters.
    pub const SET_PARAMETERS: u8 = 33;
    /// Who the authority is.
    pub const SET_AUTHORITY: u8 = 34;
    /// An upgrade of the executor.
    pub const SCHEDULE: u8 = 35;
    /// No upgrade.
    pub const CANCEL: u8 = 36;
}

/// Numbers that are kept for validators, authority, evidence and upgrades. Those
/// that this module does not have it refuses by name.
pub const RESERVED_OPERATIONS: std::ops::RangeInclusive<u8> = 16..=63;
/// Most recipients of a batch, whatever the parameters say.
pub const MAX_RECIPIENTS: usize = 1_000;
/// Longest data of a record in bytes, whatever the parameters say.
pub const MAX_RECORD_BYTES: usize = 60_000;

/// What a transaction does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation<'a> {
    /// Sends an amount.
    Transfer {
        /// Recipient.
        to: &'a [u8; 32],
        /// Above 0.
        amount: u128,
    },
    /// Sends amounts to 1 to [`MAX_RECIPIENTS`] recipients.
    BatchTransfer(Recipients<'a>),
    /// Writes a record of the payer.
    RecordPut {
        /// 1 to [`MAX_RECORD_KEY_BYTES`] bytes.
        key: &'a [u8],
        /// Up to [`MAX_RECORD_BYTES`] bytes.
        data: &'a [u8],
    },
    /// Deletes a record of the payer.
    RecordDelete {
        /// 1 to [`MAX_RECORD_KEY_BYTES`] bytes.
        key: &'a [u8],
    },
    /// Changes validators, authority, parameters or the executor.
    Governance(Governance<'a>),
}

/// The recipients of a batch, read in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recipients<'a>(&'a [[u8; 48]]);

impl<'a> Recipients<'a> {
    /// Takes encoded recipients: address, then amount.
    pub fn new(recipients: &'a [[u8; 48]]) -> Self {
        Recipients(recipients)
    }

    /// How many there are.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Address and amount of each, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&'a [u8; 32], u128)> + use<'a> {
        self.0.iter().map(|entry| match (entry.first_chunk(), entry.last_chunk()) {
            (Some(to), Some(amount)) => (to, u128::from_le_bytes(*amount)),
            _ => (&[0; 32], 0),
        })
    }
}

impl<'a> Operation<'a> {
    pub(crate) fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        match reader.u8()? {
            number::TRANSFER => {
                let to = reader.array()?;
                Ok(Operation::Transfer { to, amount: positive(u128::from_le_bytes(*reader.array()?))? })
            }
            number::BATCH_TRANSFER => {
                let count = reader.u32()? as usize;
                if count == 0 || count > MAX_RECIPIENTS {
                    return Err(DecodeError::Malformed("a batch has 1 to 1,000 recipients"));
                }
                let recipients = Recipients(reader.entries::<48>(count)?);
                for (_, amount) in recipients.iter() {
                    positive(amount)?;
                }
                Ok(Operation::BatchTransfer(recipients))
            }
            number::RECORD_PUT => {
                let key = record_key(reader)?;
                let data = reader.var(MAX_RECORD_BYTES, "a record has at most 60,000 bytes")?;
                Ok(Operation::RecordPut { key, data })
            }
            number::RECORD_DELETE => Ok(Operation::RecordDelete { key: record_key(reader)? }),
            number => Ok(Operation::Governance(Governance::decode(number, reader)?)),
        }
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Operation::Transfer { to, amount } => {
                out.push(number::TRANSFER);
                out.extend_from_slice(*to);
                out.extend_from_slice(&amount.to_le_bytes());
            }
            Operation::BatchTransfer(recipients) => {
                out.push(number::BATCH_TRANSFER);
                out.extend_from_slice(&(recipients.len() as u32).to_le_bytes());
                out.extend_from_slice(recipients.0.as_flattened());
            }
            Operation::RecordPut { key, data } => {
                out.push(number::RECORD_PUT);
                var(out, key);
                var(out, data);
            }
            Operation::RecordDelete { key } => {
                out.push(number::RECORD_DELETE);
                var(out, key);
            }
            Operation::Governance(governance) => governance.encode(out),
        }
    }
}

fn positive(amount: u128) -> Result<u128, DecodeError> {
    if amount == 0 {
        return Err(DecodeError::Malformed("an amount is 0"));
    }
    Ok(amount)
}

fn record_key<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], DecodeError> {
    const WHAT: &str = "a record's key has 1 to 200 bytes";
    let key = reader.var(MAX_RECORD_KEY_BYTES, WHAT)?;
    if key.is_empty() {
        return Err(DecodeError::Malformed(WHAT));
    }
    Ok(key)
}
