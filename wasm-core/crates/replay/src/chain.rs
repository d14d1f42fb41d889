//! A chain of blocks on one engine, state in memory.

use crate::engine::{Engine, Export};
use crate::host::{CallHost, Effects, OwnedEvent, Trace};
use crate::state::{MemoryState, PageKey};
use bedrock_abi::generated::{
    CheckItem, CheckRequest, CheckResponse, CheckVerdict, Context, EpochParams, ExecutionRequest,
    ExecutionResponse, GenesisRequest, GenesisResponse, QueryRequest, QueryResponse, StateRef, VerifyRequest,
    VerifyResponse, VerifyVerdict,
};
use bedrock_abi::{Fault, Message};
use bedrock_crypto::sha256;
use std::rc::Rc;

/// A chain: its state, and what the next block is.
pub struct Chain {
    /// All rows and pages.
    pub state: Rc<MemoryState>,
    /// State that the next block starts from.
    pub at: StateRef,
    /// Context of the next block but for its height, which is `at`'s plus one, and
    /// its time, which is a second a height later.
    pub context: Context,
}

/// A block that was executed, not yet applied.
pub struct Executed {
    /// The call that was made.
    pub request: ExecutionRequest,
    /// What it answered.
    pub response: ExecutionResponse,
    /// What it wrote and emitted.
    pub effects: Effects,
    /// What it read.
    pub trace: Option<Trace>,
}

fn decode<M: Message + Default>(answer: Result<Vec<u8>, Fault>) -> Result<M, Fault> {
    M::decode(&answer?[..]).map_err(|_| Fault::module("a malformed answer"))
}

impl Chain {
    /// Makes the state of height 0.
    pub fn genesis(engine: &Engine, request: &GenesisRequest) -> Result<Self, Fault> {
        let epoch = request.epoch.clone().unwrap_or_default();
        let context = Context {
            genesis_hash: request.genesis_hash.clone(),
            epoch: 1,
            gas_limit: epoch.max_block_gas,
            engine: epoch.engine,
            executor_hash: epoch.executor_hash,
            proposer_identity: epoch.validators.first().map_or(vec![0; 32], |v| v.network_key.clone()),
            ..Default::default()
        };
        let mut chain = Chain { state: Rc::new(MemoryState::default()), at: StateRef::default(), context };
        let host = CallHost::new(chain.state.clone(), &chain.at, &Context::default());
        let (answer, host) = engine.call(Export::Genesis, &request.encode_to_vec(), host);
        let response: GenesisResponse = decode(answer)?;
        if !response.error.is_empty() {
            return Err(Fault::module(response.error));
        }
        let (effects, _) = host.into_parts();
        chain.apply(&effects, 0, &response.state_root)?;
        Ok(chain)
    }

    /// Context of the next block.
    pub fn next_context(&self) -> Context {
        let height = self.at.height + 1;
        let timestamp_ms = self.context.timestamp_ms + 1_000 * height;
        Context { height, view: height, timestamp_ms, ..self.context.clone() }
    }

    /// Executes the next block; `traced` records what it reads.
    pub fn execute(
        &self,
        engine: &Engine,
        transactions: &[Vec<u8>],
        traced: bool,
    ) -> Result<Executed, Fault> {
        let context = self.next_context();
        let mut host = CallHost::new(self.state.clone(), &self.at, &context);
        if traced {
            host = host.traced();
        }
        let request = ExecutionRequest {
            state: Some(self.at.clone()),
            context: Some(context),
            transactions: transactions.to_vec(),
        };
        let (answer, host) = engine.call(Export::Execute, &request.encode_to_vec(), host);
        let (effects, trace) = host.into_parts();
        Ok(Executed { request, response: decode(answer)?, effects, trace })
    }

    /// Takes an executed block up, and the epoch that it ends with.
    pub fn commit(&mut self, block: &Executed) -> Result<(), Fault> {
        self.apply(&block.effects, self.at.height + 1, &block.response.new_state_root)?;
        self.context.evidence.clear();
        if let Some(change) = &block.response.epoch_change {
            self.enter(change);
        }
        Ok(())
    }

    /// Goes on in the next epoch, whoever made it; its first validator proposes.
    pub fn enter(&mut self, epoch: &EpochParams) {
        self.context.epoch += 1;
        self.context.gas_limit = epoch.max_block_gas;
        self.context.engine = epoch.engine;
        self.context.executor_hash = epoch.executor_hash.clone();
        if let Some(first) = epoch.validators.first() {
            self.context.proposer_identity = first.network_key.clone();
        }
    }

    fn apply(&mut self, effects: &Effects, height: u64, root: &[u8]) -> Result<(), Fault> {
        let state =
            Rc::get_mut(&mut self.state).ok_or_else(|| Fault::module("a call still reads the state"))?;
        for row in &effects.rows {
            state.put(row.address, height, &row.key, row.value.as_deref());
        }
        for (path, page) in &effects.pages {
            let key = PageKey::new(height, path).ok_or_else(|| Fault::module("a path too long"))?;
            state.put_page(key, page);
        }
        for key in &effects.stale {
            state.drop_page(key);
        }
        let tree_version = if effects.pages.is_empty() { self.at.tree_version } else { height };
        self.at = StateRef { root: root.to_vec(), height, tree_version };
        Ok(())
    }

    fn host(&self) -> CallHost<MemoryState> {
        CallHost::new(self.state.clone(), &self.at, &self.next_context())
    }

    /// Judges transactions without state.
    pub fn verify(&self, engine: &Engine, transactions: &[Vec<u8>]) -> Result<Vec<VerifyVerdict>, Fault> {
        let request = VerifyRequest {
            genesis_hash: self.context.genesis_hash.clone(),
            transactions: transactions.to_vec(),
        };
        let (answer, _) = engine.call(Export::Verify, &request.encode_to_vec(), self.host());
        decode::<VerifyResponse>(answer).map(|response| response.verdicts)
    }

    /// Judges transactions for the pool, each with what its sender has queued.
    pub fn check(&self, engine: &Engine, items: &[(Vec<u8>, u128)]) -> Result<Vec<CheckVerdict>, Fault> {
        let items = items.iter().map(|(transaction, queued)| CheckItem {
            transaction: transaction.clone(),
            queued_cost: queued.to_le_bytes().to_vec(),
        });
        let request = CheckRequest {
            state: Some(self.at.clone()),
            context: Some(self.next_context()),
            items: items.collect(),
        };
        let (answer, _) = engine.call(Export::Check, &request.encode_to_vec(), self.host());
        decode::<CheckResponse>(answer).map(|response| response.verdicts)
    }

    /// Reads a key by its path, with a proof.
    pub fn query(&self, engine: &Engine, path: &str, data: &[u8]) -> Result<QueryResponse, Fault> {
        let request = QueryRequest {
            state: Some(self.at.clone()),
            context: Some(self.next_context()),
            path: path.into(),
            data: data.to_vec(),
            prove: true,
        };
        let (answer, _) = engine.call(Export::Query, &request.encode_to_vec(), self.host());
        decode(answer)
    }
}

/// Root of the RFC 6962 tree over `leaves`.
fn tree_root(leaves: &[Vec<u8>]) -> [u8; 32] {
    let mut level: Vec<[u8; 32]> = leaves.iter().map(|leaf| sha256::hash_parts(&[&[0], leaf])).collect();
    if level.is_empty() {
        return sha256::hash(&[]);
    }
    // Pairing from the left and carrying an odd last one up gives the tree
    // whose left side is the largest power of two below the count.
    while level.len() > 1 {
        let pairs = level.chunks(2);
        level = pairs
            .map(|pair| match pair {
                [left, right] => sha256::hash_parts(&[&[1], left, right]),
                [one, ..] => *one,
                [] => [0; 32],
            })
            .collect();
    }
    level[0]
}

fn event_leaf(event: &OwnedEvent) -> Vec<u8> {
    let mut leaf = Vec::new();
    let var = |leaf: &mut Vec<u8>, bytes: &[u8]| {
        leaf.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        leaf.extend_from_slice(bytes);
    };
    var(&mut leaf, &event.kind);
    leaf.extend_from_slice(&(event.attributes.len() as u32).to_le_bytes());
    for (key, value) in &event.attributes {
        var(&mut leaf, key);
        var(&mut leaf, value);
    }
    leaf
}

/// The receipts root that the host computes (docs/encodings.md, "Outcomes").
pub fn receipts_root(response: &ExecutionResponse, events: &[OwnedEvent]) -> [u8; 32] {
    let mut rest = events;
    let receipts = (0u32..).zip(&response.receipts).map(|(index, receipt)| {
        let count = rest.iter().take_while(|event| event.transaction == index).count();
        let (own, after) = rest.split_at(count);
        rest = after;
        let events_root = tree_root(&own.iter().map(event_leaf).collect::<Vec<_>>());
        let mut leaf = receipt.tx_hash.clone();
        leaf.extend_from_slice(&receipt.code.to_le_bytes());
        leaf.extend_from_slice(&receipt.gas_used.to_le_bytes());
        leaf.extend_from_slice(&events_root);
        leaf
    });
    tree_root(&receipts.collect::<Vec<_>>())
}
