//! Ed25519 verification under ZIP-215, singly and in batches.
//!
//! ZIP-215 says exactly which signatures are valid, so that every implementation and every way of checking
//! agree:
//! - `A` and `R` decode as curve points; encodings with `y >= p`, and `x = 0` with the sign bit set, count;
//! - `s` is below the group order;
//! - `[8][s]B = [8]R + [8][k]A`, with `k = SHA-512(R || A || M)` over the bytes as given.
//!
//! The factor 8 is what makes a batch agree with single checks on points with a small-order part.

mod batch;
mod field;
mod point;
mod sum;
#[cfg(test)]
mod tests;

pub use batch::{verify_batch, MAX_BATCH};

use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::IsIdentity;
use sha2::Digest as _;

/// Bytes of an encoded public key.
pub const PUBLIC_KEY_LEN: usize = 32;
/// Bytes of a signature: `R`, then `s`.
pub const SIGNATURE_LEN: usize = 64;

/// A public key with its point, decoded once and used for many signatures (decoding costs about a tenth of
/// a verification).
#[derive(Clone, Debug)]
pub struct PublicKey {
    bytes: [u8; PUBLIC_KEY_LEN],
    negated: EdwardsPoint,
}

impl PublicKey {
    /// Decodes a key as ZIP-215 does: non-canonical encodings and small-order points are keys. `None` if the
    /// bytes are no point of the curve.
    pub fn decode(bytes: &[u8; PUBLIC_KEY_LEN]) -> Option<Self> {
        let point = CompressedEdwardsY(*bytes).decompress()?;
        Some(Self { bytes: *bytes, negated: -point })
    }

    /// The bytes that it was decoded from.
    pub fn as_bytes(&self) -> &[u8; PUBLIC_KEY_LEN] {
        &self.bytes
    }

    /// Whether `signature` is this key's on `message`.
    pub fn verify(&self, signature: &[u8; SIGNATURE_LEN], message: &[u8]) -> bool {
        let Some((r, s)) = decode_signature(signature) else { return false };
        let k = Scalar::from_bytes_mod_order_wide(&challenge(signature, &self.bytes, message));
        let expected = EdwardsPoint::vartime_double_scalar_mul_basepoint(&k, &self.negated, &s);
        (expected - r).mul_by_cofactor().is_identity()
    }
}

/// Where a signature's public key comes from.
#[derive(Clone, Copy, Debug)]
pub enum Key<'a> {
    /// Its encoding.
    Encoded(&'a [u8; PUBLIC_KEY_LEN]),
    /// Decoded before, for checks one by one. A batch decodes each key once, however many signatures it has
    /// there.
    Decoded(&'a PublicKey),
}

impl Key<'_> {
    fn bytes(&self) -> &[u8; PUBLIC_KEY_LEN] {
        match self {
            Key::Encoded(bytes) => bytes,
            Key::Decoded(key) => &key.bytes,
        }
    }
}

/// A signature to verify, with what it is claimed to sign.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    /// The claimed signer.
    pub key: Key<'a>,
    /// `R || s`.
    pub signature: &'a [u8; SIGNATURE_LEN],
    /// The signed bytes, of any length.
    pub message: &'a [u8],
}

/// Whether `signature` is that of the key `public_key` on `message`.
pub fn verify(public_key: &[u8; PUBLIC_KEY_LEN], signature: &[u8; SIGNATURE_LEN], message: &[u8]) -> bool {
    PublicKey::decode(public_key).is_some_and(|key| key.verify(signature, message))
}

impl Signed<'_> {
    /// Whether the signature is the key's on the message.
    fn verify(&self) -> bool {
        match self.key {
            Key::Encoded(bytes) => verify(bytes, self.signature, self.message),
            Key::Decoded(key) => key.verify(self.signature, self.message),
        }
    }
}

fn decode_signature(signature: &[u8; SIGNATURE_LEN]) -> Option<(EdwardsPoint, Scalar)> {
    let r = signature.first_chunk::<32>()?;
    Some((CompressedEdwardsY(*r).decompress()?, decode_scalar(signature)?))
}

/// `s` of a signature, if it is below the group's order.
fn decode_scalar(signature: &[u8; SIGNATURE_LEN]) -> Option<Scalar> {
    Scalar::from_canonical_bytes(*signature.last_chunk::<32>()?).into()
}

/// `SHA-512(R || A || M)`, not yet reduced.
fn challenge(signature: &[u8; SIGNATURE_LEN], key: &[u8; PUBLIC_KEY_LEN], message: &[u8]) -> [u8; 64] {
    let mut hasher = sha2::Sha512::new();
    hasher.update(&signature[..32]);
    hasher.update(key);
    hasher.update(message);
    hasher.finalize().into()
}
