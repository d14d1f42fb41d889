//! Batches of signatures: one sum of many points instead of many of two.
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

use curve25519_dalek::constants::ED25519_BASEPOINT_COMPRESSED;
use curve25519_dalek::scalar::Scalar;
use sha2::Digest as _;

use super::point::{decode_pair, Addend};
use super::sum::Sum;
use super::{challenge, decode_scalar, Signed};

/// Signatures checked in one equation; longer lists are cut. Above it the gain is small.
pub const MAX_BATCH: usize = 16_384;

/// Signatures in the equations that a batch is cut into when it fails, so that one bad signature costs few
/// single verifications.
const SECOND_BATCH: usize = 256;

const SEED_DOMAIN: &[u8] = b"bedrock/ed25519-batch/seed/1";
const COEFFICIENT_DOMAIN: &[u8] = b"bedrock/ed25519-batch/coefficient/1";

/// Verifies each signature; the verdicts, in order, are exactly those of [`super::verify`].
///
/// A batch that fails is verified again in smaller ones, and of these the failing ones one by one.
pub fn verify_batch(items: &[Signed<'_>]) -> Vec<bool> {
    let mut verdicts = Vec::with_capacity(items.len());
    for chunk in items.chunks(MAX_BATCH) {
        verify_chunk(chunk, &mut verdicts);
    }
    verdicts
}

/// A signature whose parts all decode.
pub(super) struct Term {
    /// Its place in the chunk.
    index: usize,
    /// Its key's place among the chunk's distinct keys.
    key: usize,
    /// The place of its R among the points.
    r: usize,
    s: Scalar,
    challenge: [u8; 64],
}

fn verify_chunk(chunk: &[Signed<'_>], verdicts: &mut Vec<bool>) {
    let start = verdicts.len();
    verdicts.resize(start + chunk.len(), false);
    let points = Points::of(chunk);
    let terms = terms_of(chunk, &points);
    let all_hold = equation_holds(chunk, &points, &terms);
    for part in terms.chunks(SECOND_BATCH) {
        let part_holds = all_hold || part.len() < terms.len() && equation_holds(chunk, &points, part);
        for term in part {
            verdicts[start + term.index] = part_holds || chunk[term.index].verify();
        }
    }
}

/// The signatures of a chunk that decode.
pub(super) fn terms_of(chunk: &[Signed<'_>], points: &Points) -> Vec<Term> {
    let mut terms = Vec::with_capacity(chunk.len());
    for (index, item) in chunk.iter().enumerate() {
        let (key, r) = (points.key_of[index], points.keys + index);
        let Some(s) = decode_scalar(item.signature) else { continue };
        if points.decoded[key].is_some() && points.decoded[r].is_some() {
            let challenge = challenge(item.signature, item.key.bytes(), item.message);
            terms.push(Term { index, key, r, s, challenge });
        }
    }
    terms
}

/// The points of a chunk: distinct keys, the R of each item, the base.
pub(super) struct Points {
    /// `None` where it does not decode.
    decoded: Vec<Option<Addend>>,
    keys: usize,
    /// For each item its key's place.
    key_of: Vec<usize>,
}

impl Points {
    pub(super) fn of(chunk: &[Signed<'_>]) -> Self {
        let mut encoded: Vec<&[u8; 32]> = Vec::with_capacity(2 * chunk.len() + 2);
        let mut key_of = vec![0; chunk.len()];
        for index in by_key(chunk) {
            let bytes = chunk[index].key.bytes();
            if encoded.last() != Some(&bytes) {
                encoded.push(bytes);
            }
            key_of[index] = encoded.len() - 1;
        }
        let keys = encoded.len();
        encoded.extend(chunk.iter().filter_map(|item| item.signature.first_chunk::<32>()));
        encoded.push(ED25519_BASEPOINT_COMPRESSED.as_bytes());
        let mut decoded = Vec::with_capacity(encoded.len() + 1);
        for pair in encoded.chunks(2) {
            // A last one without a neighbour is decoded twice.
            decoded.extend(decode_pair([pair[0], pair[pair.len() - 1]]));
        }
        decoded.truncate(encoded.len());
        Self { decoded, keys, key_of }
    }
}

/// The items' places in the order of their keys.
fn by_key(chunk: &[Signed<'_>]) -> impl Iterator<Item = usize> {
    let head = |key: &[u8; 32]| key.first_chunk().map_or(0, |head| u64::from_be_bytes(*head));
    let mut order: Vec<(u64, u32)> =
        chunk.iter().zip(0..).map(|(item, i)| (head(item.key.bytes()), i)).collect();
    // Whole keys are compared where their heads are equal, which is rare.
    let key = |at: u32| chunk[at as usize].key.bytes();
    order.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| key(a.1).cmp(key(b.1))));
    order.into_iter().map(|(_, index)| index as usize)
}

/// Whether the terms' common equation holds.
pub(super) fn equation_holds(chunk: &[Signed<'_>], points: &Points, terms: &[Term]) -> bool {
    // Two are the fewest that a common equation makes cheaper.
    if terms.len() < 2 {
        return false;
    }
    let mut coefficients = Coefficients::new(chunk, terms);
    let mut of_base = Scalar::ZERO;
    let mut of_keys: Vec<Option<Scalar>> = vec![None; points.keys];
    let mut sum = Sum::with_capacity(terms.len());
    for term in terms {
        let bytes = coefficients.next();
        let z = Scalar::from(u128::from_le_bytes(bytes));
        of_base -= z * term.s;
        *of_keys[term.key].get_or_insert(Scalar::ZERO) +=
            z * Scalar::from_bytes_mod_order_wide(&term.challenge);
        if let Some(r) = &points.decoded[term.r] {
            sum.short(&bytes, r);
        }
    }
    let base = points.decoded.iter().rev().take(1).map(|base| (Some(of_base), base));
    for (scalar, point) in of_keys.into_iter().zip(&points.decoded).chain(base) {
        match (scalar, point) {
            (Some(scalar), Some(point)) => sum.long(scalar.as_bytes(), point),
            // A key of none of the terms.
            (None, _) => {}
            (Some(_), None) => return false,
        }
    }
    let width = sum.width();
    sum.total(width).is_of_small_order()
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

    fn next(&mut self) -> [u8; 16] {
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
        bytes
    }
}
