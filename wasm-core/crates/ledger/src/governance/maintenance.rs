//! `maintain`: leases on shares of the disruption budget.

use super::{refused, Decision, Failure, Power, View};
use crate::codes;
use crate::validator::{Glance, Validator};

/// Takes, moves or gives back a validator's lease.
pub(super) fn maintain(
    view: &View<'_>,
    name: &[u8; 32],
    expected: u64,
    end: u64,
) -> Result<Decision, Failure> {
    let mut validator = view.validator()?;
    view.by_owner_or_delegate(&validator)?;
    if validator.lease_end != expected {
        let log = format!("the validator's lease ends at {}, not at {expected}", validator.lease_end);
        return refused(codes::STALE, log);
    }
    let now = view.block.time_ms;
    if end != 0 {
        granted(view, name, &validator, end)?;
    } else if validator.lease_end <= now {
        return refused(codes::NOTHING_TO_DO, format!("the lease is over since {}", validator.lease_end));
    }
    // One that is given back ends now and not at 0: what took it names another end, so
    // that nobody can send it a second time.
    validator.lease_end = if end == 0 { now } else { end };
    let mut decision = Decision::default();
    decision.set(view.validator_key()?, validator.encode());
    decision.event("maintain", vec![("validator", name.to_vec()), ("end", end.to_le_bytes().to_vec())]);
    Ok(decision)
}

/// `3 * (maintained + new) < total`, of the present set.
fn granted(view: &View<'_>, name: &[u8; 32], validator: &Validator, end: u64) -> Result<(), Failure> {
    let (now, longest) = (view.block.time_ms, view.block.params.max_lease_ms);
    if !validator.is_active() {
        return refused(codes::WRONG_STATUS, "it is not in the set: there is nothing to lease");
    }
    if end <= now || end - now > longest {
        let log =
            format!("a lease ends after the block ({now}) and at most {longest} ms later, not at {end}");
        return refused(codes::BAD_LEASE, log);
    }
    let maintained =
        |place: usize, of: &Glance| of.lease_end > now || view.block.names.get(place) == Some(name);
    let power = Power::sum(view.frame, view.store, maintained)?;
    if power.below_a_third(power.picked) {
        return Ok(());
    }
    let log =
        format!("power {} of {} would be under maintenance, a third or more", power.picked, power.total);
    refused(codes::MAINTENANCE_LIMIT, log)
}
