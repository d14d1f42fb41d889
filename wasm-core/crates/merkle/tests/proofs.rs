//! Encoded proofs: only the right one, byte for byte, proves anything.

#![allow(clippy::unwrap_used)]

mod support;

use bedrock_merkle::proof::{End, MAX_PROOF};
use bedrock_merkle::{
    key_hash, prove, stored_base, verify_absence, verify_inclusion, Hash, Proof, ProofError,
};
use support::keys::arb_history;
use support::{Batch, Chain};

use proptest::prelude::*;

fn tree(count: u32) -> Chain {
    let mut chain = Chain::default();
    let entry = |i: u32| (key_hash(format!("key {i}").as_bytes()), Some(format!("value {i}").into_bytes()));
    chain.apply(&(0..count).map(entry).collect());
    chain
}

fn proof(chain: &mut Chain, key: &[u8]) -> Vec<u8> {
    prove(&mut chain.store, chain.base.unwrap(), &key_hash(key)).unwrap().encode()
}

#[test]
fn any_changed_byte_is_refused() {
    for count in [0u32, 1, 2, 3, 40, 700] {
        let mut chain = tree(count);
        let root = chain.root();
        for i in 0..count.min(20) {
            let (key, value) = (format!("key {i}").into_bytes(), format!("value {i}").into_bytes());
            let good = proof(&mut chain, &key);
            assert_eq!(verify_inclusion(&root, &key, &value, &good), Ok(()));
            assert_eq!(verify_inclusion(&root, &key, b"other", &good), Err(ProofError::Root));
            assert_eq!(verify_absence(&root, &key, &good), Err(ProofError::Kind));
            every_change(&good, |bad| verify_inclusion(&root, &key, &value, bad).is_err());
        }
        for i in 0..20 {
            let key = format!("absent {i}").into_bytes();
            let good = proof(&mut chain, &key);
            assert_eq!(verify_absence(&root, &key, &good), Ok(()));
            assert_eq!(verify_inclusion(&root, &key, b"", &good), Err(ProofError::Kind));
            every_change(&good, |bad| verify_absence(&root, &key, bad).is_err());
        }
    }
}

/// Each byte changed to several others, and every length other than the right one.
fn every_change(good: &[u8], refused: impl Fn(&[u8]) -> bool) {
    for at in 0..good.len() {
        for mask in [0x01, 0x02, 0x03, 0x80, 0xff] {
            let mut bad = good.to_vec();
            bad[at] ^= mask;
            assert!(refused(&bad), "byte {at} of {good:02x?}");
        }
        assert!(refused(&good[..at]), "cut to {at}");
    }
    assert!(refused(&[good, &[0]].concat()));
}

#[test]
fn a_proof_of_another_key_or_state_is_refused() {
    let mut chain = tree(40);
    let old = chain.root();
    let good = proof(&mut chain, b"key 1");
    assert!(verify_inclusion(&old, b"key 2", b"value 1", &good).is_err());
    let absent = proof(&mut chain, b"absent");
    assert!(verify_absence(&old, b"key 1", &absent).is_err());
    chain.apply(&Batch::from([(key_hash(b"absent"), Some(vec![1]))]));
    assert_eq!(verify_absence(&chain.root(), b"absent", &absent), Err(ProofError::Root));
}

#[test]
fn what_is_not_canonical_is_refused() {
    let root: Hash = [1; 32];
    let malformed = |bytes: &[u8]| match verify_absence(&root, b"key", bytes) {
        Err(ProofError::Malformed(what)) => what,
        other => panic!("{other:?}"),
    };
    let placeholder = *bedrock_merkle::EMPTY_ROOT.first_chunk::<32>().unwrap();
    assert_eq!(malformed(&[]), "cut off");
    assert_eq!(malformed(&[0, 0, 0]), "unknown kind");
    assert_eq!(malformed(&[3, 1, 1]), "more than 256 siblings");
    assert_eq!(malformed(&[3, 1, 0, 2]), "bits set after the last sibling");
    assert_eq!(malformed(&[3, 2, 0, 2]), "a placeholder at the bottom");
    assert_eq!(malformed(&[3, 1, 0, 1]), "cut off");
    assert_eq!(malformed(&[&[3, 1, 0, 1][..], &placeholder].concat()), "a placeholder spelled out");
    assert_eq!(malformed(&[3, 0, 0, 0]), "bytes after its end");
    let longest = [&[3, 0, 1][..], &[0xff; 32], &[7; 256 * 32]].concat();
    assert_eq!(verify_absence(&root, b"key", &longest), Err(ProofError::Root));
    assert_eq!(longest.len() + 64, MAX_PROOF);
}

#[test]
fn an_empty_tree_proves_absence_only() {
    let mut chain = tree(0);
    let bytes = proof(&mut chain, b"anything");
    assert_eq!(bytes, [3, 0, 0]);
    assert_eq!(verify_absence(&chain.root(), b"anything", &bytes), Ok(()));
}

proptest! {
    #[test]
    fn encoding_and_decoding(history in arb_history()) {
        let mut chain = Chain::default();
        for batch in &history {
            chain.apply(batch);
        }
        let base = chain.base.unwrap();
        prop_assert_eq!(stored_base(&mut chain.store, base.version), Ok(base));
        for key in history.iter().flat_map(|batch| batch.keys()) {
            let proof = prove(&mut chain.store, base, key).unwrap();
            let value = match proof.end { End::Present(value) => Some(value), _ => None };
            let bytes = proof.encode();
            prop_assert!(bytes.len() <= MAX_PROOF);
            prop_assert_eq!(Proof::decode(&bytes, value), Ok(proof));
        }
    }

    #[test]
    fn any_bytes_are_decoded_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        for value in [None, Some([0; 32])] {
            if let Ok(proof) = Proof::decode(&bytes, value) {
                prop_assert_eq!(proof.encode(), bytes.clone());
            }
        }
    }
}
