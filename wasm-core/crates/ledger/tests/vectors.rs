//! `test/vectors/ledger.json`: what Go (`client/ledger`) and Rust must agree
//! on. `UPDATE_VECTORS=1` writes the file anew.
#![allow(clippy::unwrap_used, clippy::type_complexity)]

#[path = "vectors/governance.rs"]
mod governance;

use bedrock_crypto::address;
use bedrock_ledger::codes;
use bedrock_ledger::gas;
use bedrock_ledger::keys;
use bedrock_ledger::params::{Params, BOUNDS};
use bedrock_ledger::transaction::{Body, Operation, Recipients, Transaction, HEAD_BYTES};
use bedrock_ledger::values::{Account, RecordHead, Supply};
use bedrock_replay::load::Signer;
use serde_json::{json, Value};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../test/vectors/ledger.json");

fn entry(to: &[u8; 32], amount: u128) -> [u8; 48] {
    let mut entry = [0; 48];
    entry[..32].copy_from_slice(to);
    entry[32..].copy_from_slice(&amount.to_le_bytes());
    entry
}

/// As written in the file, the recipients, the record's key and data.
type Sample = (Value, Vec<[u8; 48]>, Option<(Vec<u8>, Vec<u8>)>);

fn operations() -> Vec<Sample> {
    let payment = |to: [u8; 32], amount: u128| json!({"to": hex::encode(to), "amount": amount.to_string()});
    let record = |key: &[u8], data: &[u8]| Some((key.to_vec(), data.to_vec()));
    vec![
        (json!({"transfer": payment([9; 32], 1)}), vec![entry(&[9; 32], 1)], None),
        (json!({"transfer": payment([0; 32], u128::MAX)}), vec![entry(&[0; 32], u128::MAX)], None),
        (
            json!({"batch": [payment([1; 32], 1 << 64), payment([2; 32], 7), payment([1; 32], 5)]}),
            vec![entry(&[1; 32], 1 << 64), entry(&[2; 32], 7), entry(&[1; 32], 5)],
            None,
        ),
        (
            json!({"record_put": {"key": hex::encode("key"), "data": hex::encode("data")}}),
            vec![],
            record(b"key", b"data"),
        ),
        (json!({"record_put": {"key": "00", "data": ""}}), vec![], record(&[0], b"")),
        (json!({"record_delete": {"key": hex::encode("key")}}), vec![], record(b"key", b"")),
    ]
}

fn operation<'a>(
    named: &Value,
    entries: &'a [[u8; 48]],
    record: &'a Option<(Vec<u8>, Vec<u8>)>,
) -> Operation<'a> {
    match record {
        None if named.get("batch").is_some() => Operation::BatchTransfer(Recipients::new(entries)),
        None => {
            let (to, amount) = Recipients::new(entries).iter().next().unwrap();
            Operation::Transfer { to, amount }
        }
        Some((key, data)) if named.get("record_put").is_some() => Operation::RecordPut { key, data },
        Some((key, _)) => Operation::RecordDelete { key },
    }
}

fn transactions(signer: &Signer, secret: &[u8; 32]) -> Vec<Value> {
    let operations = operations();
    let cases = (0u64..).zip(&operations).map(|(index, (named, entries, record))| {
        let body = Body {
            genesis_hash: &[0x11; 32],
            payer: &signer.public,
            nonce: index,
            gas_limit: 100_000 + index,
            gas_price: 1 << (8 * index),
            valid_until: if index % 2 == 0 { 0 } else { u64::MAX - index },
            operation: operation(named, entries, record),
        };
        let bytes = signer.signed(&body);
        let decoded = Transaction::decode(&bytes).unwrap();
        json!({
            "secret": hex::encode(secret),
            "genesis_hash": hex::encode(body.genesis_hash),
            "nonce": body.nonce.to_string(),
            "gas_limit": body.gas_limit.to_string(),
            "gas_price": body.gas_price.to_string(),
            "valid_until": body.valid_until.to_string(),
            "operation": named,
            "body": hex::encode(decoded.signed),
            "transaction": hex::encode(&bytes),
            "hash": hex::encode(bedrock_crypto::sha256::hash(&bytes)),
            "gas_needed": gas::needed(&decoded, bytes.len(), &Params::default()).to_string(),
        })
    });
    cases.collect()
}

/// Encodings that both sides refuse.
fn malformed(good: &[u8], batch: &[u8]) -> Vec<Value> {
    let mut cases: Vec<(&str, Vec<u8>)> = vec![("empty", vec![])];
    let mut change = |note, base: &[u8], edit: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = base.to_vec();
        edit(&mut bytes);
        cases.push((note, bytes));
    };
    let operation = 4 + HEAD_BYTES;
    change("cut off", good, &|b| b.truncate(b.len() - 1));
    change("a byte more", good, &|b| b.push(0));
    change("body length one more", good, &|b| b[0] += 1);
    change("body length one less", good, &|b| b[0] -= 1);
    change("body length of 4 GiB", good, &|b| b[..4].fill(0xff));
    change("another tag", good, &|b| b[16] = b'2');
    change("no signature", good, &|b| {
        let at = b.len() - 65;
        b.truncate(at);
        b.push(0);
    });
    change("two signatures", good, &|b| {
        let at = b.len() - 65;
        b[at] = 2;
        b.extend([0; 64]);
    });
    change("amount 0", good, &|b| b[operation + 33..operation + 49].fill(0));
    for number in [0, 5, 23, 31, 37, 48, 63, 64, 255] {
        change("an operation that there is not", good, &move |b| b[operation] = number);
    }
    change("batch without recipients", batch, &|b| b[operation + 1] = 0);
    change("batch of one recipient too many", batch, &|b| b[operation + 1] += 1);
    change("batch of 1,001 recipients", batch, &|b| {
        b[operation + 1..operation + 3].copy_from_slice(&[0xe9, 3])
    });
    change("batch with an amount of 0", batch, &|b| b[operation + 5 + 32..operation + 5 + 48].fill(0));
    cases.into_iter().map(|(note, bytes)| json!({"note": note, "transaction": hex::encode(bytes)})).collect()
}

fn vectors() -> Value {
    let secret =
        bedrock_crypto::sha256::hash_parts(&[b"bedrock/load/1", &11u64.to_le_bytes(), &0u64.to_le_bytes()]);
    let signer = Signer::new(11, 0);
    let transactions = transactions(&signer, &secret);
    let bytes = |index: usize| hex::decode(transactions[index]["transaction"].as_str().unwrap()).unwrap();
    let malformed = malformed(&bytes(0), &bytes(2));
    let address_of = |bytes: [u8; 32]| json!({"bytes": hex::encode(bytes), "text": address::encode(&bytes)});
    let account = Account { nonce: 5, balance: (1 << 100) + 7 };
    let head = RecordHead { deposit: 9_700, height: 42 };
    let supply = Supply { issued: 1 << 120, burned: 3, deposits: 4 };
    json!({
        "addresses": [address_of([0; 32]), address_of([0xff; 32]), address_of(signer.address)],
        "keys": [{"secret": hex::encode(secret), "public": hex::encode(signer.public), "address": address::encode(&signer.address)}],
        "transactions": transactions,
        "malformed": malformed,
        "governance": governance::transactions(),
        "governance_malformed": governance::malformed(&governance::transactions()),
        "governance_rows": governance::rows(),
        "governance_keys": governance::state_keys(),
        "state_keys": {
            "owner": hex::encode(signer.address),
            "account": hex::encode(keys::account(&signer.address)),
            "record_key": hex::encode("a/b"),
            "record": hex::encode(keys::record(&signer.address, b"a/b")),
            "fee_owner": hex::encode(keys::fee_owner(&signer.address)),
        },
        "rows": {
            "account": {"nonce": account.nonce.to_string(), "balance": account.balance.to_string(), "row": hex::encode(account.encode())},
            "record": {"deposit": head.deposit.to_string(), "height": head.height.to_string(), "data": hex::encode("data"), "row": hex::encode(head.encode(b"data"))},
            "supply": {"issued": supply.issued.to_string(), "burned": supply.burned.to_string(), "deposits": supply.deposits.to_string(), "row": hex::encode(supply.encode())},
        },
        "parameters": BOUNDS.iter().zip(Params::default().values()).map(|((name, least, most), value)| {
            json!({"name": name, "least": least.to_string(), "most": most.to_string(), "default": value.to_string()})
        }).collect::<Vec<_>>(),
        "codes": codes::ALL.iter().map(|(code, name)| json!({"code": code, "name": name})).collect::<Vec<_>>(),
    })
}

#[test]
fn the_file_holds_what_this_crate_does() {
    let vectors = vectors();
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        std::fs::write(PATH, serde_json::to_string_pretty(&vectors).unwrap() + "\n").unwrap();
    }
    let kept: Value = serde_json::from_str(&std::fs::read_to_string(PATH).unwrap()).unwrap();
    assert_eq!(kept, vectors, "run with UPDATE_VECTORS=1 if the protocol was meant to change");
}

#[test]
fn every_malformed_encoding_is_refused() {
    let vectors = vectors();
    let cases = vectors["malformed"].as_array().unwrap();
    let more = vectors["governance_malformed"].as_array().unwrap();
    assert!(cases.len() > 15 && more.len() > 20);
    for case in cases.iter().chain(more) {
        let bytes = hex::decode(case["transaction"].as_str().unwrap()).unwrap();
        assert!(Transaction::decode(&bytes).is_err(), "{}", case["note"]);
    }
}
