//! Executing a block.

use crate::migration::{self, Standing, Walk, Watch};
use crate::tree;
use crate::{Events, Keys, Refusal, StateMachine, Store};
use bedrock_abi::generated::{Context, StateRef};
use bedrock_abi::lists::GasList;
use bedrock_abi::response::{ExecutionResponse, Receipt};
use bedrock_abi::{ExecutionRequest, Fault, Host, Message, MAX_LIST_ENTRIES};
use bedrock_crypto::sha256;

/// Bytes of logs that a block's receipts carry; later ones are left empty, so
/// that the answer stays within its bound. They are in no hash.
const MAX_LOG_BYTES: usize = 1 << 20;

/// What one transaction sees and may change while it executes.
pub struct Step<'a> {
    /// What the block may know of itself.
    pub context: &'a Context,
    /// Values of the keys that the block declared.
    pub store: &'a mut Store,
    /// Gas that the block has left.
    pub gas_left: u64,
    events: &'a mut Events,
    index: u32,
}

impl Step<'_> {
    /// Events that the block may still emit.
    pub fn events_left(&self) -> usize {
        self.events.left()
    }

    /// Emits an event of this transaction: type and keys of 1 to 64 bytes, at
    /// most 64 attributes.
    pub fn emit(&mut self, kind: &str, attributes: &[(&str, &[u8])]) {
        self.events.push(self.index, kind, attributes);
    }

    /// Runs effects that are dropped, writes and events, if they are refused.
    pub fn attempt(&mut self, effects: impl FnOnce(&mut Self) -> Result<(), Refusal>) -> Result<(), Refusal> {
        let (store, events) = (self.store.mark(), self.events.mark());
        let result = effects(self);
        if result.is_err() {
            self.store.rewind(store);
            self.events.rewind(events);
        }
        result
    }
}

/// The export `execute`: answers with the encoded response.
pub fn execute<M: StateMachine>(machine: &M, host: &mut dyn Host, request: &[u8]) -> Result<Vec<u8>, Fault> {
    let request = ExecutionRequest::decode(request)?;
    agree_on_context(&request.context, host)?;
    Ok(execute_block(machine, host, &request)?.encode())
}

/// The context in the request must be the one that gas is counted by.
fn agree_on_context(context: &Context, host: &mut dyn Host) -> Result<(), Fault> {
    let mut answer = Vec::with_capacity(context.encoded_len());
    host.block_metadata(&mut answer)?;
    match Context::decode(&answer[..]) {
        Ok(ours) if ours == *context => Ok(()),
        _ => Err(Fault::state("the block's metadata differ from the request's context")),
    }
}

/// A block whose rows were read.
pub(crate) enum Opened<B> {
    /// Its own keys are declared.
    Ready(B, Keys),
    /// The state has an older schema.
    Behind(Walk),
    /// The state is half of a newer schema.
    Abandoned,
}

/// Opens a block: its rows are read, its own keys are declared.
pub(crate) fn open<M: StateMachine>(
    machine: &M,
    host: &mut dyn Host,
    context: &Context,
    transactions: usize,
) -> Result<Opened<M::Block>, Fault> {
    let mut keys = Keys::with_capacity(8);
    let watch = machine.schema().map(|schema| Watch::declare(schema, &mut keys));
    let rows = machine.begin(context, &mut keys);
    let store = keys.load(host)?;
    match watch.map(|watch| watch.standing(&store)).transpose()? {
        None | Some(Standing::Current) => {}
        Some(Standing::Behind(walk)) => return Ok(Opened::Behind(walk)),
        Some(Standing::Abandoned) => return Ok(Opened::Abandoned),
    }
    let mut keys = Keys::with_capacity(transactions * 2 + 8);
    let block = machine.open(context, rows, &store, &mut keys).map_err(Fault::Module)?;
    Ok(Opened::Ready(block, keys))
}

fn execute_block<M: StateMachine>(
    machine: &M,
    host: &mut dyn Host,
    request: &ExecutionRequest<'_>,
) -> Result<ExecutionResponse, Fault> {
    let context = &request.context;
    let (mut block, mut keys) = match open(machine, host, context, request.transactions.len())? {
        Opened::Ready(block, keys) => (block, keys),
        Opened::Behind(walk) => {
            let done = walk.step(machine, host, &request.state, context.height, context.gas_limit)?;
            return skip_all(host, request, done);
        }
        Opened::Abandoned => {
            let root = root_of(&request.state)?;
            return skip_all(host, request, migration::Done { root, gas_used: 0, more_work: false });
        }
    };
    let transactions = machine.prepare_all(&block, &request.transactions, &mut keys);
    let mut store = keys.load(host)?;

    let mut run = Run::new(context.gas_limit, transactions.len());
    let hashes = sha256::hash_list(&request.transactions);
    for (transaction, tx_hash) in transactions.iter().zip(hashes) {
        run.step(machine, &mut block, transaction, tx_hash, context, &mut store)?;
    }
    let ending = machine.finish(block, &mut store).map_err(Fault::Module)?;
    let new_state_root = tree::commit(host, &request.state, context.height, &store)?;
    run.close(host)?;
    Ok(ExecutionResponse {
        new_state_root,
        receipts: run.receipts,
        gas_used: run.gas_used,
        more_work: ending.more_work,
        epoch_change: ending.epoch_change,
        evidence_waits: false,
    })
}

/// The answer of a block whose transactions wait for a migration, and its evidence
/// with them. rule: migration
fn skip_all(
    host: &mut dyn Host,
    request: &ExecutionRequest<'_>,
    done: migration::Done,
) -> Result<ExecutionResponse, Fault> {
    let mut run = Run::new(request.context.gas_limit, request.transactions.len());
    run.spend(done.gas_used);
    for tx_hash in sha256::hash_list(&request.transactions) {
        let Refusal { code, log } = migration::refusal();
        let log = run.log(log);
        run.receipts.push(Receipt { tx_hash, code, gas_used: 0, event_count: 0, log });
    }
    run.close(host)?;
    Ok(ExecutionResponse {
        new_state_root: done.root,
        receipts: run.receipts,
        gas_used: run.gas_used,
        more_work: done.more_work,
        epoch_change: None,
        evidence_waits: true,
    })
}

/// Receipts, gas and events of the block so far.
struct Run {
    receipts: Vec<Receipt>,
    events: Option<Events>,
    gas: Vec<GasList>,
    gas_limit: u64,
    gas_used: u64,
    log_bytes_left: usize,
}

impl Run {
    fn new(gas_limit: u64, transactions: usize) -> Self {
        Run {
            receipts: Vec::with_capacity(transactions),
            events: Some(Events::with_capacity(transactions)),
            gas: vec![GasList::with_capacity(transactions.min(MAX_LIST_ENTRIES) * 8)],
            gas_limit,
            gas_used: 0,
            log_bytes_left: MAX_LOG_BYTES,
        }
    }

    /// A receipt's log, while there is room for it.
    fn log(&mut self, log: String) -> String {
        match self.log_bytes_left.checked_sub(log.len()) {
            Some(left) => {
                self.log_bytes_left = left;
                log
            }
            None => String::new(),
        }
    }

    /// Counts gas, which the caller holds within what the block has left.
    fn spend(&mut self, gas: u64) {
        self.gas_used += gas;
        if self.gas.last().is_none_or(|list| list.is_full(8)) {
            self.gas.push(GasList::with_capacity(0));
        }
        if let Some(list) = self.gas.last_mut() {
            list.amount(gas);
        }
    }

    fn step<M: StateMachine>(
        &mut self,
        machine: &M,
        block: &mut M::Block,
        transaction: &M::Transaction<'_>,
        tx_hash: [u8; 32],
        context: &Context,
        store: &mut Store,
    ) -> Result<(), Fault> {
        let Some(events) = self.events.as_mut() else { return Err(Fault::module("block is closed")) };
        let index = self.receipts.len() as u32;
        let (before, mark) = (events.emitted(), events.mark());
        let gas_left = self.gas_limit - self.gas_used;
        let result = machine.apply(block, transaction, &mut Step { context, store, gas_left, events, index });
        store.settle();
        if result.gas_used > gas_left || events.emitted() > bedrock_abi::MAX_BLOCK_EVENTS {
            return Err(Fault::module("a transaction used more gas or events than the block has"));
        }
        let (code, log) = match result.result {
            Ok(()) => (0, String::new()),
            Err(refusal) => {
                events.rewind(mark);
                (refusal.code, refusal.log)
            }
        };
        let event_count = (events.emitted() - before) as u32;
        self.spend(result.gas_used);
        let log = self.log(log);
        self.receipts.push(Receipt { tx_hash, code, gas_used: result.gas_used, event_count, log });
        Ok(())
    }

    /// Tells the host gas and events.
    fn close(&mut self, host: &mut dyn Host) -> Result<(), Fault> {
        for list in self.gas.iter_mut().filter(|list| !list.is_empty()) {
            let amounts = list.len();
            if host.consume_gas(list.finish())? as usize != amounts {
                return Err(Fault::module("the block's gas exceeds its limit"));
            }
        }
        match self.events.take() {
            Some(events) => events.emit(host),
            None => Ok(()),
        }
    }
}

/// Reads a state reference's root.
pub(crate) fn root_of(state: &StateRef) -> Result<[u8; 32], Fault> {
    state.root[..].try_into().map_err(|_| Fault::module("the state root in the request has not 32 bytes"))
}
