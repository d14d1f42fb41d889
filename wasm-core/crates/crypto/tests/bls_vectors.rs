//! `test/vectors/bls.json`, which Go wrote with blst: keys, proofs of possession,
//! signatures and what must be refused.
#![allow(clippy::unwrap_used)]

use bedrock_crypto::bls::{verify, PublicKey};
use serde_json::Value;

fn vectors() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../test/vectors/bls.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn bytes<const N: usize>(value: &Value) -> Option<[u8; N]> {
    hex::decode(value.as_str().unwrap()).unwrap().try_into().ok()
}

#[test]
fn what_blst_made_verifies_and_nothing_beside_it() {
    let vectors = vectors();
    let mut signatures = 0;
    for case in vectors["cases"].as_array().unwrap() {
        let message = hex::decode(case["message"].as_str().unwrap()).unwrap();
        let list = |name: &str| case[name].as_array().unwrap().clone();
        let (keys, proofs, signed) = (list("public"), list("possession"), list("signatures"));
        for (index, key) in keys.iter().enumerate().take(8) {
            let key: [u8; 96] = bytes(key).unwrap();
            let (proof, signature): ([u8; 48], [u8; 48]) =
                (bytes(&proofs[index]).unwrap(), bytes(&signed[index]).unwrap());
            let decoded = PublicKey::decode(&key).unwrap();
            assert!(decoded.verify_possession(&proof) && verify(&key, &signature, &message));
            assert!(!decoded.verify_possession(&signature) && !verify(&key, &proof, &message));
            assert!(!verify(&key, &signature, b"another message"));
            let mut negated = signature;
            negated[0] ^= 0x20;
            assert!(!verify(&key, &negated, &message), "the point's other sign");
            let other: [u8; 48] = bytes(&proofs[(index + 1) % proofs.len()]).unwrap();
            assert!(other == proof || !decoded.verify_possession(&other));
            signatures += 1;
        }
    }
    assert!(signatures >= 4, "{signatures} signatures: the file is cut");
}

#[test]
fn what_must_be_refused_is() {
    let vectors = vectors();
    let good: [u8; 96] = bytes(&vectors["cases"][0]["public"][0]).unwrap();
    let (mut keys, mut signatures) = (0, 0);
    for case in vectors["refusals"].as_array().unwrap() {
        if let Some(key) = case.get("key").filter(|key| key.as_str().is_some_and(|key| !key.is_empty())) {
            assert!(bytes(key).is_none_or(|key| PublicKey::decode(&key).is_none()), "{}", case["comment"]);
            keys += 1;
        }
        if let Some(of) = case.get("signature").filter(|of| of.as_str().is_some_and(|of| !of.is_empty())) {
            let refused = bytes(of).is_none_or(|of| !verify(&good, &of, b"message of 1"));
            assert!(refused, "{}", case["comment"]);
            signatures += 1;
        }
    }
    assert!(keys > 2 && signatures > 2, "{keys} keys and {signatures} signatures: the file is cut");
}
