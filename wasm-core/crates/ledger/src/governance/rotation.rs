//! `rotate`: a key is succeeded, never moved (docs/keys.md).

use super::members::of_the_scheme;
use super::{refused, Decision, Failure, Power, View};
use crate::codes;
use crate::epoch::Upgrade;
use crate::operation::Rotate;
use crate::validator::{Glance, Status};

/// Puts a new instance in the place of the expected one.
pub(super) fn rotate(view: &View<'_>, rotate: &Rotate<'_>) -> Result<Decision, Failure> {
    let mut validator = view.validator()?;
    view.by_owner_or_delegate(&validator)?;
    if validator.identity != *rotate.expected {
        return refused(codes::STALE, "the validator has another identity now");
    }
    of_the_scheme(view, rotate.consensus_key)?;
    let [holder, key_holder, fee_owner] =
        view.rows.new_keys.ok_or(Failure::Broken("rows of another operation"))?;
    // A brought key may stay with its validator: it has not left the set. A jailed
    // one's must go. rule: identity-once
    let kept = validator.consensus_key == rotate.consensus_key && validator.status != Status::Jailed;
    if view.row(holder).is_some() || (!kept && view.row(key_holder).is_some()) {
        return refused(
            codes::KEY_USED,
            "the identity or the consensus key is or was a validator's: make new ones",
        );
    }
    if validator.is_active() {
        not_at_once(view, validator.rotated)?;
        within_the_window(view, rotate.validator)?;
    } else {
        seldom_for_nothing(view, validator.rotated)?;
    }
    let mut decision = Decision { ends_epoch: validator.is_active(), ..Decision::default() };
    validator.identity = *rotate.identity;
    validator.consensus_key = rotate.consensus_key.to_vec();
    validator.possession = rotate.possession.to_vec();
    validator.rotated = view.block.time_ms;
    validator.ready = validator.is_active();
    decision.set(view.validator_key()?, validator.encode());
    decision.set(holder, rotate.validator.to_vec());
    decision.set(key_holder, rotate.validator.to_vec());
    decision.set(fee_owner, validator.owner.to_vec());
    unready(view, rotate.validator, &mut decision)?;
    let attributes = vec![
        ("validator", rotate.validator.to_vec()),
        ("from", rotate.expected.to_vec()),
        ("to", rotate.identity.to_vec()),
        ("consensus_key", rotate.consensus_key.to_vec()),
    ];
    decision.event("rotate", attributes);
    Ok(decision)
}

/// Each rotation of a validator in the set is an epoch, and evidence reaches 1,024
/// epochs back: half a window lies between two, paid or not, so that nobody rotates
/// alone what convicts it out of reach. The authority lifts that by a window of 0.
fn not_at_once(view: &View<'_>, rotated: u64) -> Result<(), Failure> {
    let rest = view.block.params.rotation_window_ms / 2;
    let again = rotated.saturating_add(rest);
    if rotated == 0 || again <= view.block.time_ms {
        return Ok(());
    }
    let log = format!(
        "it is in the set and was rotated less than {rest} ms ago: wait until {again} (ms since 1970), or let the authority set rotation_window_ms"
    );
    refused(codes::ROTATION_LIMIT, log)
}

/// Power rotated within the window, this included, stays below a third, in a set
/// that tolerates a fault. The authority lifts that by a window of 0.
fn within_the_window(view: &View<'_>, name: &[u8; 32]) -> Result<(), Failure> {
    let window = view.block.params.rotation_window_ms;
    if window == 0 {
        return Ok(());
    }
    let rotated = |place: usize, of: &Glance| {
        let recent = of.rotated > 0 && of.rotated.saturating_add(window) > view.block.time_ms;
        recent || view.block.names.get(place) == Some(name)
    };
    let power = Power::sum(view.frame, view.store, rotated)?;
    if !power.tolerates_a_fault() || power.below_a_third(power.picked) {
        return Ok(());
    }
    let log = format!(
        "power {} of {} would have been rotated within {window} ms, and a third at once is too much: wait, or let the authority set rotation_window_ms",
        power.picked, power.total
    );
    refused(codes::ROTATION_LIMIT, log)
}

/// Outside the set no bound on power holds rotations back, and each leaves rows that
/// stay: within a window the second is to be paid for.
fn seldom_for_nothing(view: &View<'_>, rotated: u64) -> Result<(), Failure> {
    let window = view.block.params.rotation_window_ms;
    let recent = rotated > 0 && rotated.saturating_add(window) > view.block.time_ms;
    if !recent || !view.transaction.body.is_fee_free() {
        return Ok(());
    }
    refused(
        codes::ROTATION_LIMIT,
        format!("it is not in the set and was rotated less than {window} ms ago: wait, or let its owner pay"),
    )
}

/// The new instance has not said that it can run a module.
fn unready(view: &View<'_>, name: &[u8; 32], decision: &mut Decision) -> Result<(), Failure> {
    if let Some(key) = view.rows.module_ready {
        decision.delete(key);
    }
    if let Some(row) = view.row(view.frame.upgrade) {
        let mut upgrade = Upgrade::decode(row).ok_or(Failure::Broken("the row of an upgrade"))?;
        if upgrade.note(name, false) {
            decision.set(view.frame.upgrade, upgrade.encode());
        }
    }
    Ok(())
}
