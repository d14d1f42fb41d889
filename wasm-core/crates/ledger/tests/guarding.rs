//! What nobody may do to the chain: take from the authority the means to repair
//! it, or fill the state for nothing.
#![allow(clippy::unwrap_used)]

#[path = "fixture/governed.rs"]
mod governed;

use bedrock_ledger::codes;
use bedrock_ledger::operation::{Governance, Settings};
use bedrock_ledger::params::BOUNDS;
use bedrock_replay::network::*;
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
    let bricks: [&[(&str, u64)]; 6] = [
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
    assert_eq!(g.one(set(6, &dear)), (OK, true));
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
    assert_eq!(g.one(many(7, 9)), (codes::BAD_PARAMETER, false), "nine signatures do not fit 1,024 bytes");
    assert_eq!(g.one(lower(8)), (OK, true));
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
