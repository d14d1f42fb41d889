//! The curve's arithmetic against `curve25519-dalek`, which single verification uses: a batch that wrongly
//! failed would be hidden by the checks one by one that follow it.

use super::batch::{equation_holds, terms_of, Points};
use super::field::Field;
use super::point::{decode_pair, Addend, Point};
use super::sum::Sum;
use super::{Key, Signed};
use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::{Identity as _, MultiscalarMul as _};
use proptest::prelude::*;
use sha2::Digest as _;

fn digest(tag: &str, index: usize) -> [u8; 64] {
    sha2::Sha512::digest(format!("{tag} {index}")).into()
}

fn scalar(tag: &str, index: usize) -> Scalar {
    Scalar::from_bytes_mod_order_wide(&digest(tag, index))
}

/// A point of the whole group: a multiple of the base, moved by a point of small order at times.
fn some_point(index: usize) -> EdwardsPoint {
    ED25519_BASEPOINT_POINT * scalar("point", index) + EIGHT_TORSION[(index / 3) % 8]
}

fn decoded(encoded: &[u8; 32]) -> Option<Addend> {
    let [first, second] = decode_pair([encoded, encoded]);
    assert_eq!(first.is_some(), second.is_some());
    first
}

fn addend(point: &EdwardsPoint) -> Addend {
    decoded(&point.compress().0).expect("a point of the curve")
}

/// Fails unless both are the same point.
fn assert_same(ours: &Point, theirs: &EdwardsPoint) {
    assert_eq!(ours.encode(), theirs.compress().0);
}

/// Limbs of every kind: small, full, at the greatest that products take.
fn arb_limbs() -> impl Strategy<Value = [u64; 5]> {
    let limb = prop_oneof![
        0u64..20,
        Just((1 << 54) - 1),
        Just((1 << 51) - 1),
        0u64..1 << 54,
        (1u64 << 51) - 40..1 << 51
    ];
    prop::array::uniform5(limb)
}

proptest! {
    #[test]
    fn products_of_loose_values_are_those_of_canonical_ones(a in arb_limbs(), b in arb_limbs()) {
        let (a, b) = (Field::from_limbs(a), Field::from_limbs(b));
        let (least_a, least_b) = (Field::decode(&a.encode()), Field::decode(&b.encode()));
        prop_assert!(a.equals(&least_a));
        prop_assert!(a.carried().equals(&a));
        prop_assert_eq!(a.mul(&b).encode(), least_a.mul(&least_b).encode());
        prop_assert_eq!(a.square().encode(), a.mul(&a).encode());
        // (a + b)(a - b) = a^2 - b^2
        let product = least_a.add(&least_b).mul(&least_a.sub(&least_b));
        prop_assert!(product.equals(&a.square().sub(&b.square())));
    }

    #[test]
    fn any_bytes_decode_as_elsewhere(bytes in any::<[u8; 32]>()) {
        let ours = decoded(&bytes);
        let theirs = CompressedEdwardsY(bytes).decompress();
        prop_assert_eq!(ours.is_some(), theirs.is_some());
        if let (Some(ours), Some(theirs)) = (ours, theirs) {
            assert_same(&Point::from(&ours), &theirs);
            assert_same(&Point::from(&ours.negated()), &-theirs);
        }
    }
}

#[test]
fn values_around_the_prime_wrap() {
    for below in 0u8..40 {
        // 2^255 - 1 - below
        let mut bytes = [0xff; 32];
        bytes[0] = 0xff - below;
        bytes[31] = 0x7f;
        let mut least = bytes;
        if below < 19 {
            least = [0; 32];
            least[0] = 18 - below;
        }
        assert_eq!(Field::decode(&bytes).encode(), least);
        // The highest bit is not part of it.
        bytes[31] = 0xff;
        assert_eq!(Field::decode(&bytes).encode(), least);
    }
}

#[test]
fn encodings_at_the_edges_decode_as_elsewhere() {
    for low in 0..=255u8 {
        for (fill, top) in [(0, 0), (0, 0x80), (0xff, 0x7f), (0xff, 0xff)] {
            let mut bytes = [fill; 32];
            (bytes[0], bytes[31]) = (low, top);
            let theirs = CompressedEdwardsY(bytes).decompress();
            let ours = decoded(&bytes);
            assert_eq!(ours.is_some(), theirs.is_some(), "{bytes:?}");
            if let (Some(ours), Some(theirs)) = (ours, theirs) {
                assert_same(&Point::from(&ours), &theirs);
            }
        }
    }
}

#[test]
fn formulas_hold_for_every_two_points() {
    let points: Vec<_> = EIGHT_TORSION.iter().copied().chain((0..10).map(some_point)).collect();
    for first in &points {
        let ours = Point::from(&addend(first));
        let mut doubled = ours;
        doubled.double();
        assert_same(&doubled, &(first + first));
        assert_eq!(ours.is_of_small_order(), first.is_small_order());
        for second in points.iter().chain([first, &-first]) {
            let mut sum = ours;
            sum.add(&Point::from(&addend(second)));
            assert_same(&sum, &(first + second));
            let (mut plus, mut minus) = (ours, ours);
            plus.add_addend(&addend(second), false);
            minus.add_addend(&addend(second), true);
            assert_same(&plus, &(first + second));
            assert_same(&minus, &(first - second));
        }
    }
}

/// Scalars at both ends of their range come first, then those where the order is taken off and where not.
fn long_scalar(index: usize) -> Scalar {
    let mut half = [0; 32];
    half[31] = 1 << 3;
    let half = Scalar::from_bytes_mod_order(half);
    let edges = [Scalar::ZERO, Scalar::ONE, -Scalar::ONE, half - Scalar::ONE, half, half + Scalar::ONE];
    edges.get(index).copied().unwrap_or_else(|| scalar("long", index))
}

fn short_scalar(index: usize) -> [u8; 16] {
    match index {
        0 => [0; 16],
        1 => [0xff; 16],
        _ => std::array::from_fn(|i| digest("short", index)[i]),
    }
}

/// Eight times the point.
fn without_small_order(mut point: Point) -> Point {
    for _ in 0..3 {
        point.double();
    }
    point
}

#[test]
fn sums_are_those_of_elsewhere_at_every_width() {
    check_sums(some_point, |ours, theirs| {
        assert_same(&without_small_order(ours), &theirs.mul_by_cofactor());
    });
    // Without parts of small order they are the very same.
    check_sums(
        |index| ED25519_BASEPOINT_POINT * scalar("point", index),
        |ours, theirs| assert_same(&ours, theirs),
    );
}

fn check_sums(some_point: impl Fn(usize) -> EdwardsPoint, same: impl Fn(Point, &EdwardsPoint)) {
    for (longs, shorts) in [(0, 0), (1, 0), (0, 1), (3, 2), (9, 30), (40, 40)] {
        let long: Vec<_> = (0..longs).map(|i| (long_scalar(i), some_point(i % 17))).collect();
        let short: Vec<_> = (0..shorts).map(|i| (short_scalar(i), some_point(i % 13 + 7))).collect();
        let mut expected = EdwardsPoint::multiscalar_mul(long.iter().map(|l| l.0), long.iter().map(|l| l.1));
        for (scalar, point) in &short {
            expected += Scalar::from(u128::from_le_bytes(*scalar)) * point;
        }
        let longs: Vec<_> = long.iter().map(|(scalar, point)| (scalar.to_bytes(), addend(point))).collect();
        let shorts: Vec<_> = short.iter().map(|(scalar, point)| (*scalar, addend(point))).collect();
        for width in (3..=12).map(Some).chain([None]) {
            let mut sum = Sum::with_capacity(4);
            longs.iter().for_each(|(scalar, point)| sum.long(scalar, point));
            shorts.iter().for_each(|(scalar, point)| sum.short(scalar, point));
            let width = width.unwrap_or_else(|| sum.width());
            same(sum.total(width), &expected);
        }
    }
    same(Sum::default().total(3), &EdwardsPoint::identity());
}

/// Keys and signatures of this test's own making, keys used twice.
fn signatures(count: usize) -> Vec<([u8; 32], [u8; 64], Vec<u8>)> {
    let sign = |index: usize| {
        let (secret, nonce) = (scalar("secret", index / 2), scalar("nonce", index));
        let (key, r) = (ED25519_BASEPOINT_POINT * secret, ED25519_BASEPOINT_POINT * nonce);
        let (key, message) = (key.compress().0, format!("message {index}").into_bytes());
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(r.compress().as_bytes());
        let challenge = Scalar::from_bytes_mod_order_wide(&super::challenge(&signature, &key, &message));
        signature[32..].copy_from_slice((nonce + challenge * secret).as_bytes());
        (key, signature, message)
    };
    (0..count).map(sign).collect()
}

#[test]
fn an_equation_holds_if_and_only_if_all_signatures_are_good() {
    for count in [2, 3, 17, 130] {
        let mut all = signatures(count);
        let holds = |all: &[([u8; 32], [u8; 64], Vec<u8>)]| {
            let chunk: Vec<_> = all
                .iter()
                .map(|(key, signature, message)| Signed { key: Key::Encoded(key), signature, message })
                .collect();
            let points = Points::of(&chunk);
            let terms = terms_of(&chunk, &points);
            assert_eq!(terms.len(), chunk.len());
            equation_holds(&chunk, &points, &terms)
        };
        assert!(holds(&all));
        for at in [0, count / 2, count - 1] {
            all[at].2[0] ^= 1;
            assert!(!holds(&all));
            all[at].2[0] ^= 1;
            all[at].1[32] ^= 1;
            assert!(!holds(&all));
            all[at].1[32] ^= 1;
        }
        assert!(holds(&all));
    }
}
