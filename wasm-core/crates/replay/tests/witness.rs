//! A witness executes elsewhere as it did at first, and shows every change.
#![allow(clippy::unwrap_used)]

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

#[test]
fn the_program_compares_files_and_says_so_by_its_exit_code() {
    let folder = std::env::temp_dir().join(format!("bedrock-witness-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = |name: &str, witness: &bedrock_abi::generated::Witness| {
        let path = folder.join(name);
        std::fs::write(&path, witness.encode_to_vec()).unwrap();
        path
    };
    let mut failed = witness();
    failed.outcome.as_mut().unwrap().success = false;
    let mut wrong = witness();
    wrong.outcome.as_mut().unwrap().state_root[0] ^= 1;
    let (good, failed, wrong) = (file("good", &witness()), file("failed", &failed), file("wrong", &wrong));
    let module = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../executor/module/bedrock.wasm");
    let run = |files: &[&std::path::Path]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_bedrock-replay"));
        let output = command.arg("--module").arg(module).args(files).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, text) = run(&[&good, &failed]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.ends_with("2 same, 2 not comparable, 0 differ\n"), "{text}");
    let (code, text) = run(&[&wrong]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("wasmi: DIFFERS: state root"), "{text}");
    assert_eq!(run(&[&folder.join("none")]).0, Some(2));
    assert_eq!(run(&[]).0, Some(2));
    std::fs::remove_dir_all(&folder).unwrap();
}
