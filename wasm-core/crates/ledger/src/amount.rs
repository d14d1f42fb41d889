//! Arithmetic on amounts of 128 bits, in 32-bit limbs.
//!
//! The operators of `u128` are not used in the module: LLVM up to 22 compiles
//! some of them wrongly for wasm32 with wide arithmetic (llvm-project issues
//! 98323 and 199910: the upper half of a result is read before it is written).
//! `crates/replay/tests/wide.rs` looks for that in the committed module.
//! Comparing and converting `u128` is safe.

/// Limbs of an amount, lowest first, each below 2^32.
type Limbs = [u64; 4];

const LOW: u64 = 0xffff_ffff;

fn limbs(value: u128) -> Limbs {
    let (low, high) = (value as u64, (value >> 64) as u64);
    [low & LOW, low >> 32, high & LOW, high >> 32]
}

fn joined(limbs: Limbs) -> u128 {
    let (low, high) = (limbs[0] | limbs[1] << 32, limbs[2] | limbs[3] << 32);
    u128::from(high) << 64 | u128::from(low)
}

/// `a + b`; none if it does not fit.
pub fn checked_add(a: u128, b: u128) -> Option<u128> {
    let (a, b) = (limbs(a), limbs(b));
    let (mut sum, mut carry) = ([0; 4], 0u64);
    for i in 0..4 {
        let limb = a[i].wrapping_add(b[i]).wrapping_add(carry);
        sum[i] = limb & LOW;
        carry = limb >> 32;
    }
    (carry == 0).then(|| joined(sum))
}

/// `a + b`, or the largest amount.
pub fn saturating_add(a: u128, b: u128) -> u128 {
    checked_add(a, b).unwrap_or(u128::MAX)
}

/// `a - b`; none if `b` is greater.
pub fn checked_sub(a: u128, b: u128) -> Option<u128> {
    let (a, b) = (limbs(a), limbs(b));
    let (mut difference, mut borrow) = ([0; 4], 0u64);
    for i in 0..4 {
        let limb = (a[i] | 1 << 32).wrapping_sub(b[i]).wrapping_sub(borrow);
        difference[i] = limb & LOW;
        borrow = 1 - (limb >> 32);
    }
    (borrow == 0).then(|| joined(difference))
}

/// `a - b`, or 0.
pub fn saturating_sub(a: u128, b: u128) -> u128 {
    checked_sub(a, b).unwrap_or(0)
}

/// `a * b`, which always fits.
#[inline(never)]
pub fn product(a: u64, b: u64) -> u128 {
    let low = times(limbs(u128::from(b)), a & LOW);
    let high = times(limbs(u128::from(b)), a >> 32);
    let shifted = [0, high.0[0], high.0[1], high.0[2]];
    saturating_add(joined(low.0), joined(shifted))
}

/// Limbs times a factor below 2^32, and what does not fit.
fn times(value: Limbs, factor: u64) -> (Limbs, u64) {
    let (mut out, mut carry) = ([0; 4], 0u64);
    for i in 0..4 {
        let limb = value[i].wrapping_mul(factor).wrapping_add(carry);
        out[i] = limb & LOW;
        carry = limb >> 32;
    }
    (out, carry)
}

/// Quotient and remainder by a divisor of 1 to 2^32 - 1; `top` is the limb above, below the divisor.
fn divided(value: Limbs, top: u64, divisor: u64) -> (Limbs, u64) {
    let (mut out, mut rest) = ([0; 4], top);
    for i in (0..4).rev() {
        let limb = rest << 32 | value[i];
        out[i] = limb / divisor;
        rest = limb % divisor;
    }
    (out, rest)
}

/// `value * ten_thousandths / 10,000`, rounded down; the share is at most 10,000.
pub fn share(value: u128, ten_thousandths: u64) -> u128 {
    let (scaled, top) = times(limbs(value), ten_thousandths.min(10_000));
    joined(divided(scaled, top, 10_000).0)
}

/// `value * 10 + digit`, to read decimals; none if it does not fit.
pub fn append_digit(value: u128, digit: u8) -> Option<u128> {
    let (scaled, top) = times(limbs(value), 10);
    if top != 0 {
        return None;
    }
    checked_add(joined(scaled), u128::from(digit))
}

/// Decimal digits.
pub fn text(value: u128) -> String {
    let mut rest = limbs(value);
    let mut digits = [b'0'; 39];
    let mut at = digits.len();
    while at > 0 {
        let (quotient, digit) = divided(rest, 0, 10);
        at -= 1;
        digits[at] = b'0' + digit as u8;
        rest = quotient;
        if rest == [0; 4] {
            break;
        }
    }
    digits[at..].iter().map(|&digit| char::from(digit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Amounts near the edges of limbs and words, and any.
    fn amounts() -> impl Strategy<Value = u128> {
        let edges = (0u32..129, -2i32..3)
            .prop_map(|(bits, by)| 1u128.checked_shl(bits).unwrap_or(0).wrapping_add_signed(by.into()));
        prop_oneof![edges, any::<u128>(), any::<u64>().prop_map(u128::from)]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn equals_the_operators(a in amounts(), b in amounts(), share_of in 0u64..=10_000, digit in 0u8..10) {
            prop_assert_eq!(checked_add(a, b), a.checked_add(b));
            prop_assert_eq!(saturating_add(a, b), a.saturating_add(b));
            prop_assert_eq!(checked_sub(a, b), a.checked_sub(b));
            prop_assert_eq!(saturating_sub(a, b), a.saturating_sub(b));
            let (x, y) = (a as u64, b as u64);
            prop_assert_eq!(product(x, y), u128::from(x) * u128::from(y));
            let s = u128::from(share_of);
            prop_assert_eq!(share(a, share_of), a / 10_000 * s + a % 10_000 * s / 10_000);
            prop_assert_eq!(text(a), a.to_string());
            let appended = a.checked_mul(10).and_then(|v| v.checked_add(digit.into()));
            prop_assert_eq!(append_digit(a, digit), appended);
        }
    }
}
