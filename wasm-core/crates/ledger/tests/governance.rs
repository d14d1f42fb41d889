//! Validators come, change their keys and go; the authority weighs and sets.
#![allow(clippy::unwrap_used)]

#[path = "fixture/governed.rs"]
mod governed;

use bedrock_ledger::codes;
use bedrock_ledger::operation::{Governance, Settings};
use bedrock_ledger::params::Params;
use bedrock_ledger::validator::Status;
use bedrock_replay::network::*;
use governed::Governed;

const OK: u32 = codes::OK;

#[test]
fn a_validator_joins_is_ready_and_comes_in_by_weight() {
    let mut g = Governed::new(4, "");
    assert_eq!(g.epoch(1).unwrap().members.len(), 4);
    assert_eq!(g.one(join(4, 0)), (OK, false));
    assert_eq!(g.status(4), Status::Candidate);
    assert_eq!(g.names().len(), 5);
    assert_eq!(g.one(weigh(0, 0, &[(4, 10)])), (codes::NOT_READY, false));
    assert_eq!(g.check(&ready(4, 0)).code, OK);
    assert_eq!(g.one(ready(4, 0)), (OK, false));
    assert_eq!(g.check(&ready(4, 0)).code, codes::NOTHING_TO_DO);
    let done = g.block(&[weigh(1, 0, &[(4, 7), (0, 11)])]);
    assert_eq!(done.codes, [OK]);
    let change = done.change.unwrap();
    let powers: Vec<_> = change.validators.iter().map(|of| of.power).collect();
    assert_eq!(powers, [11, 10, 10, 10, 7]);
    assert_eq!(change.validators[4].network_key, identity(4, 0).public);
    // The row of the epoch that follows stands before it begins; its first block enters it.
    assert_eq!((g.epochs().number, g.epoch(2).unwrap().first_height), (1, g.height()));
    assert_eq!(g.epoch(2).unwrap().before_ms, g.now() - 1_000);
    assert!(g.block(&[]).change.is_none());
    assert_eq!(g.epochs().number, 2);
    assert_eq!(g.validator(4).power, 7);
}

#[test]
fn one_newcomer_an_epoch() {
    let mut g = Governed::new(4, "");
    g.block(&[join(4, 0), join(5, 0)]);
    assert_eq!(g.block(&[ready(4, 0), ready(5, 0)]).codes, [OK, OK]);
    assert_eq!(g.one(weigh(0, 0, &[(4, 1), (5, 1)])).0, codes::ONE_NEWCOMER);
    assert_eq!(g.block(&[weigh(1, 0, &[(4, 1)]), weigh(2, 0, &[(5, 1)])]).codes, [OK, codes::ONE_NEWCOMER]);
    assert_eq!(g.one(weigh(3, 0, &[(5, 1)])), (OK, true));
    assert_eq!(g.epoch(3).unwrap().members.len(), 6);
}

#[test]
fn nobody_is_ready_in_the_block_that_names_it() {
    let mut g = Governed::new(4, "");
    assert_eq!(g.block(&[join(4, 0), ready(4, 0)]).codes, [OK, codes::WRONG_STATUS]);
    assert_eq!(g.one(ready(4, 0)).0, OK);
}

#[test]
fn fewer_than_four_only_when_it_is_said() {
    let mut g = Governed::new(5, "");
    assert_eq!(g.one(leave(0, 0, 0)), (OK, true));
    assert_eq!(g.one(leave(1, 0, 0)), (codes::TOO_FEW_VALIDATORS, false));
    assert_eq!(g.one(weigh(0, 0, &[(1, 0)])).0, codes::TOO_FEW_VALIDATORS);
    assert_eq!(g.one(leave(1, 0, 1)), (OK, true));
    assert_eq!(g.one(weigh(1, 0, &[(2, 5)])), (OK, true), "a small set that does not shrink");
    assert_eq!(g.one(weigh(2, 1, &[(2, 0), (3, 0)])), (OK, true));
    assert_eq!(g.one(leave(4, 0, 1)).0, codes::TOO_FEW_VALIDATORS, "the last");
    assert_eq!(g.one(weigh(3, 1, &[(4, 0)])).0, codes::TOO_FEW_VALIDATORS);
    assert_eq!(g.names(), [name(4)]);
    assert_eq!(g.one(leave(0, 0, 1)).0, codes::NO_SUCH_VALIDATOR);
}

#[test]
fn a_chain_of_one_rotates_and_grows() {
    let mut g = Governed::new(1, "");
    assert_eq!(g.one(rotate(0, 0, 1, 9, None)), (OK, true));
    g.later(1_800_000);
    assert_eq!(g.one(rotate(0, 1, 2, 9, None)), (OK, true));
    assert_eq!(g.one(join(1, 0)).0, OK);
    assert_eq!(g.one(ready(1, 0)).0, OK);
    assert_eq!(g.one(weigh(0, 0, &[(1, 10)])), (OK, true));
}

#[test]
fn a_rotation_ends_the_epoch_and_keeps_power() {
    let mut g = Governed::new(4, "");
    let until = g.height() + 5;
    let first = rotate(1, 0, 1, until, Some(0));
    let done = g.block(&[first.clone(), rotate(1, 0, 2, until, None), first]);
    assert_eq!(done.codes, [OK, codes::STALE, codes::BAD_NONCE]);
    let change = done.change.unwrap();
    assert_eq!(change.validators[1].network_key, identity(1, 1).public);
    assert_eq!(change.validators[1].consensus_key, consensus(1, 1).public);
    assert_eq!(g.validator(1).power, POWER);
    for key in [identity(1, 1), identity(1, 0), consensus(1, 1), consensus(1, 0)] {
        assert_eq!(g.row(&format!("key_holder/{}", hex::encode(key.public))).unwrap(), name(1));
    }
    let fees = g.row(&format!("fee_owner/{}", hex::encode(identity(1, 1).public))).unwrap();
    assert_eq!(fees, owner(1).address);
    g.later(3_600_000);
    assert_eq!(g.one(rotate(1, 1, 0, until, None)).0, codes::KEY_USED, "an old identity never comes back");
    let expired = rotate(1, 1, 2, g.height() - 1, None);
    assert_eq!(g.one(expired).0, codes::EXPIRED);
}

#[test]
fn less_than_a_third_is_rotated_in_a_window() {
    let mut g = Governed::new(7, r#""rotation_window_ms":60000"#);
    let until = 1_000;
    assert_eq!(g.one(rotate(0, 0, 1, until, None)).0, OK);
    assert_eq!(g.one(rotate(1, 0, 1, until, None)).0, OK);
    assert_eq!(g.check(&rotate(2, 0, 1, until, None)).code, codes::ROTATION_LIMIT);
    assert_eq!(g.one(rotate(2, 0, 1, until, Some(0))).0, codes::ROTATION_LIMIT);
    let mut window = [22; 9];
    window[1..].fill(0);
    assert_eq!(g.one(govern(0, Governance::SetParameters(Settings::new(&[window])))), (OK, true));
    assert_eq!(g.one(rotate(2, 0, 1, until, None)).0, OK, "the authority lifted the bound");
    let mut g = Governed::new(7, r#""rotation_window_ms":60000"#);
    g.block(&[rotate(0, 0, 1, until, None), rotate(1, 0, 1, until, None)]);
    g.later(60_000);
    assert_eq!(g.one(rotate(2, 0, 1, until, None)).0, OK, "the window is over");
}

#[test]
fn parameters_count_from_the_next_epoch() {
    let mut g = Governed::new(4, "");
    let setting = |index: u8, value: u64| {
        let mut entry = [index; 9];
        entry[1..].copy_from_slice(&value.to_le_bytes());
        entry
    };
    let set = |nonce, entries: &[[u8; 9]]| govern(nonce, Governance::SetParameters(Settings::new(entries)));
    let done = g.block(&[set(0, &[setting(8, 7)]), set(1, &[setting(1, 5_000_000_000)])]);
    assert_eq!(done.codes, [OK, OK], "the price counts from the next epoch");
    assert_eq!(done.change.unwrap().max_block_gas, 5_000_000_000);
    let params = Params::decode(&g.row("params").unwrap()).unwrap();
    assert_eq!((params.min_gas_price, params.max_block_gas), (7, 5_000_000_000));
    assert_eq!(g.one(set(2, &[setting(9, 10_001)])).0, codes::GAS_PRICE_TOO_LOW);
    assert_eq!(g.one(rotate(0, 0, 1, 99, None)).0, OK, "fee-free has no price");
    let mut g = Governed::new(4, "");
    assert_eq!(g.one(set(0, &[setting(9, 10_001)])), (codes::BAD_PARAMETER, false));
    assert_eq!(g.one(set(1, &[setting(9, 5_000)])), (OK, false), "the same as before");
}

#[test]
fn leases_stay_below_a_third() {
    let mut g = Governed::new(7, "");
    let maintain = |index: usize, expected: u64, end: u64| {
        free(&delegate(index), 0, Governance::Maintain { validator: &name(index), expected, end })
    };
    let end = g.now() + 50_000;
    assert_eq!(
        g.block(&[maintain(0, 0, end), maintain(1, 0, end), maintain(2, 0, end)]).codes,
        [OK, OK, codes::MAINTENANCE_LIMIT]
    );
    assert_eq!(g.one(maintain(0, 0, end)).0, codes::STALE);
    assert_eq!(g.one(maintain(0, end, end + 5)), (OK, false));
    assert_eq!(g.one(maintain(0, end + 5, 0)).0, OK);
    assert_eq!(g.one(maintain(2, 0, end)).0, OK, "one was given back");
    assert_eq!(g.one(maintain(3, 0, g.now() - 1)).0, codes::BAD_LEASE);
    assert_eq!(g.one(maintain(3, 0, g.now() + 86_500_000)).0, codes::BAD_LEASE);
    g.later(60_000);
    assert_eq!(g.one(maintain(3, 0, g.now() + 5)).0, OK, "leases end");
}
