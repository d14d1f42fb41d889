//! Epochs: which one executes, jailing on evidence, and the change that ends one.

use crate::epoch::{Epoch, Epochs, Jailing, Member};
use crate::evidence::{self, Evidence};
use crate::governance::{due, read_validator, Due, Failure, Frame, Power};
use crate::keys;
use crate::machine::Block;
use crate::params::Params;
use crate::validator::Status;
use bedrock_sdk::abi::generated::Validator as SetValidator;
use bedrock_sdk::{Context, EpochParams, KeyRef, Keys, Store};

/// Most epochs whose evidence is taken and whose rows are kept.
pub(crate) const MAX_KEPT: u64 = 1_024;
/// Rows of epochs that one block drops at most; it makes one at most.
const MAX_DROPPED: u64 = 8;
/// Old rows are looked for at the start of an epoch and every so many heights.
const DROP_INTERVAL: u64 = 64;

/// Rows that the block needs for what it holds beside transactions.
#[derive(Default)]
pub(crate) struct EpochRows {
    /// The first block of an epoch: its row, and that of the epoch before.
    entered: Option<[KeyRef; 2]>,
    /// Of each piece of evidence that is well formed: itself, its row, that of its
    /// epoch and of the one after it.
    evidence: Vec<(Vec<u8>, KeyRef, [KeyRef; 2])>,
    /// Rows from the oldest kept on, by their heads.
    oldest: Vec<KeyRef>,
}

impl EpochRows {
    /// Declares what the block needs, and whether it needs the frame.
    pub(crate) fn declare(context: &Context, epochs: Epochs, keys: &mut Keys) -> (Self, bool) {
        let mut rows = EpochRows::default();
        let entered = context.epoch != epochs.number;
        if entered {
            let before = context.epoch.saturating_sub(1);
            rows.entered = Some([context.epoch, before].map(|number| keys.declare(&keys::epoch(number))));
        }
        for bytes in &context.evidence {
            let Some(piece) = Evidence::decode(bytes) else { continue };
            // Rows that are not kept are not there.
            let after = piece.epoch.saturating_add(1);
            let of = [piece.epoch, after].map(|number| keys.declare(&keys::epoch(number)));
            let row = keys.declare(&keys::evidence(&evidence::hash(bytes)));
            rows.evidence.push((bytes.clone(), row, of));
        }
        if entered || context.height.is_multiple_of(DROP_INTERVAL) {
            let last = context.epoch.min(epochs.oldest.saturating_add(MAX_DROPPED));
            let numbers = epochs.oldest..=last;
            rows.oldest =
                numbers.map(|number| keys.declare_head(&keys::epoch(number), Epoch::HEAD)).collect();
        }
        let needs_frame = entered || !rows.evidence.is_empty() || !rows.oldest.is_empty();
        (rows, needs_frame)
    }
}

/// Ends the block: takes the new epoch up, jails, drops old rows, and answers with
/// the change where the epoch ends.
pub(crate) fn finish(block: &mut Block, store: &mut Store) -> Result<Option<EpochParams>, Failure> {
    let Some(frame) = block.frame.take() else { return Ok(None) };
    enter(block, &frame, store)?;
    block.ends_epoch |= jail(block, &frame, store)?;
    drop_old(block, &frame, store)?;
    let mut executor = (block.executor.clone(), block.engine);
    match due(&frame, &block.names, block.height, store)? {
        Due::No => {}
        Due::Lapsed => store.delete(frame.upgrade),
        Due::Change(upgrade) => {
            store.delete(frame.upgrade);
            executor = (upgrade.executor.to_vec(), upgrade.engine);
            block.ends_epoch = true;
        }
    }
    if !block.ends_epoch {
        return Ok(None);
    }
    change(block, &frame, executor, store).map(Some)
}

/// The first block of an epoch: its row names it from now on. One that the host
/// made has another executor than its row says, or no row: it keeps the set, and
/// nothing is scheduled any more. rule: epoch-revert
fn enter(block: &mut Block, frame: &Frame, store: &mut Store) -> Result<(), Failure> {
    let Some([entered, before]) = block.epoch_rows.entered else { return Ok(()) };
    let read = |key: KeyRef| store.get(key).map(Epoch::decode);
    let made_by_host = match read(entered) {
        Some(Some(row)) => row.executor[..] != block.executor[..] || row.engine != block.engine,
        Some(None) => return Err(Failure::Broken("the row of an epoch")),
        None => true,
    };
    if made_by_host {
        let mut row = read(before).flatten().ok_or(Failure::Broken("the row of the epoch before"))?;
        row.executor = block.executor[..].try_into().map_err(|_| Failure::Broken("the executor's hash"))?;
        (row.engine, row.first_height, row.before_ms) = (block.engine, block.height, block.time_ms);
        store.set(entered, &row.encode());
        store.delete(frame.upgrade);
    }
    block.epochs.number = block.epoch;
    store.set(frame.epochs, &block.epochs.encode());
    Ok(())
}

/// Jails whom evidence convicts; whether the set changed.
fn jail(block: &Block, frame: &Frame, store: &mut Store) -> Result<bool, Failure> {
    let mut changed = false;
    for (bytes, row, [epoch, after]) in &block.epoch_rows.evidence {
        let Some(piece) = Evidence::decode(bytes) else { continue };
        if store.get(*row).is_some() || !in_time(block, piece.epoch, store.get(*after)) {
            continue;
        }
        let Some(of) = store.get(*epoch).map(Epoch::decode) else { continue };
        let of = of.ok_or(Failure::Broken("the row of an epoch"))?;
        let Some(member) = of.members.get(piece.validator as usize) else { continue };
        let Some(place) = block.names.iter().position(|name| *name == member.validator) else { continue };
        let key = frame.validators[place];
        let Some(mut validator) = read_validator(store, Some(key))? else { continue };
        // Once: what it did up to the epoch that jailed it is paid for.
        let paid = validator.jailed > 0 && piece.epoch <= validator.jailed;
        if validator.status != Status::Active
            || paid
            || !piece.is_signed_by(&block.genesis_hash, &member.consensus_key)
        {
            continue;
        }
        validator.jailed = block.epoch;
        // The last of a set stays in it, though it is on record.
        if Power::sum(frame, store, |_, _| false)?.count > 1 {
            validator.status = Status::Jailed;
            (validator.power, validator.since) = (0, block.height);
            // Not 0: whatever took the lease could be sent again once it is back.
            validator.lease_end = validator.lease_end.min(block.time_ms);
            (validator.rotated, validator.ready) = (0, false);
            changed = true;
        }
        store.set(key, &validator.encode());
        let (validator, epoch, kind, height) = (member.validator, piece.epoch, piece.kind, block.height);
        store.set(*row, &Jailing { validator, epoch, kind, height }.encode());
    }
    Ok(changed)
}

/// Whether evidence of an epoch is still taken; `after` is the next epoch's row.
fn in_time(block: &Block, epoch: u64, after: Option<&[u8]>) -> bool {
    if epoch >= block.epoch {
        return epoch == block.epoch;
    }
    let ended = after.and_then(Epoch::before_ms_of);
    block.epoch - epoch < MAX_KEPT && ended.is_some_and(|ended| !is_over(block, ended))
}

fn is_over(block: &Block, ended_ms: u64) -> bool {
    ended_ms.saturating_add(block.params.evidence_window_ms) < block.time_ms
}

/// Drops rows of epochs of which no evidence is taken any more.
fn drop_old(block: &mut Block, frame: &Frame, store: &mut Store) -> Result<(), Failure> {
    let mut dropped = 0;
    for pair in block.epoch_rows.oldest.windows(2) {
        let oldest = block.epochs.oldest.saturating_add(dropped);
        let ended = store.get(pair[1]).and_then(Epoch::before_ms_of);
        let too_many = block.epoch.saturating_sub(oldest) >= MAX_KEPT;
        if oldest >= block.epoch || !(too_many || ended.is_some_and(|ended| is_over(block, ended))) {
            break;
        }
        store.delete(pair[0]);
        dropped += 1;
    }
    if dropped > 0 {
        block.epochs.oldest = block.epochs.oldest.saturating_add(dropped);
        store.set(frame.epochs, &block.epochs.encode());
    }
    Ok(())
}

/// The epoch that follows, and its row. rule: epoch-end
fn change(
    block: &Block,
    frame: &Frame,
    (executor, engine): (Vec<u8>, u32),
    store: &mut Store,
) -> Result<EpochParams, Failure> {
    let params = store.get(frame.params).and_then(Params::decode);
    let params = params.ok_or(Failure::Broken("the row of parameters"))?;
    let (mut validators, mut members) = (Vec::new(), Vec::new());
    for (name, key) in block.names.iter().zip(&frame.validators) {
        let Some(of) = read_validator(store, Some(*key))?.filter(|of| of.is_active()) else { continue };
        members.push(Member {
            validator: *name,
            identity: of.identity,
            consensus_key: of.consensus_key.clone(),
            power: of.power,
        });
        validators.push(SetValidator {
            consensus_key: of.consensus_key,
            network_key: of.identity.to_vec(),
            power: of.power,
            possession: of.possession,
        });
    }
    let row = Epoch {
        first_height: block.height.saturating_add(1),
        before_ms: block.time_ms,
        executor: executor[..].try_into().map_err(|_| Failure::Broken("the executor's hash"))?,
        engine,
        max_block_bytes: params.max_block_bytes,
        max_block_gas: params.max_block_gas,
        members,
    };
    store.set(frame.next, &row.encode());
    Ok(EpochParams {
        validators,
        executor_hash: executor,
        engine,
        max_block_bytes: params.max_block_bytes,
        max_block_gas: params.max_block_gas,
    })
}
