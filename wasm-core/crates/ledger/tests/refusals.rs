//! Every operation of governance: what refuses it, by which code; none of it changes
//! anything but what the payer paid, and nobody pays for what is fee-free.
#![allow(clippy::unwrap_used)]

#[path = "fixture/governed.rs"]
mod governed;

use bedrock_ledger::operation::{Governance, Join, Rotate, Settings};
use bedrock_ledger::transaction::{Body, FEE_FREE};
use bedrock_ledger::{codes, keys};
use bedrock_replay::load::{Signer, GENESIS_HASH};
use bedrock_replay::network::*;
use bedrock_replay::Engine;
use governed::Governed;

const NEXT: [u8; 32] = [0xab; 32];

/// An operation that one key of the authority signs, where two are needed; with a
/// stranger's beside.
fn half_governed(nonce: u64, of: Governance<'_>) -> Vec<u8> {
    let payer = authority(0);
    let body = Body { payer: &payer.public, ..paid(nonce, 0, of) };
    payer.cosigned(&body, &[authority(2), owner(0)])
}

fn maintain(by: &Signer, index: usize, expected: u64, end: u64) -> Vec<u8> {
    free(by, 0, Governance::Maintain { validator: &name(index), expected, end })
}

/// A chain of seven: 7 is a candidate, 6 is jailed, 5 has left, 4 is on lease, a module
/// is scheduled.
fn chain() -> Governed {
    let mut g = Governed::new(7, "");
    let lease = g.now() + 50_000;
    let schedule = Governance::Schedule { executor: &NEXT, engine: 2, not_before: 1_000, not_after: 2_000 };
    let block = [join(7, 0), leave(5, 0, 0), maintain(&delegate(4), 4, 0, lease), govern(0, schedule)];
    assert_eq!(g.block(&block).codes, [codes::OK; 4]);
    let convicted = g.convict(&[two_votes(&consensus(6, 0), 2, 5, 1)], &[]);
    assert_eq!(convicted.change.unwrap().validators.len(), 5);
    g.block(&[]);
    g
}

fn of_validators(g: &Governed) -> Vec<(&'static str, u32, Vec<u8>)> {
    let (until, lease) = (g.height() + 9, g.validator(4).lease_end);
    let delegating = |by: usize, of: usize| {
        pay(&owner(by), 0, 0, Governance::Delegate { validator: &name(of), delegate: &[9; 32] })
    };
    let ready_as = |by: usize, of: usize, identity: &[u8; 32]| {
        free(&identity_of(by), 0, Governance::Ready { validator: &name(of), identity })
    };
    let module = |by: usize, of: usize, executor: &[u8; 32], engine: u32| {
        let node = identity_of(by);
        free(
            &node,
            0,
            Governance::ModuleReady { validator: &name(of), identity: &node.public, executor, engine },
        )
    };
    let running: [u8; 32] = g.chain.context.executor_hash[..].try_into().unwrap();
    vec![
        ("join again", codes::KEY_USED, join(7, 1)),
        ("join with the identity of another", codes::KEY_USED, join(2, 0)),
        ("join with the identity of one that left", codes::KEY_USED, join(5, 0)),
        ("ready, of nobody", codes::NO_SUCH_VALIDATOR, ready(9, 0)),
        ("ready, in another's name", codes::NOT_AUTHORIZED, ready_as(7, 7, &identity_of(3).public)),
        ("ready, by another", codes::STALE, ready_as(3, 7, &identity_of(3).public)),
        ("ready, in the set", codes::NOTHING_TO_DO, ready(0, 0)),
        ("ready, jailed and not rotated", codes::WRONG_STATUS, ready(6, 0)),
        ("ready, gone", codes::NO_SUCH_VALIDATOR, ready(5, 0)),
        ("rotate, stale", codes::STALE, rotate(0, 1, 2, until, None)),
        ("rotate, stale, paid", codes::STALE, rotate(0, 1, 2, until, Some(0))),
        ("rotate, expired", codes::EXPIRED, rotate(0, 0, 1, g.height() - 1, None)),
        ("rotate, gone", codes::NO_SUCH_VALIDATOR, rotate(5, 0, 1, until, None)),
        ("rotate to the present identity", codes::KEY_USED, rotate(0, 0, 0, until, None)),
        ("delegate, by another", codes::NOT_AUTHORIZED, delegating(1, 0)),
        ("delegate, of nobody", codes::NO_SUCH_VALIDATOR, delegating(0, 9)),
        ("leave, stale", codes::STALE, leave(0, 1, 0)),
        ("leave, gone", codes::NO_SUCH_VALIDATOR, leave(5, 0, 0)),
        ("leave, by another's delegate", codes::NOT_AUTHORIZED, {
            let of = Governance::Leave { validator: &name(0), expected: &identity_of(0).public, flags: 0 };
            free(&delegate(1), 0, of)
        }),
        ("leave, by the owner for nothing", codes::NOT_AUTHORIZED, {
            let of = Governance::Leave { validator: &name(0), expected: &identity_of(0).public, flags: 0 };
            free(&owner(0), 0, of)
        }),
        ("maintain, stale", codes::STALE, maintain(&delegate(4), 4, 0, lease + 1)),
        ("maintain, in the past", codes::BAD_LEASE, maintain(&delegate(0), 0, 0, 1)),
        ("maintain, for ever", codes::BAD_LEASE, maintain(&delegate(0), 0, 0, u64::MAX)),
        ("maintain, a third", codes::MAINTENANCE_LIMIT, maintain(&delegate(0), 0, 0, lease)),
        ("maintain, jailed", codes::WRONG_STATUS, maintain(&delegate(6), 6, 0, lease)),
        ("maintain, by another", codes::NOT_AUTHORIZED, maintain(&delegate(1), 0, 0, lease)),
        ("module ready, by another", codes::STALE, module(1, 0, &NEXT, 2)),
        ("module ready, for what runs", codes::NOT_SCHEDULED, module(0, 0, &running, 1)),
        ("module ready, jailed", codes::WRONG_STATUS, module(6, 6, &NEXT, 2)),
        ("module ready, gone", codes::NO_SUCH_VALIDATOR, module(5, 5, &NEXT, 2)),
    ]
}

fn identity_of(index: usize) -> Signer {
    identity(index, 0)
}

fn of_the_authority(g: &Governed) -> Vec<(&'static str, u32, Vec<u8>)> {
    let schedule =
        |executor, not_after| Governance::Schedule { executor, engine: 2, not_before: 0, not_after };
    let setting = [[9, 0xff, 0xff, 0, 0, 0, 0, 0, 0]];
    let settings = Governance::SetParameters(Settings::new(&setting));
    let authority_of_one = Governance::SetAuthority { threshold: 1, keys: &[[1; 32]] };
    let cancel = Governance::Cancel { executor: &NEXT };
    let mut weighed = weigh(1, 0, &[(0, 1)]);
    // The same bytes with the signature of one key of two.
    let cut = weighed.len() - 96;
    weighed.truncate(cut);
    weighed[cut - 96 - 65] = 2;
    vec![
        ("weigh, by one key", codes::NOT_AUTHORIZED, weighed),
        ("weigh of nobody", codes::NO_SUCH_VALIDATOR, weigh(1, 0, &[(9, 5)])),
        ("weigh of one that left", codes::NO_SUCH_VALIDATOR, weigh(1, 0, &[(5, 5)])),
        ("weigh of a candidate that is not ready", codes::NOT_READY, weigh(1, 0, &[(7, 5)])),
        ("weigh of a jailed one", codes::NOT_READY, weigh(1, 0, &[(6, 5)])),
        ("weigh below four", codes::TOO_FEW_VALIDATORS, weigh(1, 0, &[(0, 0), (1, 0)])),
        ("weigh of all", codes::TOO_FEW_VALIDATORS, weigh(1, 1, &[(0, 0), (1, 0), (2, 0), (3, 0), (4, 0)])),
        ("weigh too much", codes::POWER_OUT_OF_RANGE, weigh(1, 0, &[(0, 1 << 32)])),
        ("weigh too much together", codes::POWER_OUT_OF_RANGE, weigh(1, 0, &[(0, (1 << 32) - 1)])),
        ("a parameter out of bounds", codes::BAD_PARAMETER, govern(1, settings)),
        ("parameters, by one key", codes::NOT_AUTHORIZED, half_governed(1, settings)),
        ("authority, by one key", codes::NOT_AUTHORIZED, half_governed(1, authority_of_one)),
        ("schedule twice", codes::ALREADY_SCHEDULED, govern(1, schedule(&[1; 32], 2_000))),
        ("schedule, by one key", codes::NOT_AUTHORIZED, half_governed(1, schedule(&[1; 32], 2_000))),
        (
            "cancel of another module",
            codes::NOT_SCHEDULED,
            govern(1, Governance::Cancel { executor: &[1; 32] }),
        ),
        ("cancel, by one key", codes::NOT_AUTHORIZED, half_governed(1, cancel)),
        ("a nonce that was used", codes::BAD_NONCE, govern(0, cancel)),
        ("a nonce ahead", codes::BAD_NONCE, weigh(g.height() + 50, 0, &[(0, 1)])),
    ]
}

#[test]
fn refusals_change_nothing() {
    let g = chain();
    let cases = [of_validators(&g), of_the_authority(&g)].concat();
    assert!(cases.len() > 40);
    for (what, code, bytes) in cases {
        let verdict = &g.chain.verify(&Engine::Native, std::slice::from_ref(&bytes)).unwrap()[0];
        assert_eq!(verdict.code, codes::OK, "{what}: {}", verdict.log);
        let executed = g.chain.execute(&Engine::Native, std::slice::from_ref(&bytes), false).unwrap();
        let receipt = &executed.response.receipts[0];
        assert_eq!(codes::name(receipt.code), codes::name(code), "{what}: {}", receipt.log);
        assert!(executed.response.epoch_change.is_none() && executed.effects.events.is_empty(), "{what}");
        assert!(receipt.gas_used > 0 && !receipt.log.is_empty(), "{what}");
        let is_free = bytes[4 + 77..4 + 85] == FEE_FREE.to_le_bytes();
        let skipped = is_free || code == codes::BAD_NONCE;
        let paid =
            executed.effects.rows.iter().all(|row| [keys::ACCOUNT, keys::SUPPLY].contains(&row.key[0]));
        assert!(paid && executed.effects.rows.is_empty() == skipped, "{what}: {:?}", executed.effects.rows);
        if is_free {
            let checked = g.check(&bytes);
            assert_eq!(
                (checked.code, checked.gas_price),
                (code, u64::MAX),
                "{what}: the pool says {}",
                checked.log
            );
        }
    }
}

#[test]
fn a_window_that_is_over_is_not_scheduled() {
    let mut g = Governed::new(4, "");
    let of = Governance::Schedule { executor: &NEXT, engine: 2, not_before: 0, not_after: g.height() };
    assert_eq!(g.one(govern(0, of)).0, codes::BAD_SCHEDULE);
    assert_eq!(g.upgrade(), None);
}

/// A join and a rotation of which one thing is wrong, each with what `verify` says.
fn without_consent() -> Vec<(&'static str, u32, Vec<u8>)> {
    let (payer, node, key) = (owner(7), identity_of(7), consensus(7, 0));
    let joined = |identity: &Signer, consensus_key: &[u8; 32], statement: Vec<u8>| {
        let consent = identity.sign(&statement);
        let identity = &identity.public;
        let join = Join { identity, consensus_key, possession: &[], moniker: b"m", consent: &consent };
        pay(&payer, 0, 0, Governance::Join(join))
    };
    let rotated = |identity: &Signer, consensus_key: &[u8; 32], statement: Vec<u8>| {
        let rotate = Rotate {
            validator: &name(0),
            expected: &identity_of(0).public,
            identity: &identity.public,
            consensus_key,
            possession: &[],
            consent: &identity.sign(&statement),
        };
        free(&delegate(0), 50, Governance::Rotate(rotate))
    };
    let (old, new, next) = (identity_of(0).public, identity(0, 1), consensus(0, 1).public);
    // An encoding with y = 2, which is no point.
    let mut no_point = [0; 32];
    no_point[0] = 2;
    vec![
        (
            "join",
            codes::OK,
            joined(&node, &key.public, Join::signed(&GENESIS_HASH, &payer.public, &key.public)),
        ),
        (
            "join for another chain",
            codes::BAD_CONSENT,
            joined(&node, &key.public, Join::signed(&[0; 32], &payer.public, &key.public)),
        ),
        (
            "join for another owner",
            codes::BAD_CONSENT,
            joined(&node, &key.public, Join::signed(&GENESIS_HASH, &old, &key.public)),
        ),
        (
            "join with another key",
            codes::BAD_CONSENT,
            joined(&node, &key.public, Join::signed(&GENESIS_HASH, &payer.public, &next)),
        ),
        (
            "join with one key for both",
            codes::BAD_KEY,
            joined(&node, &node.public, Join::signed(&GENESIS_HASH, &payer.public, &node.public)),
        ),
        (
            "join with what is no key",
            codes::BAD_KEY,
            joined(&node, &no_point, Join::signed(&GENESIS_HASH, &payer.public, &no_point)),
        ),
        ("rotate", codes::OK, rotated(&new, &next, Rotate::signed(&GENESIS_HASH, &name(0), &old, &next, 50))),
        (
            "rotate for another chain",
            codes::BAD_CONSENT,
            rotated(&new, &next, Rotate::signed(&[0; 32], &name(0), &old, &next, 50)),
        ),
        (
            "rotate of another",
            codes::BAD_CONSENT,
            rotated(&new, &next, Rotate::signed(&GENESIS_HASH, &name(1), &old, &next, 50)),
        ),
        (
            "rotate from another identity",
            codes::BAD_CONSENT,
            rotated(&new, &next, Rotate::signed(&GENESIS_HASH, &name(0), &next, &next, 50)),
        ),
        (
            "rotate to another key",
            codes::BAD_CONSENT,
            rotated(&new, &next, Rotate::signed(&GENESIS_HASH, &name(0), &old, &old, 50)),
        ),
        (
            "rotate until another height",
            codes::BAD_CONSENT,
            rotated(&new, &next, Rotate::signed(&GENESIS_HASH, &name(0), &old, &next, 51)),
        ),
        (
            "rotate to what is no key",
            codes::BAD_KEY,
            rotated(&new, &no_point, Rotate::signed(&GENESIS_HASH, &name(0), &old, &no_point, 50)),
        ),
    ]
}

#[test]
fn verify_asks_for_consent_keys_and_every_signature() {
    let g = Governed::new(4, "");
    let mut cases = without_consent();
    for (what, at) in
        [("the payer's signature", 96 * 2 + 64), ("a key's of the authority", 96), ("the other's", 1)]
    {
        let mut bytes = weigh(0, 0, &[(0, 3)]);
        let end = bytes.len();
        bytes[end - at] ^= 1;
        cases.push((what, codes::BAD_SIGNATURE, bytes));
    }
    let all: Vec<_> = cases.iter().map(|(_, _, bytes)| bytes.clone()).collect();
    let together = g.chain.verify(&Engine::Native, &all).unwrap();
    for ((what, code, bytes), verdict) in cases.iter().zip(&together) {
        assert_eq!(codes::name(verdict.code), codes::name(*code), "{what}: {}", verdict.log);
        assert_eq!(g.verify(bytes), *code, "{what}, alone");
    }
}

#[test]
fn the_authority_changes_itself() {
    let mut g = Governed::new(4, "");
    let new = owner(1);
    let of = Governance::SetAuthority { threshold: 1, keys: &[new.public] };
    assert_eq!(g.one(govern(0, of)), (codes::OK, false));
    assert_eq!(g.one(weigh(1, 0, &[(0, 3)])).0, codes::NOT_AUTHORIZED);
    let mut entry = [3; 9];
    entry[1..].copy_from_slice(&50_000_000u64.to_le_bytes());
    let set = Governance::SetParameters(Settings::new(std::slice::from_ref(&entry)));
    let body = Body { payer: &new.public, ..paid(0, 0, set) };
    assert_eq!(g.one(new.cosigned(&body, &[authority(1), new.clone()])), (codes::OK, true));
    let path = format!("key_holder/{}", hex::encode([9; 32]));
    assert_eq!(g.row(&path), None);
}
