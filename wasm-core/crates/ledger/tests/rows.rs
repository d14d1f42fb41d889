//! Rows of the state that anything may stand in: each kind has one encoding, and
//! whatever else is read is refused, never a panic.

use bedrock_crypto::address;
use bedrock_ledger::epoch::{Epoch, Epochs, Jailing, Upgrade};
use bedrock_ledger::evidence::Evidence;
use bedrock_ledger::params::Params;
use bedrock_ledger::validator::{decode_names, encode_names, Validator};
use bedrock_ledger::values::{Account, RecordHead, Supply};
use proptest::prelude::*;

/// What the row says again, of every kind that it can be read as.
fn again(row: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let kinds = [
        ("account", Account::decode(Some(row)).map(|v| v.encode().to_vec())),
        ("record", RecordHead::decode(row).map(|v| v.encode(&row[RecordHead::LEN..]))),
        ("supply", Supply::decode(row).map(|v| v.encode().to_vec())),
        ("validator", Validator::decode(row).map(|v| v.encode())),
        ("names", decode_names(row).map(|v| encode_names(&v))),
        ("epochs", Epochs::decode(row).map(|v| v.encode())),
        ("epoch", Epoch::decode(row).map(|v| v.encode())),
        ("upgrade", Upgrade::decode(row).map(|v| v.encode())),
        ("jailing", Jailing::decode(row).map(|v| v.encode())),
        ("parameters", Params::decode(row).map(|v| v.encode())),
    ];
    kinds.into_iter().filter_map(|(name, row)| row.map(|row| (name, row))).collect()
}

fn judge(row: &[u8]) -> Result<(), TestCaseError> {
    for (kind, encoded) in again(row) {
        prop_assert_eq!(&encoded, row, "two encodings of one {}", kind);
    }
    let _ = Evidence::decode(row);
    Ok(())
}

fn samples() -> Vec<Vec<u8>> {
    let member = bedrock_ledger::epoch::Member {
        validator: [1; 32],
        identity: [2; 32],
        consensus_key: vec![3; 32],
        power: 9,
    };
    vec![
        Account { nonce: 4, balance: u128::MAX }.encode().to_vec(),
        RecordHead { deposit: 5, height: 6 }.encode(b"data"),
        Supply { issued: 7, burned: 8, deposits: 9 }.encode().to_vec(),
        encode_names(&[[1; 32], [2; 32]]),
        Epochs { number: 3, oldest: 1 }.encode(),
        Epoch {
            first_height: 1,
            before_ms: 2,
            executor: [4; 32],
            engine: 1,
            max_block_bytes: 5,
            max_block_gas: 6,
            members: vec![member],
        }
        .encode(),
        Upgrade { executor: [1; 32], engine: 1, not_before: 2, not_after: 3, at: 1, ready: vec![[7; 32]] }
            .encode(),
        Jailing { validator: [1; 32], epoch: 2, kind: 3, height: 4 }.encode(),
    ]
}

#[test]
fn samples_are_read_and_have_one_encoding() {
    for row in samples() {
        assert!(!again(&row).is_empty());
        assert!(judge(&row).is_ok());
    }
}

proptest! {
    #[test]
    fn any_row_is_judged(row in prop::collection::vec(any::<u8>(), 0..400)) {
        judge(&row)?;
    }

    #[test]
    fn changed_rows_are_judged(
        which in 0usize..8, at in any::<prop::sample::Index>(), to in any::<u8>(), cut in any::<prop::sample::Index>(), cuts in any::<bool>(),
    ) {
        let mut row = samples().remove(which);
        let at = at.index(row.len());
        row[at] = to;
        if cuts {
            row.truncate(cut.index(row.len()));
        }
        judge(&row)?;
    }

    #[test]
    fn any_text_is_judged_as_an_address(text in "(bed1)?[a-z0-9]{0,70}", account in any::<[u8; 32]>()) {
        if let Ok(decoded) = address::decode(&text) {
            prop_assert_eq!(address::encode(&decoded), text);
        }
        prop_assert_eq!(address::decode(&address::encode(&account)).ok(), Some(account));
    }
}
