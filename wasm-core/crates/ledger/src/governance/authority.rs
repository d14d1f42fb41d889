//! The authority: who it is, and the parameters that it sets.

use super::{refused, Decision, Failure, View};
use crate::codes;
use crate::operation::Settings;
use crate::params::{Params, BOUNDS};
use crate::wire::Reader;

/// Whether enough of the authority's keys have signed. `verify` found every
/// signature good; those of others do not count.
pub(super) fn authorized(view: &View<'_>) -> Result<(), Failure> {
    let Some(row) = view.row(view.frame.authority) else {
        return refused(codes::NOT_AUTHORIZED, "the chain has no authority");
    };
    let (threshold, keys) = decode(row).ok_or(Failure::Broken("the row of the authority"))?;
    let signers = view.transaction.cosigners.iter();
    let count = signers.filter(|(key, _)| keys.binary_search(key).is_ok()).count();
    if count >= threshold {
        return Ok(());
    }
    let log = format!("{count} keys of the authority have signed, {threshold} are needed");
    refused(codes::NOT_AUTHORIZED, log)
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
    let present = view.row(view.frame.params).and_then(Params::decode);
    let present = present.ok_or(Failure::Broken("the row of parameters"))?;
    let mut values = present.values();
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
    decision.ends_epoch = params != present;
    decision.set(view.frame.params, params.encode());
    Ok(decision)
}

/// Another authority, from the next transaction on.
pub(super) fn set_authority(view: &View<'_>, threshold: u16, keys: &[[u8; 32]]) -> Result<Decision, Failure> {
    authorized(view)?;
    let mut row = [threshold.to_le_bytes(), (keys.len() as u16).to_le_bytes()].concat();
    row.extend_from_slice(keys.as_flattened());
    let mut decision = Decision::default();
    let count = (keys.len() as u16).to_le_bytes().to_vec();
    decision.event("authority", vec![("threshold", threshold.to_le_bytes().to_vec()), ("count", count)]);
    decision.set(view.frame.authority, row);
    Ok(decision)
}
