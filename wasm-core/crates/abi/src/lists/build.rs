//! Requests of the imports, as a module builds them.

use crate::{LIST_BYTES, MAX_LIST_ENTRIES};

/// A list under construction: its count, then its entries.
#[derive(Debug, Clone)]
struct List {
    bytes: Vec<u8>,
    count: u32,
}

impl List {
    fn new(capacity: usize) -> Self {
        let mut bytes = Vec::with_capacity(4 + capacity);
        bytes.extend_from_slice(&[0; 4]);
        List { bytes, count: 0 }
    }

    fn finish(&mut self) -> &[u8] {
        self.bytes[..4].copy_from_slice(&self.count.to_le_bytes());
        &self.bytes
    }

    fn clear(&mut self) {
        self.bytes.truncate(4);
        self.count = 0;
    }

    /// No further entry of `next` bytes fits into one call.
    fn full(&self, next: usize) -> bool {
        self.count as usize >= MAX_LIST_ENTRIES || self.bytes.len() + next > LIST_BYTES
    }

    fn short(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(&(bytes.len() as u16).to_le_bytes());
        self.bytes.extend_from_slice(bytes);
    }

    fn long(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        self.bytes.extend_from_slice(bytes);
    }
}

macro_rules! list {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $name(List);

        impl $name {
            /// An empty list with room for `capacity` bytes.
            pub fn with_capacity(capacity: usize) -> Self {
                $name(List::new(capacity))
            }

            /// Entries in the list.
            #[allow(clippy::len_without_is_empty)]
            pub fn len(&self) -> usize {
                self.0.count as usize
            }

            /// Bytes of the list.
            pub fn bytes(&self) -> usize {
                self.0.bytes.len()
            }

            /// No entry is in the list.
            pub fn is_empty(&self) -> bool {
                self.0.count == 0
            }

            /// A further entry of `next` bytes asks for another call.
            pub fn is_full(&self, next: usize) -> bool {
                self.0.full(next)
            }

            /// Starts over, keeping the room.
            pub fn clear(&mut self) {
                self.0.clear();
            }

            /// The bytes to hand to the host.
            pub fn finish(&mut self) -> &[u8] {
                self.0.finish()
            }
        }
    };
}

list!(
    /// Request of `state_read`.
    ReadList
);
list!(
    /// Request of `state_write`.
    WriteList
);
list!(
    /// Request of `emit_event`.
    EventList
);
list!(
    /// Request of `consume_gas`.
    GasList
);

impl ReadList {
    /// Asks for the value at an address.
    pub fn value(&mut self, address: &[u8; 32]) {
        self.0.bytes.push(0);
        self.0.bytes.extend_from_slice(address);
        self.0.count += 1;
    }

    /// Asks for the page of that version at an encoded path.
    pub fn page(&mut self, version: u64, path: &[u8]) {
        self.0.bytes.push(1);
        self.0.bytes.extend_from_slice(&version.to_le_bytes());
        self.0.bytes.extend_from_slice(path);
        self.0.count += 1;
    }
}

impl WriteList {
    /// Writes a value.
    pub fn value(&mut self, address: &[u8; 32], key: &[u8], value: &[u8]) {
        self.row(1, address, key, value);
    }

    /// Deletes a value.
    pub fn tombstone(&mut self, address: &[u8; 32], key: &[u8]) {
        self.row(0, address, key, &[]);
    }

    fn row(&mut self, flag: u8, address: &[u8; 32], key: &[u8], value: &[u8]) {
        self.0.bytes.extend_from_slice(&[0, flag]);
        self.0.bytes.extend_from_slice(address);
        self.0.short(key);
        self.0.long(value);
        self.0.count += 1;
    }

    /// Writes a page at an encoded path; its version is the block's height.
    pub fn page(&mut self, path: &[u8], page: &[u8]) {
        self.0.bytes.push(1);
        self.0.bytes.extend_from_slice(path);
        self.0.long(page);
        self.0.count += 1;
    }

    /// Says that the page of that version at an encoded path is stale.
    pub fn stale(&mut self, version: u64, path: &[u8]) {
        self.0.bytes.push(2);
        self.0.bytes.extend_from_slice(&version.to_le_bytes());
        self.0.bytes.extend_from_slice(path);
        self.0.count += 1;
    }
}

impl EventList {
    /// Adds an event of the transaction with that index. Types, keys and the
    /// count of attributes are the state machine's own and fit 16 bits.
    pub fn event(&mut self, transaction: u32, kind: &str, attributes: &[(&str, &[u8])]) {
        self.0.bytes.extend_from_slice(&transaction.to_le_bytes());
        self.0.short(kind.as_bytes());
        self.0.bytes.extend_from_slice(&(attributes.len() as u16).to_le_bytes());
        for (key, value) in attributes {
            self.0.short(key.as_bytes());
            self.0.long(value);
        }
        self.0.count += 1;
    }

    /// A place to come back to with [`EventList::rewind`].
    pub fn mark(&self) -> (usize, u32) {
        (self.0.bytes.len(), self.0.count)
    }

    /// Drops what was added since the mark.
    pub fn rewind(&mut self, mark: (usize, u32)) {
        self.0.bytes.truncate(mark.0);
        self.0.count = mark.1;
    }

    /// Splits the list into requests that each fit one call.
    pub fn chunks(&mut self) -> Vec<Vec<u8>> {
        let mut chunks = Vec::new();
        let mut list = List::new(0);
        let mut rest = &self.0.bytes[4..];
        while let Some(len) = super::parse::event_len(rest) {
            if list.full(len) && list.count > 0 {
                chunks.push(list.finish().to_vec());
                list.clear();
            }
            list.bytes.extend_from_slice(&rest[..len]);
            list.count += 1;
            rest = &rest[len..];
        }
        if list.count > 0 {
            chunks.push(list.finish().to_vec());
        }
        chunks
    }
}

impl GasList {
    /// Adds an amount.
    pub fn amount(&mut self, gas: u64) {
        self.0.bytes.extend_from_slice(&gas.to_le_bytes());
        self.0.count += 1;
    }
}
