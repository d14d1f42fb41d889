//! Points of the curve `-x^2 + y^2 = 1 + d x^2 y^2`, for sums that need not hide anything.
//!
//! The formulas are complete: they hold for every two points of the curve, equal ones, opposite ones and
//! those of small order too, since -1 is a square of the field and `d` is none.

use super::field::{mul_pair, power_p58, Field, Pair};

const D: Field = Field::from_limbs([
    0x3_4dca_1359_78a3,
    0x1_a828_3b15_6ebd,
    0x5_e7a2_6001_c029,
    0x7_39c6_63a0_3cbb,
    0x5_2036_cee2_b6ff,
]);
const TWO_D: Field = Field::from_limbs([
    0x6_9b94_26b2_f159,
    0x3_5050_762a_dd7a,
    0x3_cf44_c003_8052,
    0x6_738c_c740_7977,
    0x2_406d_9dc5_6dff,
]);
const ROOT_OF_MINUS_ONE: Field = Field::from_limbs([
    0x6_1b27_4a0e_a0b0,
    0x0_d5a5_fc8f_189d,
    0x7_ef5e_9cbd_0c60,
    0x7_8595_a680_4c9e,
    0x2_b832_4804_fc1d,
]);

/// A point to add, as `y + x`, `y - x` and `2 d x y`, all tight.
#[derive(Clone, Copy, Debug)]
pub(super) struct Addend {
    sum: Field,
    difference: Field,
    product: Field,
}

/// A point: `x = X / Z`, `y = Y / Z`, `x y = T / Z`, all tight.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    x: Field,
    y: Field,
    z: Field,
    t: Field,
}

/// Decodes two points as ZIP-215 does: any `y` of 255 bits, and an `x` of 0 with either sign. `None` where
/// there is no such point.
pub(super) fn decode_pair(encoded: [&[u8; 32]; 2]) -> [Option<Addend>; 2] {
    let y: Pair = encoded.map(Field::decode);
    // x^2 = u / v; the candidate for the root is u v^3 (u v^7)^((p - 5) / 8).
    let squared = y.map(|y| y.square());
    let u = squared.map(|squared| squared.sub(&Field::ONE));
    let v = squared.map(|squared| squared.mul(&D).add(&Field::ONE));
    let v3 = mul_pair(&v.map(|v| v.square()), &v);
    let v7 = mul_pair(&v3.map(|v3| v3.square()), &v);
    let power = power_p58(&mul_pair(&u, &v7));
    let candidate = mul_pair(&mul_pair(&u, &v3), &power);
    std::array::from_fn(|i| {
        let x = root(&candidate[i], &u[i], &v[i], encoded[i][31] >> 7 == 1)?;
        Some(Addend {
            sum: y[i].add(&x).carried(),
            difference: y[i].sub(&x).carried(),
            product: y[i].mul(&x).mul(&TWO_D),
        })
    })
}

/// The root of `u / v` of that sign, if there is one.
fn root(candidate: &Field, u: &Field, v: &Field, negative: bool) -> Option<Field> {
    let square = v.mul(&candidate.square());
    let root = if square.equals(u) {
        *candidate
    } else if square.add(u).is_zero() {
        candidate.mul(&ROOT_OF_MINUS_ONE)
    } else {
        return None;
    };
    Some(if root.is_negative() == negative { root } else { root.negated() })
}

impl Addend {
    /// Its opposite.
    pub(super) fn negated(&self) -> Addend {
        Addend { sum: self.difference, difference: self.sum, product: self.product.negated() }
    }
}

impl From<&Addend> for Point {
    fn from(addend: &Addend) -> Point {
        let twice_x = addend.sum.sub(&addend.difference).carried();
        let twice_y = addend.sum.add(&addend.difference).carried();
        Point {
            x: twice_x.add(&twice_x).carried(),
            y: twice_y.add(&twice_y).carried(),
            z: Field::from_limbs([4, 0, 0, 0, 0]),
            t: twice_x.mul(&twice_y),
        }
    }
}

impl Point {
    /// The neutral point.
    pub(super) const NEUTRAL: Point = Point { x: Field::ZERO, y: Field::ONE, z: Field::ONE, t: Field::ZERO };

    /// The point of four products that every formula ends with.
    #[inline(always)]
    fn of_products(e: &Field, f: &Field, g: &Field, h: &Field) -> Point {
        Point { x: e.mul(f), y: g.mul(h), z: f.mul(g), t: e.mul(h) }
    }

    /// Adds a point; `negative` adds its opposite.
    #[inline(always)]
    pub(super) fn add_addend(&mut self, addend: &Addend, negative: bool) {
        let addend = if negative { addend.negated() } else { *addend };
        let a = self.y.sub(&self.x).mul(&addend.difference);
        let b = self.y.add(&self.x).mul(&addend.sum);
        let c = self.t.mul(&addend.product);
        let d = self.z.add(&self.z);
        *self = Point::of_products(&b.sub(&a), &d.sub(&c), &d.add(&c), &b.add(&a));
    }

    /// Adds a point.
    pub(super) fn add(&mut self, other: &Point) {
        let a = self.y.sub(&self.x).mul(&other.y.sub(&other.x));
        let b = self.y.add(&self.x).mul(&other.y.add(&other.x));
        let c = self.t.mul(&other.t).mul(&TWO_D);
        let z = self.z.mul(&other.z);
        let d = z.add(&z);
        *self = Point::of_products(&b.sub(&a), &d.sub(&c), &d.add(&c), &b.add(&a));
    }

    /// Doubles the point.
    pub(super) fn double(&mut self) {
        let (a, b, z2) = (self.x.square(), self.y.square(), self.z.square());
        let h = a.add(&b);
        let e = h.sub(&self.x.add(&self.y).square());
        let g = a.sub(&b);
        let f = z2.add(&z2).add(&g);
        *self = Point::of_products(&e, &f, &g, &h);
    }

    /// The point's encoding.
    #[cfg(test)]
    pub(super) fn encode(&self) -> [u8; 32] {
        // 1 / z = z^(p - 2), and p - 2 = 8 (p - 5) / 8 + 3.
        let mut inverse = power_p58(&[self.z, self.z])[0];
        for _ in 0..3 {
            inverse = inverse.square();
        }
        let inverse = inverse.mul(&self.z.square().mul(&self.z));
        let mut out = self.y.mul(&inverse).encode();
        let x = self.x.mul(&inverse);
        assert!(self.t.mul(&inverse).equals(&x.mul(&self.y.mul(&inverse))), "T is not X Y / Z");
        out[31] |= u8::from(x.is_negative()) << 7;
        out
    }

    /// Whether eight times the point is the neutral one.
    pub(super) fn is_of_small_order(mut self) -> bool {
        for _ in 0..3 {
            self.double();
        }
        self.x.is_zero() && self.y.equals(&self.z)
    }
}
