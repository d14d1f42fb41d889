//! Account addresses: 32 bytes (SHA-256 of the public key), shown as bech32m (BIP-350) with the prefix `bed`.

use std::fmt;

use crate::sha256;

/// Human-readable prefix of an address.
pub const PREFIX: &str = "bed";
/// Characters of an address: prefix, separator, 52 of data, 6 of checksum.
pub const TEXT_LEN: usize = 62;

const DATA_CHARS: usize = 52;
const CHECKSUM_CHARS: usize = 6;
const BECH32M: u32 = 0x2bc8_30a3;
const ALPHABET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];

/// Why a text is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressError {
    /// Not [`TEXT_LEN`] characters.
    Length(usize),
    /// Does not begin with `bed1`.
    Prefix,
    /// Upper and lower case, or a character outside the alphabet, at this place (from 0).
    Character(usize),
    /// The checksum does not fit: mistyped.
    Checksum,
    /// The four bits after the last byte are not zero.
    Padding,
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length(n) => write!(f, "an address has {TEXT_LEN} characters, this has {n}"),
            Self::Prefix => write!(f, "an address begins with {PREFIX}1"),
            Self::Character(at) => write!(f, "no address has this character at place {}", at + 1),
            Self::Checksum => write!(f, "the address is mistyped: its checksum does not fit"),
            Self::Padding => write!(f, "the address is not in its canonical form"),
        }
    }
}

impl std::error::Error for AddressError {}

/// The address of an account by its public key.
pub fn of_public_key(key: &[u8; 32]) -> [u8; 32] {
    sha256::hash(key)
}

/// The address of each key, in order.
pub fn of_public_keys<'a>(keys: impl Iterator<Item = &'a [u8; 32]>) -> Vec<[u8; 32]> {
    sha256::hash_list(&keys.map(|key| &key[..]).collect::<Vec<_>>())
}

/// The text of an address.
pub fn encode(address: &[u8; 32]) -> String {
    let mut values = to_fives(address);
    let checksum = checksum(&values, [0; CHECKSUM_CHARS]) ^ BECH32M;
    values.extend((0..CHECKSUM_CHARS).rev().map(|i| (checksum >> (5 * i)) as u8 & 31));
    let data = values.iter().map(|&value| char::from(ALPHABET[usize::from(value)]));
    PREFIX.chars().chain(std::iter::once('1')).chain(data).collect()
}

/// Reads the text of an address. Only the lower-case form is taken: one text for each address.
pub fn decode(text: &str) -> Result<[u8; 32], AddressError> {
    if text.len() != TEXT_LEN {
        return Err(AddressError::Length(text.len()));
    }
    let data =
        text.strip_prefix(PREFIX).and_then(|rest| rest.strip_prefix('1')).ok_or(AddressError::Prefix)?;
    let mut values = Vec::with_capacity(data.len());
    for (at, byte) in data.bytes().enumerate() {
        let value = ALPHABET.iter().position(|&letter| letter == byte);
        values.push(value.ok_or(AddressError::Character(at + PREFIX.len() + 1))? as u8);
    }
    let (values, sum) = values.split_at(DATA_CHARS);
    let sum = sum.try_into().map_err(|_| AddressError::Length(text.len()))?;
    if checksum(values, sum) != BECH32M {
        return Err(AddressError::Checksum);
    }
    from_fives(values).ok_or(AddressError::Padding)
}

/// The BCH checksum over prefix, data and the last six values.
fn checksum(values: &[u8], last: [u8; CHECKSUM_CHARS]) -> u32 {
    let prefix = PREFIX.bytes();
    let expanded = prefix.clone().map(|c| c >> 5).chain([0]).chain(prefix.map(|c| c & 31));
    expanded.chain(values.iter().copied()).chain(last).fold(1u32, |state, value| {
        let top = state >> 25;
        let next = (state & 0x01ff_ffff) << 5 ^ u32::from(value);
        GENERATOR.iter().enumerate().filter(|(i, _)| top >> i & 1 == 1).fold(next, |sum, (_, g)| sum ^ g)
    })
}

fn to_fives(bytes: &[u8; 32]) -> Vec<u8> {
    let mut out = Vec::with_capacity(DATA_CHARS + CHECKSUM_CHARS);
    let (mut bits, mut held) = (0u32, 0u32);
    for &byte in bytes {
        bits = (bits << 8 | u32::from(byte)) & 0xfff;
        held += 8;
        while held >= 5 {
            held -= 5;
            out.push((bits >> held) as u8 & 31);
        }
    }
    out.push((bits << (5 - held)) as u8 & 31);
    out
}

/// `None` if the bits after the last byte are not zero.
fn from_fives(values: &[u8]) -> Option<[u8; 32]> {
    let mut out = [0u8; 32];
    let (mut bits, mut held, mut at) = (0u32, 0u32, 0usize);
    for &value in values {
        bits = (bits << 5 | u32::from(value)) & 0xfff;
        held += 5;
        if held >= 8 {
            held -= 8;
            *out.get_mut(at)? = (bits >> held) as u8;
            at += 1;
        }
    }
    (at == out.len() && bits & ((1 << held) - 1) == 0).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_known_addresses() {
        for (byte, text) in [
            (0x00, "bed1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqlx7y5h"),
            (0xff, "bed1lllllllllllllllllllllllllllllllllllllllllllllllllllsaca4aq"),
        ] {
            assert_eq!(encode(&[byte; 32]), text);
            assert_eq!(decode(text), Ok([byte; 32]));
        }
    }

    #[test]
    fn agrees_with_the_bech32_crate() {
        let hrp = bech32::Hrp::parse(PREFIX).unwrap();
        for seed in 0..200u32 {
            let address = sha256::hash(&seed.to_le_bytes());
            let text = bech32::encode::<bech32::Bech32m>(hrp, &address).unwrap();
            assert_eq!(encode(&address), text);
            assert_eq!(decode(&text), Ok(address));
        }
    }

    #[test]
    fn every_changed_character_is_refused() {
        let text = encode(&sha256::hash(b"someone"));
        assert_eq!(text.len(), TEXT_LEN);
        for at in 0..text.len() {
            for letter in ALPHABET.iter().chain(b"bBQ1 ") {
                let mut changed = text.clone().into_bytes();
                changed[at] = *letter;
                let changed = String::from_utf8(changed).unwrap();
                assert_eq!(decode(&changed).is_ok(), changed == text, "{changed}");
            }
        }
    }

    #[test]
    fn other_forms_are_refused() {
        let text = encode(&[7; 32]);
        assert_eq!(decode(&text[1..]), Err(AddressError::Length(61)));
        assert_eq!(decode(&text.to_uppercase()), Err(AddressError::Prefix));
        assert_eq!(decode(&format!("{}é", &text[..60])), Err(AddressError::Character(60)));
        assert_eq!(decode(&format!("cos{}", &text[3..])), Err(AddressError::Prefix));
        assert_eq!(decode(""), Err(AddressError::Length(0)));
    }

    #[test]
    fn nonzero_padding_is_refused() {
        let mut values = to_fives(&[7; 32]);
        *values.last_mut().unwrap() |= 1;
        let sum = checksum(&values, [0; 6]) ^ BECH32M;
        values.extend((0..6).rev().map(|i| (sum >> (5 * i)) as u8 & 31));
        let text: String = values.iter().map(|&v| char::from(ALPHABET[usize::from(v)])).collect();
        assert_eq!(decode(&format!("bed1{text}")), Err(AddressError::Padding));
    }
}
