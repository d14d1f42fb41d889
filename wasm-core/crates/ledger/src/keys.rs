//! State keys: one byte that names the kind, then what names the row.

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
/// Authority: threshold and keys. Written by genesis, used by what is to come.
pub const AUTHORITY: u8 = 0x07;
/// First of the prefixes that are reserved: validators 0x08, epochs 0x09,
/// evidence 0x0a, upgrades 0x0b.
pub const FIRST_RESERVED: u8 = 0x08;

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

fn with(kind: u8, name: &[u8; 32]) -> [u8; 33] {
    let mut out = [kind; 33];
    out[1..].copy_from_slice(name);
    out
}
