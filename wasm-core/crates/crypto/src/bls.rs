//! BLS12-381 signatures in G1 under keys in G2: for evidence and proofs of possession, one at a time.
//!
//! Keys and signatures are compressed points of the right subgroup, never the identity. Messages are hashed by
//! `BLS12381G1_XMD:SHA-256_SSWU_RO_` under the domains of the proof-of-possession scheme; consensus certificates
//! are verified by the node, not here.

use bls12_381::hash_to_curve::{ExpandMessageState, HashToCurve, InitExpandMessage};
use bls12_381::{multi_miller_loop, G1Affine, G1Projective, G2Affine, G2Prepared, Gt};

use crate::sha256;

/// Bytes of a key: a compressed point of G2.
pub const PUBLIC_KEY_LEN: usize = 96;
/// Bytes of a signature or proof of possession: a compressed point of G1.
pub const SIGNATURE_LEN: usize = 48;

const SIGN_DOMAIN: &[u8] = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_POP_";
const POSSESSION_DOMAIN: &[u8] = b"BLS_POP_BLS12381G1_XMD:SHA-256_SSWU_RO_POP_";
const POSSESSION_TAG: &[u8] = b"\x14bedrock/possession/1";

/// A key whose point was decoded and checked.
#[derive(Clone, Copy, Debug)]
pub struct PublicKey {
    point: G2Affine,
    bytes: [u8; PUBLIC_KEY_LEN],
}

impl PublicKey {
    /// Decodes a key. `None` if the bytes are no compressed point of G2, or its identity.
    pub fn decode(bytes: &[u8; PUBLIC_KEY_LEN]) -> Option<Self> {
        let point = Option::<G2Affine>::from(G2Affine::from_compressed(bytes))?;
        (!bool::from(point.is_identity())).then_some(PublicKey { point, bytes: *bytes })
    }

    /// Whether `signature` is this key's on `message`.
    pub fn verify(&self, signature: &[u8; SIGNATURE_LEN], message: &[u8]) -> bool {
        self.verify_under(SIGN_DOMAIN, signature, message)
    }

    /// Whether `proof` shows that somebody has this key's secret.
    pub fn verify_possession(&self, proof: &[u8; SIGNATURE_LEN]) -> bool {
        self.verify_under(POSSESSION_DOMAIN, proof, &[POSSESSION_TAG, &self.bytes].concat())
    }

    /// `e(signature, -g2) * e(H(message), key) = 1`.
    fn verify_under(&self, domain: &[u8], signature: &[u8; SIGNATURE_LEN], message: &[u8]) -> bool {
        let Some(signature) = Option::<G1Affine>::from(G1Affine::from_compressed(signature)) else {
            return false;
        };
        if bool::from(signature.is_identity()) {
            return false;
        }
        let hashed = <G1Projective as HashToCurve<Expander>>::hash_to_curve(message, domain);
        let (base, key) = (G2Prepared::from(-G2Affine::generator()), G2Prepared::from(self.point));
        let terms = [(&signature, &base), (&G1Affine::from(hashed), &key)];
        multi_miller_loop(&terms).final_exponentiation() == Gt::identity()
    }
}

/// Whether `signature` is that of the key `public_key` on `message`.
pub fn verify(public_key: &[u8; PUBLIC_KEY_LEN], signature: &[u8; SIGNATURE_LEN], message: &[u8]) -> bool {
    PublicKey::decode(public_key).is_some_and(|key| key.verify(signature, message))
}

/// `expand_message_xmd` of RFC 9380 over this crate's SHA-256, for up to 255 blocks.
struct Expander {
    bytes: Vec<u8>,
    read: usize,
}

impl<'a> InitExpandMessage<'a> for Expander {
    type Expander = Expander;

    fn init_expand(message: &[u8], domain: &'a [u8], len: usize) -> Expander {
        // Both domains are shorter than 256 bytes, and a hash to G1 takes 128.
        let domain_len = [domain.len() as u8];
        let wanted = (len as u16).to_be_bytes();
        let first = sha256::hash_parts(&[&[0; 64], message, &wanted, &[0], domain, &domain_len]);
        let mut bytes = Vec::with_capacity(len + 32);
        let mut last = [0; 32];
        for index in 1..=len.div_ceil(32) as u8 {
            for (byte, other) in last.iter_mut().zip(first) {
                *byte ^= other;
            }
            last = sha256::hash_parts(&[&last, &[index], domain, &domain_len]);
            bytes.extend_from_slice(&last);
        }
        bytes.truncate(len);
        Expander { bytes, read: 0 }
    }
}

impl ExpandMessageState<'_> for Expander {
    fn read_into(&mut self, output: &mut [u8]) -> usize {
        let rest = &self.bytes[self.read..];
        let count = rest.len().min(output.len());
        output[..count].copy_from_slice(&rest[..count]);
        self.read += count;
        count
    }

    fn remain(&self) -> usize {
        self.bytes.len() - self.read
    }
}
