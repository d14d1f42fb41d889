//! What each transaction does, and what becomes of those that must not.
#![allow(clippy::unwrap_used)]

mod fixture;

use bedrock_ledger::codes;
use bedrock_ledger::gas;
use bedrock_ledger::transaction::{Body, Operation, Transaction};
use bedrock_ledger::values::RecordHead;
use bedrock_replay::load::GENESIS_HASH;
use bedrock_replay::Engine;
use fixture::{batch, entries, transfer, Fixture, Outcome, FUNDS};

fn gas_of(fixture: &Fixture, bytes: &[u8]) -> u64 {
    gas::needed(&Transaction::decode(bytes).unwrap(), bytes.len(), &fixture.params())
}

#[test]
fn a_transfer_moves_the_amount_and_splits_the_fee() {
    let mut f = Fixture::new("");
    let (alice, bob) = (f.signers[0].clone(), f.signers[11].clone());
    let bytes = alice.priced(0, 100_000, 3, transfer(&bob.address, 500));
    let gas = gas_of(&f, &bytes);
    assert_eq!(f.block(&[bytes]), [Outcome { code: codes::OK, gas_used: gas, events: 1 }]);
    let fee = u128::from(gas) * 3;
    let (a, b) = (f.account(&alice.address), f.account(&bob.address));
    assert_eq!((a.nonce, a.balance), (1, FUNDS - 500 - fee));
    assert_eq!((b.nonce, b.balance), (0, 500));
    assert_eq!(f.supply().burned, fee / 2);
    assert_eq!(f.proposer().balance, fee - fee / 2);
}

#[test]
fn a_transfer_to_oneself_costs_the_fee_only() {
    let mut f = Fixture::new("");
    let alice = f.signers[0].clone();
    let bytes = alice.transaction(0, transfer(&alice.address, 500));
    let fee = u128::from(gas_of(&f, &bytes));
    assert_eq!(f.one(bytes), codes::OK);
    assert_eq!(f.account(&alice.address).balance, FUNDS - fee);
}

#[test]
fn skipped_transactions_change_nothing_and_count_the_minimum_gas() {
    let mut f =
        Fixture::new(r#""min_gas_price":2,"max_tx_gas":50000000,"max_tx_bytes":2000,"max_recipients":2"#);
    let (alice, poor) = (f.signers[0].clone(), f.signers[10].clone());
    let to = f.signers[1].address;
    let op = transfer(&to, 1);
    let three = entries(&[(to, 1), (to, 1), (to, 1)]);
    let many = entries(&vec![(to, 1); 50]);
    let body = Body {
        genesis_hash: &GENESIS_HASH,
        payer: &alice.public,
        nonce: 0,
        gas_limit: 100_000,
        gas_price: 2,
        valid_until: 0,
        operation: op,
    };
    let good = alice.signed(&body);
    let cases = [
        (codes::MALFORMED, good[..good.len() - 1].to_vec()),
        (codes::WRONG_CHAIN, alice.signed(&Body { genesis_hash: &[0; 32], ..body })),
        (codes::UNKNOWN_OPERATION, with_operation(&good, 37)),
        (codes::UNKNOWN_OPERATION, with_operation(&good, 99)),
        (codes::BAD_NONCE, alice.signed(&Body { nonce: 1, ..body })),
        (codes::INSUFFICIENT_FUNDS, poor.priced(0, 100_000, 2, op)),
        (codes::EXPIRED, alice.signed(&Body { valid_until: 1, ..body })),
        (codes::GAS_PRICE_TOO_LOW, alice.priced(0, 100_000, 1, op)),
        (codes::GAS_LIMIT_TOO_HIGH, alice.priced(0, 50_000_001, 2, op)),
        (codes::TOO_LARGE, alice.priced(0, 1_000_000, 2, batch(&three))),
        (codes::TOO_LARGE, alice.priced(0, 1_000_000, 2, batch(&many))),
    ];
    f.block(&[]);
    let before = (f.supply(), f.account(&alice.address), f.chain.at.root.clone());
    for (code, bytes) in cases {
        let skipped = gas::skipped(Transaction::decode(&bytes).ok().as_ref(), bytes.len(), &f.params());
        assert!(skipped >= f.params().gas_skipped);
        assert_eq!(f.block(&[bytes]), [Outcome { code, gas_used: skipped, events: 0 }]);
        assert_eq!((f.supply(), f.account(&alice.address), f.chain.at.root.clone()), before, "{code}");
    }
    assert_eq!(f.one(alice.signed(&Body { valid_until: f.chain.at.height + 1, ..body })), codes::OK);
    assert_eq!(f.one(good), codes::BAD_NONCE, "executed twice");
}

/// The transaction with another operation number.
fn with_operation(bytes: &[u8], number: u8) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[4 + bedrock_ledger::transaction::HEAD_BYTES] = number;
    bytes
}

#[test]
fn what_fails_after_the_fee_is_charged_and_has_no_effect() {
    let mut f = Fixture::new(r#""max_record_bytes":100,"max_record_key_bytes":10"#);
    let alice = f.signers[0].clone();
    let (bob, carol) = (f.signers[11].address, f.signers[10].address);
    let halves = entries(&[(bob, FUNDS / 2), (carol, FUNDS / 2 + 1)]);
    let cases = [
        (codes::INSUFFICIENT_BALANCE, transfer(&bob, FUNDS)),
        (codes::INSUFFICIENT_BALANCE, transfer(&bob, u128::MAX)),
        (codes::INSUFFICIENT_BALANCE, batch(&halves)),
        (codes::NO_SUCH_RECORD, Operation::RecordDelete { key: b"none" }),
        (codes::RECORD_TOO_LARGE, Operation::RecordPut { key: b"k", data: &[0; 101] }),
        (codes::RECORD_TOO_LARGE, Operation::RecordPut { key: &[1; 11], data: b"" }),
    ];
    for (nonce, (code, operation)) in (0..).zip(cases) {
        let bytes = alice.transaction(nonce, operation);
        let gas = gas_of(&f, &bytes);
        let before = f.account(&alice.address);
        assert_eq!(f.block(&[bytes]), [Outcome { code, gas_used: gas, events: 0 }]);
        let after = f.account(&alice.address);
        assert_eq!((after.nonce, before.balance - after.balance), (nonce + 1, gas.into()));
    }
    assert_eq!((f.account(&bob).balance, f.account(&carol).balance), (0, 0));
    assert_eq!(f.supply().deposits, 0);
}

#[test]
fn a_gas_limit_below_the_need_is_spent() {
    let mut f = Fixture::new("");
    let (alice, bob) = (f.signers[0].clone(), f.signers[11].address);
    let low = alice.priced(0, 20_000, 1, transfer(&bob, 1));
    let read = gas::skipped(Transaction::decode(&low).ok().as_ref(), low.len(), &f.params());
    assert_eq!(f.block(&[low]), [Outcome { code: codes::GAS_LIMIT_TOO_LOW, gas_used: read, events: 0 }]);
    let bytes = alice.priced(0, 30_000, 1, transfer(&bob, 1));
    assert!(read < 30_000 && gas_of(&f, &bytes) > 30_000);
    assert_eq!(f.block(&[bytes]), [Outcome { code: codes::OUT_OF_GAS, gas_used: 30_000, events: 0 }]);
    assert_eq!(f.account(&alice.address).balance, FUNDS - 30_000);
    assert_eq!(f.account(&bob).balance, 0);
}

#[test]
fn a_batch_pays_each_recipient_in_order() {
    let mut f = Fixture::new("");
    let alice = f.signers[0].clone();
    let (bob, carol) = (f.signers[10].address, f.signers[11].address);
    let list = entries(&[(bob, 5), (carol, 7), (bob, 1), (alice.address, 9)]);
    let bytes = alice.transaction(0, batch(&list));
    let fee = u128::from(gas_of(&f, &bytes));
    assert_eq!(f.block(&[bytes])[0].events, 4);
    assert_eq!((f.account(&bob).balance, f.account(&carol).balance), (6, 7));
    assert_eq!(f.account(&alice.address).balance, FUNDS - 13 - fee);
}

#[test]
fn a_record_holds_its_deposit_until_it_goes() {
    let mut f = Fixture::new("");
    let alice = f.signers[0].clone();
    let path = format!("record/{}/key/with/slashes", hex::encode(alice.address));
    let key = b"key/with/slashes";
    let deposit = |data: usize| u128::from(f.params().deposit_per_byte) * (33 + 16 + 24 + data as u128);
    let (first, second) = (deposit(10), deposit(3));
    assert_eq!(f.one(alice.transaction(0, Operation::RecordPut { key, data: &[7; 10] })), codes::OK);
    assert_eq!(f.supply().deposits, first);
    let row = f.row(&path).unwrap();
    assert_eq!(RecordHead::decode(&row), Some(RecordHead { deposit: first, height: 1 }));
    assert_eq!(row[RecordHead::LEN..], [7; 10]);

    assert_eq!(f.one(alice.transaction(1, Operation::RecordPut { key, data: b"new" })), codes::OK);
    assert_eq!(f.supply().deposits, second);
    assert_eq!(f.row(&path).unwrap()[RecordHead::LEN..], *b"new");

    let other = f.signers[1].clone();
    assert_eq!(f.one(other.transaction(0, Operation::RecordDelete { key })), codes::NO_SUCH_RECORD);

    let before = f.account(&alice.address).balance;
    let bytes = alice.transaction(2, Operation::RecordDelete { key });
    let fee = u128::from(gas_of(&f, &bytes));
    assert_eq!(f.one(bytes), codes::OK);
    assert_eq!(f.account(&alice.address).balance, before - fee + second);
    assert_eq!((f.supply().deposits, f.row(&path)), (0, None));
}

#[test]
fn records_within_one_block_see_each_other() {
    let mut f = Fixture::new("");
    let alice = f.signers[0].clone();
    let put = |nonce, data: &[u8]| alice.transaction(nonce, Operation::RecordPut { key: b"k", data });
    let delete = |nonce| alice.transaction(nonce, Operation::RecordDelete { key: b"k" });
    let block = [put(0, b"a"), put(1, &[1; 90]), delete(2), delete(3), put(4, b"z"), delete(5)];
    let codes: Vec<_> = f.block(&block).iter().map(|outcome| outcome.code).collect();
    assert_eq!(codes, [0, 0, 0, codes::NO_SUCH_RECORD, 0, 0]);
    assert_eq!(f.supply().deposits, 0);
}

#[test]
fn a_full_block_skips_the_rest() {
    let mut f = Fixture::new("");
    f.chain.context.gas_limit = 150_000;
    let op = transfer(&[1; 32], 1);
    let block: Vec<_> = f.signers[..4].iter().map(|signer| signer.priced(0, 100_000, 1, op)).collect();
    let outcomes = f.block(&block);
    let codes: Vec<_> = outcomes.iter().map(|outcome| outcome.code).collect();
    assert_eq!(codes, [0, 0, codes::BLOCK_FULL, codes::BLOCK_FULL]);
    assert!(outcomes.iter().map(|outcome| outcome.gas_used).sum::<u64>() <= 150_000);
}

#[test]
fn nonces_follow_each_other_within_a_block() {
    let mut f = Fixture::new("");
    let alice = f.signers[0].clone();
    let block: Vec<_> =
        [0, 1, 1, 3, 2].iter().map(|&n| alice.transaction(n, transfer(&[1; 32], 1))).collect();
    let codes: Vec<_> = f.block(&block).iter().map(|outcome| outcome.code).collect();
    assert_eq!(codes, [0, 0, codes::BAD_NONCE, codes::BAD_NONCE, 0]);
}

#[test]
fn an_empty_block_writes_nothing() {
    let mut f = Fixture::new("");
    let before = f.chain.at.clone();
    f.block(&[]);
    assert_eq!((f.chain.at.root.clone(), f.chain.at.tree_version), (before.root, before.tree_version));
}

#[test]
fn check_judges_as_the_pool_needs_it() {
    let f = Fixture::new("");
    let alice = f.signers[0].clone();
    let op = transfer(&[1; 32], 1_000);
    let check =
        |bytes: &[u8], queued| f.chain.check(&Engine::Native, &[(bytes.to_vec(), queued)]).unwrap().remove(0);
    let good = check(&alice.priced(7, 100_000, 3, op), 0);
    assert_eq!((good.code, good.nonce, good.account_nonce), (codes::OK, 7, 0));
    assert_eq!(good.sender, alice.address);
    assert_eq!(good.max_cost, (300_000u128 + 1_000).to_le_bytes());
    let queued = FUNDS - 301_000;
    assert_eq!(check(&alice.priced(7, 100_000, 3, op), queued).code, codes::OK);
    assert_eq!(check(&alice.priced(7, 100_000, 3, op), queued + 1).code, codes::INSUFFICIENT_FUNDS);
    assert_eq!(check(&alice.priced(7, 20_000, 3, op), 0).code, codes::GAS_LIMIT_TOO_LOW);
    assert_eq!(check(&alice.priced(7, 100_000, 0, op), 0).code, codes::GAS_PRICE_TOO_LOW);
    let put = Operation::RecordPut { key: b"k", data: &[0; 5_000] };
    assert_eq!(check(&alice.transaction(0, put), 0).code, codes::RECORD_TOO_LARGE);
}
