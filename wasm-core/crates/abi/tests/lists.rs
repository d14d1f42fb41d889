//! Lists of anything: what is read is built again to the same bytes, the rest is
//! refused, never a panic.

use bedrock_abi::lists::{
    parse_events, parse_gas, parse_reads, parse_writes, EventList, GasList, ReadEntry, ReadList, WriteEntry,
    WriteList,
};
use proptest::prelude::*;

fn judge(request: &[u8]) -> Result<(), TestCaseError> {
    if let Ok(entries) = parse_reads(request) {
        let mut list = ReadList::with_capacity(0);
        for entry in &entries {
            match entry {
                ReadEntry::Value(address) => list.value(address),
                ReadEntry::Page { version, path } => list.page(*version, path),
            }
        }
        prop_assert_eq!(list.finish(), request);
    }
    if let Ok(entries) = parse_writes(request) {
        let mut list = WriteList::with_capacity(0);
        for entry in &entries {
            match entry {
                WriteEntry::Value { address, key, value: Some(value) } => list.value(address, key, value),
                WriteEntry::Value { address, key, value: None } => list.tombstone(address, key),
                WriteEntry::Page { path, page } => list.page(path, page),
                WriteEntry::Stale { version, path } => list.stale(*version, path),
            }
        }
        prop_assert_eq!(list.finish(), request);
    }
    if let Ok(amounts) = parse_gas(request) {
        let mut list = GasList::with_capacity(0);
        amounts.iter().for_each(|amount| list.amount(*amount));
        prop_assert_eq!(list.finish(), request);
    }
    judge_events(request)
}

/// Names are texts where a list is built, and bytes where it is read.
fn judge_events(request: &[u8]) -> Result<(), TestCaseError> {
    let Ok(events) = parse_events(request) else { return Ok(()) };
    let mut list = EventList::with_capacity(0);
    for event in &events {
        let attributes: Option<Vec<_>> = event
            .attributes
            .iter()
            .map(|(key, value)| Some((std::str::from_utf8(key).ok()?, *value)))
            .collect();
        let (Ok(kind), Some(attributes)) = (std::str::from_utf8(event.kind), attributes) else {
            return Ok(());
        };
        list.event(event.transaction, kind, &attributes);
    }
    prop_assert_eq!(list.finish(), request);
    Ok(())
}

fn samples() -> Vec<Vec<u8>> {
    let (mut reads, mut writes) = (ReadList::with_capacity(0), WriteList::with_capacity(0));
    let (mut events, mut gas) = (EventList::with_capacity(0), GasList::with_capacity(0));
    reads.value(&[7; 32]);
    reads.page(9, &[3, 0xab, 0xc0]);
    writes.value(&[7; 32], b"key", b"value");
    writes.tombstone(&[8; 32], b"gone");
    writes.page(&[0], b"page");
    writes.stale(4, &[1, 0x50]);
    events.event(1, "paid", &[("to", b"x"), ("empty", b"")]);
    gas.amount(u64::MAX);
    vec![reads.finish().to_vec(), writes.finish().to_vec(), events.finish().to_vec(), gas.finish().to_vec()]
}

#[test]
fn samples_are_read() {
    for sample in samples() {
        assert!(judge(&sample).is_ok());
    }
}

proptest! {
    #[test]
    fn any_list_is_judged(count in 0u32..4, rest in prop::collection::vec(any::<u8>(), 0..120)) {
        judge(&[&count.to_le_bytes()[..], &rest].concat())?;
        judge(&rest)?;
    }

    #[test]
    fn changed_lists_are_judged(
        which in 0usize..4, at in any::<prop::sample::Index>(), to in any::<u8>(), cut in any::<prop::sample::Index>(), cuts in any::<bool>(),
    ) {
        let mut list = samples().remove(which);
        let at = at.index(list.len());
        list[at] = to;
        if cuts {
            list.truncate(cut.index(list.len()));
        }
        judge(&list)?;
    }
}
