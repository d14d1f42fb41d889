//! `test/vectors/ed25519_zip215.json`: the points on which implementations disagree, judged the same singly, in
//! batches, by `ed25519-zebra`, and by Go on the same file.
//!
//! `UPDATE_VECTORS=1 cargo test -p bedrock-crypto --test ed25519_vectors` writes the file anew.

#![allow(clippy::unwrap_used, missing_docs)]

use bedrock_crypto::ed25519::{verify, verify_batch, Key, Signed};
use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use curve25519_dalek::edwards::CompressedEdwardsY;
use curve25519_dalek::scalar::Scalar;
use serde_json::{json, Value};
use sha2::{Digest, Sha512};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../test/vectors/ed25519_zip215.json");

struct Case {
    note: String,
    key: [u8; 32],
    message: Vec<u8>,
    signature: [u8; 64],
    valid: bool,
}

fn hashed(parts: &[&[u8]]) -> Scalar {
    let mut hasher = Sha512::new();
    for part in parts {
        hasher.update(part);
    }
    Scalar::from_bytes_mod_order_wide(&hasher.finalize().into())
}

fn joined(r: &[u8; 32], s: &[u8; 32]) -> [u8; 64] {
    let mut out = [0; 64];
    out[..32].copy_from_slice(r);
    out[32..].copy_from_slice(s);
    out
}

/// A signature by the secret scalar of `seed`, its key and its R each moved by a point of small order.
fn signed(seed: &str, message: &[u8], key_part: usize, r_part: usize) -> ([u8; 32], [u8; 64]) {
    let (secret, nonce) = (hashed(&[b"secret", seed.as_bytes()]), hashed(&[b"nonce", seed.as_bytes()]));
    let key = (secret * ED25519_BASEPOINT_POINT + EIGHT_TORSION[key_part]).compress().0;
    let r = (nonce * ED25519_BASEPOINT_POINT + EIGHT_TORSION[r_part]).compress().0;
    let s = nonce + hashed(&[&r, &key, message]) * secret;
    (key, joined(&r, s.as_bytes()))
}

/// Every encoding of a point of small order: 8 canonical ones, and 6 with `y >= p` or a sign without an x.
fn small_order_encodings() -> Vec<[u8; 32]> {
    let mut candidates: Vec<[u8; 32]> = EIGHT_TORSION.iter().map(|point| point.compress().0).collect();
    // p + y for the y of a point of small order that leaves room for it: 0 and 1.
    for y in [0u8, 1] {
        let mut bytes = [0xff; 32];
        bytes[0] = 0xed + y;
        bytes[31] = 0x7f;
        candidates.push(bytes);
    }
    let mut all: Vec<[u8; 32]> = Vec::new();
    for candidate in candidates {
        for sign in [0u8, 0x80] {
            let mut bytes = candidate;
            bytes[31] = bytes[31] & 0x7f | sign;
            let small = CompressedEdwardsY(bytes).decompress().is_some_and(|point| point.is_small_order());
            if small && !all.contains(&bytes) {
                all.push(bytes);
            }
        }
    }
    all.sort_unstable();
    all
}

fn small_order() -> Vec<Case> {
    let encodings = small_order_encodings();
    assert_eq!(encodings.len(), 14);
    let mut cases = Vec::new();
    for key in &encodings {
        for r in &encodings {
            // [8][0]B = [8]R + [8][k]A holds for all of them.
            let note = "key and R of small order, s = 0".to_string();
            cases.push(Case {
                note,
                key: *key,
                message: b"Zcash".into(),
                signature: joined(r, &[0; 32]),
                valid: true,
            });
        }
        let mut one = [0; 32];
        one[0] = 1;
        let note = "key and R of small order, s = 1".to_string();
        cases.push(Case {
            note,
            key: *key,
            message: b"Zcash".into(),
            signature: joined(key, &one),
            valid: false,
        });
    }
    cases
}

fn mixed_order() -> Vec<Case> {
    let mut cases = Vec::new();
    for key_part in 0..8 {
        for r_part in 0..8 {
            let message = format!("mixed {key_part} {r_part}").into_bytes();
            let (key, signature) = signed("mixed", &message, key_part, r_part);
            let note = format!("key plus torsion point {key_part}, R plus {r_part}");
            cases.push(Case { note, key, message, signature, valid: true });
        }
    }
    // R of small order in its other encodings under an honest key: s = k a.
    for r in small_order_encodings() {
        let secret = hashed(&[b"secret", b"honest"]);
        let key = (secret * ED25519_BASEPOINT_POINT).compress().0;
        let message = b"R of small order".to_vec();
        let s = hashed(&[&r, &key, &message]) * secret;
        let note = "honest key, R of small order".to_string();
        cases.push(Case { note, key, message, signature: joined(&r, s.as_bytes()), valid: true });
    }
    // A key of small order, R honest: s = r.
    for key in small_order_encodings() {
        let nonce = hashed(&[b"nonce", b"honest"]);
        let r = (nonce * ED25519_BASEPOINT_POINT).compress().0;
        let note = "key of small order, honest R".to_string();
        cases.push(Case {
            note,
            key,
            message: b"any".into(),
            signature: joined(&r, nonce.as_bytes()),
            valid: true,
        });
    }
    cases
}

/// The order of the group, little-endian.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

fn plus_order(s: &[u8]) -> [u8; 32] {
    let mut carry = 0u16;
    std::array::from_fn(|i| {
        let sum = u16::from(s[i]) + u16::from(ORDER[i]) + carry;
        carry = sum >> 8;
        sum as u8
    })
}

fn ordinary() -> Vec<Case> {
    let message = b"an ordinary message".to_vec();
    let (key, good) = signed("ordinary", &message, 0, 0);
    let case = |note: &str, key: [u8; 32], message: &[u8], signature: [u8; 64], valid: bool| Case {
        note: note.into(),
        key,
        message: message.to_vec(),
        signature,
        valid,
    };
    let with = |at: usize, mask: u8| {
        let mut bytes = good;
        bytes[at] ^= mask;
        bytes
    };
    let off_curve = (0u8..).map(|y| std::array::from_fn::<u8, 32, _>(|i| if i == 0 { y } else { 0 }));
    let off_curve = off_curve.into_iter().find(|y| CompressedEdwardsY(*y).decompress().is_none()).unwrap();
    let (empty_key, empty) = signed("empty", b"", 0, 0);
    let (other_key, _) = signed("other", &message, 0, 0);
    let r: [u8; 32] = good[..32].try_into().unwrap();
    vec![
        case("valid", key, &message, good, true),
        case("valid, empty message", empty_key, b"", empty, true),
        case("another message", key, b"another message", good, false),
        case("another key", other_key, &message, good, false),
        case("R changed", key, &message, with(0, 1), false),
        case("R's sign changed", key, &message, with(31, 0x80), false),
        case("s changed", key, &message, with(32, 1), false),
        case("s plus the order", key, &message, joined(&r, &plus_order(&good[32..])), false),
        case("s is the order", key, &message, joined(&r, &ORDER), false),
        case("s with its highest bit", key, &message, with(63, 0x80), false),
        case("s with the bit above the order", key, &message, with(63, 0x20), false),
        case("R off the curve", key, &message, joined(&off_curve, good[32..].try_into().unwrap()), false),
        case("key off the curve", off_curve, &message, good, false),
        case("all zero but the key", key, &message, [0; 64], false),
        case("all ones", key, &message, [0xff; 64], false),
    ]
}

fn cases() -> Vec<Case> {
    [ordinary(), small_order(), mixed_order()].into_iter().flatten().collect()
}

fn signed_of(case: &Case) -> Signed<'_> {
    Signed { key: Key::Encoded(&case.key), signature: &case.signature, message: &case.message }
}

#[test]
fn the_file_is_what_is_generated() {
    let list: Vec<Value> = cases()
        .iter()
        .map(|case| {
            json!({
                "note": case.note, "public_key": hex::encode(case.key), "message": hex::encode(&case.message),
                "signature": hex::encode(case.signature), "valid": case.valid,
            })
        })
        .collect();
    let text = serde_json::to_string_pretty(&json!({ "cases": list })).unwrap() + "\n";
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        std::fs::write(FILE, &text).unwrap();
    }
    let stored = std::fs::read_to_string(FILE).unwrap();
    assert!(
        stored == text,
        "test/vectors/ed25519_zip215.json is not what is generated: see this test's comment"
    );
}

#[test]
fn single_verdicts() {
    for case in cases() {
        assert_eq!(verify(&case.key, &case.signature, &case.message), case.valid, "{}", case.note);
        let zebra = ed25519_zebra::VerificationKey::try_from(case.key)
            .and_then(|key| key.verify(&case.signature.into(), &case.message));
        assert_eq!(zebra.is_ok(), case.valid, "ed25519-zebra: {}", case.note);
    }
}

#[test]
fn verdicts_in_any_batch() {
    let cases = cases();
    let all: Vec<_> = cases.iter().map(signed_of).collect();
    let expected: Vec<_> = cases.iter().map(|case| case.valid).collect();
    assert_eq!(verify_batch(&all), expected);
    // Only valid ones: the equation itself holds, none is looked at again.
    let valid: Vec<_> = cases.iter().filter(|case| case.valid).map(signed_of).collect();
    assert_eq!(verify_batch(&valid), vec![true; valid.len()]);
    // Each beside an honest one and alone.
    for (case, signed) in cases.iter().zip(&all) {
        assert_eq!(verify_batch(&[*signed]), [case.valid], "{}", case.note);
        assert_eq!(verify_batch(&[all[0], *signed]), [true, case.valid], "{}", case.note);
        assert_eq!(
            verify_batch(&[*signed, all[0], *signed]),
            [case.valid, true, case.valid],
            "{}",
            case.note
        );
    }
}
