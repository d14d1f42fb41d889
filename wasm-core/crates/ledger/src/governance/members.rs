//! Who is in the set: `join`, `ready`, `delegate`, `leave`, `weigh`.

use super::authority::authorized;
use super::power::may_remain;
use super::{read_validator, refused, Decision, Failure, Power, View};
use crate::codes;
use crate::operation::governance::{Join, Weights, ALLOW_FEW, MAX_TOTAL_POWER, MAX_VALIDATORS};
use crate::validator::{decode_names, encode_names, name_of, Status, Validator};
use bedrock_sdk::KeyRef;

/// A candidate, owned by whoever pays.
pub(super) fn join(view: &View<'_>, join: &Join<'_>) -> Result<Decision, Failure> {
    let block = view.block;
    let [holder, key_holder, fee_owner] =
        view.rows.new_keys.ok_or(Failure::Broken("rows of another operation"))?;
    // rule: identity-once
    if [holder, key_holder].iter().any(|key| view.row(*key).is_some()) {
        return refused(
            codes::KEY_USED,
            "the identity or the consensus key is or was a validator's: make new ones",
        );
    }
    of_the_scheme(view, join.consensus_key)?;
    let mut names = names(view)?;
    let power = Power::sum(view.frame, view.store, |_, _| false)?;
    // Those that joined in this block stand in the list, not in the frame.
    let candidates = power.candidates.saturating_add(names.len().saturating_sub(power.listed));
    if names.len() >= MAX_VALIDATORS || candidates as u64 >= block.params.max_candidates {
        let log = format!("there are {candidates} candidates and {} validators in all", names.len());
        return refused(codes::TOO_MANY_VALIDATORS, log);
    }
    let name = name_of(join.identity);
    let validator = Validator {
        status: Status::Candidate,
        ready: false,
        identity: *join.identity,
        owner: *view.payer,
        delegate: [0; 32],
        power: 0,
        lease_end: 0,
        since: block.height,
        rotated: 0,
        jailed: 0,
        consensus_key: join.consensus_key.to_vec(),
        possession: join.possession.to_vec(),
        moniker: join.moniker.to_vec(),
    };
    let mut decision = Decision::default();
    decision.set(view.validator_key()?, validator.encode());
    names.push(name);
    decision.set(view.frame.names, encode_names(&names));
    decision.set(holder, name.to_vec());
    decision.set(key_holder, name.to_vec());
    decision.set(fee_owner, view.payer.to_vec());
    let who = vec![
        ("validator", name.to_vec()),
        ("identity", join.identity.to_vec()),
        ("owner", view.payer.to_vec()),
    ];
    decision.event("join", who);
    Ok(decision)
}

/// The names as they stand within the block.
fn names(view: &View<'_>) -> Result<Vec<[u8; 32]>, Failure> {
    view.row(view.frame.names).and_then(decode_names).ok_or(Failure::Broken("the list of validators"))
}

/// A consensus key must be of the scheme of all others, chosen in genesis.
pub(super) fn of_the_scheme(view: &View<'_>, consensus_key: &[u8]) -> Result<(), Failure> {
    let first = read_validator(view.store, view.frame.validators.first().copied())?;
    match first {
        Some(first) if first.consensus_key.len() == consensus_key.len() => Ok(()),
        _ => refused(codes::BAD_KEY, "the consensus key is not of the chain's signature scheme"),
    }
}

/// A candidate's node is synced, or that of a jailed one with new keys.
pub(super) fn ready(view: &View<'_>, name: &[u8; 32], identity: &[u8; 32]) -> Result<Decision, Failure> {
    let mut validator = view.validator()?;
    view.by_identity(&validator, identity)?;
    if validator.ready && validator.status != Status::Jailed {
        return refused(codes::NOTHING_TO_DO, "it is known to be ready");
    }
    match validator.status {
        // Nobody syncs within the block that names it.
        Status::Candidate
            if validator.since < view.block.height && validator.rotated < view.block.time_ms => {}
        Status::Jailed if validator.ready => return refused(codes::NOTHING_TO_DO, "it is known to be ready"),
        Status::Jailed if (1..view.block.time_ms).contains(&validator.rotated) => {}
        Status::Jailed => return refused(codes::WRONG_STATUS, "it is jailed, and was not rotated since"),
        _ => return refused(codes::WRONG_STATUS, "it was named in this very block"),
    }
    validator.ready = true;
    let mut decision = Decision::default();
    decision.set(view.validator_key()?, validator.encode());
    decision.event("ready", vec![("validator", name.to_vec()), ("identity", identity.to_vec())]);
    Ok(decision)
}

/// Names the key that may rotate, leave and maintain.
pub(super) fn delegate(view: &View<'_>, name: &[u8; 32], key: &[u8; 32]) -> Result<Decision, Failure> {
    let mut validator = view.validator()?;
    if *view.payer != validator.owner {
        return refused(codes::NOT_AUTHORIZED, "the payer is not the validator's owner");
    }
    validator.delegate = *key;
    let mut decision = Decision::default();
    decision.set(view.validator_key()?, validator.encode());
    decision.event("delegate", vec![("validator", name.to_vec()), ("delegate", key.to_vec())]);
    Ok(decision)
}

/// Out for good.
pub(super) fn leave(
    view: &View<'_>,
    name: &[u8; 32],
    expected: &[u8; 32],
    flags: u8,
) -> Result<Decision, Failure> {
    let mut validator = view.validator()?;
    view.by_owner_or_delegate(&validator)?;
    if validator.identity != *expected {
        return refused(codes::STALE, "the validator has another identity now");
    }
    let mut decision = Decision::default();
    if validator.is_active() {
        let power = Power::sum(view.frame, view.store, |_, _| false)?;
        few(power.count, power.count.saturating_sub(1), flags)?;
        decision.ends_epoch = true;
    }
    gone(&mut validator, view.block.height);
    decision.set(view.validator_key()?, validator.encode());
    let mut names = names(view)?;
    names.retain(|listed| listed != name);
    decision.set(view.frame.names, encode_names(&names));
    decision.event("leave", vec![("validator", name.to_vec()), ("identity", expected.to_vec())]);
    Ok(decision)
}

fn gone(validator: &mut Validator, height: u64) {
    validator.status = Status::Left;
    (validator.power, validator.lease_end, validator.ready, validator.since) = (0, 0, false, height);
}

fn few(before: usize, after: usize, flags: u8) -> Result<(), Failure> {
    if may_remain(before, after, flags & ALLOW_FEW != 0) {
        return Ok(());
    }
    let log = format!("{after} validators would remain of {before}; fewer than four tolerate no fault (flag 1 allows that, but for the last)");
    refused(codes::TOO_FEW_VALIDATORS, log)
}

/// Powers, as the authority wants them. One newcomer an epoch: what it does not
/// change remains a quorum of those who were there.
pub(super) fn weigh(view: &View<'_>, flags: u8, weights: Weights<'_>) -> Result<Decision, Failure> {
    authorized(view)?;
    let power = Power::sum(view.frame, view.store, |_, _| false)?;
    let (mut count, mut total) = (power.count, power.total);
    let mut decision = Decision::default();
    let mut left = Vec::new();
    for ((name, power), key) in weights.iter().zip(&view.rows.listed) {
        let mut validator = listed(view, *key)?;
        let before = validator.power;
        // Each power is bounded before it is added, so no sum overflows.
        if power >= MAX_TOTAL_POWER {
            return refused(codes::POWER_OUT_OF_RANGE, "a power is not below 2^32");
        }
        match (validator.status, power) {
            (_, 0) => {
                count = count.saturating_sub(usize::from(validator.is_active()));
                gone(&mut validator, view.block.height);
                left.push(*name);
            }
            (Status::Active, _) => validator.power = power,
            _ => {
                if view.block.newcomer || decision.newcomer {
                    return refused(
                        codes::ONE_NEWCOMER,
                        "an epoch takes one newcomer: weigh the next in another block",
                    );
                }
                if !validator.ready {
                    return refused(
                        codes::NOT_READY,
                        "the newcomer is not ready, or jailed and not rotated since",
                    );
                }
                validator.status = Status::Active;
                (validator.power, validator.since) = (power, view.block.height);
                (decision.newcomer, count) = (true, count.saturating_add(1));
            }
        }
        total = total.saturating_sub(before).saturating_add(power);
        decision.ends_epoch |= before != power;
        decision.set(*key, validator.encode());
        let attributes = vec![("validator", name.to_vec()), ("power", power.to_le_bytes().to_vec())];
        decision.event("weigh", attributes);
    }
    few(power.count, count, flags)?;
    if total >= MAX_TOTAL_POWER {
        return refused(codes::POWER_OUT_OF_RANGE, "the powers together are not below 2^32");
    }
    if !left.is_empty() {
        let mut names = names(view)?;
        names.retain(|name| !left.contains(name));
        decision.set(view.frame.names, encode_names(&names));
    }
    Ok(decision)
}

fn listed(view: &View<'_>, key: KeyRef) -> Result<Validator, Failure> {
    match read_validator(view.store, Some(key))? {
        Some(validator) if validator.status != Status::Left => Ok(validator),
        _ => refused(codes::NO_SUCH_VALIDATOR, "no validator has one of these names, or it has left"),
    }
}
