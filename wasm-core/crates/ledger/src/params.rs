//! Parameters of the ledger: in state, within hard bounds.

/// Declares the parameters: name, range, default.
macro_rules! params {
    ($($(#[$doc:meta])* $field:ident: $min:literal ..= $max:expr, $default:literal;)*) => {
        /// Parameters of the ledger. In state and in genesis they stand in this order.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Params {
            $($(#[$doc])* pub $field: u64,)*
        }

        /// Name, least and most of each parameter, in order.
        pub const BOUNDS: &[(&str, u64, u64)] = &[$((stringify!($field), $min, $max)),*];

        impl Default for Params {
            fn default() -> Self {
                Params { $($field: $default,)* }
            }
        }

        impl Params {
            /// The values, in the order of [`BOUNDS`].
            pub fn values(&self) -> [u64; BOUNDS.len()] {
                [$(self.$field),*]
            }

            /// Parameters with these values; an error names the one out of bounds.
            pub fn from_values(values: [u64; BOUNDS.len()]) -> Result<Self, String> {
                for (value, (name, min, max)) in values.iter().zip(BOUNDS) {
                    if !(min..=max).contains(&value) {
                        return Err(format!("parameter {name} is {value}, allowed is {min} to {max}"));
                    }
                }
                let [$($field),*] = values;
                Ok(Params { $($field),* })
            }
        }
    };
}

/// Highest price in the gas schedule: no sum of prices of one transaction
/// overflows 64 bits.
const MAX_PRICE: u64 = 1_000_000_000;

params! {
    /// Most bytes of a block.
    max_block_bytes: 65_536 ..= 16 << 20, 2_097_152;
    /// Most gas of a block.
    max_block_gas: 1_000_000 ..= 1 << 50, 1_000_000_000;
    /// Most bytes of a transaction.
    max_tx_bytes: 1_024 ..= crate::transaction::MAX_BYTES as u64, 65_536;
    /// Most gas of a transaction.
    max_tx_gas: 100_000 ..= 1 << 50, 100_000_000;
    /// Most recipients of a batch.
    max_recipients: 1 ..= crate::operation::MAX_RECIPIENTS as u64, 1_000;
    /// Most events of a transaction.
    max_tx_events: 1 ..= 1_024, 1_000;
    /// Longest key of a record, in bytes.
    max_record_key_bytes: 1 ..= crate::keys::MAX_RECORD_KEY_BYTES as u64, 200;
    /// Longest data of a record, in bytes.
    max_record_bytes: 0 ..= crate::operation::MAX_RECORD_BYTES as u64, 4_096;
    /// Lowest gas price, in base units.
    min_gas_price: 0 ..= 1 << 60, 1;
    /// Share of a fee that is burned, in ten-thousandths; the rest goes to the proposer.
    burned_share: 0 ..= 10_000, 5_000;
    /// Deposit a byte of a record (state key and row), in base units.
    deposit_per_byte: 0 ..= 1 << 60, 100;
    /// Gas of every transaction: decoding, nonce, fee, receipt.
    gas_transaction: 1 ..= MAX_PRICE, 4_000;
    /// Gas a byte of a transaction.
    gas_byte: 1 ..= MAX_PRICE, 10;
    /// Gas a signature.
    gas_signature: 1 ..= MAX_PRICE, 17_000;
    /// Gas a row that is read.
    gas_read: 1 ..= MAX_PRICE, 1_500;
    /// Gas a byte of the longest record that a read may meet.
    gas_read_byte: 0 ..= MAX_PRICE, 1;
    /// Gas a row that is written, its way in the tree included.
    gas_write: 1 ..= MAX_PRICE, 5_000;
    /// Gas a byte that is written.
    gas_write_byte: 1 ..= MAX_PRICE, 10;
    /// Gas an event.
    gas_event: 1 ..= MAX_PRICE, 800;
    /// Gas that is counted for a transaction that is skipped.
    gas_skipped: 1 ..= MAX_PRICE, 20_000;
    /// Gas of verifying a BLS key with its proof of possession.
    gas_possession: 1 ..= MAX_PRICE, 1_700_000;
    /// Most candidates at a time.
    max_candidates: 0 ..= crate::operation::governance::MAX_VALIDATORS as u64, 64;
    /// Power rotated in so many ms stays below a third; 0: no such bound.
    rotation_window_ms: 0 ..= 2_592_000_000, 3_600_000;
    /// How long after its epoch ended evidence is taken, in ms.
    evidence_window_ms: 1_000 ..= 7_776_000_000, 1_814_400_000;
    /// Longest maintenance lease, in ms.
    max_lease_ms: 1_000 ..= 2_592_000_000, 86_400_000;
}

impl Params {
    /// Bytes of the row.
    pub const LEN: usize = 8 * BOUNDS.len();

    /// Reads the row.
    pub fn decode(row: &[u8]) -> Option<Self> {
        if row.len() != Self::LEN {
            return None;
        }
        let mut values = [0; BOUNDS.len()];
        for (value, bytes) in values.iter_mut().zip(row.as_chunks::<8>().0) {
            *value = u64::from_le_bytes(*bytes);
        }
        Self::from_values(values).ok()
    }

    /// The row.
    pub fn encode(&self) -> Vec<u8> {
        self.values().iter().flat_map(|value| value.to_le_bytes()).collect()
    }
}
