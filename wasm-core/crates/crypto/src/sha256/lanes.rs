//! SHA-256 of four messages at a time, one in each 32-bit lane of a 128-bit vector.
//!
//! The rounds are written once over [`Vector`]; only the vector's few operations differ between the module
//! (SIMD128 instructions) and the native test build (arrays). So the tests beside `tree` exercise these very
//! rounds natively; the instructions are exercised where the module's roots are compared with native ones
//! (`crates/replay/tests/engines.rs`).

use super::Digest;
use vector::Vector;

#[cfg_attr(all(target_arch = "wasm32", target_feature = "simd128"), path = "vector_simd128.rs")]
#[cfg_attr(not(all(target_arch = "wasm32", target_feature = "simd128")), path = "vector_array.rs")]
mod vector;

/// Messages hashed together.
pub(super) const LANES: usize = 4;

const K: [u32; 64] = [
    0x428a_2f98,
    0x7137_4491,
    0xb5c0_fbcf,
    0xe9b5_dba5,
    0x3956_c25b,
    0x59f1_11f1,
    0x923f_82a4,
    0xab1c_5ed5,
    0xd807_aa98,
    0x1283_5b01,
    0x2431_85be,
    0x550c_7dc3,
    0x72be_5d74,
    0x80de_b1fe,
    0x9bdc_06a7,
    0xc19b_f174,
    0xe49b_69c1,
    0xefbe_4786,
    0x0fc1_9dc6,
    0x240c_a1cc,
    0x2de9_2c6f,
    0x4a74_84aa,
    0x5cb0_a9dc,
    0x76f9_88da,
    0x983e_5152,
    0xa831_c66d,
    0xb003_27c8,
    0xbf59_7fc7,
    0xc6e0_0bf3,
    0xd5a7_9147,
    0x06ca_6351,
    0x1429_2967,
    0x27b7_0a85,
    0x2e1b_2138,
    0x4d2c_6dfc,
    0x5338_0d13,
    0x650a_7354,
    0x766a_0abb,
    0x81c2_c92e,
    0x9272_2c85,
    0xa2bf_e8a1,
    0xa81a_664b,
    0xc24b_8b70,
    0xc76c_51a3,
    0xd192_e819,
    0xd699_0624,
    0xf40e_3585,
    0x106a_a070,
    0x19a4_c116,
    0x1e37_6c08,
    0x2748_774c,
    0x34b0_bcb5,
    0x391c_0cb3,
    0x4ed8_aa4a,
    0x5b9c_ca4f,
    0x682e_6ff3,
    0x748f_82ee,
    0x78a5_636f,
    0x84c8_7814,
    0x8cc7_0208,
    0x90be_fffa,
    0xa450_6ceb,
    0xbef9_a3f7,
    0xc671_78f2,
];

/// One block of each message: 16 big-endian words.
type Block = [Vector; 16];

/// Hashes four messages of two padded blocks each.
#[inline]
pub(super) fn hash(messages: &[[u8; 128]; LANES]) -> [Digest; LANES] {
    let [a, b, c, d] = messages;
    let mut first = [Vector::splat(0); 16];
    let mut second = [Vector::splat(0); 16];
    for quarter in 0..4 {
        load(&mut first, quarter * 4, [a, b, c, d].map(|m| sixteen(m, quarter * 16)));
        load(&mut second, quarter * 4, [a, b, c, d].map(|m| sixteen(m, 64 + quarter * 16)));
    }
    finish(first, second)
}

/// Hashes four inner nodes. The domain fills the first four words and the padding the last twelve, so they
/// are constants that the compiler folds into the schedule.
#[inline]
pub(super) fn hash_nodes(domain: &[u8; 16], bodies: [&[u8; 64]; LANES]) -> [Digest; LANES] {
    let mut first = [Vector::splat(0); 16];
    for (word, bytes) in first.iter_mut().zip(domain.chunks_exact(4)) {
        *word = Vector::splat(u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]));
    }
    for quarter in 0..3 {
        load(&mut first, 4 + quarter * 4, bodies.map(|m| sixteen(m, quarter * 16)));
    }
    let mut second = [Vector::splat(0); 16];
    load(&mut second, 0, bodies.map(|m| sixteen(m, 48)));
    second[4] = Vector::splat(0x8000_0000);
    second[15] = Vector::splat(80 * 8);
    finish(first, second)
}

/// 16 bytes of `message` from `at`.
#[inline(always)]
fn sixteen(message: &[u8], at: usize) -> [u8; 16] {
    let mut out = [0u8; 16];
    out.copy_from_slice(&message[at..at + 16]);
    out
}

/// Puts four words of each message into `block` from word `at`, transposed.
#[inline(always)]
fn load(block: &mut Block, at: usize, words: [[u8; 16]; LANES]) {
    let transposed = Vector::transpose_be(words);
    block[at..at + 4].copy_from_slice(&transposed);
}

#[inline]
fn finish(first: Block, second: Block) -> [Digest; LANES] {
    let mut state = super::tree::INITIAL.map(Vector::splat);
    compress(&mut state, &first);
    compress(&mut state, &second);
    digests(&state)
}

/// Hashes four messages that have `blocks` blocks each with their padding.
pub(super) fn hash_messages(messages: [&[u8]; LANES], blocks: usize) -> [Digest; LANES] {
    let mut state = super::tree::INITIAL.map(Vector::splat);
    for at in (0..blocks).map(|block| block * 64) {
        let mut words = [Vector::splat(0); 16];
        if messages.iter().all(|message| message.len() >= at + 64) {
            for quarter in 0..4 {
                load(&mut words, quarter * 4, messages.map(|m| sixteen(m, at + quarter * 16)));
            }
        } else {
            let padded = messages.map(|message| padded(message, at, at + 64 == blocks * 64));
            for quarter in 0..4 {
                load(&mut words, quarter * 4, [0, 1, 2, 3].map(|i| sixteen(&padded[i], quarter * 16)));
            }
        }
        compress(&mut state, &words);
    }
    digests(&state)
}

/// The block of a padded message at `at`; the last one ends with the length.
fn padded(message: &[u8], at: usize, last: bool) -> [u8; 64] {
    let mut out = [0u8; 64];
    let rest = message.get(at..).unwrap_or_default();
    let rest = &rest[..rest.len().min(64)];
    out[..rest.len()].copy_from_slice(rest);
    if (at..at + 64).contains(&message.len()) {
        out[message.len() - at] = 0x80;
    }
    if last {
        out[56..].copy_from_slice(&(message.len() as u64 * 8).to_be_bytes());
    }
    out
}

#[inline]
fn digests(state: &[Vector; 8]) -> [Digest; LANES] {
    let mut out = [[0u8; 32]; LANES];
    for (half, words) in state.chunks_exact(4).enumerate() {
        let parts = Vector::untranspose_be([words[0], words[1], words[2], words[3]]);
        for (digest, part) in out.iter_mut().zip(parts) {
            digest[half * 16..half * 16 + 16].copy_from_slice(&part);
        }
    }
    out
}

/// One round: gives what becomes of `d` and of `h`; all other words only change their places.
#[inline(always)]
fn round([a, b, c, d, e, f, g, h]: [Vector; 8], k: u32, w: Vector) -> (Vector, Vector) {
    let s1 = e.rotate_right::<6>().xor(e.rotate_right::<11>()).xor(e.rotate_right::<25>());
    let t1 = h.add(s1).add(Vector::select(e, f, g)).add(Vector::splat(k)).add(w);
    let s0 = a.rotate_right::<2>().xor(a.rotate_right::<13>()).xor(a.rotate_right::<22>());
    let majority = Vector::select(a.xor(b), c, b);
    (d.add(t1), t1.add(s0).add(majority))
}

/// The message word that follows `first` by 16; the others follow it by 1, 9 and 14.
#[inline(always)]
fn scheduled(first: Vector, second: Vector, tenth: Vector, fifteenth: Vector) -> Vector {
    let s0 = second.rotate_right::<7>().xor(second.rotate_right::<18>()).xor(second.shift_right::<3>());
    let s1 =
        fifteenth.rotate_right::<17>().xor(fifteenth.rotate_right::<19>()).xor(fifteenth.shift_right::<10>());
    first.add(s0).add(tenth).add(s1)
}

/// Sixteen rounds with all places written out. In a loop, or with words picked from an array by number, every
/// word goes through memory, at nearly twice the time.
macro_rules! sixteen_rounds {
    ($state:ident, $k:expr, $w:expr) => {{
        let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = $state;
        sixteen_rounds!(@eight a b c d e f g h, $k, $w, 0 1 2 3 4 5 6 7);
        sixteen_rounds!(@eight a b c d e f g h, $k, $w, 8 9 10 11 12 13 14 15);
        $state = [a, b, c, d, e, f, g, h];
    }};
    (@eight $a:ident $b:ident $c:ident $d:ident $e:ident $f:ident $g:ident $h:ident, $k:expr, $w:expr,
        $i0:literal $i1:literal $i2:literal $i3:literal $i4:literal $i5:literal $i6:literal $i7:literal) => {
        ($d, $h) = round([$a, $b, $c, $d, $e, $f, $g, $h], $k[$i0], $w[$i0]);
        ($c, $g) = round([$h, $a, $b, $c, $d, $e, $f, $g], $k[$i1], $w[$i1]);
        ($b, $f) = round([$g, $h, $a, $b, $c, $d, $e, $f], $k[$i2], $w[$i2]);
        ($a, $e) = round([$f, $g, $h, $a, $b, $c, $d, $e], $k[$i3], $w[$i3]);
        ($h, $d) = round([$e, $f, $g, $h, $a, $b, $c, $d], $k[$i4], $w[$i4]);
        ($g, $c) = round([$d, $e, $f, $g, $h, $a, $b, $c], $k[$i5], $w[$i5]);
        ($f, $b) = round([$c, $d, $e, $f, $g, $h, $a, $b], $k[$i6], $w[$i6]);
        ($e, $a) = round([$b, $c, $d, $e, $f, $g, $h, $a], $k[$i7], $w[$i7]);
    };
}

/// The sixteen words that follow, each from those before it and, from the third on, from new ones.
#[inline(always)]
fn following([w0, w1, w2, w3, w4, w5, w6, w7, w8, w9, w10, w11, w12, w13, w14, w15]: Block) -> Block {
    let w0 = scheduled(w0, w1, w9, w14);
    let w1 = scheduled(w1, w2, w10, w15);
    let w2 = scheduled(w2, w3, w11, w0);
    let w3 = scheduled(w3, w4, w12, w1);
    let w4 = scheduled(w4, w5, w13, w2);
    let w5 = scheduled(w5, w6, w14, w3);
    let w6 = scheduled(w6, w7, w15, w4);
    let w7 = scheduled(w7, w8, w0, w5);
    let w8 = scheduled(w8, w9, w1, w6);
    let w9 = scheduled(w9, w10, w2, w7);
    let w10 = scheduled(w10, w11, w3, w8);
    let w11 = scheduled(w11, w12, w4, w9);
    let w12 = scheduled(w12, w13, w5, w10);
    let w13 = scheduled(w13, w14, w6, w11);
    let w14 = scheduled(w14, w15, w7, w12);
    let w15 = scheduled(w15, w0, w8, w13);
    [w0, w1, w2, w3, w4, w5, w6, w7, w8, w9, w10, w11, w12, w13, w14, w15]
}

/// Not inlined: it is long, and its callers are many.
#[inline(never)]
fn compress(state: &mut [Vector; 8], block: &Block) {
    let (mut now, mut w) = (*state, *block);
    let (first, rest) = K.split_at(16);
    sixteen_rounds!(now, first, w);
    for k in rest.as_chunks::<16>().0 {
        w = following(w);
        sixteen_rounds!(now, k, w);
    }
    for (word, new) in state.iter_mut().zip(now) {
        *word = word.add(new);
    }
}
