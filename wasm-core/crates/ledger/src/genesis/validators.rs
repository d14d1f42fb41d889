//! Validators, their keys and epoch 1 at height 0.

use crate::epoch::{Epoch, Epochs, Member};
use crate::json::Json;
use crate::keys;
use crate::operation::governance::{MAX_MONIKER_BYTES, MAX_TOTAL_POWER, MAX_VALIDATORS};
use crate::query::{parse_address, parse_hex};
use crate::validator::{encode_names, name_of, Status, Validator};
use bedrock_crypto::address;
use bedrock_sdk::{EpochParams, Genesis, GenesisRequest};
use std::collections::BTreeMap;

/// What `app_state` says of a validator.
#[derive(Default)]
pub(super) struct Said {
    owner: Option<[u8; 32]>,
    delegate: Option<[u8; 32]>,
    moniker: Vec<u8>,
}

/// What it says of all of them, by identity.
pub(super) type SaidOf = BTreeMap<[u8; 32], Said>;

/// Reads one entry of the member `validators`.
pub(super) fn read(json: &mut Json<'_>, said_of: &mut SaidOf) -> Result<(), String> {
    let (mut identity, mut said) = (None, Said::default());
    json.object(|json, name| {
        let text = json.string()?;
        match name {
            "identity" => identity = Some(parse_hex(text).map_err(|refusal| refusal.log)?),
            "owner" => said.owner = Some(parse_address(text).map_err(|refusal| refusal.log)?),
            "delegate" => said.delegate = Some(parse_hex(text).map_err(|refusal| refusal.log)?),
            "moniker" if text.len() <= MAX_MONIKER_BYTES => said.moniker = text.as_bytes().to_vec(),
            "moniker" => return Err("a moniker has at most 48 characters".into()),
            _ => {
                return Err(format!(
                    "unknown member {name:?}; known are identity, owner, delegate and moniker"
                ))
            }
        }
        Ok(())
    })?;
    let identity = identity.ok_or("identity is needed")?;
    match said_of.insert(identity, said) {
        None => Ok(()),
        Some(_) => Err("the identity stands twice".into()),
    }
}

/// Writes the rows of the set that the document gives.
pub(super) fn fill(request: &GenesisRequest, mut said_of: SaidOf, state: &mut Genesis) -> Result<(), String> {
    let none = EpochParams::default();
    let params = request.epoch.as_ref().unwrap_or(&none);
    if params.validators.len() > MAX_VALIDATORS {
        return Err(format!("{} validators, the most is {MAX_VALIDATORS}", params.validators.len()));
    }
    let mut members = Vec::with_capacity(params.validators.len());
    let mut total = 0u64;
    for (index, of) in params.validators.iter().enumerate() {
        let identity: [u8; 32] = of.network_key[..]
            .try_into()
            .map_err(|_| format!("validator {index}: its network key has not 32 bytes"))?;
        if ![32, 96].contains(&of.consensus_key.len())
            || params.validators[0].consensus_key.len() != of.consensus_key.len()
        {
            return Err(format!(
                "validator {index}: its consensus key is of no scheme, or not of the others'"
            ));
        }
        total = total.saturating_add(of.power);
        let said = said_of.remove(&identity).unwrap_or_default();
        let name = name_of(&identity);
        let owner = said.owner.unwrap_or_else(|| address::of_public_key(&identity));
        for key in [&identity[..], &of.consensus_key] {
            let key = keys::key_holder(key).to_vec();
            if state.get(&key).is_some() {
                return Err(format!("validator {index}: a key that stands twice"));
            }
            state.set(key, name.to_vec());
        }
        let row = Validator {
            status: Status::Active,
            ready: true,
            identity,
            owner,
            delegate: said.delegate.unwrap_or_default(),
            power: of.power,
            lease_end: 0,
            since: 0,
            rotated: 0,
            jailed: 0,
            consensus_key: of.consensus_key.clone(),
            possession: of.possession.clone(),
            moniker: said.moniker,
        };
        state.set(keys::validator(&name).to_vec(), row.encode());
        state.set(keys::fee_owner(&identity).to_vec(), owner.to_vec());
        let consensus_key = of.consensus_key.clone();
        members.push(Member { validator: name, identity, consensus_key, power: of.power });
    }
    if total >= MAX_TOTAL_POWER {
        return Err("the powers together are not below 2^32".into());
    }
    if let Some(identity) = said_of.keys().next() {
        return Err(format!(
            "validators: none of this genesis has the identity (network key) {}",
            identity.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
        ));
    }
    epoch_one(request, params, members, state)
}

fn epoch_one(
    request: &GenesisRequest,
    params: &EpochParams,
    members: Vec<Member>,
    state: &mut Genesis,
) -> Result<(), String> {
    let names: Vec<_> = members.iter().map(|member| member.validator).collect();
    let epoch = Epoch {
        first_height: 1,
        before_ms: request.timestamp_ms,
        executor: params.executor_hash[..].try_into().map_err(|_| "the executor hash has not 32 bytes")?,
        engine: params.engine,
        max_block_bytes: params.max_block_bytes,
        max_block_gas: params.max_block_gas,
        members,
    };
    state.set(vec![keys::VALIDATOR], encode_names(&names));
    state.set(vec![keys::EPOCH], Epochs { number: 1, oldest: 1 }.encode());
    state.set(keys::epoch(1).to_vec(), epoch.encode());
    Ok(())
}
