//! Transactions: `{body, signatures}` in a fixed layout (docs/encodings.md,
//! "Ledger transactions"), with a decoder that refuses everything else.

use crate::operation::governance::MAX_AUTHORITY_KEYS;
use crate::operation::RESERVED_OPERATIONS;
use crate::wire::{ascending, var, Reader};
use std::fmt;

pub use crate::operation::{Governance, Operation, Recipients};

/// Tag that the body begins with: its length, then the letters.
pub const TAG: &[u8; 13] = b"\x0cbedrock/tx/1";
/// Bytes of the body before the operation's number.
pub const HEAD_BYTES: usize = TAG.len() + 32 + 32 + 4 * 8;
/// Longest transaction in bytes, whatever the parameters say.
pub const MAX_BYTES: usize = 128 << 10;
/// Bytes after the body: the count of signatures and one signature.
pub const SIGNATURE_BYTES: usize = 1 + 64;
/// Nonce of a transaction that pays no fee and takes no nonce.
pub const FEE_FREE: u64 = u64::MAX;

/// What is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Body<'a> {
    /// Chain that it is for.
    pub genesis_hash: &'a [u8; 32],
    /// Ed25519 public key of who pays.
    pub payer: &'a [u8; 32],
    /// Nonce of the payer's account, or [`FEE_FREE`].
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
    /// The authority's.
    pub cosigners: Cosigners<'a>,
}

/// Signatures of the authority's keys, in ascending order of these, read in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cosigners<'a>(&'a [[u8; 96]]);

impl<'a> Cosigners<'a> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Key and signature of each, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&'a [u8; 32], &'a [u8; 64])> + use<'a> {
        self.0.iter().map(|entry| match (entry.first_chunk(), entry.last_chunk()) {
            (Some(key), Some(signature)) => (key, signature),
            _ => (&[0; 32], &[0; 64]),
        })
    }
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

impl<'a> Transaction<'a> {
    /// Decodes a transaction; only its one canonical encoding is accepted.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        if bytes.len() > MAX_BYTES {
            return Err(DecodeError::Malformed("it is longer than 131,072 bytes"));
        }
        let mut reader = Reader(bytes);
        let body_len = reader.u32()? as usize;
        let signed = reader.take(body_len)?;
        let count = usize::from(reader.u8()?);
        if !(1..=1 + MAX_AUTHORITY_KEYS).contains(&count) {
            return Err(DecodeError::Malformed("it has 1 to 65 signatures"));
        }
        let signature = reader.array()?;
        let cosigners = Cosigners(reader.entries::<96>(count - 1)?);
        reader.end("bytes follow the signatures")?;
        let body = Body::decode(signed)?;
        let authority = matches!(body.operation, Operation::Governance(of) if of.is_authority());
        if authority == cosigners.is_empty() || !ascending(cosigners.0) {
            return Err(DecodeError::Malformed(
                "operations of the authority, and no others, carry its signatures, keys ascending",
            ));
        }
        Ok(Transaction { body, signed, signature, cosigners })
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
            operation: Operation::decode(&mut reader)?,
        };
        reader.end("bytes follow the operation")?;
        body.check_form()?;
        Ok(body)
    }

    /// Whether it pays no fee and takes no nonce.
    pub fn is_fee_free(&self) -> bool {
        self.nonce == FEE_FREE
    }

    /// What the layout alone does not say.
    fn check_form(&self) -> Result<(), DecodeError> {
        let (may, must) = match self.operation {
            Operation::Governance(Governance::Ready { .. } | Governance::ModuleReady { .. }) => (true, true),
            Operation::Governance(
                Governance::Rotate(_) | Governance::Leave { .. } | Governance::Maintain { .. },
            ) => (true, false),
            _ => (false, false),
        };
        let free = self.is_fee_free();
        let what = match self.operation {
            _ if (free && !may) || (!free && must) => {
                "only ready, module ready and a delegate's operations, and the first two always, are fee-free"
            }
            _ if free && self.gas_price != 0 => "a fee-free transaction has a gas price",
            Operation::Governance(Governance::Rotate(_)) if self.valid_until == 0 => {
                "a rotation is valid until a height"
            }
            _ => return Ok(()),
        };
        Err(DecodeError::Malformed(what))
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

/// The canonical encoding of a signed transaction.
pub fn encode(signed: &[u8], signature: &[u8; 64]) -> Vec<u8> {
    encode_cosigned(signed, signature, &[])
}

/// The same with the authority's keys and signatures, keys ascending.
pub fn encode_cosigned(signed: &[u8], signature: &[u8; 64], cosigners: &[([u8; 32], [u8; 64])]) -> Vec<u8> {
    let mut out = Vec::with_capacity(4 + signed.len() + SIGNATURE_BYTES + 96 * cosigners.len());
    var(&mut out, signed);
    out.push(1 + cosigners.len() as u8);
    out.extend_from_slice(signature);
    for (key, signature) in cosigners {
        out.extend_from_slice(key);
        out.extend_from_slice(signature);
    }
    out
}
