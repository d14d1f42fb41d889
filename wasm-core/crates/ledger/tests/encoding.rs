//! One encoding of each transaction: what decodes encodes to the same bytes,
//! and everything else is refused.

mod fixture;

use bedrock_ledger::operation::{Governance, Settings};
use bedrock_ledger::transaction::{
    encode, encode_cosigned, Body, DecodeError, Operation, Transaction, HEAD_BYTES, MAX_BYTES,
};
use bedrock_replay::load::{Signer, GENESIS_HASH};
use bedrock_replay::network;
use fixture::{batch, entries};
use proptest::prelude::*;

fn samples() -> Vec<Vec<u8>> {
    let signer = Signer::new(1, 1);
    let list = entries(&[([1; 32], 1), ([2; 32], u128::MAX)]);
    let operations = [
        Operation::Transfer { to: &[9; 32], amount: 5 },
        batch(&list),
        Operation::RecordPut { key: b"key", data: b"" },
        Operation::RecordPut { key: &[1; 200], data: &[2; 60_000] },
        Operation::RecordDelete { key: b"k" },
    ];
    let payments = operations.iter().map(|&operation| signer.transaction(3, operation));
    payments.chain(governance()).collect()
}

/// One of each operation of governance.
fn governance() -> Vec<Vec<u8>> {
    let (node, key) = (network::identity(0, 0), network::delegate(0));
    let (validator, identity) = (&network::name(0), &node.public);
    let settings = [[1; 9], [2; 9]];
    let keys = [[1; 32], [2; 32]];
    vec![
        network::join(1, 5),
        network::ready(1, 0),
        network::rotate(0, 0, 1, 9, None),
        network::rotate(0, 0, 1, 9, Some(4)),
        network::pay(&key, 1, 0, Governance::Delegate { validator, delegate: &[7; 32] }),
        network::leave(0, 0, 1),
        network::free(&key, 3, Governance::Maintain { validator, expected: 0, end: 9 }),
        network::free(
            &node,
            3,
            Governance::ModuleReady { validator, identity, executor: &[3; 32], engine: 1 },
        ),
        network::weigh(0, 1, &[(0, 5), (1, 0), (2, 7)]),
        network::govern(1, Governance::SetParameters(Settings::new(&settings))),
        network::govern(1, Governance::SetAuthority { threshold: 2, keys: &keys }),
        network::govern(
            1,
            Governance::Schedule { executor: &[3; 32], engine: 1, not_before: 4, not_after: 5 },
        ),
        network::govern(1, Governance::Cancel { executor: &[3; 32] }),
    ]
}

/// What a decoded transaction encodes to.
fn again(transaction: &Transaction<'_>) -> Vec<u8> {
    let cosigners: Vec<_> = transaction.cosigners.iter().map(|(key, signature)| (*key, *signature)).collect();
    encode_cosigned(&transaction.body.encode(), transaction.signature, &cosigners)
}

#[test]
fn samples_decode_to_what_they_encode_to() {
    for bytes in samples() {
        let transaction = Transaction::decode(&bytes).unwrap();
        assert_eq!(transaction.body.encode(), transaction.signed);
        assert_eq!(again(&transaction), bytes);
    }
}

#[test]
fn every_cut_and_every_longer_form_is_refused() {
    for bytes in samples().into_iter().filter(|bytes| bytes.len() < 1_000) {
        for len in 0..bytes.len() {
            assert!(Transaction::decode(&bytes[..len]).is_err(), "{len} of {}", bytes.len());
        }
        let mut longer = bytes.clone();
        longer.push(0);
        assert!(Transaction::decode(&longer).is_err());
    }
}

#[test]
fn bounds_are_kept() {
    let signer = Signer::new(1, 1);
    let body = |operation| {
        let body = Body {
            genesis_hash: &GENESIS_HASH,
            payer: &signer.public,
            nonce: 0,
            gas_limit: 1,
            gas_price: 1,
            valid_until: 0,
            operation,
        };
        encode(&body.encode(), &[0; 64])
    };
    let none = entries(&[]);
    let many = entries(&vec![([1; 32], 1); 1_001]);
    let zero = entries(&[([1; 32], 1), ([1; 32], 0)]);
    for operation in [
        Operation::Transfer { to: &[1; 32], amount: 0 },
        batch(&none),
        batch(&many),
        batch(&zero),
        Operation::RecordPut { key: b"", data: b"x" },
        Operation::RecordPut { key: &[1; 201], data: b"x" },
        Operation::RecordPut { key: b"k", data: &[1; 60_001] },
        Operation::RecordDelete { key: b"" },
    ] {
        let bytes = body(operation);
        assert!(matches!(Transaction::decode(&bytes), Err(DecodeError::Malformed(_))), "{operation:?}");
    }
    assert!(Transaction::decode(&vec![0; MAX_BYTES + 1]).is_err());
    let mut reserved = body(Operation::RecordDelete { key: b"k" });
    for number in [0u8, 5, 15, 23, 31, 37, 63, 64, 255] {
        reserved[4 + HEAD_BYTES] = number;
        assert_eq!(Transaction::decode(&reserved).err(), Some(DecodeError::UnknownOperation(number)));
    }
}

#[test]
fn another_count_of_signatures_is_refused() {
    let bytes = samples().remove(0);
    let at = bytes.len() - 65;
    for count in [0, 2, 255] {
        let mut changed = bytes.clone();
        changed[at] = count;
        assert!(Transaction::decode(&changed).is_err());
    }
}

proptest! {
    #[test]
    fn what_decodes_is_canonical(which in 0usize..18, at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let mut bytes = samples().remove(which);
        let at = at.index(bytes.len());
        bytes[at] = to;
        if let Ok(transaction) = Transaction::decode(&bytes) {
            prop_assert_eq!(again(&transaction), bytes);
        }
    }

    #[test]
    fn any_bytes_are_judged(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(transaction) = Transaction::decode(&bytes) {
            prop_assert_eq!(again(&transaction), bytes);
        }
    }
}
