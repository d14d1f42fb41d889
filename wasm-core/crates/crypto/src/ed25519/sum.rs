//! Sums of many points times scalars, by buckets (Pippenger).
//!
//! Scalars are cut into signed digits of `width` bits. For each digit's place the points are thrown into one
//! bucket for each size of digit, and the buckets are summed so that the i-th counts i-fold.

use super::point::{Addend, Point};

/// Bits of a short scalar.
const SHORT_BITS: usize = 128;
/// Bits of a long scalar: those of the group's order.
const LONG_BITS: usize = 253;
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

    /// The sum, by digits of `width` bits, 3 to 12.
    pub(super) fn total(mut self, width: usize) -> Point {
        let (longest, shortest) = (places(LONG_BITS, width), places(SHORT_BITS, width));
        for (list, places) in [(&mut self.long, longest), (&mut self.short, shortest)] {
            let offset = offset(width, places);
            for (scalar, _) in list {
                add_words(scalar, &offset);
            }
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
            let (long, short) = (places(LONG_BITS, width), places(SHORT_BITS, width));
            7 * (long * self.long.len() + short * self.short.len()) + 18 * (long << (width - 1))
        };
        (3..=12).min_by_key(|width| cost(*width)).unwrap_or(3)
    }
}

/// Digits of a scalar of so many bits. Two bits more than it has: the offset takes it beyond its own bits, and
/// the sum must fit.
fn places(bits: usize, width: usize) -> usize {
    (bits + 2).div_ceil(width)
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
