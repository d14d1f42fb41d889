//! What a transaction costs: a function of the schedule and of its own bytes,
//! so that it is known before anything is executed.

use crate::amount;
use crate::operation::{Governance, Join, Operation, Rotate};
use crate::params::Params;
use crate::transaction::{Transaction, HEAD_BYTES, SIGNATURE_BYTES};
use crate::values::{Account, RecordHead};

/// Rows, bytes and events that a transaction touches at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Footprint {
    /// Bytes of the transaction.
    pub bytes: u64,
    /// Ed25519 signatures in it.
    pub signatures: u64,
    /// BLS keys with a proof of possession in it.
    pub possessions: u64,
    /// Rows that it reads.
    pub reads: u64,
    /// Bytes of the longest values that those reads may meet.
    pub read_bytes: u64,
    /// Rows that it writes.
    pub writes: u64,
    /// Bytes of those rows and their keys.
    pub write_bytes: u64,
    /// Events that it emits.
    pub events: u64,
}

const ACCOUNT_ROW: u64 = (33 + Account::LEN) as u64;

/// Bytes of the longest row of a validator with its key, rounded up.
const GOVERNANCE_ROW: u64 = 450;
/// Rows that an operation reads and writes for one validator: accounts, the
/// validator, names, holders of two keys, fee owner, readiness.
const ROWS_A_VALIDATOR: u64 = 8;
/// Rows that setting parameters reads and writes.
const SETTING_ROWS: u64 = 4;

/// Rows that an operation reads and writes at most, and its events. What a change
/// of the epoch reads and writes beside is once a block.
fn governance_rows(of: &Governance<'_>) -> (u64, u64) {
    match of {
        Governance::Weigh { weights, .. } => (4 + 2 * weights.len() as u64, weights.len() as u64),
        Governance::SetParameters(settings) => (SETTING_ROWS, settings.len() as u64),
        _ => (ROWS_A_VALIDATOR, 1),
    }
}

impl Footprint {
    /// The footprint of a transaction of so many bytes.
    pub fn of(transaction: &Transaction<'_>, bytes: usize, params: &Params) -> Self {
        let (reads, read_bytes, writes, write_bytes, events) = match transaction.body.operation {
            Operation::Transfer { .. } => (2, 0, 2, 2 * ACCOUNT_ROW, 1),
            Operation::BatchTransfer(recipients) => {
                let count = recipients.len() as u64;
                (1 + count, 0, 1 + count, (1 + count) * ACCOUNT_ROW, count)
            }
            Operation::RecordPut { key, data } => {
                (2, params.max_record_bytes, 2, ACCOUNT_ROW + record_row(key, data), 1)
            }
            Operation::RecordDelete { key } => {
                (2, params.max_record_bytes, 2, ACCOUNT_ROW + record_row(key, &[]), 1)
            }
            Operation::Governance(of) => {
                let (rows, events) = governance_rows(&of);
                (rows, 0, rows, rows * GOVERNANCE_ROW, events)
            }
        };
        let (consents, possessions) = match transaction.body.operation {
            Operation::Governance(
                Governance::Join(Join { possession, .. }) | Governance::Rotate(Rotate { possession, .. }),
            ) => (1, u64::from(!possession.is_empty())),
            _ => (0, 0),
        };
        let signatures = 1 + transaction.cosigners.len() as u64 + consents;
        Footprint {
            bytes: bytes as u64,
            signatures,
            possessions,
            reads,
            read_bytes,
            writes,
            write_bytes,
            events,
        }
    }

    /// Its gas. Prices are at most 10^9 and no count reaches 10^6, so nothing overflows.
    pub fn gas(&self, params: &Params) -> u64 {
        let parts = [
            (params.gas_transaction, 1),
            (params.gas_signature, self.signatures),
            (params.gas_possession, self.possessions),
            (params.gas_byte, self.bytes),
            (params.gas_read, self.reads),
            (params.gas_read_byte, self.read_bytes),
            (params.gas_write, self.writes),
            (params.gas_write_byte, self.write_bytes),
            (params.gas_event, self.events),
        ];
        parts.iter().fold(0, |sum: u64, (price, count)| sum.wrapping_add(price.wrapping_mul(*count)))
    }
}

/// Gas that is counted for a transaction that is skipped: what the block spends
/// on it before that is known. `decoded` is none where it does not decode.
pub fn skipped(decoded: Option<&Transaction<'_>>, bytes: usize, params: &Params) -> u64 {
    let footprint = match decoded {
        Some(transaction) => Footprint::of(transaction, bytes, params),
        None => Footprint { bytes: bytes as u64, signatures: 1, ..Footprint::default() },
    };
    let unwritten = Footprint { writes: 0, write_bytes: 0, events: 0, ..footprint };
    unwritten.gas(params).max(params.gas_skipped)
}

/// Bytes of a record's state key and row.
pub fn record_row(key: &[u8], data: &[u8]) -> u64 {
    (33 + key.len() + RecordHead::LEN + data.len()) as u64
}

/// The deposit of a record.
pub fn deposit(key: &[u8], data: &[u8], params: &Params) -> u128 {
    amount::product(params.deposit_per_byte, record_row(key, data))
}

/// Bytes and gas of the transaction by which an authority of that threshold sets
/// one parameter.
pub fn repair(threshold: u64, params: &Params) -> (u64, u64) {
    let head = 4 + HEAD_BYTES + 1 + 1 + 9 + SIGNATURE_BYTES;
    let bytes = (head as u64).saturating_add(threshold.saturating_mul(96));
    let footprint = Footprint {
        bytes,
        signatures: threshold.saturating_add(1),
        reads: SETTING_ROWS,
        writes: SETTING_ROWS,
        write_bytes: SETTING_ROWS * GOVERNANCE_ROW,
        events: 1,
        ..Footprint::default()
    };
    // It is skipped unless its limit covers that, whatever is charged.
    (bytes, footprint.gas(params).max(params.gas_skipped))
}

/// Gas that a transaction needs.
pub fn needed(transaction: &Transaction<'_>, bytes: usize, params: &Params) -> u64 {
    Footprint::of(transaction, bytes, params).gas(params)
}
