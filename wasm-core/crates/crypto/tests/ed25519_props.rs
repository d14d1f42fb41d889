//! Batches of good and broken signatures: each verdict is that of a single verification, and of `ed25519-zebra`.

#![allow(clippy::unwrap_used, missing_docs)]

use bedrock_crypto::ed25519::{verify, verify_batch, Key, PublicKey, Signed, MAX_BATCH};
use ed25519_zebra::{SigningKey, VerificationKey};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;

#[derive(Clone, Debug)]
struct Item {
    key: [u8; 32],
    signature: [u8; 64],
    message: Vec<u8>,
    decoded: bool,
}

/// One of a few signers, so that keys repeat; at times with a bit of key or signature flipped.
fn arb_item(broken_of_ten: u32) -> impl Strategy<Value = Item> {
    let flip = prop_oneof![
        10 - broken_of_ten => Just(None),
        broken_of_ten => (0usize..96, 0u8..8).prop_map(Some),
    ];
    (0u8..6, prop::collection::vec(any::<u8>(), 0..40), flip, any::<bool>()).prop_map(
        |(signer, message, flip, decoded)| {
            let secret = SigningKey::from([signer; 32]);
            let mut key: [u8; 32] = VerificationKey::from(&secret).into();
            let mut signature: [u8; 64] = secret.sign(&message).into();
            if let Some((at, bit)) = flip {
                *if at < 32 { &mut key[at] } else { &mut signature[at - 32] } ^= 1 << bit;
            }
            Item { key, signature, message, decoded }
        },
    )
}

fn check(items: &[Item]) {
    let keys: Vec<_> = items.iter().map(|item| PublicKey::decode(&item.key)).collect();
    let signed: Vec<_> = items
        .iter()
        .zip(&keys)
        .map(|(item, key)| Signed {
            key: key.as_ref().filter(|_| item.decoded).map_or(Key::Encoded(&item.key), Key::Decoded),
            signature: &item.signature,
            message: &item.message,
        })
        .collect();
    let singly: Vec<_> = items.iter().map(|item| verify(&item.key, &item.signature, &item.message)).collect();
    let zebra: Vec<_> = items
        .iter()
        .map(|item| {
            VerificationKey::try_from(item.key)
                .and_then(|key| key.verify(&item.signature.into(), &item.message))
                .is_ok()
        })
        .collect();
    assert_eq!(verify_batch(&signed), singly);
    assert_eq!(singly, zebra);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn verdicts_agree(items in prop_oneof![
        prop::collection::vec(arb_item(0), 0..20),
        prop::collection::vec(arb_item(1), 0..20),
        prop::collection::vec(arb_item(7), 0..20),
    ]) {
        check(&items);
    }
}

#[test]
fn lists_longer_than_one_batch() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let strategy = prop::collection::vec(arb_item(0), MAX_BATCH + 3);
    let mut items = strategy.new_tree(&mut runner).unwrap().current();
    check(&items);
    items[MAX_BATCH + 1].signature[40] ^= 4;
    check(&items);
    assert_eq!(verify_batch(&[]), Vec::<bool>::new());
}
