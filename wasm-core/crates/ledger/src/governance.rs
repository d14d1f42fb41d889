//! Operations on validators, and of the authority: what each would do now.
//!
//! A decision is a function of the state: `check` asks for it and drops it,
//! `execute` writes it down. So what the pool lets in for nothing does something.

mod authority;
mod maintenance;
mod members;
mod power;
mod rotation;
mod rows;
mod upgrade;

use crate::codes;
use crate::machine::{Block, Decoded};
use crate::operation::Governance;
use crate::transaction::Transaction;
use crate::validator::{Status, Validator};
use bedrock_crypto::sha256;
use bedrock_sdk::{KeyRef, Refusal, Step, Store};

pub(crate) use power::Power;
pub(crate) use rows::{Frame, OperationRows};
pub(crate) use upgrade::{due, Due};

/// Why there is no decision.
pub(crate) enum Failure {
    /// The operation is refused.
    Refused(Refusal),
    /// The state is not one that this machine can have written.
    Broken(&'static str),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Failure::Refused(refusal)
    }
}

pub(crate) fn refused<T>(code: u32, log: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::Refused(Refusal::new(code, log)))
}

type Attributes = Vec<(&'static str, Vec<u8>)>;

/// What an operation does.
#[derive(Default)]
pub(crate) struct Decision {
    writes: Vec<(KeyRef, Option<Vec<u8>>)>,
    events: Vec<(&'static str, Attributes)>,
    /// Set, keys, powers, limits or parameters change: the block ends its epoch.
    ends_epoch: bool,
    /// A validator comes into the set.
    newcomer: bool,
}

impl Decision {
    fn set(&mut self, key: KeyRef, value: Vec<u8>) {
        self.writes.push((key, Some(value)));
    }

    fn delete(&mut self, key: KeyRef) {
        self.writes.push((key, None));
    }

    fn event(&mut self, kind: &'static str, attributes: Attributes) {
        self.events.push((kind, attributes));
    }
}

/// What a decision is made from.
pub(crate) struct View<'a> {
    pub(crate) block: &'a Block,
    pub(crate) frame: &'a Frame,
    pub(crate) rows: &'a OperationRows,
    pub(crate) payer: &'a [u8; 32],
    /// The payer's account, its fee paid.
    pub(crate) payer_key: KeyRef,
    pub(crate) transaction: &'a Transaction<'a>,
    pub(crate) store: &'a Store,
}

impl View<'_> {
    fn row(&self, key: KeyRef) -> Option<&[u8]> {
        self.store.get(key)
    }

    /// The validator that the operation names, unless it has left.
    fn validator(&self) -> Result<Validator, Failure> {
        read_validator(self.store, self.rows.validator)?
            .filter(|validator| validator.status != Status::Left)
            .ok_or_else(|| {
                Refusal::new(codes::NO_SUCH_VALIDATOR, "no validator has this name, or it has left").into()
            })
    }

    fn validator_key(&self) -> Result<KeyRef, Failure> {
        self.rows.validator.ok_or(Failure::Broken("rows of another operation"))
    }

    /// The owner, or for what it may do the delegate.
    fn by_owner_or_delegate(&self, validator: &Validator) -> Result<(), Failure> {
        let key = self.transaction.body.payer;
        let delegate = *key == validator.delegate && validator.delegate != [0; 32];
        let owner = *self.payer == validator.owner && !self.transaction.body.is_fee_free();
        if owner || delegate {
            return Ok(());
        }
        refused(codes::NOT_AUTHORIZED, "the payer is neither the validator's owner, paying, nor its delegate")
    }

    /// The validator's node: the payer is the identity that the chain pairs now.
    fn by_identity(&self, validator: &Validator, identity: &[u8; 32]) -> Result<(), Failure> {
        if identity != self.transaction.body.payer {
            return refused(codes::NOT_AUTHORIZED, "the payer is not the identity that it names");
        }
        if *identity != validator.identity {
            return refused(codes::STALE, "the validator has another identity now");
        }
        Ok(())
    }
}

/// The row of a validator, if it is there.
pub(crate) fn read_validator(store: &Store, key: Option<KeyRef>) -> Result<Option<Validator>, Failure> {
    let Some(row) = key.and_then(|key| store.get(key)) else { return Ok(None) };
    Validator::decode(row).map(Some).ok_or(Failure::Broken("the row of a validator"))
}

/// What an operation would do now, or why nothing.
pub(crate) fn decide(block: &Block, decoded: &Decoded<'_>, store: &Store) -> Result<Decision, Failure> {
    let (Some(frame), Some((rows, of))) = (block.frame.get(), decoded.governance()) else {
        return Err(Failure::Broken("rows of another operation"));
    };
    let (payer, payer_key, transaction) = (&decoded.payer, decoded.payer_key, &decoded.transaction);
    let view = View { block, frame, rows, payer, payer_key, transaction, store };
    match of {
        Governance::Join(join) => members::join(&view, &join),
        Governance::Ready { identity, validator } => members::ready(&view, validator, identity),
        Governance::Delegate { validator, delegate } => members::delegate(&view, validator, delegate),
        Governance::Leave { validator, expected, flags } => members::leave(&view, validator, expected, flags),
        Governance::Weigh { flags, weights } => members::weigh(&view, flags, weights),
        Governance::Rotate(rotate) => rotation::rotate(&view, &rotate),
        Governance::Maintain { validator, expected, end } => {
            maintenance::maintain(&view, validator, expected, end)
        }
        Governance::ModuleReady { validator, identity, executor, engine } => {
            upgrade::module_ready(&view, validator, identity, executor, engine)
        }
        Governance::SetParameters(settings) => authority::set_parameters(&view, settings),
        Governance::SetAuthority { threshold, keys } => authority::set_authority(&view, threshold, keys),
        Governance::Schedule { executor, engine, not_before, not_after } => {
            upgrade::schedule(&view, executor, engine, not_before, not_after)
        }
        Governance::Cancel { executor } => upgrade::cancel(&view, executor),
    }
}

/// Writes down what an operation does.
pub(crate) fn apply(block: &mut Block, decoded: &Decoded<'_>, step: &mut Step<'_>) -> Result<(), Refusal> {
    let decision = match decide(block, decoded, step.store) {
        Ok(decision) => decision,
        Err(Failure::Refused(refusal)) => return Err(refusal),
        Err(Failure::Broken(what)) => {
            block.broken = Some(what);
            return Ok(());
        }
    };
    for (key, value) in &decision.writes {
        match value {
            Some(value) => step.store.set(*key, value),
            None => step.store.delete(*key),
        }
    }
    for (kind, attributes) in &decision.events {
        let attributes: Vec<(&str, &[u8])> =
            attributes.iter().map(|(key, value)| (*key, &value[..])).collect();
        step.emit(kind, &attributes);
    }
    block.ends_epoch |= decision.ends_epoch;
    block.newcomer |= decision.newcomer;
    Ok(())
}

/// The lane of a fee-free transaction: one for each validator and operation.
pub(crate) fn lane(of: &Governance<'_>) -> [u8; 32] {
    let validator = of.validator().unwrap_or(&[0; 32]);
    sha256::hash_parts(&[b"\x0ebedrock/lane/1", &[of.number()], validator])
}

/// Who a transaction that pays no fee belongs to in a pool, at place 0 of that lane.
/// Any other belongs to its payer, at its nonce.
pub(crate) fn free_lane(transaction: &Transaction<'_>) -> Option<[u8; 32]> {
    match transaction.body.operation {
        crate::operation::Operation::Governance(of) if transaction.body.is_fee_free() => Some(lane(&of)),
        _ => None,
    }
}
