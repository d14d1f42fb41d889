//! The ledger with something done before each block ends.
//!
//! Purpose: modules for tests of upgrades and failed blocks, which behave as the
//! ledger that ships does in everything else. No chain runs them.
//!
//! Guarded by `test/modules`.

use bedrock_ledger::Ledger;
use bedrock_sdk::{
    CheckVerdict, Context, Ending, Genesis, GenesisRequest, Keys, Refusal, StateMachine, Step, Store,
    TxResult, Verdict,
};

/// The ledger; `before_the_end` sees the context of every block that is executed.
pub struct Altered {
    /// Runs after a block's last transaction.
    pub before_the_end: fn(&Context),
}

/// A block of the ledger, with its context.
pub struct Block {
    ledger: <Ledger as StateMachine>::Block,
    context: Context,
}

impl StateMachine for Altered {
    type Rows = <Ledger as StateMachine>::Rows;
    type Block = Block;
    type Transaction<'a> = <Ledger as StateMachine>::Transaction<'a>;

    fn genesis(&self, request: &GenesisRequest, state: &mut Genesis) -> Result<(), String> {
        Ledger.genesis(request, state)
    }

    fn verify(&self, genesis_hash: &[u8], transactions: &[&[u8]]) -> Vec<Verdict> {
        Ledger.verify(genesis_hash, transactions)
    }

    fn begin(&self, context: &Context, keys: &mut Keys) -> Self::Rows {
        Ledger.begin(context, keys)
    }

    fn open(
        &self,
        context: &Context,
        rows: Self::Rows,
        store: &Store,
        keys: &mut Keys,
    ) -> Result<Block, String> {
        Ok(Block { ledger: Ledger.open(context, rows, store, keys)?, context: context.clone() })
    }

    fn prepare<'a>(&self, block: &Block, bytes: &'a [u8], keys: &mut Keys) -> Self::Transaction<'a> {
        Ledger.prepare(&block.ledger, bytes, keys)
    }

    fn apply(&self, block: &mut Block, tx: &Self::Transaction<'_>, step: &mut Step<'_>) -> TxResult {
        Ledger.apply(&mut block.ledger, tx, step)
    }

    fn finish(&self, block: Block, store: &mut Store) -> Result<Ending, String> {
        (self.before_the_end)(&block.context);
        Ledger.finish(block.ledger, store)
    }

    fn admit(
        &self,
        block: &Block,
        tx: &Self::Transaction<'_>,
        queued_cost: u128,
        context: &Context,
        store: &Store,
    ) -> CheckVerdict {
        Ledger.admit(&block.ledger, tx, queued_cost, context, store)
    }

    fn query_key(&self, path: &str, data: &[u8]) -> Result<Vec<u8>, Refusal> {
        Ledger.query_key(path, data)
    }
}
