//! Transactions: `{body, signatures}` in a fixed layout (docs/encodings.md,
//! "Ledger transactions"), with a decoder that refuses everything else.

use crate::keys::MAX_RECORD_KEY_BYTES;
use std::fmt;

/// Tag that the body begins with: its length, then the letters.
pub const TAG: &[u8; 13] = b"\x0cbedrock/tx/1";
/// Bytes of the body before the operation's number.
pub const HEAD_BYTES: usize = TAG.len() + 32 + 32 + 4 * 8;
/// Longest transaction in bytes, whatever the parameters say.
pub const MAX_BYTES: usize = 128 << 10;
/// Most recipients of a batch, whatever the parameters say.
pub const MAX_RECIPIENTS: usize = 1_000;
/// Longest data of a record in bytes, whatever the parameters say.
pub const MAX_RECORD_BYTES: usize = 60_000;
/// Bytes after the body: the count of signatures and one signature.
pub const SIGNATURE_BYTES: usize = 1 + 64;

/// Operation numbers.
pub mod operation {
    /// One recipient.
    pub const TRANSFER: u8 = 1;
    /// Many recipients.
    pub const BATCH_TRANSFER: u8 = 2;
    /// Writes a record of the payer.
    pub const RECORD_PUT: u8 = 3;
    /// Deletes a record of the payer.
    pub const RECORD_DELETE: u8 = 4;
}

/// Numbers that are kept for validators (16 to 31), authority (32 to 47),
/// evidence and upgrades (48 to 63). This module refuses them by name.
pub const RESERVED_OPERATIONS: std::ops::RangeInclusive<u8> = 16..=63;

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
        self.0.iter().map(|entry| {
            let (to, amount) = split(entry);
            (to, u128::from_le_bytes(*amount))
        })
    }
}

fn split(entry: &[u8; 48]) -> (&[u8; 32], &[u8; 16]) {
    match (entry.first_chunk(), entry.last_chunk()) {
        (Some(to), Some(amount)) => (to, amount),
        _ => (&[0; 32], &[0; 16]),
    }
}

/// What is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Body<'a> {
    /// Chain that it is for.
    pub genesis_hash: &'a [u8; 32],
    /// Ed25519 public key of who pays.
    pub payer: &'a [u8; 32],
    /// Nonce of the payer's account.
    pub nonce: u64,
    /// Most gas that it may use.
    pub gas_limit: u64,
    /// Base units a unit of gas.
    pub gas_price: u64,
    /// Last height of a block that may hold it; 0: any.
    pub valid_until: u64,
    /// What it does.
    pub operation: Operation<'a>,
}

/// A decoded transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transaction<'a> {
    /// What is signed, decoded.
    pub body: Body<'a>,
    /// What is signed, as it stands.
    pub signed: &'a [u8],
    /// The payer's.
    pub signature: &'a [u8; 64],
}

/// Why bytes are no transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// Not the canonical encoding.
    Malformed(&'static str),
    /// The operation's number is reserved or unknown.
    UnknownOperation(u8),
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(what) => write!(f, "not a transaction in its canonical encoding: {what}"),
            Self::UnknownOperation(number) if RESERVED_OPERATIONS.contains(number) => {
                write!(f, "operation {number} is reserved: the running module does not have it")
            }
            Self::UnknownOperation(number) => write!(f, "there is no operation {number}"),
        }
    }
}

impl std::error::Error for DecodeError {}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let (head, rest) = self.0.split_at_checked(len).ok_or(DecodeError::Malformed("it is cut off"))?;
        self.0 = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], DecodeError> {
        let (head, rest) = self.0.split_first_chunk().ok_or(DecodeError::Malformed("it is cut off"))?;
        self.0 = rest;
        Ok(head)
    }

    fn u8(&mut self) -> Result<u8, DecodeError> {
        Ok(self.array::<1>()?[0])
    }

    fn u32(&mut self) -> Result<usize, DecodeError> {
        Ok(u32::from_le_bytes(*self.array()?) as usize)
    }

    fn u64(&mut self) -> Result<u64, DecodeError> {
        Ok(u64::from_le_bytes(*self.array()?))
    }

    fn end(&self, what: &'static str) -> Result<(), DecodeError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(DecodeError::Malformed(what))
        }
    }
}

impl<'a> Transaction<'a> {
    /// Decodes a transaction; only its one canonical encoding is accepted.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        if bytes.len() > MAX_BYTES {
            return Err(DecodeError::Malformed("it is longer than 131,072 bytes"));
        }
        let mut reader = Reader(bytes);
        let body_len = reader.u32()?;
        let signed = reader.take(body_len)?;
        if reader.u8()? != 1 {
            return Err(DecodeError::Malformed("it has not exactly one signature"));
        }
        let signature = reader.array()?;
        reader.end("bytes follow the signature")?;
        Ok(Transaction { body: Body::decode(signed)?, signed, signature })
    }
}

impl<'a> Body<'a> {
    /// Decodes a body.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader(bytes);
        if reader.array()? != TAG {
            return Err(DecodeError::Malformed("it does not begin with the tag bedrock/tx/1"));
        }
        let body = Body {
            genesis_hash: reader.array()?,
            payer: reader.array()?,
            nonce: reader.u64()?,
            gas_limit: reader.u64()?,
            gas_price: reader.u64()?,
            valid_until: reader.u64()?,
            operation: decode_operation(&mut reader)?,
        };
        reader.end("bytes follow the operation")?;
        Ok(body)
    }

    /// The canonical encoding: what is signed.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEAD_BYTES + 64);
        out.extend_from_slice(TAG);
        out.extend_from_slice(self.genesis_hash);
        out.extend_from_slice(self.payer);
        for number in [self.nonce, self.gas_limit, self.gas_price, self.valid_until] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        self.operation.encode(&mut out);
        out
    }
}

fn decode_operation<'a>(reader: &mut Reader<'a>) -> Result<Operation<'a>, DecodeError> {
    match reader.u8()? {
        operation::TRANSFER => {
            let to = reader.array()?;
            Ok(Operation::Transfer { to, amount: positive(u128::from_le_bytes(*reader.array()?))? })
        }
        operation::BATCH_TRANSFER => {
            let count = reader.u32()?;
            if count == 0 || count > MAX_RECIPIENTS {
                return Err(DecodeError::Malformed("a batch has 1 to 1,000 recipients"));
            }
            let (entries, _) = reader.take(count * 48)?.as_chunks::<48>();
            let recipients = Recipients(entries);
            for (_, amount) in recipients.iter() {
                positive(amount)?;
            }
            Ok(Operation::BatchTransfer(recipients))
        }
        operation::RECORD_PUT => {
            let key = record_key(reader)?;
            let len = reader.u32()?;
            if len > MAX_RECORD_BYTES {
                return Err(DecodeError::Malformed("a record has at most 60,000 bytes"));
            }
            Ok(Operation::RecordPut { key, data: reader.take(len)? })
        }
        operation::RECORD_DELETE => Ok(Operation::RecordDelete { key: record_key(reader)? }),
        number => Err(DecodeError::UnknownOperation(number)),
    }
}

fn positive(amount: u128) -> Result<u128, DecodeError> {
    if amount == 0 {
        return Err(DecodeError::Malformed("an amount is 0"));
    }
    Ok(amount)
}

fn record_key<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], DecodeError> {
    let len = reader.u32()?;
    if len == 0 || len > MAX_RECORD_KEY_BYTES {
        return Err(DecodeError::Malformed("a record's key has 1 to 200 bytes"));
    }
    reader.take(len)
}

impl Operation<'_> {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Operation::Transfer { to, amount } => {
                out.push(operation::TRANSFER);
                out.extend_from_slice(*to);
                out.extend_from_slice(&amount.to_le_bytes());
            }
            Operation::BatchTransfer(recipients) => {
                out.push(operation::BATCH_TRANSFER);
                out.extend_from_slice(&(recipients.len() as u32).to_le_bytes());
                out.extend_from_slice(recipients.0.as_flattened());
            }
            Operation::RecordPut { key, data } => {
                out.push(operation::RECORD_PUT);
                var(out, key);
                var(out, data);
            }
            Operation::RecordDelete { key } => {
                out.push(operation::RECORD_DELETE);
                var(out, key);
            }
        }
    }
}

fn var(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(bytes);
}

/// The canonical encoding of a signed transaction.
pub fn encode(signed: &[u8], signature: &[u8; 64]) -> Vec<u8> {
    let mut out = Vec::with_capacity(4 + signed.len() + SIGNATURE_BYTES);
    var(&mut out, signed);
    out.push(1);
    out.extend_from_slice(signature);
    out
}
