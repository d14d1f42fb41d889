//! Sums of many points times scalars, by buckets (Pippenger).
//!
//! Scalars are cut into signed digits of `width` bits. For each digit's place the points are thrown into one
//! bucket for each size of digit, and the buckets are summed so that the i-th counts i-fold.

use super::point::{Addend, Point};

/// Bits of a short scalar.
const SHORT_BITS: usize = 128;
/// The group's order, of 253 bits.
const ORDER: Words = [
    0x5cf5_d3ed,
    0x5812_631a,
    0xa2f7_9cd6,
    0x14de_f9de,
    0x0000_0000,
    0x0000_0000,
    0x0000_0000,
    0x1000_0000,
    0,
];
/// Bits of a long scalar less the order, where it is above half of that, and its sign.
const LONG_PLACES: usize = 253;
/// Bits of a short scalar, of which none is below zero, and its sign. One more, since the offset takes the
/// greatest beyond them.
const SHORT_PLACES: usize = SHORT_BITS + 2;
/// Words of 32 bits: room for a scalar and what makes its digits signed.
const WORDS: usize = 9;

type Words = [u32; WORDS];

/// A sum under construction.
#[derive(Default)]
pub(super) struct Sum<'a> {
    long: Vec<(Words, &'a Addend)>,
    short: Vec<(Words, &'a Addend)>,
}

impl<'a> Sum<'a> {
    pub(super) fn with_capacity(terms: usize) -> Self {
        Sum { long: Vec::with_capacity(terms + 1), short: Vec::with_capacity(terms) }
    }

    /// Adds a point times a scalar below the group's order, little-endian.
    pub(super) fn long(&mut self, scalar: &[u8; 32], point: &'a Addend) {
        self.long.push((words(scalar), point));
    }

    /// Adds a point times a scalar of 128 bits, little-endian.
    pub(super) fn short(&mut self, scalar: &[u8; 16], point: &'a Addend) {
        self.short.push((words(scalar), point));
    }

    /// The sum but for a point of small order, by digits of `width` bits, 3 to 12: from a long scalar above half
    /// the group's order, the order is taken off, which for a point with a part of small order leaves that part.
    pub(super) fn total(mut self, width: usize) -> Point {
        let (longest, shortest) = (LONG_PLACES.div_ceil(width), SHORT_PLACES.div_ceil(width));
        let above = offset(width, longest);
        let below = less(&above, &ORDER);
        for (scalar, _) in &mut self.long {
            // Half the order is little more than 2^251.
            let upper_half = scalar[7] >> 27 != 0;
            add_words(scalar, if upper_half { &below } else { &above });
        }
        let above = offset(width, shortest);
        for (scalar, _) in &mut self.short {
            add_words(scalar, &above);
        }
        let mut buckets = Buckets::new(width);
        let mut total = Point::NEUTRAL;
        for place in (0..longest).rev() {
            for _ in 0..width {
                total.double();
            }
            buckets.throw(&self.long, place);
            if place < shortest {
                buckets.throw(&self.short, place);
            }
            if let Some(sum) = buckets.empty() {
                total.add(&sum);
            }
        }
        total
    }

    /// The width of digits at which the sum takes the fewest products: 7 a point and place, and 18 a bucket.
    pub(super) fn width(&self) -> usize {
        let cost = |width: usize| {
            let (long, short) = (LONG_PLACES.div_ceil(width), SHORT_PLACES.div_ceil(width));
            7 * (long * self.long.len() + short * self.short.len()) + 18 * (long << (width - 1))
        };
        (3..=12).min_by_key(|width| cost(*width)).unwrap_or(3)
    }
}

fn words(scalar: &[u8]) -> Words {
    let mut out = [0; WORDS];
    for (word, bytes) in out.iter_mut().zip(scalar.as_chunks::<4>().0) {
        *word = u32::from_le_bytes(*bytes);
    }
    out
}

/// Half of each digit's range. A digit of the scalar plus this, less the half again, is a signed digit, and
/// these digits have the scalar as their value.
fn offset(width: usize, places: usize) -> Words {
    let mut out = [0; WORDS];
    for place in 0..places {
        let bit = place * width + width - 1;
        out[bit / 32] |= 1 << (bit % 32);
    }
    out
}

fn add_words(words: &mut Words, other: &Words) {
    let mut carry = 0;
    for (word, other) in words.iter_mut().zip(other) {
        carry += u64::from(*word) + u64::from(*other);
        *word = carry as u32;
        carry >>= 32;
    }
}

/// The difference of two numbers, of which the first is the greater.
fn less(words: &Words, other: &Words) -> Words {
    let mut out = *words;
    let mut borrow = 0;
    for (word, other) in out.iter_mut().zip(other) {
        let difference = i64::from(*word) - i64::from(*other) + borrow;
        *word = difference as u32;
        borrow = difference >> 32;
    }
    out
}

/// Points of one place of digits, by the size of the digit.
struct Buckets {
    width: usize,
    points: Vec<Point>,
    filled: Vec<bool>,
}

impl Buckets {
    fn new(width: usize) -> Self {
        let count = 1 << (width - 1);
        Buckets { width, points: vec![Point::NEUTRAL; count], filled: vec![false; count] }
    }

    /// The signed digit at a place.
    #[inline(always)]
    fn digit(&self, scalar: &Words, place: usize) -> i32 {
        let bit = place * self.width;
        let (word, shift) = (bit / 32, bit % 32);
        let next = scalar.get(word + 1).copied().unwrap_or_default();
        let bits = (u64::from(scalar[word]) | u64::from(next) << 32) >> shift;
        (bits & ((1 << self.width) - 1)) as i32 - (1 << (self.width - 1))
    }

    fn throw(&mut self, terms: &[(Words, &Addend)], place: usize) {
        for (scalar, point) in terms {
            let digit = self.digit(scalar, place);
            if digit == 0 {
                continue;
            }
            let at = digit.unsigned_abs() as usize - 1;
            if self.filled[at] {
                self.points[at].add_addend(point, digit < 0);
            } else {
                self.filled[at] = true;
                self.points[at] = if digit < 0 { (&point.negated()).into() } else { (*point).into() };
            }
        }
    }

    /// The sum of all, each as often as its digit says; none if there is none.
    fn empty(&mut self) -> Option<Point> {
        let mut sums: Option<(Point, Point)> = None;
        for (point, filled) in self.points.iter().zip(&mut self.filled).rev() {
            let filled = std::mem::take(filled);
            match &mut sums {
                Some((running, total)) => {
                    if filled {
                        running.add(point);
                    }
                    total.add(running);
                }
                None if filled => sums = Some((*point, *point)),
                None => {}
            }
        }
        sums.map(|(_, total)| total)
    }
}
