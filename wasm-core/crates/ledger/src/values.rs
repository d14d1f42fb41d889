//! Values of state rows: fixed layouts, little-endian.

/// The schema number that this machine writes and reads.
pub const SCHEMA: u32 = 1;

/// An account. One that never was is all zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Nonce of its next transaction.
    pub nonce: u64,
    /// In base units.
    pub balance: u128,
}

impl Account {
    /// Bytes of an encoded account.
    pub const LEN: usize = 24;

    /// Reads an account; absent is the empty one, another length none.
    pub fn decode(row: Option<&[u8]>) -> Option<Self> {
        let Some(row) = row else { return Some(Self::default()) };
        let row: &[u8; Self::LEN] = row.try_into().ok()?;
        Some(Account { nonce: u64_at(row, 0), balance: u128_at(row, 8) })
    }

    /// The row of the account.
    pub fn encode(&self) -> [u8; Self::LEN] {
        let mut row = [0; Self::LEN];
        row[..8].copy_from_slice(&self.nonce.to_le_bytes());
        row[8..].copy_from_slice(&self.balance.to_le_bytes());
        row
    }
}

/// What stands before a record's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordHead {
    /// Given back when the record is deleted or replaced.
    pub deposit: u128,
    /// Height of the block that wrote it.
    pub height: u64,
}

impl RecordHead {
    /// Bytes of an encoded head.
    pub const LEN: usize = 24;

    /// Reads the head of a record's row.
    pub fn decode(row: &[u8]) -> Option<Self> {
        let row = row.first_chunk::<{ Self::LEN }>()?;
        Some(RecordHead { deposit: u128_at(row, 0), height: u64_at(row, 16) })
    }

    /// The row of a record with this head.
    pub fn encode(&self, data: &[u8]) -> Vec<u8> {
        let mut row = Vec::with_capacity(Self::LEN + data.len());
        row.extend_from_slice(&self.deposit.to_le_bytes());
        row.extend_from_slice(&self.height.to_le_bytes());
        row.extend_from_slice(data);
        row
    }
}

/// Where all units are: `issued - burned - deposits` is the sum of balances.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Supply {
    /// By genesis.
    pub issued: u128,
    /// Fees that went to nobody.
    pub burned: u128,
    /// Held for records.
    pub deposits: u128,
}

impl Supply {
    /// Bytes of an encoded supply.
    pub const LEN: usize = 48;

    /// Reads the row.
    pub fn decode(row: &[u8]) -> Option<Self> {
        let row: &[u8; Self::LEN] = row.try_into().ok()?;
        Some(Supply { issued: u128_at(row, 0), burned: u128_at(row, 16), deposits: u128_at(row, 32) })
    }

    /// The row.
    pub fn encode(&self) -> [u8; Self::LEN] {
        let mut row = [0; Self::LEN];
        row[..16].copy_from_slice(&self.issued.to_le_bytes());
        row[16..32].copy_from_slice(&self.burned.to_le_bytes());
        row[32..].copy_from_slice(&self.deposits.to_le_bytes());
        row
    }
}

fn u64_at<const N: usize>(row: &[u8; N], at: usize) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&row[at..at + 8]);
    u64::from_le_bytes(bytes)
}

fn u128_at<const N: usize>(row: &[u8; N], at: usize) -> u128 {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&row[at..at + 16]);
    u128::from_le_bytes(bytes)
}
