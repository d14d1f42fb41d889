//! The trait that a state machine implements.

use crate::{Genesis, Keys, Rewrite, Schema, Step, Store};
use bedrock_abi::generated::{CheckVerdict, Context, EpochParams, GenesisRequest};
use bedrock_abi::response::Verdict;

/// Why a transaction or a query is refused: a code that is part of the
/// receipt's hash, and a text that is part of none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Not 0.
    pub code: u32,
    /// What to do about it.
    pub log: String,
}

impl Refusal {
    /// A refusal with its reason.
    pub fn new(code: u32, log: impl Into<String>) -> Self {
        Refusal { code, log: log.into() }
    }
}

/// What became of one transaction of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxResult {
    /// At most what [`Step::gas_left`] said.
    pub gas_used: u64,
    /// Success, or the code of the receipt.
    pub result: Result<(), Refusal>,
}

/// What a block's execution ends with, besides state and receipts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ending {
    /// A migration wants another block.
    pub more_work: bool,
    /// The epoch that follows this block; none: the epoch goes on.
    pub epoch_change: Option<EpochParams>,
}

/// A replicated state machine.
///
/// A block runs so: [`begin`](Self::begin) declares the rows that every block
/// reads; [`open`](Self::open) takes them up and declares what they lead to;
/// [`prepare`](Self::prepare) of every transaction declares all keys that it
/// may touch; one vectored read; [`apply`](Self::apply) of every transaction in
/// order; [`finish`](Self::finish). A block of a state of an older
/// [`schema`](Self::schema) runs none of them. `check` runs the same steps with
/// [`admit`](Self::admit) in place of `apply`, and writes nothing.
///
/// Every method is pure: no clock, no randomness, no map with an order of its
/// own, no recursion on input, no panic.
pub trait StateMachine {
    /// The rows that `begin` declares.
    type Rows;
    /// What a block carries from one method to the next.
    type Block;
    /// A transaction, decoded, with the keys that it declared.
    type Transaction<'a>;

    /// The schema of the state, for a machine whose rows may change their form one
    /// day: its number is kept in state, and while it is below the machine's, blocks
    /// [`migrate`](Self::migrate) and nothing else. Adding it later is a migration
    /// that nobody can make: begin with number 1. Without one nothing is kept.
    fn schema(&self) -> Option<Schema> {
        None
    }

    /// Brings one row of schema `from` to the form of `from + 1`: every row of the
    /// state is visited once, in no order that has a meaning, but the schema's own.
    /// An error fails the block.
    fn migrate(&self, from: u32, key: &[u8], value: &[u8], rewrite: &mut Rewrite) -> Result<(), String> {
        let _ = (key, value, rewrite);
        Err(format!("this module cannot migrate from schema {from}"))
    }

    /// Fills the state of height 0; an error refuses the document.
    fn genesis(&self, request: &GenesisRequest, state: &mut Genesis) -> Result<(), String>;

    /// Decodes and authenticates transactions without state; one verdict each,
    /// in order. rule: verify-before-vote
    fn verify(&self, genesis_hash: &[u8], transactions: &[&[u8]]) -> Vec<Verdict>;

    /// Declares the rows that every block reads before anything else.
    fn begin(&self, context: &Context, keys: &mut Keys) -> Self::Rows;

    /// Takes up those rows and declares the keys that the block may touch
    /// whatever its transactions are. An error means state that this machine
    /// cannot have written: a failed block.
    fn open(
        &self,
        context: &Context,
        rows: Self::Rows,
        store: &Store,
        keys: &mut Keys,
    ) -> Result<Self::Block, String>;

    /// Decodes one transaction and declares the keys that it may touch.
    fn prepare<'a>(&self, block: &Self::Block, bytes: &'a [u8], keys: &mut Keys) -> Self::Transaction<'a>;

    /// Prepares many, in order, as [`prepare`](Self::prepare) of each: for a machine that
    /// gains by seeing all of them at once, such as hashing four at a time.
    fn prepare_all<'a>(
        &self,
        block: &Self::Block,
        transactions: &[&'a [u8]],
        keys: &mut Keys,
    ) -> Vec<Self::Transaction<'a>> {
        transactions.iter().map(|bytes| self.prepare(block, bytes, keys)).collect()
    }

    /// Executes one transaction.
    fn apply(
        &self,
        block: &mut Self::Block,
        transaction: &Self::Transaction<'_>,
        step: &mut Step<'_>,
    ) -> TxResult;

    /// Ends the block, after its last transaction. An error as in `open`.
    fn finish(&self, block: Self::Block, store: &mut Store) -> Result<Ending, String>;

    /// Judges a verified transaction for the pool. `queued_cost` is what its
    /// sender's queued transactions may take, `context` that of the next block.
    fn admit(
        &self,
        block: &Self::Block,
        transaction: &Self::Transaction<'_>,
        queued_cost: u128,
        context: &Context,
        store: &Store,
    ) -> CheckVerdict;

    /// The raw state key that a query's path names.
    fn query_key(&self, path: &str, data: &[u8]) -> Result<Vec<u8>, Refusal>;
}
