//! A witness executes elsewhere as it did at first, and shows every change.

use bedrock_abi::Message;
use bedrock_replay::load::genesis;
use bedrock_replay::traffic::Traffic;
use bedrock_replay::witness::{decode, record, replay, Verdict};
use bedrock_replay::{Chain, Engine, Sandbox};

fn witness() -> bedrock_abi::generated::Witness {
    let mut traffic = Traffic::new(5, 30);
    let mut chain = Chain::genesis(&Engine::Native, &genesis(&traffic.balances(), "")).unwrap();
    let first = chain.execute(&Engine::Native, &traffic.block(80, 1), false).unwrap();
    chain.commit(&first).unwrap();
    let second = chain.execute(&Engine::Native, &traffic.block(80, 2), true).unwrap();
    decode(&record(&second).encode_to_vec()).unwrap()
}

fn module() -> Vec<u8> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../executor/module/bedrock.wasm");
    std::fs::read(path).expect("the committed module: build it with hack/wasm/module")
}

#[test]
fn a_witness_replays_natively_and_on_wasmi() {
    let witness = witness();
    assert!(!witness.rows.is_empty() && !witness.pages.is_empty());
    assert_eq!(replay(&Engine::Native, &witness), Ok(Verdict::Same));
    let sandbox = Engine::Sandbox(Box::new(Sandbox::new(&module()).unwrap()));
    assert_eq!(replay(&sandbox, &witness), Ok(Verdict::Same));
}

#[test]
fn changes_of_the_outcome_are_named() {
    let with = |change: &dyn Fn(&mut bedrock_abi::generated::WitnessOutcome)| {
        let mut changed = witness();
        change(changed.outcome.as_mut().unwrap());
        replay(&Engine::Native, &changed).unwrap()
    };
    let differs = |what: &str| Verdict::Differs(what.into());
    assert_eq!(with(&|o| o.state_root[0] ^= 1), differs("state root"));
    assert_eq!(with(&|o| o.receipts_root[0] ^= 1), differs("receipts root"));
    assert_eq!(with(&|o| o.receipts[3].gas_used += 1), differs("receipts"));
    assert_eq!(with(&|o| o.gas_used += 1), differs("gas used"));
    assert_eq!(with(&|o| o.rows[0].value[0] ^= 1), differs("rows written"));
    assert_eq!(with(&|o| o.pages[0].page[9] ^= 1), differs("pages written or stale"));
    assert_eq!(with(&|o| o.events[0].r#type.push('x')), differs("events"));
    assert_eq!(with(&|o| o.success = false), Verdict::NotComparable);
}

#[test]
fn what_is_read_must_be_carried_and_true() {
    let mut missing = witness();
    missing.rows.remove(0);
    let mut damaged = witness();
    damaged.pages[0].page[40] ^= 1;
    for witness in [missing, damaged] {
        match replay(&Engine::Native, &witness).unwrap() {
            Verdict::Differs(what) => assert!(what.contains("state does not verify"), "{what}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn other_files_are_refused() {
    assert!(decode(b"no witness").is_err());
    let other = bedrock_abi::generated::Witness { format: "bedrock/witness/2".into(), ..Default::default() };
    assert!(decode(&other.encode_to_vec()).unwrap_err().contains("bedrock/witness/2"));
    let empty = bedrock_abi::generated::Witness { format: "bedrock/witness/1".into(), ..Default::default() };
    assert!(replay(&Engine::Native, &decode(&empty.encode_to_vec()).unwrap()).is_err());
}
