//! Paths of queries. Each names one state key, whose row is the answer, so
//! that every answer can be proven (docs/encodings.md, "Ledger queries").

use crate::codes;
use crate::keys;
use bedrock_crypto::address;
use bedrock_sdk::Refusal;

const PATHS: &str =
    "paths are account/, record/, fee_owner/, params, supply, schema, authority, validators, \
    validator/, key_holder/, epochs, epoch/, upgrade, module_ready/, evidence/ and key";

/// The state key that a path names.
pub(crate) fn state_key(path: &str, data: &[u8]) -> Result<Vec<u8>, Refusal> {
    let (kind, rest) = path.split_once('/').unwrap_or((path, ""));
    match (kind, rest) {
        ("account", who) => Ok(keys::account(&parse_address(who)?).to_vec()),
        ("record", rest) => {
            let (owner, key) = rest.split_once('/').unwrap_or((rest, ""));
            let key = if key.is_empty() { data } else { key.as_bytes() };
            if key.is_empty() || key.len() > keys::MAX_RECORD_KEY_BYTES {
                return Err(bad(
                    "a record's key has 1 to 200 bytes: record/<owner>/<key>, or the key as data",
                ));
            }
            Ok(keys::record(&parse_address(owner)?, key))
        }
        ("fee_owner", identity) => Ok(keys::fee_owner(&parse_hex(identity)?).to_vec()),
        ("params", "") => Ok(vec![keys::PARAMS]),
        ("supply", "") => Ok(vec![keys::SUPPLY]),
        ("schema", "") => Ok(vec![keys::SCHEMA]),
        ("authority", "") => Ok(vec![keys::AUTHORITY]),
        ("validators", "") => Ok(vec![keys::VALIDATOR]),
        ("validator", name) => Ok(keys::validator(&parse_hex(name)?).to_vec()),
        ("key_holder", "") if (1..=256).contains(&data.len()) => Ok(keys::key_holder(data).to_vec()),
        ("key_holder", key) => Ok(keys::key_holder(&parse_hex(key)?).to_vec()),
        ("epochs", "") => Ok(vec![keys::EPOCH]),
        ("epoch", number) => Ok(keys::epoch(parse_number(number)?).to_vec()),
        ("upgrade", "") => Ok(vec![keys::UPGRADE]),
        ("module_ready", name) => Ok(keys::module_ready(&parse_hex(name)?).to_vec()),
        ("evidence", hash) => Ok(keys::evidence(&parse_hex(hash)?).to_vec()),
        ("key", "") if (1..=256).contains(&data.len()) => Ok(data.to_vec()),
        ("key", "") => Err(bad("a raw state key has 1 to 256 bytes, given as data")),
        _ => Err(bad(PATHS)),
    }
}

fn bad(log: &str) -> Refusal {
    Refusal::new(codes::BAD_QUERY, log)
}

/// An address as bech32m or as 64 hexadecimal digits.
pub(crate) fn parse_address(text: &str) -> Result<[u8; 32], Refusal> {
    if text.len() == 64 {
        return parse_hex(text);
    }
    address::decode(text).map_err(|error| Refusal::new(codes::BAD_QUERY, format!("{text:?}: {error}")))
}

/// A number as decimal digits, without leading zeros.
fn parse_number(text: &str) -> Result<u64, Refusal> {
    let canonical = text == "0" || !text.starts_with(['0', '+']);
    text.parse().ok().filter(|_| canonical).ok_or_else(|| bad("an epoch's number has decimal digits"))
}

/// 32 bytes as lower-case hexadecimal digits.
pub(crate) fn parse_hex(text: &str) -> Result<[u8; 32], Refusal> {
    let mut out = [0; 32];
    let (pairs, odd) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != out.len() || !odd.is_empty() {
        return Err(bad("32 bytes are 64 hexadecimal digits"));
    }
    for (byte, [high, low]) in out.iter_mut().zip(pairs) {
        match (digit(*high), digit(*low)) {
            (Some(high), Some(low)) => *byte = high << 4 | low,
            _ => return Err(bad("hexadecimal digits are 0-9 and a-f")),
        }
    }
    Ok(out)
}

fn digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'f' => Some(character - b'a' + 10),
        _ => None,
    }
}
