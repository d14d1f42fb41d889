//! State keys: one byte that names the kind, then what names the row.

use bedrock_crypto::sha256;

/// An account: then its address.
pub const ACCOUNT: u8 = 0x01;
/// A record: then its owner's address and its key.
pub const RECORD: u8 = 0x02;
/// The parameters; nothing follows.
pub const PARAMS: u8 = 0x03;
/// What was issued, burned and deposited; nothing follows.
pub const SUPPLY: u8 = 0x04;
/// Where a proposer's fees go: then its network identity.
pub const FEE_OWNER: u8 = 0x05;
/// The schema number of the state; nothing follows.
pub const SCHEMA: u8 = 0x06;
/// Authority: threshold and keys; nothing follows.
pub const AUTHORITY: u8 = 0x07;
/// Validators: their names, or then the name of one.
pub const VALIDATOR: u8 = 0x08;
/// Epochs: which executes, or then the number of one, big-endian.
pub const EPOCH: u8 = 0x09;
/// Who has or had a key: then its SHA-256. rule: identity-once
pub const KEY_HOLDER: u8 = 0x0a;
/// What is scheduled; nothing follows.
pub const UPGRADE: u8 = 0x0b;
/// A validator's readiness for a module: then its name.
pub const MODULE_READY: u8 = 0x0c;
/// What evidence did: then its hash.
pub const EVIDENCE: u8 = 0x0d;

/// Longest key of a record, in bytes.
pub const MAX_RECORD_KEY_BYTES: usize = 200;

/// State key of an account.
pub fn account(address: &[u8; 32]) -> [u8; 33] {
    with(ACCOUNT, address)
}

/// State key of where a proposer's fees go.
pub fn fee_owner(identity: &[u8; 32]) -> [u8; 33] {
    with(FEE_OWNER, identity)
}

/// State key of a record.
pub fn record(owner: &[u8; 32], key: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(33 + key.len());
    out.push(RECORD);
    out.extend_from_slice(owner);
    out.extend_from_slice(key);
    out
}

/// State key of a validator.
pub fn validator(name: &[u8; 32]) -> [u8; 33] {
    with(VALIDATOR, name)
}

/// State key of a kept epoch.
pub fn epoch(number: u64) -> [u8; 9] {
    let mut out = [EPOCH; 9];
    out[1..].copy_from_slice(&number.to_be_bytes());
    out
}

/// State key of who has or had a network identity or consensus key.
pub fn key_holder(key: &[u8]) -> [u8; 33] {
    with(KEY_HOLDER, &sha256::hash(key))
}

/// State key of a validator's readiness for a module.
pub fn module_ready(validator: &[u8; 32]) -> [u8; 33] {
    with(MODULE_READY, validator)
}

/// State key of what evidence did.
pub fn evidence(hash: &[u8; 32]) -> [u8; 33] {
    with(EVIDENCE, hash)
}

fn with(kind: u8, name: &[u8; 32]) -> [u8; 33] {
    let mut out = [kind; 33];
    out[1..].copy_from_slice(name);
    out
}
