//! Four 32-bit lanes as an array: the native stand-in for the SIMD128 vector.

/// Four 32-bit lanes.
#[derive(Clone, Copy)]
pub(super) struct Vector([u32; 4]);

impl Vector {
    #[inline(always)]
    pub(super) fn splat(word: u32) -> Self {
        Self([word; 4])
    }

    #[inline(always)]
    fn zip(self, other: Self, f: impl Fn(u32, u32) -> u32) -> Self {
        Self(std::array::from_fn(|i| f(self.0[i], other.0[i])))
    }

    #[inline(always)]
    pub(super) fn add(self, other: Self) -> Self {
        self.zip(other, u32::wrapping_add)
    }

    #[inline(always)]
    pub(super) fn xor(self, other: Self) -> Self {
        self.zip(other, |a, b| a ^ b)
    }

    /// Bits of `yes` where `mask` is set, of `no` elsewhere.
    #[inline(always)]
    pub(super) fn select(mask: Self, yes: Self, no: Self) -> Self {
        Self(std::array::from_fn(|i| (mask.0[i] & yes.0[i]) | (!mask.0[i] & no.0[i])))
    }

    #[inline(always)]
    pub(super) fn rotate_right<const N: u32>(self) -> Self {
        Self(self.0.map(|word| word.rotate_right(N)))
    }

    #[inline(always)]
    pub(super) fn shift_right<const N: u32>(self) -> Self {
        Self(self.0.map(|word| word >> N))
    }

    /// Four big-endian words of each of four messages -> four vectors, one a word.
    #[inline(always)]
    pub(super) fn transpose_be(messages: [[u8; 16]; 4]) -> [Self; 4] {
        std::array::from_fn(|word| {
            Self(std::array::from_fn(|lane| {
                let at = word * 4;
                let m = &messages[lane];
                u32::from_be_bytes([m[at], m[at + 1], m[at + 2], m[at + 3]])
            }))
        })
    }

    /// The inverse of [`Self::transpose_be`].
    #[inline(always)]
    pub(super) fn untranspose_be(words: [Self; 4]) -> [[u8; 16]; 4] {
        std::array::from_fn(|lane| {
            let mut out = [0u8; 16];
            for (bytes, word) in out.chunks_exact_mut(4).zip(words) {
                bytes.copy_from_slice(&word.0[lane].to_be_bytes());
            }
            out
        })
    }
}
