//! Paths of pages: the first nibbles of the key hashes below them.

use std::fmt;

use crate::{Hash, MAX_DEPTH};

/// Up to 63 nibbles from the root to a page; high nibble of a byte first. Ordered by length, then nibbles.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NibblePath {
    len: u8,
    /// Nibbles after `len` are zero.
    nibbles: [u8; 32],
}

impl NibblePath {
    /// Path of the root page.
    pub const ROOT: Self = Self { len: 0, nibbles: [0; 32] };

    /// The first `len` nibbles of `key`. Panics if `len` is not below 64: no page lies deeper.
    pub fn prefix(key: &Hash, len: usize) -> Self {
        assert!(len < MAX_DEPTH, "a page's path has at most 63 nibbles");
        let mut nibbles = *key;
        let whole = len / 2;
        if len % 2 == 1 {
            nibbles[whole] &= 0xf0;
        }
        nibbles[whole + len % 2..].fill(0);
        Self { len: len as u8, nibbles }
    }

    /// Nibbles of the path, 0 to 63.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        usize::from(self.len)
    }

    /// Whether `key` lies below this path.
    pub fn covers(&self, key: &Hash) -> bool {
        Self::prefix(key, self.len()) == *self
    }

    /// Appends the encoding that the host knows: the length, then the nibbles, two a byte, the last low one
    /// zero where the length is odd.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.len);
        out.extend_from_slice(self.packed());
    }

    /// Bytes of [`Self::encode`].
    pub fn encoded_len(&self) -> usize {
        1 + self.packed().len()
    }

    /// The nibbles, two a byte, without the length.
    pub fn packed(&self) -> &[u8] {
        &self.nibbles[..self.len().div_ceil(2)]
    }

    /// Reads a path from the front of `bytes`; gives it and the rest. `None` if it is too long, cut off or
    /// not canonical.
    pub fn decode(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (&len, rest) = bytes.split_first()?;
        if usize::from(len) >= MAX_DEPTH {
            return None;
        }
        let packed = rest.get(..usize::from(len).div_ceil(2))?;
        let mut nibbles = [0u8; 32];
        nibbles[..packed.len()].copy_from_slice(packed);
        if len % 2 == 1 && packed.last()? & 0x0f != 0 {
            return None;
        }
        Some((Self { len, nibbles }, &rest[packed.len()..]))
    }
}

impl fmt::Debug for NibblePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("/")?;
        for at in 0..self.len() {
            write!(f, "{:x}", nibble(&self.nibbles, at))?;
        }
        Ok(())
    }
}

impl fmt::Display for NibblePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Nibble `at` (0 to 63) of a key, from its most significant.
#[inline(always)]
pub(crate) fn nibble(key: &Hash, at: usize) -> usize {
    let byte = key[at / 2];
    usize::from(if at.is_multiple_of(2) { byte >> 4 } else { byte & 0x0f })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodes_and_decodes() {
        let key: Hash = std::array::from_fn(|i| (i * 37 + 11) as u8);
        for len in 0..MAX_DEPTH {
            let path = NibblePath::prefix(&key, len);
            let mut bytes = Vec::new();
            path.encode(&mut bytes);
            assert_eq!(bytes.len(), path.encoded_len());
            bytes.extend_from_slice(b"rest");
            assert_eq!(NibblePath::decode(&bytes), Some((path, &b"rest"[..])));
            assert_eq!(NibblePath::decode(&bytes[..len.div_ceil(2)]), None);
            assert!(path.covers(&key));
            if len > 0 {
                let mut other = key;
                other[(len - 1) / 2] ^= if len % 2 == 1 { 0x10 } else { 0x01 };
                assert!(!path.covers(&other));
            }
        }
    }

    #[test]
    fn refuses_what_is_not_canonical() {
        assert_eq!(NibblePath::decode(&[]), None);
        assert_eq!(NibblePath::decode(&[1, 0x21]), None);
        assert_eq!(NibblePath::decode(&[[64].as_slice(), &[0; 32]].concat()), None);
        assert_eq!(format!("{:?}", NibblePath::decode(&[3, 0xab, 0xc0]).unwrap().0), "/abc");
    }
}
