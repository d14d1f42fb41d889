//! What nobody may do to the chain: take from the authority the means to repair
//! it, or fill the state for nothing.
#![allow(clippy::unwrap_used)]

#[path = "fixture/governed.rs"]
mod governed;

use bedrock_ledger::codes;
use bedrock_ledger::operation::{Governance, Join, Settings};
use bedrock_ledger::params::BOUNDS;
use bedrock_ledger::transaction::Body;
use bedrock_ledger::POSSESSION_GAS;
use bedrock_replay::load::GENESIS_HASH;
use bedrock_replay::network::*;
use bedrock_replay::Engine;
use governed::Governed;

const OK: u32 = codes::OK;

fn set(nonce: u64, settings: &[(&str, u64)]) -> Vec<u8> {
    let mut entries: Vec<[u8; 9]> = settings
        .iter()
        .map(|(name, value)| {
            let index = BOUNDS.iter().position(|(known, _, _)| known == name).unwrap();
            let mut entry = [index as u8; 9];
            entry[1..].copy_from_slice(&value.to_le_bytes());
            entry
        })
        .collect();
    entries.sort_unstable();
    govern(nonce, Governance::SetParameters(Settings::new(&entries)))
}

/// Each of these, within the bounds, would leave no transaction of the authority
/// that could take it back.
#[test]
fn the_authority_keeps_the_means_to_repair() {
    let mut g = Governed::new(4, "");
    let bricks: [&[(&str, u64)]; 7] = [
        &[("gas_skipped", 1_000_000_000)],
        &[("gas_transaction", 1_000_000_000)],
        &[("gas_signature", 50_000_000)],
        &[("max_tx_gas", 100_000)],
        &[("gas_byte", 1_000_000)],
        &[("min_gas_price", 1 << 60)],
        &[("max_block_gas", 1_000_000), ("gas_write", 300_000)],
    ];
    for (nonce, settings) in (0..).zip(bricks) {
        assert_eq!(g.one(set(nonce, settings)), (codes::BAD_PARAMETER, false), "{settings:?}");
    }
    // What is dear, but can be undone, is taken, and undone.
    let dear = [("gas_transaction", 1_000_000), ("max_tx_gas", 2_000_000), ("max_tx_bytes", 1_024)];
    let dear = [&dear[..], &[("max_tx_events", 1), ("max_block_gas", 3_000_000)]].concat();
    assert_eq!(g.one(set(7, &dear)), (OK, true));
    let lower = |nonce| {
        let payer = authority(0);
        let entry = [&[11][..], &4_000u64.to_le_bytes()].concat();
        let entries = [<[u8; 9]>::try_from(entry).unwrap()];
        let operation = Governance::SetParameters(Settings::new(&entries));
        let body = paid(nonce, 0, operation);
        let body = bedrock_ledger::transaction::Body { payer: &payer.public, gas_limit: 2_000_000, ..body };
        payer.cosigned(&body, &[authority(0), authority(1)])
    };
    let keys: Vec<[u8; 32]> = (1..=64u8).map(|first| [first; 32]).collect();
    let many = |nonce, threshold| {
        let payer = authority(0);
        let body = paid(nonce, 0, Governance::SetAuthority { threshold, keys: &keys[..16] });
        let body = bedrock_ledger::transaction::Body { payer: &payer.public, gas_limit: 2_000_000, ..body };
        payer.cosigned(&body, &[authority(0), authority(1)])
    };
    assert_eq!(g.one(many(8, 9)), (codes::BAD_PARAMETER, false), "nine signatures do not fit 1,024 bytes");
    assert_eq!(g.one(lower(9)), (OK, true));
}

/// Nor may a chain begin so.
#[test]
fn a_genesis_that_nobody_could_repair_is_refused() {
    for (parameters, fits) in [
        (r#""gas_skipped":100000000"#, true),
        (r#""gas_skipped":100000001"#, false),
        (r#""gas_transaction":1000000000"#, false),
        (r#""max_tx_gas":100000,"gas_signature":40000"#, false),
        (r#""max_tx_bytes":1024"#, true),
    ] {
        let chain = chain(&Engine::Native, 4, parameters);
        assert_eq!(chain.is_ok(), fits, "{parameters}");
        if let Err(fault) = chain {
            assert!(fault.to_string().contains("it could never change them"), "{fault}");
        }
    }
}

/// A rotation in the set is an epoch, and old epochs put evidence out of reach.
#[test]
fn in_the_set_half_a_window_lies_between_rotations() {
    let mut g = Governed::new(4, r#""rotation_window_ms":60000"#);
    assert_eq!(g.one(rotate(0, 0, 1, 99, None)), (OK, true));
    let begun = g.now();
    assert_eq!(g.check(&rotate(0, 1, 2, 99, None)).code, codes::ROTATION_LIMIT);
    assert_eq!(g.one(rotate(0, 1, 2, 99, None)), (codes::ROTATION_LIMIT, false));
    assert_eq!(g.one(rotate(0, 1, 2, 99, Some(0))), (codes::ROTATION_LIMIT, false), "nor for a fee");
    assert_eq!(g.one(rotate(1, 0, 1, 99, None)).0, codes::ROTATION_LIMIT, "nor more than a third at once");
    g.later(30_000 - (g.now() - begun));
    assert_eq!(g.one(rotate(0, 1, 2, 99, None)), (OK, true));
}

/// What is told for nothing is told once: a node could else fill every block.
#[test]
fn readiness_is_told_of_what_is_scheduled_and_by_the_set() {
    let mut g = Governed::new(4, "");
    assert_eq!(g.one(join(4, 0)).0, OK);
    let told = |index: usize, executor: u8| {
        let (node, validator) = (identity(index, 0), name(index));
        let executor = &[executor; 32];
        let operation =
            Governance::ModuleReady { validator: &validator, identity: &node.public, executor, engine: 1 };
        free(&node, 0, operation)
    };
    assert_eq!(g.check(&told(0, 1)).code, codes::NOT_SCHEDULED);
    let schedule = |nonce, executor: u8| {
        let executor = &[executor; 32];
        let operation = Governance::Schedule { executor, engine: 1, not_before: 50, not_after: 99 };
        govern(nonce, operation)
    };
    assert_eq!(g.one(schedule(0, 1)).0, OK);
    assert_eq!(g.check(&told(4, 1)).code, codes::WRONG_STATUS, "a candidate");
    assert_eq!(g.check(&told(0, 2)).code, codes::NOT_SCHEDULED, "another module");
    assert_eq!(g.one(told(0, 1)).0, OK);
    assert_eq!(g.check(&told(0, 1)).code, codes::NOTHING_TO_DO);
    assert_eq!(g.one(govern(1, Governance::Cancel { executor: &[1; 32] })).0, OK);
    assert_eq!(g.one(schedule(2, 1)).0, OK);
    assert_eq!(g.one(told(0, 1)).0, OK, "for a new schedule it is told anew");
}

/// Candidates cost their owner a fee and no deposit: who takes all places is sent away.
#[test]
fn the_authority_sends_candidates_away() {
    let mut g = Governed::new(4, r#""max_candidates":1"#);
    assert_eq!(g.one(join(4, 0)).0, OK);
    assert_eq!(g.one(join(5, 0)).0, codes::TOO_MANY_VALIDATORS);
    assert_eq!(g.one(weigh(0, 0, &[(4, 0)])), (OK, false));
    assert_eq!(g.one(join(5, 1)).0, OK);
}

/// Pairings are dear, and verified before any gas counts: what asks for them declares
/// that it pays.
#[test]
fn a_key_with_a_proof_declares_its_gas() {
    let g = Governed::new(4, "");
    let (payer, node) = (owner(4), identity(4, 0));
    let (key, possession) = ([7; 96], [8; 48]);
    let statement = Join::signed(&GENESIS_HASH, &payer.public, &key);
    let consent = node.sign(&statement);
    let join = |gas_limit| {
        let join = Join {
            identity: &node.public,
            consensus_key: &key,
            possession: &possession,
            moniker: b"newcomer",
            consent: &consent,
        };
        payer.signed(&Body { payer: &payer.public, gas_limit, ..paid(0, 0, Governance::Join(join)) })
    };
    assert_eq!(g.verify(&join(POSSESSION_GAS - 1)), codes::GAS_LIMIT_TOO_LOW);
    assert_eq!(g.verify(&join(POSSESSION_GAS)), codes::BAD_KEY, "now it was looked at");
}

/// Anybody who joins has a delegate, and each rotation leaves rows for good.
#[test]
fn outside_the_set_a_rotation_is_free_once_in_a_window() {
    let mut g = Governed::new(4, r#""rotation_window_ms":60000"#);
    assert_eq!(g.one(join(4, 0)).0, OK);
    let key = delegate(4).public;
    let named = Governance::Delegate { validator: &name(4), delegate: &key };
    assert_eq!(g.one(pay(&owner(4), 1, 0, named)).0, OK);
    assert_eq!(g.one(rotate(4, 0, 1, 99, None)), (OK, false));
    assert_eq!(g.check(&rotate(4, 1, 2, 99, None)).code, codes::ROTATION_LIMIT);
    assert_eq!(g.one(rotate(4, 1, 2, 99, None)).0, codes::ROTATION_LIMIT);
    assert_eq!(g.one(rotate(4, 1, 2, 99, Some(2))).0, OK, "its owner pays");
    g.later(60_000);
    assert_eq!(g.one(rotate(4, 2, 3, 99, None)).0, OK, "the window is over");
}

/// What goes by compare-and-swap must not meet the same state again: else who saw a
/// transaction could send it a second time.
#[test]
fn a_lease_that_was_given_back_is_not_taken_again_by_the_same_bytes() {
    let mut g = Governed::new(7, "");
    let maintain = |index: usize, expected: u64, end: u64| {
        free(&delegate(index), 0, Governance::Maintain { validator: &name(index), expected, end })
    };
    let end = g.now() + 50_000;
    let take = maintain(0, 0, end);
    assert_eq!(g.one(take.clone()).0, OK);
    let given = g.now();
    assert_eq!(g.one(maintain(0, end, 0)).0, OK);
    assert_eq!(g.one(take.clone()).0, codes::STALE, "given back");
    assert_eq!(g.validator(0).lease_end, given, "it ended then");
    assert_eq!(g.one(maintain(0, given, 0)).0, codes::NOTHING_TO_DO, "it is over");
    assert_eq!(g.one(maintain(0, given, end)).0, OK, "a new one names it");

    let proof = two_votes(&consensus(0, 0), 1, 0, 4);
    assert!(g.convict(&[proof], &[]).change.is_some());
    assert_eq!(g.one(rotate(0, 0, 1, 99, None)).0, OK);
    assert_eq!(g.one(ready(0, 1)).0, OK);
    assert_eq!(g.one(weigh(0, 0, &[(0, 10)])).0, OK);
    assert_eq!(g.one(take).0, codes::STALE, "nor after a jailing");
}
