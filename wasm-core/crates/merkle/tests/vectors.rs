//! `test/vectors/merkle.json`: roots and encoded proofs that the Go verifier is held to as well.
//!
//! `UPDATE_VECTORS=1 cargo test -p bedrock-merkle --test vectors` writes the file anew; do so only with a change
//! of the encoding, which is a change of protocol.

#![allow(clippy::unwrap_used)]

mod support;

use bedrock_merkle::proof::End;
use bedrock_merkle::{key_hash, prove, verify_absence, verify_inclusion};
use serde_json::{json, Value};
use support::{Batch, Chain};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../test/vectors/merkle.json");

type Entries = Vec<(Vec<u8>, Vec<u8>)>;

fn numbered(count: u32) -> Entries {
    (0..count).map(|i| (format!("key/{i}").into_bytes(), format!("value {i}").into_bytes())).collect()
}

/// Trees by name: their entries, and keys to prove that are not among them.
fn trees() -> Vec<(&'static str, Entries, Vec<Vec<u8>>)> {
    let absent = |count: u32| (0..count).map(|i| format!("absent/{i}").into_bytes()).collect::<Vec<_>>();
    let shapes = vec![
        (b"a".to_vec(), vec![]),
        (vec![0], vec![0]),
        (vec![0xff; 256], vec![0x5a; 1000]),
        ("schlüssel".into(), b"wert".to_vec()),
    ];
    vec![
        ("empty", vec![], absent(2)),
        ("one leaf", numbered(1), absent(2)),
        ("two leaves", numbered(2), absent(4)),
        ("keys and values of other shapes", shapes, absent(3)),
        ("twenty leaves", numbered(20), absent(12)),
        ("two hundred leaves", numbered(200), absent(12)),
    ]
}

fn build(entries: &Entries) -> Chain {
    let mut chain = Chain::default();
    // In three versions, with what does not stay among them.
    let all: Batch = entries.iter().map(|(key, value)| (key_hash(key), Some(value.clone()))).collect();
    let mut first: Batch = all.iter().step_by(2).map(|(key, _)| (*key, Some(b"old".to_vec()))).collect();
    first.insert(key_hash(b"gone"), Some(b"old".to_vec()));
    chain.apply(&first);
    chain.apply(&all);
    chain.apply(&Batch::from([(key_hash(b"gone"), None)]));
    chain
}

fn tree(name: &str, entries: &Entries, absent: &[Vec<u8>]) -> Value {
    let mut chain = build(entries);
    let (base, root) = (chain.base.unwrap(), chain.root());
    let mut proof = |key: &[u8], value: Option<&[u8]>| {
        let proof = prove(&mut chain.store, base, &key_hash(key)).unwrap();
        assert_eq!(matches!(proof.end, End::Present(_)), value.is_some());
        let bytes = proof.encode();
        let verdict = match value {
            Some(value) => verify_inclusion(&root, key, value, &bytes),
            None => verify_absence(&root, key, &bytes),
        };
        assert_eq!(verdict, Ok(()));
        json!({ "key": hex::encode(key), "value": value.map(hex::encode), "proof": hex::encode(bytes) })
    };
    let gone = b"gone".to_vec();
    let shown = entries.iter().take(10).map(|(key, value)| (key, Some(&value[..])));
    let shown = shown.chain(absent.iter().chain([&gone]).map(|key| (key, None)));
    let proofs: Vec<Value> = shown.map(|(key, value)| proof(key, value)).collect();
    let entries: Vec<Value> = entries
        .iter()
        .map(|(key, value)| json!({ "key": hex::encode(key), "value": hex::encode(value) }))
        .collect();
    json!({ "name": name, "root": hex::encode(root), "entries": entries, "proofs": proofs })
}

#[test]
fn the_file_is_what_the_tree_gives() {
    let trees: Vec<Value> =
        trees().iter().map(|(name, entries, absent)| tree(name, entries, absent)).collect();
    let text = serde_json::to_string_pretty(&json!({ "trees": trees })).unwrap() + "\n";
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        std::fs::write(FILE, &text).unwrap();
    }
    let stored = std::fs::read_to_string(FILE).unwrap();
    assert!(stored == text, "test/vectors/merkle.json is not what the tree gives: see this test's comment");
}
