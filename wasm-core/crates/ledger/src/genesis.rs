//! The state of height 0 from the `app_state` of the genesis document
//! (docs/encodings.md, "Ledger genesis").

mod validators;

use crate::amount;
use crate::gas;
use crate::json::Json;
use crate::keys;
use crate::operation::governance::MAX_AUTHORITY_KEYS;
use crate::params::{Params, BOUNDS};
use crate::query::{parse_address, parse_hex};
use crate::values::{Account, Supply};
use bedrock_sdk::{Genesis, GenesisRequest};

/// Most that can be issued, so that no sum of balances overflows.
const MAX_ISSUED: u128 = u128::MAX >> 1;

/// Fills the state; an error says what is wrong with the document.
pub(crate) fn fill(request: &GenesisRequest, state: &mut Genesis) -> Result<(), String> {
    let epoch = request.epoch.as_ref().ok_or("the genesis request names no epoch")?;
    let (mut supply, mut said_of) = (Supply::default(), validators::SaidOf::new());
    let mut values = Params {
        max_block_bytes: epoch.max_block_bytes,
        max_block_gas: epoch.max_block_gas,
        ..Params::default()
    }
    .values();
    let mut json = Json::new(&request.app_state);
    json.object(|json, name| match name {
        "accounts" => json.array(|json, index| {
            account(json, state, &mut supply).map_err(|error| format!("accounts[{index}]: {error}"))
        }),
        "parameters" => parameters(json, &mut values).map_err(|error| format!("parameters: {error}")),
        "validators" => json.array(|json, index| {
            validators::read(json, &mut said_of).map_err(|error| format!("validators[{index}]: {error}"))
        }),
        "authority" => authority(json, state).map_err(|error| format!("authority: {error}")),
        _ => {
            Err(format!("unknown member {name:?}; known are accounts, parameters, validators and authority"))
        }
    })
    .and_then(|()| json.end())
    .map_err(|error| format!("app_state: {error}"))?;
    let params = Params::from_values(values)?;
    repairable(state, &params)?;
    validators::fill(request, said_of, state)?;
    state.set(vec![keys::PARAMS], params.encode());
    state.set(vec![keys::SUPPLY], supply.encode().to_vec());
    Ok(())
}

/// Whether the authority could set a parameter: nobody else can repair a chain.
fn repairable(state: &Genesis, params: &Params) -> Result<(), String> {
    let Some(threshold) = state.get(&[keys::AUTHORITY]).and_then(|row| row.first_chunk()) else {
        return Ok(());
    };
    let (bytes, gas) = gas::repair(u64::from(u16::from_le_bytes(*threshold)), params);
    let most = params.max_tx_gas.min(params.max_block_gas);
    if bytes <= params.max_tx_bytes && gas <= most {
        return Ok(());
    }
    Err(format!(
        "parameters: to set one would take the authority {bytes} bytes and {gas} gas, the most are max_tx_bytes {} and {most} (the lower of max_tx_gas and the blocks' gas): it could never change them; lower prices or raise limits",
        params.max_tx_bytes
    ))
}

fn account(json: &mut Json<'_>, state: &mut Genesis, supply: &mut Supply) -> Result<(), String> {
    let (mut address, mut balance) = (None, None);
    json.object(|json, name| {
        match name {
            "address" => address = Some(parse_address(json.string()?).map_err(|refusal| refusal.log)?),
            "balance" => balance = Some(json.integer()?),
            _ => return Err(format!("unknown member {name:?}; known are address and balance")),
        }
        Ok(())
    })?;
    let (Some(address), Some(balance)) = (address, balance) else {
        return Err("address and balance are needed".into());
    };
    let key = keys::account(&address).to_vec();
    if balance == 0 || state.get(&key).is_some() {
        return Err("a balance of 0, or an address that stands twice".into());
    }
    supply.issued = amount::checked_add(supply.issued, balance)
        .filter(|issued| *issued <= MAX_ISSUED)
        .ok_or("the balances together are above 2^127 - 1")?;
    state.set(key, Account { nonce: 0, balance }.encode().to_vec());
    Ok(())
}

/// The block limits are the epoch's and stand elsewhere in the document.
fn parameters(json: &mut Json<'_>, values: &mut [u64; BOUNDS.len()]) -> Result<(), String> {
    json.object(|json, name| {
        let known = BOUNDS.iter().position(|(known, _, _)| *known == name && !name.starts_with("max_block_"));
        let Some(index) = known else { return Err(format!("unknown parameter {name:?}")) };
        values[index] = json.integer64().map_err(|error| format!("{name}: {error}"))?;
        Ok(())
    })
}

/// Who may weigh, schedule and set: threshold `u16`, count `u16`, then the keys
/// in ascending order.
fn authority(json: &mut Json<'_>, state: &mut Genesis) -> Result<(), String> {
    let mut keys_of = std::collections::BTreeSet::new();
    let mut threshold = None;
    json.object(|json, name| match name {
        "threshold" => {
            threshold = Some(json.integer64()?);
            Ok(())
        }
        "keys" => json.array(|json, index| {
            let key = parse_hex(json.string()?).map_err(|refusal| refusal.log)?;
            if index >= MAX_AUTHORITY_KEYS || !keys_of.insert(key) {
                return Err("a key that stands twice, or more than 64 keys".into());
            }
            Ok(())
        }),
        _ => Err(format!("unknown member {name:?}; known are threshold and keys")),
    })?;
    let count = keys_of.len() as u64;
    let threshold = threshold.filter(|threshold| (1..=count).contains(threshold));
    let Some(threshold) = threshold else {
        return Err(format!("a threshold of 1 to {count}, the number of keys, is needed"));
    };
    let mut row = Vec::with_capacity(4 + 32 * keys_of.len());
    row.extend_from_slice(&(threshold as u16).to_le_bytes());
    row.extend_from_slice(&(count as u16).to_le_bytes());
    row.extend(keys_of.iter().flatten());
    state.set(vec![keys::AUTHORITY], row);
    Ok(())
}
