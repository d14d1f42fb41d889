//! The executor is replaced when a quorum of the power can run the next one.
#![allow(clippy::unwrap_used)]

#[path = "fixture/governed.rs"]
mod governed;

use bedrock_abi::generated::EpochParams;
use bedrock_ledger::codes;
use bedrock_ledger::operation::Governance;
use bedrock_replay::network::*;
use governed::Governed;

const OK: u32 = codes::OK;
const NEXT: [u8; 32] = [0xab; 32];

fn schedule(nonce: u64, executor: &[u8; 32], engine: u32, not_before: u64, not_after: u64) -> Vec<u8> {
    govern(nonce, Governance::Schedule { executor, engine, not_before, not_after })
}

fn module_ready(index: usize, version: u64, executor: &[u8; 32], engine: u32) -> Vec<u8> {
    let node = identity(index, version);
    let validator = name(index);
    free(
        &node,
        0,
        Governance::ModuleReady { validator: &validator, identity: &node.public, executor, engine },
    )
}

#[test]
fn the_first_block_of_the_window_with_a_quorum_changes() {
    let mut g = Governed::new(4, "");
    assert_eq!(g.one(module_ready(0, 0, &NEXT, 2)).0, codes::NOT_SCHEDULED);
    assert_eq!(g.one(schedule(0, &NEXT, 2, 6, 9)), (OK, false));
    assert_eq!(g.one(schedule(1, &[1; 32], 2, 6, 9)).0, codes::ALREADY_SCHEDULED);
    let ready: Vec<_> = (0..3).map(|index| module_ready(index, 0, &NEXT, 2)).collect();
    assert_eq!(g.block(&ready).codes, [OK; 3]);
    assert_eq!(g.check(&module_ready(2, 0, &NEXT, 2)).code, codes::NOTHING_TO_DO);
    assert!(g.block(&[]).change.is_none(), "a quorum, but not before height 6");
    let change = g.block(&[]).change.unwrap();
    assert_eq!((change.executor_hash, change.engine, change.validators.len()), (NEXT.to_vec(), 2, 4));
    assert_eq!((g.upgrade(), g.epoch(2).unwrap().executor), (None, NEXT));
    g.block(&[]);
    assert_eq!(g.epochs().number, 2);
    assert_eq!(g.one(schedule(2, &NEXT, 2, 0, 99)).0, codes::BAD_SCHEDULE, "it runs already");
}

#[test]
fn without_a_third_of_the_power_it_lapses() {
    let mut g = Governed::new(3, "");
    assert_eq!(g.one(schedule(0, &NEXT, 1, 2, 4)).0, OK);
    assert_eq!(g.block(&[module_ready(0, 0, &NEXT, 1), module_ready(1, 0, &NEXT, 1)]).codes, [OK, OK]);
    assert!(g.block(&[]).change.is_none(), "two thirds are no quorum");
    assert!(g.upgrade().is_some());
    assert!(g.block(&[]).change.is_none());
    assert_eq!(g.upgrade(), None, "the window is over");
    assert_eq!(g.one(schedule(1, &NEXT, 1, 0, 4)).0, codes::BAD_SCHEDULE);
    assert_eq!(g.one(schedule(2, &NEXT, 1, 0, 90)).0, OK);
    assert_eq!(g.upgrade().unwrap().ready.len(), 0, "what was said of the former schedule is over");
    let ready: Vec<_> = (0..3).map(|index| module_ready(index, 0, &NEXT, 1)).collect();
    let change = g.block(&ready).change;
    assert_eq!(change.unwrap().executor_hash, NEXT);
}

#[test]
fn readiness_is_that_of_the_instance_and_of_the_set() {
    let mut g = Governed::new(5, "");
    g.block(&[schedule(0, &NEXT, 1, 1, 90), module_ready(0, 0, &NEXT, 1), module_ready(1, 0, &NEXT, 1)]);
    assert_eq!(g.one(rotate(0, 0, 1, 99, None)), (OK, true));
    assert_eq!(g.upgrade().unwrap().ready, [name(1)], "the new instance has not said so");
    assert_eq!(g.one(module_ready(0, 0, &NEXT, 1)).0, codes::STALE);
    assert_eq!(g.one(module_ready(0, 1, &NEXT, 1)).0, OK);
    let done = g.block(&[module_ready(2, 0, &NEXT, 1)]);
    assert!(done.change.is_none(), "three of five are no quorum");
    let change = g.one(leave(4, 0, 0));
    assert_eq!(change, (OK, true));
    assert_eq!(g.epoch(3).unwrap().executor, NEXT, "three of the four that remain are");
}

#[test]
fn cancelling_is_free_before() {
    let mut g = Governed::new(4, "");
    let cancel = |nonce, executor: &[u8; 32]| govern(nonce, Governance::Cancel { executor });
    assert_eq!(g.one(cancel(0, &NEXT)).0, codes::NOT_SCHEDULED);
    g.one(schedule(1, &NEXT, 1, 10, 20));
    assert_eq!(g.one(cancel(2, &[1; 32])).0, codes::NOT_SCHEDULED);
    assert_eq!(g.one(cancel(3, &NEXT)), (OK, false));
    assert_eq!(g.upgrade(), None);
}

#[test]
fn an_epoch_that_the_host_made_keeps_the_set() {
    let mut g = Governed::new(4, "");
    let former = EpochParams {
        executor_hash: g.chain.context.executor_hash.clone(),
        engine: 1,
        max_block_gas: g.chain.context.gas_limit,
        ..Default::default()
    };
    let ready: Vec<_> = (0..3).map(|index| module_ready(index, 0, &NEXT, 2)).collect();
    g.block(&[vec![schedule(0, &NEXT, 2, 1, 9)], ready].concat());
    assert_eq!((g.chain.context.epoch, g.chain.context.executor_hash.clone()), (2, NEXT.to_vec()));
    // Epoch 2 has failed blocks only, which write nothing; the host ends it.
    g.chain.enter(&former);
    g.later(9_000);
    let (height, now) = (g.height(), g.now());
    let done = g.block(&[weigh(1, 0, &[(0, 11)])]);
    assert_eq!(done.codes, [OK]);
    let (row, before) = (g.epoch(3).unwrap(), g.epoch(2).unwrap());
    assert_eq!((row.executor.to_vec(), row.engine), (former.executor_hash.clone(), 1));
    assert_eq!((row.first_height, row.before_ms), (height, now));
    assert_eq!(row.members, before.members, "the set that executes, not the one that the block makes");
    assert_eq!((g.epochs().number, g.upgrade()), (3, None));
    assert_eq!(g.epoch(4).unwrap().members[0].power, 11);
    let change = done.change.unwrap();
    assert_eq!(change.executor_hash, former.executor_hash, "and not the one that failed");
}
