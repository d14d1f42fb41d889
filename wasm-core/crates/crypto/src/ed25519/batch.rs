//! Batches of signatures: one multiplication of many points instead of many of two.
//!
//! With a coefficient `z_i` of 128 bits for each signature the batch holds if
//!
//! ```text
//! [8] ( [-sum z_i s_i] B + sum [z_i] R_i + sum over keys [sum z_i k_i] A ) = 0
//! ```
//!
//! A batch of valid signatures always holds. One with an invalid signature holds for one choice of its
//! coefficient in 2^128, and the coefficients depend on every byte of the batch, so nobody can search for a
//! batch that fits them without hashing that often.

use std::collections::BTreeMap;

use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::{IsIdentity, VartimeMultiscalarMul};
use sha2::Digest as _;

use super::{challenge, decode_signature, Key, PublicKey, Signed};

/// Signatures checked in one equation; longer lists are cut. Above it the gain is small, and one bad signature
/// costs its whole equation a second pass.
pub const MAX_BATCH: usize = 1024;

const SEED_DOMAIN: &[u8] = b"bedrock/ed25519-batch/seed/1";
const COEFFICIENT_DOMAIN: &[u8] = b"bedrock/ed25519-batch/coefficient/1";

/// Verifies each signature; the verdicts, in order, are exactly those of [`super::verify`].
///
/// A batch that fails is verified one by one.
pub fn verify_batch(items: &[Signed<'_>]) -> Vec<bool> {
    let mut verdicts = Vec::with_capacity(items.len());
    for chunk in items.chunks(MAX_BATCH) {
        verify_chunk(chunk, &mut verdicts);
    }
    verdicts
}

/// A signature whose parts all decode.
struct Term {
    /// Its place in the chunk.
    index: usize,
    /// Its key's place among the chunk's distinct keys.
    key: usize,
    r: EdwardsPoint,
    s: Scalar,
    challenge: [u8; 64],
}

fn verify_chunk(chunk: &[Signed<'_>], verdicts: &mut Vec<bool>) {
    let start = verdicts.len();
    verdicts.resize(start + chunk.len(), false);
    let keys = Keys::of(chunk);
    let mut terms = Vec::with_capacity(chunk.len());
    for (index, item) in chunk.iter().enumerate() {
        let Some(key) = keys.of_item[index] else { continue };
        let Some((r, s)) = decode_signature(item.signature) else { continue };
        terms.push(Term {
            index,
            key,
            r,
            s,
            challenge: challenge(item.signature, item.key.bytes(), item.message),
        });
    }
    // Two are the fewest that a common equation makes cheaper.
    let all_hold = terms.len() > 1 && equation_holds(chunk, &keys, &terms);
    for term in &terms {
        let item = &chunk[term.index];
        verdicts[start + term.index] =
            all_hold || keys.distinct[term.key].verify(item.signature, item.message);
    }
}

/// The distinct keys of a chunk, decoded.
struct Keys {
    distinct: Vec<PublicKey>,
    /// For each item its key's index, `None` if it does not decode.
    of_item: Vec<Option<usize>>,
}

impl Keys {
    fn of(chunk: &[Signed<'_>]) -> Self {
        let mut seen: BTreeMap<[u8; 32], Option<usize>> = BTreeMap::new();
        let mut distinct = Vec::with_capacity(chunk.len());
        let of_item = chunk
            .iter()
            .map(|item| {
                *seen.entry(*item.key.bytes()).or_insert_with(|| {
                    let key = match item.key {
                        Key::Decoded(key) => key.clone(),
                        Key::Encoded(bytes) => PublicKey::decode(bytes)?,
                    };
                    distinct.push(key);
                    Some(distinct.len() - 1)
                })
            })
            .collect();
        Self { distinct, of_item }
    }
}

fn equation_holds(chunk: &[Signed<'_>], keys: &Keys, terms: &[Term]) -> bool {
    let mut coefficients = Coefficients::new(chunk, terms);
    let mut of_base = Scalar::ZERO;
    let mut of_keys = vec![Scalar::ZERO; keys.distinct.len()];
    let mut scalars = Vec::with_capacity(1 + terms.len() + of_keys.len());
    scalars.push(Scalar::ZERO);
    for term in terms {
        let z = coefficients.next();
        of_base += z * term.s;
        of_keys[term.key] += z * Scalar::from_bytes_mod_order_wide(&term.challenge);
        scalars.push(z);
    }
    // Keys are held negated, so the base and the sum of R change sign together with them.
    scalars[0] = of_base;
    let negated_r = terms.iter().map(|term| -term.r);
    scalars.extend(of_keys);
    let points = std::iter::once(ED25519_BASEPOINT_POINT)
        .chain(negated_r)
        .chain(keys.distinct.iter().map(|key| key.negated));
    EdwardsPoint::vartime_multiscalar_mul(scalars, points).mul_by_cofactor().is_identity()
}

/// The batch's coefficients: SHA-512 in counter mode under a seed that hashes R, A, M and s of every
/// signature. The challenge, itself a hash of R, A and M, stands for them.
struct Coefficients {
    seed: [u8; 64],
    block: [u8; 64],
    used: usize,
    counter: u64,
}

impl Coefficients {
    fn new(chunk: &[Signed<'_>], terms: &[Term]) -> Self {
        let mut hasher = sha2::Sha512::new();
        hasher.update(SEED_DOMAIN);
        hasher.update((terms.len() as u64).to_le_bytes());
        for term in terms {
            hasher.update(term.challenge);
            hasher.update(&chunk[term.index].signature[32..]);
        }
        Self { seed: hasher.finalize().into(), block: [0; 64], used: 64, counter: 0 }
    }

    fn next(&mut self) -> Scalar {
        if self.used == self.block.len() {
            let mut hasher = sha2::Sha512::new();
            hasher.update(COEFFICIENT_DOMAIN);
            hasher.update(self.seed);
            hasher.update(self.counter.to_le_bytes());
            self.block = hasher.finalize().into();
            self.counter += 1;
            self.used = 0;
        }
        let mut bytes = [0u8; 16];
        bytes.copy_from_slice(&self.block[self.used..self.used + 16]);
        self.used += 16;
        Scalar::from(u128::from_le_bytes(bytes))
    }
}
