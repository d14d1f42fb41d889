//! Both signature schemes through the module: evidence and proofs of possession
//! that Go made (`test/vectors`), natively and in the sandbox, with the same
//! verdicts. This is what shows that the module's field arithmetic is right.
#![allow(clippy::unwrap_used)]

use bedrock_abi::generated::Validator;
use bedrock_ledger::codes;
use bedrock_ledger::epoch::Jailing;
use bedrock_ledger::operation::{Governance, Join};
use bedrock_ledger::validator::name_of;
use bedrock_replay::load::GENESIS_HASH;
use bedrock_replay::network::{identity, owner, pay, with_validators};
use bedrock_replay::{Chain, Engine, Sandbox};
use serde_json::Value;

fn sandbox() -> Engine {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../executor/module/bedrock.wasm");
    let module = std::fs::read(path).expect("the committed module: build it with hack/wasm/module");
    Engine::Sandbox(Box::new(Sandbox::new(&module).expect("the module loads")))
}

fn vectors(name: &str) -> Value {
    let path = format!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../test/vectors/{}"), name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

/// A chain whose validators have these consensus keys.
fn chain(keys: &[Value], possessions: &[Value]) -> Chain {
    let validators = (0..).zip(keys.iter().zip(possessions)).map(|(index, (key, possession))| Validator {
        consensus_key: bytes(key),
        network_key: identity(index, 0).public.to_vec(),
        power: 10,
        possession: bytes(possession),
    });
    Chain::genesis(&Engine::Native, &with_validators(validators.collect(), "")).unwrap()
}

#[test]
fn evidence_is_judged_as_the_node_does() {
    let sandbox = sandbox();
    for scheme in vectors("evidence.json")["schemes"].as_array().unwrap() {
        assert_eq!(bytes(&scheme["genesis"]), GENESIS_HASH);
        let keys = scheme["consensus_keys"].as_array().unwrap();
        let (mut valid, mut invalid) = (0, 0);
        for case in scheme["cases"].as_array().unwrap() {
            let mut chain = chain(keys, scheme["possessions"].as_array().unwrap());
            chain.context.evidence = vec![bytes(&case["evidence"])];
            let ours = chain.execute(&Engine::Native, &[], false).unwrap();
            let theirs = chain.execute(&sandbox, &[], false).unwrap();
            assert_eq!(
                (&ours.response, &ours.effects),
                (&theirs.response, &theirs.effects),
                "{}",
                case["comment"]
            );
            let convicted = case["valid"].as_bool().unwrap();
            *(if convicted { &mut valid } else { &mut invalid }) += 1;
            assert_eq!(
                ours.response.epoch_change.is_some(),
                convicted,
                "{} {}",
                scheme["scheme"],
                case["comment"]
            );
            let Some(change) = &ours.response.epoch_change else { continue };
            let index = case["validator"].as_u64().unwrap() as usize;
            let left: Vec<_> = change.validators.iter().map(|of| of.consensus_key.clone()).collect();
            let all: Vec<_> = keys.iter().map(bytes).collect();
            assert_eq!(left, [&all[..index], &all[index + 1..]].concat());
            chain.commit(&ours).unwrap();
            let path = format!("evidence/{}", case["hash"].as_str().unwrap());
            let row = chain.query(&Engine::Native, &path, &[]).unwrap().value;
            let validator = name_of(&identity(index, 0).public);
            let kind = bytes(&case["evidence"])[0];
            assert_eq!(Jailing::decode(&row), Some(Jailing { validator, epoch: 1, kind, height: 1 }));
        }
        assert!(valid >= 6 && invalid >= 15, "{valid} valid and {invalid} not: the file is cut");
    }
}

/// A join with a BLS key and some proof of possession.
fn join(key: &[u8], possession: &[u8]) -> Vec<u8> {
    let (payer, node) = (owner(5), identity(5, 0));
    let consent = node.sign(&Join::signed(&GENESIS_HASH, &payer.public, key));
    let join =
        Join { identity: &node.public, consensus_key: key, possession, moniker: b"new", consent: &consent };
    pay(&payer, 0, 0, Governance::Join(join))
}

#[test]
fn possession_is_judged_in_the_module_as_natively() {
    let (sandbox, bls) = (sandbox(), vectors("bls.json"));
    let evidence = &vectors("evidence.json")["schemes"][1];
    assert_eq!(evidence["scheme"], "bls12381");
    let chain =
        chain(evidence["consensus_keys"].as_array().unwrap(), evidence["possessions"].as_array().unwrap());
    let case = bls["cases"]
        .as_array()
        .unwrap()
        .iter()
        .max_by_key(|case| case["public"].as_array().unwrap().len())
        .unwrap();
    let (keys, proofs) = (case["public"].as_array().unwrap(), case["possession"].as_array().unwrap());
    assert!(keys.len() >= 3);
    let mut batch = Vec::new();
    for index in 0..3 {
        let (key, proof) = (bytes(&keys[index]), bytes(&proofs[index]));
        let mut flipped = proof.clone();
        flipped[0] ^= 0x20;
        let another = bytes(&proofs[(index + 1) % 3]);
        let signature = bytes(&case["signatures"][index]);
        batch.push((codes::OK, join(&key, &proof)));
        batch.extend([flipped, another, signature].map(|proof| (codes::BAD_POSSESSION, join(&key, &proof))));
    }
    let proof = bytes(&proofs[0]);
    for refused in bls["refusals"].as_array().unwrap() {
        let key = refused.get("key").and_then(Value::as_str).map(|key| hex::decode(key).unwrap());
        if let Some(key) = key.filter(|key| key.len() == 96) {
            batch.push((codes::BAD_KEY, join(&key, &proof)));
        }
    }
    let transactions: Vec<_> = batch.iter().map(|(_, bytes)| bytes.clone()).collect();
    let ours = chain.verify(&Engine::Native, &transactions).unwrap();
    assert_eq!(ours, chain.verify(&sandbox, &transactions).unwrap());
    let want: Vec<_> = batch.iter().map(|(code, _)| *code).collect();
    assert_eq!(ours.iter().map(|verdict| verdict.code).collect::<Vec<_>>(), want);
    let good = &transactions[0];
    let executed = chain.execute(&sandbox, std::slice::from_ref(good), false).unwrap();
    assert_eq!(executed.response.receipts[0].code, codes::OK, "{}", executed.response.receipts[0].log);
}
