//! Proofs that a key has a value, or has none, and their encoding.
//!
//! A proof is jmt's native one: where the way to the key ends, and the siblings on it from there to the root.
//! Its encoding, integers little-endian:
//!
//! ```text
//! kind      u8    1: the key's own leaf; 2: another leaf, alone in the subtree where the key would be;
//!                 3: an empty subtree
//! leaf      64    kind 2 only: the other leaf's key hash and value hash
//! count     u16   siblings, 0 to 256
//! bitmap    ceil(count / 8)   bit i (of byte i / 8, lowest first): sibling i is not the placeholder
//! siblings  32 each           those, from the bottom to the root
//! ```
//!
//! There is one encoding of a proof, and one proof of a key under a root: unused bits are zero, a placeholder is
//! never spelled out, the sibling at the bottom is never one (the subtree would end higher up), nothing follows.
//! So a proof with any byte changed is refused. The key and the value themselves are not in it.

use std::fmt;

use crate::hashing::Kind;
use crate::page::NODE;
use crate::{key_hash, value_hash, Hash, Leaf, EMPTY_ROOT};

/// Most siblings: one a bit of the key.
pub const MAX_SIBLINGS: usize = 256;
/// Bytes of the longest encoded proof.
pub const MAX_PROOF: usize = 1 + 64 + 2 + MAX_SIBLINGS / 8 + MAX_SIBLINGS * 32;

const KIND_PRESENT: u8 = 1;
const KIND_OTHER: u8 = 2;
const KIND_EMPTY: u8 = 3;

/// Where the way to a key ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// At its leaf, with this value hash, which the encoding leaves out.
    Present(Hash),
    /// At the leaf of another key.
    Other(Leaf),
    /// At nothing.
    Empty,
}

/// A proof for one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Where the way to the key ends.
    pub end: End,
    /// Hashes beside the way, from the bottom to the root, at most [`MAX_SIBLINGS`].
    pub siblings: Vec<Hash>,
}

/// Why a proof proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProofError {
    /// Not an encoding, or not the canonical one; says what is wrong.
    Malformed(&'static str),
    /// It is of the other kind: of absence where inclusion was claimed, or the reverse.
    Kind,
    /// The other leaf is not one that the key's absence follows from.
    OtherLeaf,
    /// It leads to another root: of another state, key or value.
    Root,
}

impl fmt::Display for ProofError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(what) => write!(f, "malformed state proof: {what}"),
            Self::Kind => write!(f, "the state proof is of the other kind (inclusion, absence)"),
            Self::OtherLeaf => write!(f, "the state proof's other leaf does not show the key's absence"),
            Self::Root => write!(f, "the state proof leads to another root: other state, key or value"),
        }
    }
}

impl std::error::Error for ProofError {}

/// Checks that under `root` the raw key `key` has `value`.
pub fn verify_inclusion(root: &Hash, key: &[u8], value: &[u8], proof: &[u8]) -> Result<(), ProofError> {
    let key = key_hash(key);
    let proof = Proof::decode(proof, Some(value_hash(value)))?;
    match proof.end {
        End::Present(_) => proof.check(root, &key),
        End::Other(_) | End::Empty => Err(ProofError::Kind),
    }
}

/// Checks that under `root` the raw key `key` has no value.
pub fn verify_absence(root: &Hash, key: &[u8], proof: &[u8]) -> Result<(), ProofError> {
    Proof::decode(proof, None)?.check(root, &key_hash(key))
}

impl Proof {
    /// Checks the proof for the key hash `key`: that it leads to `root`, and that the key's value, or its
    /// absence, follows.
    pub fn check(&self, root: &Hash, key: &Hash) -> Result<(), ProofError> {
        if let End::Other(leaf) = self.end {
            if leaf.key == *key || common_bits(&leaf.key, key) < self.siblings.len() {
                return Err(ProofError::OtherLeaf);
            }
        }
        if self.root(key) == *root {
            Ok(())
        } else {
            Err(ProofError::Root)
        }
    }

    /// The root that the proof leads to for `key`.
    pub fn root(&self, key: &Hash) -> Hash {
        let bottom = match self.end {
            End::Present(value) => leaf_hash(key, &value),
            End::Other(leaf) => leaf_hash(&leaf.key, &leaf.value),
            End::Empty => EMPTY_ROOT,
        };
        let depths = (0..self.siblings.len()).rev();
        self.siblings.iter().zip(depths).fold(bottom, |hash, (sibling, depth)| {
            let mut body = [0; NODE];
            let right = bit(key, depth);
            let (left_part, right_part) = if right { (sibling, &hash) } else { (&hash, sibling) };
            body[..32].copy_from_slice(left_part);
            body[32..].copy_from_slice(right_part);
            Kind::Node.one(&body)
        })
    }

    /// The encoding.
    pub fn encode(&self) -> Vec<u8> {
        let count = self.siblings.len();
        let mut out = Vec::with_capacity(1 + NODE + 2 + count.div_ceil(8) + count * 32);
        match self.end {
            End::Present(_) => out.push(KIND_PRESENT),
            End::Other(leaf) => {
                out.push(KIND_OTHER);
                out.extend_from_slice(&leaf.key);
                out.extend_from_slice(&leaf.value);
            }
            End::Empty => out.push(KIND_EMPTY),
        }
        out.extend_from_slice(&(count as u16).to_le_bytes());
        let bitmap = out.len();
        out.resize(bitmap + count.div_ceil(8), 0);
        for (i, sibling) in self.siblings.iter().enumerate() {
            if *sibling != EMPTY_ROOT {
                out[bitmap + i / 8] |= 1 << (i % 8);
                out.extend_from_slice(sibling);
            }
        }
        out
    }

    /// Reads an encoding. `value` is the value hash that inclusion is claimed of, `None` where absence is: a
    /// proof of the other kind is refused.
    pub fn decode(bytes: &[u8], value: Option<Hash>) -> Result<Self, ProofError> {
        let mut rest = bytes;
        let end = match (take::<1>(&mut rest)?, value) {
            ([KIND_PRESENT], Some(value)) => End::Present(value),
            ([KIND_OTHER], None) => End::Other(Leaf { key: take(&mut rest)?, value: take(&mut rest)? }),
            ([KIND_EMPTY], None) => End::Empty,
            ([KIND_PRESENT | KIND_OTHER | KIND_EMPTY], _) => return Err(ProofError::Kind),
            _ => return Err(ProofError::Malformed("unknown kind")),
        };
        let siblings = take_siblings(&mut rest)?;
        if !rest.is_empty() {
            return Err(ProofError::Malformed("bytes after its end"));
        }
        Ok(Self { end, siblings })
    }
}

fn take_siblings(rest: &mut &[u8]) -> Result<Vec<Hash>, ProofError> {
    let count = usize::from(u16::from_le_bytes(take(rest)?));
    if count > MAX_SIBLINGS {
        return Err(ProofError::Malformed("more than 256 siblings"));
    }
    let (bitmap, after) = rest.split_at_checked(count.div_ceil(8)).ok_or(CUT_OFF)?;
    *rest = after;
    let set = |i: usize| bitmap[i / 8] >> (i % 8) & 1 == 1;
    if (count..bitmap.len() * 8).any(set) {
        return Err(ProofError::Malformed("bits set after the last sibling"));
    }
    if count > 0 && !set(0) {
        return Err(ProofError::Malformed("a placeholder at the bottom"));
    }
    let mut siblings = Vec::with_capacity(count);
    for i in 0..count {
        let sibling = if set(i) { take(rest)? } else { EMPTY_ROOT };
        if set(i) && sibling == EMPTY_ROOT {
            return Err(ProofError::Malformed("a placeholder spelled out"));
        }
        siblings.push(sibling);
    }
    Ok(siblings)
}

const CUT_OFF: ProofError = ProofError::Malformed("cut off");

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], ProofError> {
    let (head, tail) = rest.split_first_chunk::<N>().ok_or(CUT_OFF)?;
    *rest = tail;
    Ok(*head)
}

fn leaf_hash(key: &Hash, value: &Hash) -> Hash {
    let mut body = [0; NODE];
    body[..32].copy_from_slice(key);
    body[32..].copy_from_slice(value);
    Kind::Leaf.one(&body)
}

/// Bit `at` (0 to 255) of a key, from its most significant.
fn bit(key: &Hash, at: usize) -> bool {
    key[at / 8] >> (7 - at % 8) & 1 == 1
}

/// Leading bits that two keys share.
fn common_bits(a: &Hash, b: &Hash) -> usize {
    (0..MAX_SIBLINGS).take_while(|&at| bit(a, at) == bit(b, at)).count()
}
