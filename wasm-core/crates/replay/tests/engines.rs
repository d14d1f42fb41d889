//! The same blocks natively and on wasmi with the committed module: roots,
//! writes, events, receipts, verdicts and proofs are the same.
#![allow(clippy::unwrap_used)]

use bedrock_merkle::{verify_absence, verify_inclusion};
use bedrock_replay::governing::Governing;
use bedrock_replay::load::genesis;
use bedrock_replay::network;
use bedrock_replay::traffic::Traffic;
use bedrock_replay::{Chain, Engine, Sandbox};
use proptest::prelude::*;

/// The committed module, as the node embeds it.
fn module() -> Vec<u8> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../executor/module/bedrock.wasm");
    std::fs::read(path).expect("the committed module: build it with hack/wasm/module")
}

fn sandbox() -> Engine {
    Engine::Sandbox(Box::new(Sandbox::new(&module()).expect("the module loads")))
}

/// Runs blocks of a seed on both engines; answers how many transactions
/// succeeded and how many did not.
fn run_both(sandbox: &Engine, seed: u64, accounts: u64, blocks: &[usize]) -> (usize, usize) {
    let mut traffic = Traffic::new(seed, accounts);
    let request = genesis(&traffic.balances(), "");
    let mut native = Chain::genesis(&Engine::Native, &request).unwrap();
    let mut boxed = Chain::genesis(sandbox, &request).unwrap();
    assert_eq!(native.at, boxed.at, "genesis");
    let (mut good, mut bad) = (0, 0);
    for &size in blocks {
        let block = traffic.block(size, native.at.height + 1);
        assert_eq!(
            native.verify(&Engine::Native, &block).unwrap(),
            boxed.verify(sandbox, &block).unwrap(),
            "verify"
        );
        let queued: Vec<_> = block.iter().map(|bytes| (bytes.clone(), 17)).collect();
        assert_eq!(
            native.check(&Engine::Native, &queued).unwrap(),
            boxed.check(sandbox, &queued).unwrap(),
            "check"
        );
        let ours = native.execute(&Engine::Native, &block, false).unwrap();
        let theirs = boxed.execute(sandbox, &block, false).unwrap();
        assert_eq!(ours.response, theirs.response, "responses");
        assert_eq!(ours.effects, theirs.effects, "effects");
        good += ours.response.receipts.iter().filter(|receipt| receipt.code == 0).count();
        bad += ours.response.receipts.iter().filter(|receipt| receipt.code != 0).count();
        native.commit(&ours).unwrap();
        boxed.commit(&theirs).unwrap();
        prove_both(&native, &boxed, sandbox, &traffic);
    }
    (good, bad)
}

/// Proofs of a present and an absent account.
fn prove_both(native: &Chain, boxed: &Chain, sandbox: &Engine, traffic: &Traffic) {
    let root = native.at.root[..].try_into().unwrap();
    let present = traffic.balances()[0].0;
    for address in [present, [9; 32]] {
        let path = format!("account/{}", hex::encode(address));
        let ours = native.query(&Engine::Native, &path, &[]).unwrap();
        assert_eq!(ours, boxed.query(sandbox, &path, &[]).unwrap(), "query");
        assert_eq!(ours.absent, address != present);
        if ours.absent {
            verify_absence(&root, &ours.key, &ours.proof).unwrap();
        } else {
            verify_inclusion(&root, &ours.key, &ours.value, &ours.proof).unwrap();
        }
    }
}

#[test]
fn native_and_wasmi_agree_on_a_chain() {
    let (good, bad) = run_both(&sandbox(), 1, 40, &[0, 1, 300, 300, 7]);
    assert!(good > 200 && bad > 50, "{good} succeeded, {bad} did not: the traffic tests too little");
}

/// Governance of a seed on both engines; how many epochs ended.
fn govern_both(sandbox: &Engine, seed: u64, count: usize, blocks: &[usize]) -> usize {
    let mut governing = Governing::new(seed, count);
    let request = network::genesis(count, r#""rotation_window_ms":2000"#);
    let mut native = Chain::genesis(&Engine::Native, &request).unwrap();
    let mut boxed = Chain::genesis(sandbox, &request).unwrap();
    assert_eq!(native.at, boxed.at, "genesis");
    for &size in blocks {
        let (block, evidence) = governing.block(&native, size);
        native.context.evidence = evidence.clone();
        boxed.context.evidence = evidence;
        let verdicts = native.verify(&Engine::Native, &block).unwrap();
        assert_eq!(verdicts, boxed.verify(sandbox, &block).unwrap(), "verify");
        assert!(verdicts.iter().all(|verdict| verdict.code == 0));
        let items: Vec<_> = block.iter().map(|bytes| (bytes.clone(), 0)).collect();
        let checked = native.check(&Engine::Native, &items).unwrap();
        assert_eq!(checked, boxed.check(sandbox, &items).unwrap(), "check");
        let ours = native.execute(&Engine::Native, &block, false).unwrap();
        let theirs = boxed.execute(sandbox, &block, false).unwrap();
        assert_eq!(ours.response, theirs.response, "responses");
        assert_eq!(ours.effects, theirs.effects, "effects");
        native.commit(&ours).unwrap();
        boxed.commit(&theirs).unwrap();
    }
    native.context.epoch as usize - 1
}

#[test]
fn native_and_wasmi_agree_on_governance() {
    let sizes: Vec<usize> = (0..140).map(|index| index % 5).collect();
    let ended = govern_both(&sandbox(), 7, 5, &sizes);
    assert!(ended > 15, "{ended} epochs: the traffic tests too little");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn native_and_wasmi_agree_on_any_traffic(
        seed in any::<u64>(), accounts in 2u64..60, blocks in prop::collection::vec(0usize..60, 1..4),
    ) {
        run_both(&sandbox(), seed, accounts, &blocks);
    }
}
