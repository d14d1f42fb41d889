use super::*;

#[test]
fn reads_round_trip() {
    let mut list = ReadList::with_capacity(0);
    let address = [7; 32];
    let path = [3, 0xab, 0xc0];
    list.value(&address);
    list.page(9, &path);
    let parsed = parse_reads(list.finish()).unwrap();
    assert_eq!(parsed, [ReadEntry::Value(&address), ReadEntry::Page { version: 9, path: &path }]);
}

#[test]
fn writes_round_trip() {
    let mut list = WriteList::with_capacity(0);
    let address = [7; 32];
    list.value(&address, b"key", b"value");
    list.tombstone(&address, b"gone");
    list.page(&[0], b"page");
    list.stale(4, &[1, 0x50]);
    let parsed = parse_writes(list.finish()).unwrap();
    let expected = [
        WriteEntry::Value { address: &address, key: b"key", value: Some(b"value") },
        WriteEntry::Value { address: &address, key: b"gone", value: None },
        WriteEntry::Page { path: &[0], page: b"page" },
        WriteEntry::Stale { version: 4, path: &[1, 0x50] },
    ];
    assert_eq!(parsed, expected);
}

#[test]
fn writes_out_of_bounds_are_refused() {
    let address = [0; 32];
    let long = vec![1; crate::MAX_VALUE_BYTES + 1];
    for (key, value) in [(&b""[..], &b"v"[..]), (&[1; 257], b"v"), (b"k", &b""[..]), (b"k", &long[..])] {
        let mut list = WriteList::with_capacity(0);
        list.value(&address, key, value);
        assert!(parse_writes(list.finish()).is_err());
    }
}

#[test]
fn events_round_trip_rewind_and_split() {
    let mut list = EventList::with_capacity(0);
    list.event(1, "a", &[("k", b"v"), ("l", b"")]);
    let mark = list.mark();
    list.event(2, "dropped", &[]);
    list.rewind(mark);
    list.event(3, "b", &[]);
    let parsed = parse_events(list.finish()).unwrap();
    assert_eq!(parsed.len(), 2);
    assert_eq!(parsed[0].attributes, [(&b"k"[..], &b"v"[..]), (b"l", b"")]);
    assert_eq!((parsed[1].transaction, parsed[1].kind), (3, &b"b"[..]));

    let many = crate::MAX_LIST_ENTRIES + 1;
    list.clear();
    for i in 0..many {
        list.event(i as u32, "x", &[]);
    }
    let chunks = list.chunks();
    assert_eq!(chunks.len(), 2);
    assert_eq!(parse_events(&chunks[0]).unwrap().len(), crate::MAX_LIST_ENTRIES);
    assert_eq!(parse_events(&chunks[1]).unwrap()[0].transaction, many as u32 - 1);
}

#[test]
fn gas_round_trips() {
    let mut list = GasList::with_capacity(16);
    list.amount(5);
    list.amount(u64::MAX);
    assert_eq!(parse_gas(list.finish()).unwrap(), [5, u64::MAX]);
}

#[test]
fn every_cut_of_a_list_is_refused() {
    let mut list = WriteList::with_capacity(0);
    list.value(&[7; 32], b"key", b"value");
    list.page(&[2, 0x11], b"page");
    let bytes = list.finish().to_vec();
    for end in 0..bytes.len() {
        assert!(parse_writes(&bytes[..end]).is_err(), "{end}");
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(parse_writes(&longer).is_err());
}

#[test]
fn answers_are_read_in_order_and_bounded() {
    let mut answer = 3u32.to_le_bytes().to_vec();
    answer.extend_from_slice(&6u32.to_le_bytes());
    answer.extend_from_slice(&[2, 0, b'k', b'2', 9, 8]);
    answer.extend_from_slice(&ABSENT.to_le_bytes());
    answer.extend_from_slice(&1u32.to_le_bytes());
    answer.push(5);
    let mut reader = AnswerReader::new(&answer, 3).unwrap();
    assert_eq!(reader.row().unwrap(), Some(Row { key: b"k2", value: &[9, 8] }));
    assert_eq!(reader.row().unwrap(), None);
    let span = reader.page_span().unwrap().unwrap();
    assert_eq!(answer[span], [5]);
    reader.end().unwrap();
    assert!(reader.page().is_err());
    assert!(AnswerReader::new(&answer, 2).is_err());
    assert!(AnswerReader::new(&answer[..2], 0).is_err());
}
