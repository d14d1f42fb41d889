//! Declaring the keys of a block and reading them in one call.

use crate::store::{Slot, Store, Value};
use bedrock_abi::lists::{AnswerReader, ReadList};
use bedrock_abi::{Fault, Host, LIST_BYTES, MAX_KEY_BYTES, MAX_LIST_ENTRIES, MAX_VALUE_BYTES};
use bedrock_crypto::sha256;

/// A declared key; it is good for the [`Store`] that its [`Keys`] become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyRef(pub(crate) u32);

/// Bytes in a list's entry around a value of unknown length.
const ENTRY_OVERHEAD: usize = 8 + MAX_KEY_BYTES;

/// Values that are read whole are expected to be small: what a first answer
/// buffer has room for, a key. The buffer grows where that is too little.
const EXPECTED_ENTRY: usize = 96;

/// Keys in one call for values of any size, so that an answer fits its bound.
const LARGE_PER_CALL: usize = LIST_BYTES / (MAX_VALUE_BYTES + ENTRY_OVERHEAD);

#[derive(Clone, Copy)]
struct Declared {
    start: u32,
    len: u16,
    /// Only the value's first bytes are kept; it may be long.
    head: Option<u16>,
}

/// The keys that a block, a check or a query may touch.
pub struct Keys {
    bytes: Vec<u8>,
    declared: Vec<Declared>,
}

impl Keys {
    /// No keys, with room for `capacity` short ones.
    pub fn with_capacity(capacity: usize) -> Self {
        Keys { bytes: Vec::with_capacity(capacity * 34), declared: Vec::with_capacity(capacity) }
    }

    /// Declares a key whose value is read whole. Where there are many of them
    /// they must be short, about 100 bytes: 65,536 are read at once, and the
    /// answer has at most 16 MiB.
    pub fn declare(&mut self, key: &[u8]) -> KeyRef {
        self.push(key, None)
    }

    /// Declares a key of whose value only the first `head` bytes and the
    /// length are kept, so that long values never fill the memory.
    pub fn declare_head(&mut self, key: &[u8], head: u16) -> KeyRef {
        self.push(key, Some(head))
    }

    fn push(&mut self, key: &[u8], head: Option<u16>) -> KeyRef {
        debug_assert!(!key.is_empty() && key.len() <= MAX_KEY_BYTES);
        let reference = KeyRef(self.declared.len() as u32);
        self.declared.push(Declared { start: self.bytes.len() as u32, len: key.len() as u16, head });
        self.bytes.extend_from_slice(key);
        reference
    }

    fn key(&self, declared: Declared) -> &[u8] {
        let start = declared.start as usize;
        &self.bytes[start..start + usize::from(declared.len)]
    }

    /// Reads every declared key, each once, in the order of addresses.
    pub fn load(self, host: &mut dyn Host) -> Result<Store, Fault> {
        let keys: Vec<_> = self.declared.iter().map(|&declared| self.key(declared)).collect();
        let addresses = sha256::hash_list(&keys);
        let mut order: Vec<(u64, u32)> = addresses.iter().zip(0..).map(|(a, i)| (prefix(a), i)).collect();
        order.sort_unstable_by(|a, b| {
            a.0.cmp(&b.0)
                .then_with(|| addresses[a.1 as usize].cmp(&addresses[b.1 as usize]).then(a.1.cmp(&b.1)))
        });
        let mut slots: Vec<Slot> = Vec::with_capacity(order.len());
        let mut heads: Vec<Option<u16>> = Vec::with_capacity(order.len());
        let mut slot_of = vec![0u32; order.len()];
        for &(_, index) in &order {
            let (declared, address) = (self.declared[index as usize], addresses[index as usize]);
            if slots.last().is_some_and(|last| last.address == address) {
                let head = heads.last_mut().ok_or_else(|| Fault::module("slots"))?;
                *head = widest(*head, declared.head);
            } else {
                slots.push(Slot::unread(address, declared.start, declared.len));
                heads.push(declared.head);
            }
            slot_of[index as usize] = slots.len() as u32 - 1;
        }
        let mut store = Store::new(self.bytes, slots, slot_of);
        read_all(&mut store, &heads, host)?;
        Ok(store)
    }
}

fn prefix(address: &[u8; 32]) -> u64 {
    let mut head = [0; 8];
    head.copy_from_slice(&address[..8]);
    u64::from_be_bytes(head)
}

/// A key declared both whole and by its head is read whole.
fn widest(a: Option<u16>, b: Option<u16>) -> Option<u16> {
    Some(a?.max(b?))
}

/// Two passes, so that the short values go in calls of many.
fn read_all(store: &mut Store, heads: &[Option<u16>], host: &mut dyn Host) -> Result<(), Fault> {
    let of_kind = |large: bool| -> Vec<u32> {
        (0..).zip(heads).filter(|(_, head)| head.is_some() == large).map(|(slot, _)| slot).collect()
    };
    let mut answer = Vec::new();
    for (slots, per_call) in [(of_kind(false), MAX_LIST_ENTRIES), (of_kind(true), LARGE_PER_CALL)] {
        for chunk in slots.chunks(per_call) {
            let mut request = ReadList::with_capacity(chunk.len() * 33);
            for &slot in chunk {
                request.value(&store.slots[slot as usize].address);
            }
            answer.clear();
            answer.reserve(chunk.len() * EXPECTED_ENTRY);
            host.state_read(request.finish(), &mut answer)?;
            let mut rows = AnswerReader::new(&answer, chunk.len())?;
            for &slot in chunk {
                fill(store, slot, heads[slot as usize], rows.row()?)?;
            }
            rows.end()?;
        }
    }
    Ok(())
}

fn fill(
    store: &mut Store,
    slot: u32,
    head: Option<u16>,
    row: Option<bedrock_abi::lists::Row<'_>>,
) -> Result<(), Fault> {
    let Some(row) = row else { return Ok(()) };
    // rule: host-fault (a corrupt row is never an outcome)
    if row.key != store.slot_key(slot) {
        return Err(Fault::state("a row under the address of another key"));
    }
    if row.value.is_empty() {
        return Err(Fault::state("a row without a value"));
    }
    let kept = head.map_or(row.value.len(), |head| row.value.len().min(usize::from(head)));
    let value = Value::Present(store.keep(&row.value[..kept]));
    let slot = &mut store.slots[slot as usize];
    slot.value = value;
    slot.was_present = true;
    slot.stored_len = row.value.len() as u32;
    Ok(())
}
