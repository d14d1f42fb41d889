//! The next executor: `schedule`, `cancel`, `module_ready`, and when the change is
//! made (docs/execution.md, Upgrades).

use super::authority::authorized;
use super::{refused, Decision, Failure, Frame, Power, View};
use crate::codes;
use crate::epoch::Upgrade;
use bedrock_sdk::{KeyRef, Store};

/// A validator's row of readiness.
fn readiness(executor: &[u8; 32], engine: u32) -> Vec<u8> {
    [&executor[..], &engine.to_le_bytes()].concat()
}

fn read(store: &Store, key: KeyRef) -> Result<Option<Upgrade>, Failure> {
    let Some(row) = store.get(key) else { return Ok(None) };
    Upgrade::decode(row).map(Some).ok_or(Failure::Broken("the row of an upgrade"))
}

/// Schedules a module; one at a time.
pub(super) fn schedule(
    view: &View<'_>,
    executor: &[u8; 32],
    engine: u32,
    not_before: u64,
    not_after: u64,
) -> Result<Decision, Failure> {
    authorized(view)?;
    let block = view.block;
    if view.row(view.frame.upgrade).is_some() {
        return refused(codes::ALREADY_SCHEDULED, "an upgrade is scheduled: cancel it first");
    }
    if not_after <= block.height || (executor[..] == block.executor[..] && engine == block.engine) {
        let log = format!(
            "the window ends at height {not_after}, this is {}; or the module runs already",
            block.height
        );
        return refused(codes::BAD_SCHEDULE, log);
    }
    let upgrade =
        Upgrade { executor: *executor, engine, not_before, not_after, at: block.height, ready: vec![] };
    let mut decision = Decision::default();
    decision.set(view.frame.upgrade, upgrade.encode());
    let attributes = vec![
        ("executor", executor.to_vec()),
        ("engine", engine.to_le_bytes().to_vec()),
        ("not_before", not_before.to_le_bytes().to_vec()),
        ("not_after", not_after.to_le_bytes().to_vec()),
    ];
    decision.event("schedule", attributes);
    Ok(decision)
}

/// Takes back what is scheduled.
pub(super) fn cancel(view: &View<'_>, executor: &[u8; 32]) -> Result<Decision, Failure> {
    authorized(view)?;
    match read(view.store, view.frame.upgrade)? {
        Some(upgrade) if upgrade.executor == *executor => {}
        _ => return refused(codes::NOT_SCHEDULED, "nothing is scheduled, or another module"),
    }
    let mut decision = Decision::default();
    decision.delete(view.frame.upgrade);
    decision.event("cancel", vec![("executor", executor.to_vec())]);
    Ok(decision)
}

/// The node of a validator in the set can run what is scheduled. Of anything else
/// nothing is noted: it is told for nothing, and could be told in every block.
pub(super) fn module_ready(
    view: &View<'_>,
    name: &[u8; 32],
    identity: &[u8; 32],
    executor: &[u8; 32],
    engine: u32,
) -> Result<Decision, Failure> {
    let validator = view.validator()?;
    view.by_identity(&validator, identity)?;
    if !validator.is_active() {
        return refused(codes::WRONG_STATUS, "it is not in the set");
    }
    let key = view.rows.module_ready.ok_or(Failure::Broken("rows of another operation"))?;
    let mut upgrade = match read(view.store, view.frame.upgrade)? {
        Some(upgrade) if upgrade.executor == *executor && upgrade.engine == engine => upgrade,
        _ => return refused(codes::NOT_SCHEDULED, "nothing is scheduled, or another module"),
    };
    if !upgrade.note(name, true) {
        return refused(codes::NOTHING_TO_DO, "it is known to be ready for this module");
    }
    let mut decision = Decision::default();
    decision.set(view.frame.upgrade, upgrade.encode());
    decision.set(key, readiness(executor, engine));
    let attributes = vec![
        ("validator", name.to_vec()),
        ("executor", executor.to_vec()),
        ("engine", engine.to_le_bytes().to_vec()),
    ];
    decision.event("module_ready", attributes);
    Ok(decision)
}

/// What the end of a block does to what is scheduled.
pub(crate) enum Due {
    /// It waits, or there is nothing.
    No,
    /// A quorum of the set that follows is ready: the change is made.
    Change(Upgrade),
    /// Its window is over.
    Lapsed,
}

/// Whether the change is made by the block of this height. rule: module-ready
pub(crate) fn due(frame: &Frame, names: &[[u8; 32]], height: u64, store: &Store) -> Result<Due, Failure> {
    let Some(upgrade) = read(store, frame.upgrade)? else { return Ok(Due::No) };
    if height < upgrade.not_before {
        return Ok(Due::No);
    }
    let ready = |place: usize| names.get(place).is_some_and(|name| upgrade.ready.binary_search(name).is_ok());
    let power = Power::sum(frame, store, |place, _| ready(place))?;
    Ok(if height > upgrade.not_after {
        Due::Lapsed
    } else if power.is_quorum() {
        Due::Change(upgrade)
    } else if height == upgrade.not_after {
        Due::Lapsed
    } else {
        Due::No
    })
}
