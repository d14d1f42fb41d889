//! Four 32-bit lanes as WebAssembly's 128-bit vector.

use core::arch::wasm32::{
    i32x4_add, i32x4_shuffle, i64x2_shuffle, i8x16_shuffle, u32x4_shl, u32x4_shr, u32x4_splat, u64x2,
    u64x2_extract_lane, v128, v128_bitselect, v128_or, v128_xor,
};

/// Four 32-bit lanes.
#[derive(Clone, Copy)]
pub(super) struct Vector(v128);

impl Vector {
    #[inline(always)]
    pub(super) fn splat(word: u32) -> Self {
        Self(u32x4_splat(word))
    }

    #[inline(always)]
    pub(super) fn add(self, other: Self) -> Self {
        Self(i32x4_add(self.0, other.0))
    }

    #[inline(always)]
    pub(super) fn xor(self, other: Self) -> Self {
        Self(v128_xor(self.0, other.0))
    }

    /// Bits of `yes` where `mask` is set, of `no` elsewhere.
    #[inline(always)]
    pub(super) fn select(mask: Self, yes: Self, no: Self) -> Self {
        Self(v128_bitselect(yes.0, no.0, mask.0))
    }

    #[inline(always)]
    pub(super) fn rotate_right<const N: u32>(self) -> Self {
        Self(v128_or(u32x4_shr(self.0, N), u32x4_shl(self.0, 32 - N)))
    }

    #[inline(always)]
    pub(super) fn shift_right<const N: u32>(self) -> Self {
        Self(u32x4_shr(self.0, N))
    }

    /// Four big-endian words of each of four messages -> four vectors, one a word.
    #[inline(always)]
    pub(super) fn transpose_be(messages: [[u8; 16]; 4]) -> [Self; 4] {
        let [a, b, c, d] = messages.map(read);
        transpose([a, b, c, d].map(swap_bytes)).map(Self)
    }

    /// The inverse of [`Self::transpose_be`].
    #[inline(always)]
    pub(super) fn untranspose_be(words: [Self; 4]) -> [[u8; 16]; 4] {
        transpose(words.map(|word| word.0)).map(|lane| write(swap_bytes(lane)))
    }
}

#[inline(always)]
fn read(bytes: [u8; 16]) -> v128 {
    let [low, high] = [0, 8].map(|at| {
        let mut half = [0u8; 8];
        half.copy_from_slice(&bytes[at..at + 8]);
        u64::from_le_bytes(half)
    });
    u64x2(low, high)
}

#[inline(always)]
fn write(v: v128) -> [u8; 16] {
    let mut out = [0u8; 16];
    out[..8].copy_from_slice(&u64x2_extract_lane::<0>(v).to_le_bytes());
    out[8..].copy_from_slice(&u64x2_extract_lane::<1>(v).to_le_bytes());
    out
}

#[inline(always)]
fn swap_bytes(v: v128) -> v128 {
    i8x16_shuffle::<3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12>(v, v)
}

/// Transposes a 4 x 4 matrix of words.
#[inline(always)]
fn transpose([a, b, c, d]: [v128; 4]) -> [v128; 4] {
    let ab_low = i32x4_shuffle::<0, 4, 1, 5>(a, b);
    let ab_high = i32x4_shuffle::<2, 6, 3, 7>(a, b);
    let cd_low = i32x4_shuffle::<0, 4, 1, 5>(c, d);
    let cd_high = i32x4_shuffle::<2, 6, 3, 7>(c, d);
    [
        i64x2_shuffle::<0, 2>(ab_low, cd_low),
        i64x2_shuffle::<1, 3>(ab_low, cd_low),
        i64x2_shuffle::<0, 2>(ab_high, cd_high),
        i64x2_shuffle::<1, 3>(ab_high, cd_high),
    ]
}
