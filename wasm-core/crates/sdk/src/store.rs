//! The values of a block's declared keys, with an overlay a transaction.

use crate::KeyRef;

/// Where a value lies in the store's arena.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Range {
    start: u32,
    len: u32,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Value {
    Absent,
    Present(Range),
}

#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) address: [u8; 32],
    key_start: u32,
    key_len: u16,
    pub(crate) value: Value,
    pub(crate) was_present: bool,
    written: bool,
    /// Length of the whole value in the state before the block.
    pub(crate) stored_len: u32,
}

impl Slot {
    pub(crate) fn unread(address: [u8; 32], key_start: u32, key_len: u16) -> Self {
        let value = Value::Absent;
        Slot { address, key_start, key_len, value, was_present: false, written: false, stored_len: 0 }
    }
}

struct Undo {
    slot: u32,
    value: Value,
    written: bool,
}

/// A place in the store's history to come back to.
#[derive(Clone, Copy, Debug)]
pub struct Mark(usize);

/// The values of all declared keys.
///
/// A write puts the new value at the end of an arena and remembers the place
/// of the old one, so that dropping a transaction's effects is cheap.
pub struct Store {
    keys: Vec<u8>,
    pub(crate) slots: Vec<Slot>,
    slot_of: Vec<u32>,
    arena: Vec<u8>,
    undo: Vec<Undo>,
}

/// A row that the block changed, for the host and the tree.
pub(crate) struct Change<'a> {
    pub(crate) address: &'a [u8; 32],
    pub(crate) key: &'a [u8],
    pub(crate) value: Option<&'a [u8]>,
}

impl Store {
    pub(crate) fn new(keys: Vec<u8>, slots: Vec<Slot>, slot_of: Vec<u32>) -> Self {
        let arena = Vec::with_capacity(slots.len() * 64);
        Store { keys, slots, slot_of, arena, undo: Vec::new() }
    }

    pub(crate) fn keep(&mut self, value: &[u8]) -> Range {
        let range = Range { start: self.arena.len() as u32, len: value.len() as u32 };
        self.arena.extend_from_slice(value);
        range
    }

    pub(crate) fn slot_key(&self, slot: u32) -> &[u8] {
        let slot = &self.slots[slot as usize];
        &self.keys[slot.key_start as usize..slot.key_start as usize + usize::from(slot.key_len)]
    }

    fn bytes(&self, value: Value) -> Option<&[u8]> {
        match value {
            Value::Absent => None,
            Value::Present(range) => {
                Some(&self.arena[range.start as usize..range.start as usize + range.len as usize])
            }
        }
    }

    /// The value of a key: its first bytes only, if it was declared so and is
    /// not written in this block.
    pub fn get(&self, key: KeyRef) -> Option<&[u8]> {
        self.bytes(self.slots[self.slot_of[key.0 as usize] as usize].value)
    }

    /// Length of the key's whole value in the state before the block; 0: absent.
    pub fn stored_len(&self, key: KeyRef) -> usize {
        self.slots[self.slot_of[key.0 as usize] as usize].stored_len as usize
    }

    /// Writes a value of 1 byte to 64 KiB.
    pub fn set(&mut self, key: KeyRef, value: &[u8]) {
        debug_assert!(!value.is_empty() && value.len() <= bedrock_abi::MAX_VALUE_BYTES);
        let value = Value::Present(self.keep(value));
        self.write(key, value);
    }

    /// Deletes a key; of one that is absent, nothing.
    pub fn delete(&mut self, key: KeyRef) {
        if self.get(key).is_some() {
            self.write(key, Value::Absent);
        }
    }

    fn write(&mut self, key: KeyRef, value: Value) {
        let index = self.slot_of[key.0 as usize];
        let slot = &mut self.slots[index as usize];
        self.undo.push(Undo { slot: index, value: slot.value, written: slot.written });
        slot.value = value;
        slot.written = true;
    }

    /// The present state of the store.
    pub(crate) fn mark(&self) -> Mark {
        Mark(self.undo.len())
    }

    /// Drops everything written since the mark.
    pub(crate) fn rewind(&mut self, mark: Mark) {
        while self.undo.len() > mark.0 {
            if let Some(undo) = self.undo.pop() {
                let slot = &mut self.slots[undo.slot as usize];
                slot.value = undo.value;
                slot.written = undo.written;
            }
        }
    }

    /// What was written so far can no longer be dropped.
    pub(crate) fn settle(&mut self) {
        self.undo.clear();
    }

    /// Rows that differ from the state before, in the order of addresses. A
    /// key that came and went within the block is none.
    pub(crate) fn changes(&self) -> impl Iterator<Item = Change<'_>> {
        (0..).zip(&self.slots).filter_map(|(index, slot)| {
            let value = self.bytes(slot.value);
            (slot.written && (slot.was_present || value.is_some())).then(|| Change {
                address: &slot.address,
                key: self.slot_key(index),
                value,
            })
        })
    }
}
