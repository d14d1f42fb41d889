//! Evidence of a validator that broke a rule of consensus: its layout, what proves
//! something, and the signatures (docs/encodings.md, "Evidence").

use crate::transaction::DecodeError;
use crate::wire::Reader;
use bedrock_crypto::{bls, ed25519, sha256};

/// Longest evidence in bytes.
const MAX_BYTES: usize = 512;
/// Longest signature in bytes.
const MAX_SIGNATURE: usize = 64;

const PROPOSALS: u8 = 1;
const PREPARES: u8 = 2;
const COMMITS: u8 = 3;
const AMNESIA: u8 = 4;

const OPTIMISTIC: u8 = 1;
const FALLBACK: u8 = 3;
const PREPARE: u8 = 4;
const COMMIT: u8 = 5;
const TIMEOUT: u8 = 6;

/// One of the two signed messages.
#[derive(Clone, Copy, Debug)]
struct Message<'a> {
    /// All of it.
    bytes: &'a [u8],
    kind: u8,
    view: u64,
    /// Its fields, as signed.
    fields: &'a [u8],
    signature: &'a [u8],
}

/// Two signed messages of one validator in one epoch.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// What it proves: 1 two proposals, 2 two prepare votes, 3 two commit votes, 4
    /// amnesia.
    pub kind: u8,
    /// Epoch of the messages.
    pub epoch: u64,
    /// Index in that epoch's set.
    pub validator: u32,
    first: Message<'a>,
    second: Message<'a>,
}

impl<'a> Message<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let all = reader.0;
        let kind = reader.u8()?;
        let len = match kind {
            OPTIMISTIC..=FALLBACK => 8 + 32,
            PREPARE => 8 + 8 + 32,
            COMMIT => 8 + 8 + 32 + 32,
            TIMEOUT => 8 + 8,
            _ => return Err(DecodeError::Malformed("evidence holds a message of no kind")),
        };
        let fields = reader.take(len)?;
        let view = Reader(fields).u64()?;
        let signature = reader.var(MAX_SIGNATURE, "a signature has at most 64 bytes")?;
        let bytes = &all[..all.len() - reader.0.len()];
        Ok(Message { bytes, kind, view, fields, signature })
    }

    /// The block that a proposal or vote is for.
    fn block(&self) -> &'a [u8] {
        let at = if self.kind <= FALLBACK { 8 } else { 16 };
        self.fields.get(at..at + 32).unwrap_or(&[])
    }

    /// Of a timeout: the view that it reports.
    fn high_view(&self) -> Option<u64> {
        self.fields.last_chunk().map(|bytes| u64::from_le_bytes(*bytes))
    }
}

impl<'a> Evidence<'a> {
    /// Reads evidence; what is accepted is well formed, and proves something if the
    /// signatures verify.
    pub fn decode(bytes: &'a [u8]) -> Option<Self> {
        if bytes.len() > MAX_BYTES {
            return None;
        }
        let mut reader = Reader(bytes);
        let (kind, epoch) = (reader.u8().ok()?, reader.u64().ok()?);
        let validator = reader.u32().ok()?;
        let (first, second) = (Message::read(&mut reader).ok()?, Message::read(&mut reader).ok()?);
        reader.end("").ok()?;
        let evidence = Evidence { kind, epoch, validator, first, second };
        evidence.proves().then_some(evidence)
    }

    /// Whether no honest validator signs both messages in one epoch.
    fn proves(&self) -> bool {
        let (a, b) = (&self.first, &self.second);
        let same_view = a.view == b.view;
        let kinds = |kind: u8| a.kind == kind && b.kind == kind;
        match self.kind {
            _ if self.kind != AMNESIA && a.bytes > b.bytes => false,
            PROPOSALS => {
                let proposals = a.kind <= FALLBACK && b.kind <= FALLBACK;
                let one_class = (a.kind == OPTIMISTIC) == (b.kind == OPTIMISTIC);
                proposals && one_class && same_view && a.block() != b.block()
            }
            PREPARES => kinds(PREPARE) && same_view && a.block() != b.block(),
            COMMITS => kinds(COMMIT) && same_view && a.fields != b.fields,
            AMNESIA => {
                let below = b.high_view().is_some_and(|high| high < a.view);
                a.kind == COMMIT && b.kind == TIMEOUT && b.view >= a.view && below
            }
            _ => false,
        }
    }

    /// Whether this consensus key, of either scheme, signed both messages.
    pub fn is_signed_by(&self, genesis_hash: &[u8], consensus_key: &[u8]) -> bool {
        [&self.first, &self.second].iter().all(|message| {
            let mut signed = b"\x0ebedrock/sign/1".to_vec();
            signed.extend_from_slice(genesis_hash);
            signed.extend_from_slice(&self.epoch.to_le_bytes());
            signed.push(message.kind);
            signed.extend_from_slice(message.fields);
            verify(consensus_key, message.signature, &signed)
        })
    }
}

/// The scheme is told by the key's length.
fn verify(key: &[u8], signature: &[u8], message: &[u8]) -> bool {
    match (<&[u8; 32]>::try_from(key), <&[u8; 64]>::try_from(signature)) {
        (Ok(key), Ok(signature)) => return ed25519::verify(key, signature, message),
        (Ok(_), Err(_)) => return false,
        _ => {}
    }
    match (<&[u8; 96]>::try_from(key), <&[u8; 48]>::try_from(signature)) {
        (Ok(key), Ok(signature)) => bls::verify(key, signature, message),
        _ => false,
    }
}

/// What evidence is known by.
pub fn hash(bytes: &[u8]) -> [u8; 32] {
    sha256::hash_parts(&[b"\x12bedrock/evidence/1", bytes])
}
