//! The ledger with another schema, or with something done before each block ends.
//!
//! Purpose: modules for tests of upgrades and failed blocks, which behave as the
//! ledger that ships does in everything else. No chain runs them.
//!
//! Guarded by `test/modules`.

use bedrock_ledger::{keys, Ledger};
use bedrock_sdk::{
    CheckVerdict, Context, Ending, Genesis, GenesisRequest, Keys, Refusal, Rewrite, Schema, StateMachine,
    Step, Store, TxResult, Verdict,
};

/// First byte of the raw keys that a migration of [`Altered`] adds: then comes an
/// account's address.
pub const MIGRATED: u8 = 0x7f;

/// The ledger, altered.
pub struct Altered {
    /// Runs after a block's last transaction, with the block's context.
    pub before_the_end: fn(&Context),
    /// Schema number of the state. The ledger's is 1; to reach 2, every account's row
    /// is written, and beside it one at [`MIGRATED`] with the nonce that it had.
    pub schema: u32,
    /// Gas of a row of that migration.
    pub row_gas: u64,
}

impl Altered {
    /// The ledger, unaltered but for what the caller changes.
    pub const LEDGER: Altered = Altered { before_the_end: |_| {}, schema: 1, row_gas: 1 };
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

    fn schema(&self) -> Option<Schema> {
        let of_the_ledger = Ledger.schema()?;
        Some(Schema { number: self.schema, row_gas: self.row_gas, ..of_the_ledger })
    }

    fn migrate(&self, _: u32, key: &[u8], value: &[u8], rewrite: &mut Rewrite) -> Result<(), String> {
        if let [keys::ACCOUNT, address @ ..] = key {
            rewrite.replace(value.to_vec());
            rewrite.add([&[MIGRATED], address].concat(), value.iter().take(8).copied().collect());
        }
        Ok(())
    }

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
