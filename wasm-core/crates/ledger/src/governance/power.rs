//! Sums over the present set.

use super::{Failure, Frame};
use crate::validator::{Glance, Status};
use bedrock_sdk::Store;

/// Fewer validators than this tolerate no fault.
const ENOUGH: usize = 4;

/// The present set, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Power {
    /// Validators in the set.
    pub(crate) count: usize,
    /// Their power.
    pub(crate) total: u64,
    /// Power of those that a caller picked.
    pub(crate) picked: u64,
    /// Those that have not left.
    pub(crate) listed: usize,
    /// Those of them that are candidates.
    pub(crate) candidates: usize,
}

impl Power {
    /// Sums the set; `pick` says by place and row whose power is summed apart.
    pub(crate) fn sum(
        frame: &Frame,
        store: &Store,
        mut pick: impl FnMut(usize, &Glance) -> bool,
    ) -> Result<Self, Failure> {
        let mut sum = Power::default();
        for (place, key) in frame.validators.iter().enumerate() {
            let row = store.get(*key).and_then(Glance::of);
            let validator = row.ok_or(Failure::Broken("the row of a validator"))?;
            sum.listed += usize::from(validator.status != Status::Left);
            sum.candidates += usize::from(validator.status == Status::Candidate);
            if validator.status == Status::Active {
                sum.count += 1;
                // Powers together are below 2^32.
                sum.total = sum.total.saturating_add(validator.power);
                if pick(place, &validator) {
                    sum.picked = sum.picked.saturating_add(validator.power);
                }
            }
        }
        Ok(sum)
    }

    /// Whether what was picked is a quorum. Products fit 64 bits.
    pub(crate) fn is_quorum(&self) -> bool {
        self.picked.saturating_mul(3) > self.total.saturating_mul(2)
    }

    /// Whether `power` is less than a third.
    pub(crate) fn below_a_third(&self, power: u64) -> bool {
        power.saturating_mul(3) < self.total
    }

    /// Whether the set tolerates a fault.
    pub(crate) fn tolerates_a_fault(&self) -> bool {
        self.count >= ENOUGH
    }
}

/// Whether a set may shrink from `before` to `after` validators.
pub(super) fn may_remain(before: usize, after: usize, allow_few: bool) -> bool {
    after > 0 && (after >= ENOUGH || after >= before || allow_few)
}
