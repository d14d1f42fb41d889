//! Between the store and the state tree: what a block changed goes to the host
//! as rows, and into the tree as pages.

use crate::block::root_of;
use crate::store::Store;
use bedrock_abi::generated::StateRef;
use bedrock_abi::lists::{AnswerReader, ReadList, WriteList};
use bedrock_abi::{Fault, Host};
use bedrock_crypto::sha256;
use bedrock_merkle::{self as merkle, Base, Change, PageBatch, PageId, PageReader, Update};
use std::collections::BTreeMap;

/// Pages in one call, so that an answer stays within 16 MiB.
const PAGES_PER_CALL: usize = 8_192;
const _: () = assert!(room_for(PAGES_PER_CALL) <= 16 << 20);
/// Pages for which a level's buffer has room from the start, so that it is not
/// copied as it grows: enough for a block of 15,000 transfers.
const PAGES_AT_HAND: usize = 32_768;

/// Bytes of an answer with pages of any size: a second call for one that did
/// not fit would cost the host its reads again.
const fn room_for(pages: usize) -> usize {
    4 + pages * (4 + merkle::MAX_PAGE)
}

/// Bytes of a write around its key and value.
const WRITE_OVERHEAD: usize = 2 + 32 + 2 + 4;

/// Reads pages from the host.
pub(crate) struct HostPages<'a>(pub(crate) &'a mut dyn Host);

impl PageReader for HostPages<'_> {
    type Error = Fault;

    fn read(&mut self, pages: &[PageId]) -> Result<PageBatch, Fault> {
        let mut request = ReadList::with_capacity(pages.len().min(PAGES_PER_CALL) * 24);
        let mut bytes = Vec::with_capacity(room_for(pages.len().min(PAGES_AT_HAND)));
        let mut spans = Vec::with_capacity(pages.len());
        for chunk in pages.chunks(PAGES_PER_CALL) {
            let before = bytes.len();
            bytes.reserve(room_for(chunk.len()));
            request.clear();
            self.read_chunk(chunk, &mut request, &mut bytes)?;
            let mut entries = AnswerReader::new(&bytes[before..], chunk.len())?;
            for _ in chunk {
                spans.push(entries.page_span()?.map(|span| before + span.start..before + span.end));
            }
            entries.end()?;
        }
        PageBatch::from_spans(bytes, spans).ok_or_else(|| Fault::module("spans of pages"))
    }
}

impl HostPages<'_> {
    /// Reads pages to the end of `bytes`.
    fn read_chunk(
        &mut self,
        pages: &[PageId],
        request: &mut ReadList,
        bytes: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        let mut path = Vec::new();
        for id in pages {
            path.clear();
            id.path.encode(&mut path);
            request.page(id.version, &path);
        }
        self.0.state_read(request.finish(), bytes)
    }
}

/// A failure of the tree: of the state, but for mistakes of the caller.
pub(crate) fn fault(error: merkle::Error<Fault>) -> Fault {
    match error {
        merkle::Error::Reader(fault) => fault,
        merkle::Error::Unsorted(_) | merkle::Error::Version { .. } => Fault::module(error.to_string()),
        _ => Fault::state(error.to_string()),
    }
}

/// Bytes of writes at which they go to the host: enough that the calls cost nothing, few enough that the host
/// finds them in the processor's cache.
const WRITES_PER_CALL: usize = 128 << 10;

/// Hands writes to the host, in calls of many.
struct Writer<'a> {
    host: &'a mut dyn Host,
    list: WriteList,
}

impl<'a> Writer<'a> {
    fn new(host: &'a mut dyn Host, bytes: usize) -> Self {
        Writer { host, list: WriteList::with_capacity(bytes.min(WRITES_PER_CALL)) }
    }

    /// The list, with room for a further entry of `bytes`.
    fn room(&mut self, bytes: usize) -> Result<&mut WriteList, Fault> {
        if self.list.is_full(bytes) || self.list.bytes() + bytes > WRITES_PER_CALL {
            self.flush()?;
        }
        Ok(&mut self.list)
    }

    fn flush(&mut self) -> Result<(), Fault> {
        if !self.list.is_empty() {
            self.host.state_write(self.list.finish())?;
            self.list.clear();
        }
        Ok(())
    }

    fn row(&mut self, address: &[u8; 32], key: &[u8], value: Option<&[u8]>) -> Result<(), Fault> {
        let list = self.room(WRITE_OVERHEAD + key.len() + value.map_or(0, <[u8]>::len))?;
        match value {
            Some(value) => list.value(address, key, value),
            None => list.tombstone(address, key),
        }
        Ok(())
    }

    fn tree(&mut self, update: &Update) -> Result<(), Fault> {
        let mut path = Vec::new();
        for (at, page) in update.pages() {
            path.clear();
            at.encode(&mut path);
            self.room(5 + path.len() + page.len())?.page(&path, page);
        }
        for id in &update.stale {
            path.clear();
            id.path.encode(&mut path);
            self.room(9 + path.len())?.stale(id.version, &path);
        }
        self.flush()
    }
}

/// Writes what the block changed and answers with the new state root. A block
/// that changed nothing writes nothing: its root is its parent's.
pub(crate) fn commit(
    host: &mut dyn Host,
    state: &StateRef,
    height: u64,
    store: &Store,
) -> Result<[u8; 32], Fault> {
    let root = root_of(state)?;
    let mut changes = Vec::with_capacity(store.slots.len());
    let mut writer = Writer::new(host, store.slots.len() * 128);
    let mut values = Vec::with_capacity(store.slots.len());
    for change in store.changes() {
        writer.row(change.address, change.key, change.value)?;
        changes.push(Change { key: *change.address, value: change.value.map(|_| [0; 32]) });
        values.extend(change.value);
    }
    writer.flush()?;
    let written = changes.iter_mut().filter_map(|change| change.value.as_mut());
    for (hash, of_value) in written.zip(sha256::hash_list(&values)) {
        *hash = of_value;
    }
    if changes.is_empty() {
        return Ok(root);
    }
    let base = Base { version: state.tree_version, root };
    let update = merkle::update(&mut HostPages(writer.host), Some(base), height, &changes).map_err(fault)?;
    writer.tree(&update)?;
    Ok(update.root)
}

/// Writes the rows of height 0 and answers with their root.
pub(crate) fn commit_genesis(
    host: &mut dyn Host,
    rows: &BTreeMap<Vec<u8>, Vec<u8>>,
) -> Result<[u8; 32], Fault> {
    let mut sorted: Vec<_> = rows.iter().map(|(key, value)| (merkle::key_hash(key), key, value)).collect();
    sorted.sort_unstable();
    let mut writer = Writer::new(host, rows.len() * 128);
    let mut changes = Vec::with_capacity(rows.len());
    for (address, key, value) in &sorted {
        writer.row(address, key, Some(value))?;
        changes.push(Change { key: *address, value: Some(merkle::value_hash(value)) });
    }
    writer.flush()?;
    let update = merkle::update(&mut HostPages(writer.host), None, 0, &changes).map_err(fault)?;
    writer.tree(&update)?;
    Ok(update.root)
}

/// The proof of a key's value, or of its absence, against the state root.
pub(crate) fn prove(host: &mut dyn Host, state: &StateRef, key: &[u8]) -> Result<Vec<u8>, Fault> {
    let base = Base { version: state.tree_version, root: root_of(state)? };
    let proof = merkle::prove(&mut HostPages(host), base, &merkle::key_hash(key)).map_err(fault)?;
    Ok(proof.encode())
}
