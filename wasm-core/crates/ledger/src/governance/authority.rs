//! The authority: who it is, and the parameters that it sets.

use super::{refused, Decision, Failure, View};
use crate::amount;
use crate::codes;
use crate::gas;
use crate::operation::Settings;
use crate::params::{Params, BOUNDS};
use crate::values::Account;
use crate::wire::Reader;

/// Whether enough of the authority's keys have signed. `verify` found every
/// signature good; those of others do not count.
pub(super) fn authorized(view: &View<'_>) -> Result<(), Failure> {
    let (threshold, keys) = present(view)?;
    let signers = view.transaction.cosigners.iter();
    let count = signers.filter(|(key, _)| keys.binary_search(key).is_ok()).count();
    if count >= threshold {
        return Ok(());
    }
    let log = format!("{count} keys of the authority have signed, {threshold} are needed");
    refused(codes::NOT_AUTHORIZED, log)
}

fn present<'a>(view: &View<'a>) -> Result<(usize, &'a [[u8; 32]]), Failure> {
    let Some(row) = view.store.get(view.frame.authority) else {
        return refused(codes::NOT_AUTHORIZED, "the chain has no authority");
    };
    decode(row).ok_or(Failure::Broken("the row of the authority"))
}

fn params(view: &View<'_>) -> Result<Params, Failure> {
    view.row(view.frame.params).and_then(Params::decode).ok_or(Failure::Broken("the row of parameters"))
}

/// Whether an authority of that threshold could still set a parameter: nobody else
/// can repair what it does to itself. Gas or its price may not rise above what
/// whoever pays now has.
fn repairable(view: &View<'_>, threshold: usize, params: &Params, before: u128) -> Result<(), Failure> {
    let (bytes, gas) = gas::repair(threshold as u64, params);
    let most = params.max_tx_gas.min(params.max_block_gas);
    if bytes > params.max_tx_bytes || gas > most {
        let log = format!(
            "setting a parameter would take {bytes} bytes and {gas} gas, the most would be {} and {most}: nobody could undo it",
            params.max_tx_bytes
        );
        return refused(codes::BAD_PARAMETER, log);
    }
    let cost = repair_cost(threshold, params);
    let payer = Account::decode(view.row(view.payer_key)).ok_or(Failure::Broken("the row of an account"))?;
    if cost > before && cost > payer.balance {
        let [cost, balance] = [cost, payer.balance].map(amount::text);
        let log =
            format!("setting a parameter would cost {cost}, the payer has {balance}: it could not undo it");
        return refused(codes::BAD_PARAMETER, log);
    }
    Ok(())
}

/// What setting one parameter costs.
fn repair_cost(threshold: usize, params: &Params) -> u128 {
    amount::product(gas::repair(threshold as u64, params).1, params.min_gas_price)
}

fn decode(row: &[u8]) -> Option<(usize, &[[u8; 32]])> {
    let mut reader = Reader(row);
    let (threshold, count) = (reader.u16().ok()?, reader.u16().ok()?);
    let keys = reader.entries::<32>(usize::from(count)).ok()?;
    reader.end("").ok().map(|()| (usize::from(threshold), keys))
}

/// Parameters, which count from the next epoch.
pub(super) fn set_parameters(view: &View<'_>, settings: Settings<'_>) -> Result<Decision, Failure> {
    authorized(view)?;
    let (threshold, before) = (present(view)?.0, params(view)?);
    let mut values = before.values();
    let mut decision = Decision::default();
    for (index, value) in settings.iter() {
        let index = usize::from(index);
        let (Some(place), Some((name, _, _))) = (values.get_mut(index), BOUNDS.get(index)) else {
            return refused(codes::BAD_PARAMETER, format!("there is no parameter {index}"));
        };
        *place = value;
        let attributes = vec![("name", name.as_bytes().to_vec()), ("value", value.to_le_bytes().to_vec())];
        decision.event("parameter", attributes);
    }
    let params = match Params::from_values(values) {
        Ok(params) => params,
        Err(log) => return refused(codes::BAD_PARAMETER, log),
    };
    repairable(view, threshold, &params, repair_cost(threshold, &before))?;
    decision.ends_epoch = params != before;
    decision.set(view.frame.params, params.encode());
    Ok(decision)
}

/// Another authority, from the next transaction on.
pub(super) fn set_authority(view: &View<'_>, threshold: u16, keys: &[[u8; 32]]) -> Result<Decision, Failure> {
    authorized(view)?;
    let (params, before) = (params(view)?, present(view)?.0);
    repairable(view, usize::from(threshold), &params, repair_cost(before, &params))?;
    let mut row = [threshold.to_le_bytes(), (keys.len() as u16).to_le_bytes()].concat();
    row.extend_from_slice(keys.as_flattened());
    let mut decision = Decision::default();
    let count = (keys.len() as u16).to_le_bytes().to_vec();
    decision.event("authority", vec![("threshold", threshold.to_le_bytes().to_vec()), ("count", count)]);
    decision.set(view.frame.authority, row);
    Ok(decision)
}
