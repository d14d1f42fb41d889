//! The state of height 0.

use std::collections::BTreeMap;

/// Collects the rows of height 0.
#[derive(Default)]
pub struct Genesis {
    pub(crate) rows: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Genesis {
    /// Sets a row: key of 1 to 256 bytes, value of 1 byte to 64 KiB.
    pub fn set(&mut self, key: Vec<u8>, value: Vec<u8>) {
        debug_assert!(!key.is_empty() && key.len() <= bedrock_abi::MAX_KEY_BYTES);
        self.rows.insert(key, value);
    }

    /// A row that was set before.
    pub fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.rows.get(key).map(Vec::as_slice)
    }
}
