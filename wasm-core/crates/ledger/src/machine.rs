//! The ledger as a state machine.

use crate::codes;
use crate::epoch::Epochs;
use crate::epochs::EpochRows;
use crate::governance::{Frame, OperationRows};
use crate::keys;
use crate::operation::Governance;
use crate::params::Params;
use crate::transaction::{DecodeError, Operation, Transaction};
use crate::validator::decode_names;
use crate::values::{RecordHead, Supply, SCHEMA};
use crate::{admission, execution, genesis, query, verification};
use bedrock_crypto::address;
use bedrock_sdk::{
    CheckVerdict, Context, Ending, Genesis, GenesisRequest, KeyRef, Keys, Refusal, Schema, StateMachine,
    Step, Store, TxResult, Verdict,
};
use std::cell::OnceCell;

/// The ledger; it has no state of its own.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ledger;

/// Rows that every block reads first.
pub struct Rows {
    params: KeyRef,
    supply: KeyRef,
    fee_owner: Option<KeyRef>,
    identity: [u8; 32],
    names: KeyRef,
    epochs: KeyRef,
    upgrade: KeyRef,
}

/// What a block carries from its first transaction to its last.
pub struct Block {
    pub(crate) params: Params,
    pub(crate) supply: Supply,
    pub(crate) supply_key: KeyRef,
    /// Account that the proposer's share of fees goes to.
    pub(crate) proposer: KeyRef,
    pub(crate) proposer_fees: u128,
    pub(crate) genesis_hash: Vec<u8>,
    pub(crate) height: u64,
    /// Of the block, in ms.
    pub(crate) time_ms: u64,
    /// That executes it.
    pub(crate) epoch: u64,
    /// The running module and engine number.
    pub(crate) executor: Vec<u8>,
    pub(crate) engine: u32,
    /// Which epochs the state keeps.
    pub(crate) epochs: Epochs,
    pub(crate) epoch_rows: EpochRows,
    /// Validators before the block, in the set's order.
    pub(crate) names: Vec<[u8; 32]>,
    /// Rows of validators and epochs, where the block needs them.
    pub(crate) frame: OnceCell<Frame>,
    /// Set, keys, powers, limits, parameters or executor changed.
    pub(crate) ends_epoch: bool,
    /// A validator came into the set.
    pub(crate) newcomer: bool,
    /// State that this machine cannot have written was met.
    pub(crate) broken: Option<&'static str>,
}

/// A transaction of a block, or why it is none.
pub struct Prepared<'a> {
    pub(crate) bytes: usize,
    pub(crate) decoded: Result<Decoded<'a>, Refusal>,
}

/// A decoded transaction with the rows that it touches.
pub(crate) struct Decoded<'a> {
    pub(crate) transaction: Transaction<'a>,
    pub(crate) bytes: usize,
    pub(crate) payer: [u8; 32],
    pub(crate) payer_key: KeyRef,
    pub(crate) rows: TxRows,
}

/// Rows that a transaction touches besides its payer's account.
pub(crate) enum TxRows {
    /// The recipient's account.
    Recipient(KeyRef),
    /// The recipients' accounts, in order.
    Recipients(Vec<KeyRef>),
    /// The record.
    Record(KeyRef),
    /// What an operation on validators or of the authority is about.
    Governance(Box<OperationRows>),
}

pub(crate) fn refusal(error: DecodeError) -> Refusal {
    let code = match error {
        DecodeError::Malformed(_) => codes::MALFORMED,
        DecodeError::UnknownOperation(_) => codes::UNKNOWN_OPERATION,
    };
    Refusal::new(code, error.to_string())
}

impl<'a> Decoded<'a> {
    /// Of a transaction of so many bytes, whose payer has that address.
    fn new(
        block: &Block,
        transaction: Transaction<'a>,
        bytes: usize,
        payer: [u8; 32],
        keys: &mut Keys,
    ) -> Self {
        let payer_key = keys.declare(&keys::account(&payer));
        let rows = match transaction.body.operation {
            Operation::Transfer { to, .. } => TxRows::Recipient(keys.declare(&keys::account(to))),
            Operation::BatchTransfer(recipients) => TxRows::Recipients(
                recipients.iter().map(|(to, _)| keys.declare(&keys::account(to))).collect(),
            ),
            Operation::RecordPut { key, .. } | Operation::RecordDelete { key } => {
                TxRows::Record(keys.declare_head(&keys::record(&payer, key), RecordHead::LEN as u16))
            }
            Operation::Governance(of) => {
                block.frame.get_or_init(|| Frame::declare(&block.names, block.epoch, keys));
                TxRows::Governance(Box::new(OperationRows::declare(&of, keys)))
            }
        };
        Decoded { transaction, bytes, payer, payer_key, rows }
    }

    /// The operation with its rows, if it is one on validators or of the authority.
    pub(crate) fn governance(&self) -> Option<(&OperationRows, Governance<'a>)> {
        match (&self.rows, self.transaction.body.operation) {
            (TxRows::Governance(rows), Operation::Governance(of)) => Some((rows, of)),
            _ => None,
        }
    }
}

impl StateMachine for Ledger {
    type Rows = Rows;
    type Block = Block;
    type Transaction<'a> = Prepared<'a>;

    fn schema(&self) -> Option<Schema> {
        // What the default gas schedule asks for a row read and written.
        Some(Schema { number: SCHEMA, key: &[keys::SCHEMA], row_gas: 6_500, byte_gas: 10 })
    }

    fn genesis(&self, request: &GenesisRequest, state: &mut Genesis) -> Result<(), String> {
        genesis::fill(request, state)
    }

    fn verify(&self, genesis_hash: &[u8], transactions: &[&[u8]]) -> Vec<Verdict> {
        verification::verify(genesis_hash, transactions)
    }

    fn begin(&self, context: &Context, keys: &mut Keys) -> Rows {
        let identity = context.proposer_identity[..].try_into().ok();
        Rows {
            params: keys.declare(&[keys::PARAMS]),
            supply: keys.declare(&[keys::SUPPLY]),
            fee_owner: identity.map(|identity| keys.declare(&keys::fee_owner(&identity))),
            identity: identity.unwrap_or_default(),
            names: keys.declare(&[keys::VALIDATOR]),
            epochs: keys.declare(&[keys::EPOCH]),
            upgrade: keys.declare(&[keys::UPGRADE]),
        }
    }

    fn open(&self, context: &Context, rows: Rows, store: &Store, keys: &mut Keys) -> Result<Block, String> {
        let params = store.get(rows.params).and_then(Params::decode).ok_or("the row of parameters")?;
        let supply = store.get(rows.supply).and_then(Supply::decode).ok_or("the row of the supply")?;
        let owner = match rows.fee_owner.and_then(|key| store.get(key)) {
            Some(row) => row.try_into().map_err(|_| "the row of a fee owner")?,
            None => address::of_public_key(&rows.identity),
        };
        let names = store.get(rows.names).and_then(decode_names).ok_or("the list of validators")?;
        let epochs = store.get(rows.epochs).and_then(Epochs::decode).ok_or("the row of epochs")?;
        let (epoch_rows, needs_frame) = EpochRows::declare(context, epochs, keys);
        let frame = OnceCell::new();
        if needs_frame || store.get(rows.upgrade).is_some() {
            frame.get_or_init(|| Frame::declare(&names, context.epoch, keys));
        }
        Ok(Block {
            params,
            supply,
            supply_key: keys.declare(&[keys::SUPPLY]),
            proposer: keys.declare(&keys::account(&owner)),
            proposer_fees: 0,
            genesis_hash: context.genesis_hash.clone(),
            height: context.height,
            time_ms: context.timestamp_ms,
            epoch: context.epoch,
            executor: context.executor_hash.clone(),
            engine: context.engine,
            epochs,
            epoch_rows,
            names,
            frame,
            ends_epoch: false,
            newcomer: false,
            broken: None,
        })
    }

    fn prepare<'a>(&self, block: &Block, bytes: &'a [u8], keys: &mut Keys) -> Prepared<'a> {
        let decoded = Transaction::decode(bytes).map_err(refusal).map(|transaction| {
            let payer = address::of_public_key(transaction.body.payer);
            Decoded::new(block, transaction, bytes.len(), payer, keys)
        });
        Prepared { bytes: bytes.len(), decoded }
    }

    fn prepare_all<'a>(
        &self,
        block: &Block,
        transactions: &[&'a [u8]],
        keys: &mut Keys,
    ) -> Vec<Prepared<'a>> {
        let decoded: Vec<_> = transactions.iter().map(|bytes| Transaction::decode(bytes)).collect();
        let payers = decoded.iter().flatten().map(|transaction| transaction.body.payer);
        let mut addresses = address::of_public_keys(payers).into_iter();
        let prepared = decoded.into_iter().zip(transactions).map(|(decoded, bytes)| {
            let decoded = decoded.map_err(refusal).map(|transaction| {
                let payer = addresses.next().unwrap_or_default();
                Decoded::new(block, transaction, bytes.len(), payer, keys)
            });
            Prepared { bytes: bytes.len(), decoded }
        });
        prepared.collect()
    }

    fn apply(&self, block: &mut Block, transaction: &Prepared<'_>, step: &mut Step<'_>) -> TxResult {
        execution::apply(block, transaction, step)
    }

    fn finish(&self, block: Block, store: &mut Store) -> Result<Ending, String> {
        execution::finish(block, store)
    }

    fn admit(
        &self,
        block: &Block,
        transaction: &Prepared<'_>,
        queued_cost: u128,
        context: &Context,
        store: &Store,
    ) -> CheckVerdict {
        admission::admit(block, transaction, queued_cost, context, store)
    }

    fn query_key(&self, path: &str, data: &[u8]) -> Result<Vec<u8>, Refusal> {
        query::state_key(path, data)
    }
}
