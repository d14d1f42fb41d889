//! Integers modulo `p = 2^255 - 19`, in five limbs of 51 bits.
//!
//! Limbs have room to spare, so that sums and differences need no carries. Two bounds are kept:
//! - *tight*, no limb above that of `2p` (nearly `2^52`): what [`Field::decode`], [`Field::mul`],
//!   [`Field::square`], [`Field::carried`] and [`Field::negated`] give;
//! - *loose*, below `2^54`: what products take. A sum or difference of two tight values is loose, and so is
//!   that of twice such a value and a tight one.
//!
//! Everything takes variable time: nothing here is secret. Operators wrap, and by these bounds never do.
//! Debug builds check them.

/// Bits of a limb.
const BITS: u32 = 51;
const MASK: u64 = (1 << BITS) - 1;

/// An element of the field.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field([u64; 5]);

/// `2p`, by limbs.
const TWO_P: [u64; 5] =
    [0xf_ffff_ffff_ffda, 0xf_ffff_ffff_fffe, 0xf_ffff_ffff_fffe, 0xf_ffff_ffff_fffe, 0xf_ffff_ffff_fffe];

#[inline(always)]
fn wide(a: u64, b: u64) -> u128 {
    u128::from(a).wrapping_mul(u128::from(b))
}

/// The sum of five products.
#[inline(always)]
fn five(a: u128, b: u128, c: u128, d: u128, e: u128) -> u128 {
    a.wrapping_add(b).wrapping_add(c).wrapping_add(d).wrapping_add(e)
}

/// The sum of three products.
#[inline(always)]
fn three(a: u128, b: u128, c: u128) -> u128 {
    a.wrapping_add(b).wrapping_add(c)
}

/// Carries of a product: sums below `2^115`, the highest below `2^111`, come out as limbs below `2^51 + 2^18`.
///
/// What a sum has above its limb goes to the next one in two parts: the bits of its lower word, which are
/// few, are added to the limb itself, so that no carry is put together from two words. (Compilers make that a
/// shift of two words, which takes some processors as long as three products.)
#[inline(always)]
fn reduced(c: [u128; 5]) -> Field {
    let upper = |sum: u128| ((sum >> 64) as u64) << (64 - BITS);
    let rest = |sum: u128| sum as u64 >> BITS;
    let limb = |sum: u128| sum as u64 & MASK;
    let [c0, mut c1, mut c2, mut c3, mut c4] = c;
    c1 = c1.wrapping_add(u128::from(upper(c0)));
    c2 = c2.wrapping_add(u128::from(upper(c1)));
    c3 = c3.wrapping_add(u128::from(upper(c2)));
    c4 = c4.wrapping_add(u128::from(upper(c3)));
    // The highest sum has no factor of 19, so 19 times its carry fits.
    let low = limb(c0).wrapping_add(upper(c4).wrapping_mul(19));
    Field([
        (low & MASK).wrapping_add(rest(c4).wrapping_mul(19)),
        limb(c1).wrapping_add(rest(c0)).wrapping_add(low >> BITS),
        limb(c2).wrapping_add(rest(c1)),
        limb(c3).wrapping_add(rest(c2)),
        limb(c4).wrapping_add(rest(c3)),
    ])
}

impl Field {
    pub(super) const ZERO: Field = Field([0; 5]);
    pub(super) const ONE: Field = Field([1, 0, 0, 0, 0]);

    pub(super) const fn from_limbs(limbs: [u64; 5]) -> Field {
        Field(limbs)
    }

    /// The lower 255 bits, little-endian, whatever the highest bit is; `p` and above wrap around.
    pub(super) fn decode(bytes: &[u8; 32]) -> Field {
        let (words, _) = bytes.as_chunks::<8>();
        let [a, b, c, d] = [0, 1, 2, 3].map(|i| u64::from_le_bytes(words[i]));
        Field([
            a & MASK,
            (a >> 51 | b << 13) & MASK,
            (b >> 38 | c << 26) & MASK,
            (c >> 25 | d << 39) & MASK,
            d >> 12 & MASK,
        ])
    }

    /// The one value below `p` that this stands for. Takes a loose value.
    fn canonical(&self) -> [u64; 5] {
        let mut limbs = self.0;
        let propagate = |limbs: &mut [u64; 5], mut carry: u64| {
            for limb in limbs {
                *limb = limb.wrapping_add(carry);
                carry = *limb >> BITS;
                *limb &= MASK;
            }
            carry
        };
        let over = propagate(&mut limbs, 0);
        let over = propagate(&mut limbs, over.wrapping_mul(19));
        // The second carry is 1 only if what it leaves is below 2^9.
        limbs[0] = limbs[0].wrapping_add(over.wrapping_mul(19));
        // Now below 2^255. If 19 more reaches that, it is p or above, and the carry out of the top takes p off.
        let reaches = limbs.iter().fold(19, |carry: u64, limb| limb.wrapping_add(carry) >> BITS);
        propagate(&mut limbs, reaches.wrapping_mul(19));
        limbs
    }

    /// The canonical value, little-endian; of a loose one.
    #[cfg(test)]
    pub(super) fn encode(&self) -> [u8; 32] {
        let [a, b, c, d, e] = self.canonical();
        let words = [a | b << 51, b >> 13 | c << 38, c >> 26 | d << 25, d >> 39 | e << 12];
        let mut out = [0; 32];
        for (bytes, word) in out.chunks_exact_mut(8).zip(words) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        out
    }

    /// Takes limbs below `2^63`.
    pub(super) fn carried(&self) -> Field {
        let [a, b, c, d, e] = self.0;
        let over = (e >> BITS).wrapping_mul(19);
        Field([
            (a & MASK).wrapping_add(over),
            (b & MASK).wrapping_add(a >> BITS),
            (c & MASK).wrapping_add(b >> BITS),
            (d & MASK).wrapping_add(c >> BITS),
            (e & MASK).wrapping_add(d >> BITS),
        ])
    }

    /// Whether both stand for the same value; takes loose ones.
    pub(super) fn equals(&self, other: &Field) -> bool {
        self.canonical() == other.canonical()
    }

    pub(super) fn is_zero(&self) -> bool {
        self.canonical() == [0; 5]
    }

    /// Whether the canonical value is odd.
    pub(super) fn is_negative(&self) -> bool {
        self.canonical()[0] & 1 == 1
    }

    fn is_tight(&self) -> bool {
        self.0.iter().zip(TWO_P).all(|(limb, most)| *limb <= most)
    }

    fn is_loose(&self) -> bool {
        self.0.iter().all(|limb| *limb < 1 << 54)
    }

    #[inline(always)]
    pub(super) fn add(&self, other: &Field) -> Field {
        Field(std::array::from_fn(|i| self.0[i].wrapping_add(other.0[i])))
    }

    /// Takes a tight `other`.
    #[inline(always)]
    pub(super) fn sub(&self, other: &Field) -> Field {
        debug_assert!(other.is_tight());
        Field(std::array::from_fn(|i| self.0[i].wrapping_add(TWO_P[i]).wrapping_sub(other.0[i])))
    }

    /// Of a tight value.
    #[inline(always)]
    pub(super) fn negated(&self) -> Field {
        debug_assert!(self.is_tight());
        Field(std::array::from_fn(|i| TWO_P[i].wrapping_sub(self.0[i])))
    }

    #[inline(always)]
    pub(super) fn mul(&self, other: &Field) -> Field {
        debug_assert!(self.is_loose() && other.is_loose());
        let ([a0, a1, a2, a3, a4], [b0, b1, b2, b3, b4]) = (self.0, other.0);
        // 2^255 = 19: products above it come back 19-fold.
        let [n1, n2, n3, n4] = [b1, b2, b3, b4].map(|limb| limb.wrapping_mul(19));
        reduced([
            five(wide(a0, b0), wide(a4, n1), wide(a3, n2), wide(a2, n3), wide(a1, n4)),
            five(wide(a1, b0), wide(a0, b1), wide(a4, n2), wide(a3, n3), wide(a2, n4)),
            five(wide(a2, b0), wide(a1, b1), wide(a0, b2), wide(a4, n3), wide(a3, n4)),
            five(wide(a3, b0), wide(a2, b1), wide(a1, b2), wide(a0, b3), wide(a4, n4)),
            five(wide(a4, b0), wide(a3, b1), wide(a2, b2), wide(a1, b3), wide(a0, b4)),
        ])
    }

    #[inline(always)]
    pub(super) fn square(&self) -> Field {
        debug_assert!(self.is_loose());
        let [a0, a1, a2, a3, a4] = self.0;
        let [d0, d1, d2, d3] = [a0, a1, a2, a3].map(|limb| limb << 1);
        let [n3, n4] = [a3, a4].map(|limb| limb.wrapping_mul(19));
        reduced([
            three(wide(a0, a0), wide(d1, n4), wide(d2, n3)),
            three(wide(d0, a1), wide(d2, n4), wide(a3, n3)),
            three(wide(d0, a2), wide(a1, a1), wide(d3, n4)),
            three(wide(d0, a3), wide(d1, a2), wide(a4, n4)),
            three(wide(d0, a4), wide(d1, a3), wide(a2, a2)),
        ])
    }
}

/// Two elements that go the same way: each step of the one is independent of the other's, so that a processor
/// works on both at once.
pub(super) type Pair = [Field; 2];

pub(super) fn mul_pair(a: &Pair, b: &Pair) -> Pair {
    [a[0].mul(&b[0]), a[1].mul(&b[1])]
}

/// Squares `times` times.
fn square_pair(pair: &Pair, times: u32) -> Pair {
    let [mut a, mut b] = *pair;
    for _ in 0..times {
        (a, b) = (a.square(), b.square());
    }
    [a, b]
}

/// `x^((p - 5) / 8) = x^(2^252 - 3)` of each.
pub(super) fn power_p58(x: &Pair) -> Pair {
    // Names tell the exponent: `ones_5` is 2^5 - 1.
    let two = square_pair(x, 1);
    let nine = mul_pair(x, &square_pair(&two, 2));
    let eleven = mul_pair(&two, &nine);
    let ones_5 = mul_pair(&nine, &square_pair(&eleven, 1));
    let ones_10 = mul_pair(&square_pair(&ones_5, 5), &ones_5);
    let ones_20 = mul_pair(&square_pair(&ones_10, 10), &ones_10);
    let ones_40 = mul_pair(&square_pair(&ones_20, 20), &ones_20);
    let ones_50 = mul_pair(&square_pair(&ones_40, 10), &ones_10);
    let ones_100 = mul_pair(&square_pair(&ones_50, 50), &ones_50);
    let ones_200 = mul_pair(&square_pair(&ones_100, 100), &ones_100);
    let ones_250 = mul_pair(&square_pair(&ones_200, 50), &ones_50);
    mul_pair(&square_pair(&ones_250, 2), x)
}
