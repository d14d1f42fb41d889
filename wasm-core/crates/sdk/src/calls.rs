//! The exports besides `execute`.

use crate::block::Opened;
use crate::{block, migration, tree};
use crate::{Genesis, Keys, Refusal, StateMachine};
use bedrock_abi::generated::{
    CheckRequest, CheckResponse, CheckVerdict, GenesisRequest, GenesisResponse, QueryRequest, QueryResponse,
    StateRef,
};
use bedrock_abi::response::encode_verdicts;
use bedrock_abi::{Fault, Host, Message, VerifyRequest};

fn decoded<T: Message + Default>(request: &[u8]) -> Result<T, Fault> {
    T::decode(request).map_err(|_| Fault::module("malformed request"))
}

/// The export `genesis`.
pub fn genesis<M: StateMachine>(machine: &M, host: &mut dyn Host, request: &[u8]) -> Result<Vec<u8>, Fault> {
    let request: GenesisRequest = decoded(request)?;
    let mut state = Genesis::default();
    let response = match machine.genesis(&request, &mut state) {
        Err(error) => GenesisResponse { state_root: Vec::new(), error },
        Ok(()) => {
            state.rows.extend(machine.schema().map(|schema| schema.row()));
            let state_root = tree::commit_genesis(host, &state.rows)?.to_vec();
            GenesisResponse { state_root, error: String::new() }
        }
    };
    Ok(response.encode_to_vec())
}

/// The export `verify`.
pub fn verify<M: StateMachine>(machine: &M, request: &[u8]) -> Result<Vec<u8>, Fault> {
    let request = VerifyRequest::decode(request)?;
    Ok(encode_verdicts(&machine.verify(request.genesis_hash, &request.transactions)))
}

/// The export `check`.
pub fn check<M: StateMachine>(machine: &M, host: &mut dyn Host, request: &[u8]) -> Result<Vec<u8>, Fault> {
    let request: CheckRequest = decoded(request)?;
    let context = request.context.unwrap_or_default();
    let (block, mut keys) = match block::open(machine, host, &context, request.items.len())? {
        Opened::Ready(block, keys) => (block, keys),
        // rule: migration (pools keep what asks now)
        Opened::Behind(_) | Opened::Abandoned => {
            let Refusal { code, log } = migration::refusal();
            let verdict = CheckVerdict { code, log, ..Default::default() };
            return Ok(CheckResponse { verdicts: vec![verdict; request.items.len()] }.encode_to_vec());
        }
    };
    let prepared: Vec<_> =
        request.items.iter().map(|item| machine.prepare(&block, &item.transaction, &mut keys)).collect();
    let store = keys.load(host)?;
    let mut verdicts: Vec<CheckVerdict> = Vec::with_capacity(prepared.len());
    for (transaction, item) in prepared.iter().zip(&request.items) {
        let queued = queued_cost(&item.queued_cost)?;
        verdicts.push(machine.admit(&block, transaction, queued, &context, &store));
    }
    Ok(CheckResponse { verdicts }.encode_to_vec())
}

fn queued_cost(bytes: &[u8]) -> Result<u128, Fault> {
    match bytes.try_into() {
        Ok(array) => Ok(u128::from_le_bytes(array)),
        Err(_) if bytes.is_empty() => Ok(0),
        Err(_) => Err(Fault::module("queued_cost has not 16 bytes")),
    }
}

/// The export `query`.
pub fn query<M: StateMachine>(machine: &M, host: &mut dyn Host, request: &[u8]) -> Result<Vec<u8>, Fault> {
    let request: QueryRequest = decoded(request)?;
    let response = match machine.query_key(&request.path, &request.data) {
        Err(refusal) => QueryResponse { code: refusal.code, log: refusal.log, ..Default::default() },
        Ok(key) => read_one(host, &request.state.unwrap_or_default(), key, request.prove)?,
    };
    Ok(response.encode_to_vec())
}

fn read_one(
    host: &mut dyn Host,
    state: &StateRef,
    key: Vec<u8>,
    prove: bool,
) -> Result<QueryResponse, Fault> {
    let mut keys = Keys::with_capacity(1);
    let reference = keys.declare(&key);
    let store = keys.load(host)?;
    let value = store.get(reference).map(<[u8]>::to_vec);
    let proof = if prove { tree::prove(host, state, &key)? } else { Vec::new() };
    let absent = value.is_none();
    Ok(QueryResponse { code: 0, value: value.unwrap_or_default(), key, proof, absent, log: String::new() })
}
