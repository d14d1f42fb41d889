//! Evidence jails, over epochs and whatever keys a validator has now.
#![allow(clippy::unwrap_used)]

#[path = "fixture/governed.rs"]
mod governed;

use bedrock_ledger::codes;
use bedrock_ledger::epoch::Jailing;
use bedrock_ledger::evidence;
use bedrock_ledger::validator::Status;
use bedrock_replay::network::*;
use governed::Governed;

const OK: u32 = codes::OK;

fn jailing(g: &Governed, bytes: &[u8]) -> Option<Jailing> {
    g.row(&format!("evidence/{}", hex::encode(evidence::hash(bytes))))
        .map(|row| Jailing::decode(&row).unwrap())
}

#[test]
fn a_cheat_is_jailed_once_and_comes_back_with_new_keys() {
    let mut g = Governed::new(5, "");
    let proof = two_votes(&consensus(2, 0), 1, 2, 4);
    let again = two_votes(&consensus(2, 0), 1, 2, 5);
    let done = g.convict(&[proof.clone(), again.clone()], &[]);
    assert_eq!(done.change.unwrap().validators.len(), 4);
    assert_eq!(jailing(&g, &proof), Some(Jailing { validator: name(2), epoch: 1, kind: 2, height: 1 }));
    assert_eq!(jailing(&g, &again), None, "jailed already: it changes nothing");
    assert_eq!((g.status(2), g.validator(2).power, g.validator(2).jailed), (Status::Jailed, 0, 1));
    assert_eq!(g.epoch(2).unwrap().members.len(), 4);

    assert_eq!(g.one(weigh(0, 0, &[(2, 10)])).0, codes::NOT_READY);
    assert_eq!(g.one(ready(2, 0)).0, codes::WRONG_STATUS, "not before it was rotated");
    assert_eq!(g.one(rotate(2, 0, 1, 99, None)), (OK, false), "no epoch ends with that");
    assert_eq!(g.status(2), Status::Jailed);
    assert_eq!(g.one(weigh(1, 0, &[(2, 10)])).0, codes::NOT_READY);
    assert_eq!(g.one(ready(2, 1)).0, OK);
    assert_eq!(g.one(ready(2, 1)).0, codes::NOTHING_TO_DO);
    assert_eq!(g.one(weigh(2, 0, &[(2, 10)])), (OK, true));
    assert_eq!(g.status(2), Status::Active);

    assert!(g.convict(&[proof, again], &[]).change.is_none(), "what it did up to then is paid for");
    let anew = two_votes(&consensus(2, 1), 3, 2, 4);
    assert_eq!(g.convict(&[anew], &[]).change.unwrap().validators.len(), 4, "what it does later is not");
}

#[test]
fn rotating_does_not_shed_it() {
    let mut g = Governed::new(5, "");
    assert_eq!(g.one(rotate(2, 0, 1, 99, None)), (OK, true));
    g.block(&[]);
    let proof = two_votes(&consensus(2, 0), 1, 2, 4);
    assert!(
        g.convict(&[two_votes(&consensus(2, 0), 2, 2, 4)], &[]).change.is_none(),
        "not its key in that epoch"
    );
    let done = g.convict(&[proof], &[]);
    assert!(done.change.unwrap().validators.iter().all(|of| of.network_key != identity(2, 1).public));
    assert_eq!(
        (g.status(2), g.validator(2).rotated),
        (Status::Jailed, 0),
        "the rotation before does not count"
    );
    assert_eq!(g.one(ready(2, 1)).0, codes::WRONG_STATUS);
}

#[test]
fn rotated_in_the_block_that_jails_it_is_rotated_before() {
    let mut g = Governed::new(5, "");
    let done = g.convict(&[two_votes(&consensus(2, 0), 1, 2, 4)], &[rotate(2, 0, 1, 99, None)]);
    assert_eq!(done.codes, [OK]);
    assert_eq!((g.status(2), g.validator(2).rotated), (Status::Jailed, 0));
    assert_eq!(g.one(rotate(2, 1, 2, 99, None)), (OK, false));
}

#[test]
fn a_jailed_one_brings_a_new_consensus_key() {
    let mut g = Governed::new(5, "");
    g.convict(&[two_votes(&consensus(2, 0), 1, 2, 4)], &[]);
    let (name, old, new, key) = (name(2), identity(2, 0), identity(2, 1), consensus(2, 0));
    let keep = |index: usize| {
        use bedrock_ledger::operation::{Governance, Rotate};
        use bedrock_replay::load::GENESIS_HASH;
        let statement = Rotate::signed(&GENESIS_HASH, &name, &old.public, &key.public, 99);
        let consent = new.sign(&statement);
        let rotate = Rotate {
            validator: &name,
            expected: &old.public,
            identity: &new.public,
            consensus_key: &key.public,
            possession: &[],
            consent: &consent,
        };
        free(&delegate(index), 99, Governance::Rotate(rotate))
    };
    assert_eq!(g.one(keep(2)).0, codes::KEY_USED);
    let mut free_one = Governed::new(5, "");
    assert_eq!(free_one.one(keep(3)).0, codes::NOT_AUTHORIZED, "another's delegate");
    assert_eq!(free_one.one(keep(2)), (OK, true), "a brought key may stay");
}

#[test]
fn the_last_of_a_set_stays_in_it() {
    let mut g = Governed::new(2, "");
    let proofs = [two_votes(&consensus(0, 0), 1, 0, 4), two_votes(&consensus(1, 0), 1, 1, 4)];
    let done = g.convict(&proofs, &[]);
    assert_eq!(done.change.unwrap().validators.len(), 1);
    assert_eq!((g.status(0), g.status(1)), (Status::Jailed, Status::Active));
    assert_eq!(jailing(&g, &proofs[1]).unwrap().validator, name(1), "it is on record");
    assert!(g.convict(&proofs, &[]).change.is_none());
}

#[test]
fn evidence_is_taken_while_its_epoch_is_in_the_window() {
    let mut g = Governed::new(5, r#""evidence_window_ms":60000"#);
    g.block(&[weigh(0, 0, &[(0, 11)])]);
    g.block(&[weigh(1, 0, &[(0, 12)])]);
    g.later(50_000);
    let taken = g.convict(&[two_votes(&consensus(4, 0), 1, 4, 4)], &[]);
    assert!(taken.change.is_some());
    g.later(60_000);
    assert!(
        g.convict(&[two_votes(&consensus(3, 0), 1, 3, 4)], &[]).change.is_none(),
        "the epoch ended too long ago"
    );
    assert!(g.convict(&[two_votes(&consensus(3, 0), 9, 3, 4)], &[]).change.is_none(), "an epoch to come");
    let present = g.chain.context.epoch;
    let jailed = g.convict(&[two_votes(&consensus(3, 0), present, 3, 4)], &[]);
    assert!(jailed.change.is_some(), "the present epoch has not ended");
}

#[test]
fn rows_of_old_epochs_go_eight_at_a_time() {
    let mut g = Governed::new(4, r#""evidence_window_ms":60000"#);
    for nonce in 0..20 {
        g.block(&[weigh(nonce, 0, &[(0, 11 + nonce)])]);
    }
    assert_eq!((g.epochs().number, g.epochs().oldest), (20, 1));
    g.later(120_000);
    g.block(&[weigh(20, 0, &[(0, 99)])]);
    let first = g.epochs();
    assert_eq!(first.oldest, 9, "epoch 21 begins");
    g.block(&[]);
    assert_eq!(g.epochs().oldest, 17);
    assert!(g.epoch(16).is_none() && g.epoch(17).is_some());
    while g.height() <= 64 {
        g.block(&[]);
    }
    assert_eq!(g.epochs().oldest, 21, "but the last to end");
    assert!(g.epoch(20).is_none() && g.epoch(22).is_some());
}
