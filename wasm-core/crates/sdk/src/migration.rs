//! Bringing a state to the schema of a newer module, over as many blocks as that
//! takes. rule: migration
//!
//! The state holds a schema number. While it is below the machine's, a block visits
//! further rows in the order of their addresses, until its gas is spent, and hands
//! each to [`StateMachine::migrate`]; its transactions are skipped. Where it ended
//! is kept in a row. The number rises by one at a time, each time by one walk over
//! all rows, so that a module may take over what another one began.
//!
//! The state after a walk does not depend on how it was cut into blocks: a visit
//! sees one row and the walk's own rows are new ones, which a later visit leaves as
//! they are.

use crate::store::Store;
use crate::tree::{self, HostPages};
use crate::{KeyRef, Keys, Refusal, StateMachine};
use bedrock_abi::generated::StateRef;
use bedrock_abi::lists::{AnswerReader, ReadList, Row};
use bedrock_abi::{Fault, Host, MAX_KEY_BYTES, MAX_VALUE_BYTES};
use bedrock_merkle::{self as merkle, Base, Leaf};
use std::collections::{BTreeMap, BTreeSet};

/// Code of a transaction that waits until a migration has ended, in every machine.
pub const MIGRATING: u32 = 5;

/// Rows that are read together: any sizes of them fit an answer.
const ROWS_PER_CALL: usize = 128;

/// What a block's step visits and writes at most, whatever the gas: it is held in
/// memory.
const MAX_STEP_ROWS: usize = 16_384;
const MAX_STEP_BYTES: usize = 16 << 20;

/// Where a state keeps its schema number, and what migrating it costs.
#[derive(Clone, Copy, Debug)]
pub struct Schema {
    /// The number of the state that this machine reads and writes; from 1 on.
    pub number: u32,
    /// Raw key of the row with the state's number, a `u32`. Under this key with a
    /// byte 0x01 behind it lies how far a migration is.
    pub key: &'static [u8],
    /// Gas of a row that is visited or added; it bounds a step with the block's gas
    /// limit, so it should be what reading and writing a row costs a transaction.
    pub row_gas: u64,
    /// Gas of a byte that is read or written.
    pub byte_gas: u64,
}

impl Schema {
    fn progress_key(&self) -> Vec<u8> {
        [self.key, &[1]].concat()
    }

    /// The row of the number.
    pub(crate) fn row(&self) -> (Vec<u8>, Vec<u8>) {
        (self.key.to_vec(), self.number.to_le_bytes().to_vec())
    }
}

/// What becomes of a row that a migration visits; without a call it stays.
#[derive(Debug, Default)]
pub struct Rewrite {
    own: Option<Option<Vec<u8>>>,
    added: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Rewrite {
    /// Gives the row another value.
    pub fn replace(&mut self, value: Vec<u8>) {
        self.own = Some(Some(value));
    }

    /// Deletes the row.
    pub fn remove(&mut self) {
        self.own = Some(None);
    }

    /// Adds a row. Its key must be one that no row of the old schema has, nor is
    /// added for another row; a visit of it must leave it as it is.
    pub fn add(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.added.push((key, value));
    }

    fn bytes(&self) -> usize {
        let own = self.own.iter().flatten().map(Vec::len).sum::<usize>();
        own + self.added.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>()
    }
}

/// How a block finds the state's schema.
pub(crate) enum Standing {
    /// It is the machine's.
    Current,
    /// It is older: this block migrates.
    Behind(Walk),
    /// A newer module began to migrate it and was given up: nobody can read it.
    Abandoned,
}

/// A migration as the state's rows have it.
pub(crate) struct Walk {
    schema: Schema,
    from: u32,
    /// Address of the row that was visited last.
    cursor: Option<[u8; 32]>,
}

/// The rows that tell, declared with those that every block reads.
pub(crate) struct Watch {
    schema: Schema,
    number: KeyRef,
    progress: KeyRef,
}

impl Watch {
    pub(crate) fn declare(schema: Schema, keys: &mut Keys) -> Self {
        let (number, progress) = (keys.declare(schema.key), keys.declare(&schema.progress_key()));
        Watch { schema, number, progress }
    }

    pub(crate) fn standing(self, store: &Store) -> Result<Standing, Fault> {
        let number = store.get(self.number).and_then(|row| row.try_into().ok()).map(u32::from_le_bytes);
        let progress = match store.get(self.progress) {
            None => None,
            Some(row) => Some(decode_progress(row).ok_or_else(|| Fault::module("the row of a migration"))?),
        };
        let (own, broken) = (self.schema.number, |what: String| Err(Fault::Module(what)));
        match (number, progress) {
            (Some(from), None) if from == own => Ok(Standing::Current),
            (Some(from), Some((to, _))) if from == own && to > own => Ok(Standing::Abandoned),
            (Some(from), None) if from < own => {
                Ok(Standing::Behind(Walk { schema: self.schema, from, cursor: None }))
            }
            (Some(from), Some((to, cursor))) if from < own && Some(to) == from.checked_add(1) => {
                Ok(Standing::Behind(Walk { schema: self.schema, from, cursor: Some(cursor) }))
            }
            _ => broken(format!("the state has schema {number:?}, this module runs schema {own}")),
        }
    }
}

fn decode_progress(row: &[u8]) -> Option<(u32, [u8; 32])> {
    let (to, cursor) = row.split_first_chunk::<4>()?;
    Some((u32::from_le_bytes(*to), cursor.try_into().ok()?))
}

/// Why a transaction of such a block is skipped.
pub(crate) fn refusal() -> Refusal {
    Refusal::new(MIGRATING, "the state is being migrated to a newer schema: it waits until that has ended")
}

/// What a step did.
pub(crate) struct Done {
    pub(crate) root: [u8; 32],
    pub(crate) gas_used: u64,
    /// Rows are left, or a further schema number.
    pub(crate) more_work: bool,
}

/// The writes of a step so far.
#[derive(Default)]
struct Step {
    /// New values by raw key; none deletes.
    rows: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    /// Which of them were added.
    added: BTreeSet<Vec<u8>>,
    visited: usize,
    gas: u64,
    bytes: usize,
}

impl Walk {
    /// Visits as many rows as the gas allows, at least one, and writes what becomes
    /// of them.
    pub(crate) fn step<M: StateMachine>(
        mut self,
        machine: &M,
        host: &mut dyn Host,
        state: &StateRef,
        height: u64,
        gas_limit: u64,
    ) -> Result<Done, Fault> {
        let mut step = Step::default();
        let ended = self.visit(machine, host, state, gas_limit, &mut step)?;
        let to = self.from + 1;
        let (number, progress) = (self.schema.key.to_vec(), self.schema.progress_key());
        match (ended, self.cursor) {
            (false, Some(cursor)) => {
                let row = [&to.to_le_bytes()[..], &cursor].concat();
                step.rows.insert(progress, Some(row));
            }
            _ => {
                step.rows.insert(number, Some(to.to_le_bytes().to_vec()));
                step.rows.insert(progress, None);
            }
        }
        let root = write(host, state, height, &step)?;
        Ok(Done { root, gas_used: step.gas.min(gas_limit), more_work: !ended || to < self.schema.number })
    }

    /// Visits rows; true when there are no more.
    fn visit<M: StateMachine>(
        &mut self,
        machine: &M,
        host: &mut dyn Host,
        state: &StateRef,
        gas_limit: u64,
        step: &mut Step,
    ) -> Result<bool, Fault> {
        let base = Base { version: state.tree_version, root: crate::block::root_of(state)? };
        let own = [self.schema.key.to_vec(), self.schema.progress_key()];
        loop {
            let cursor = self.cursor.as_ref();
            let leaves = merkle::leaves_after(&mut HostPages(host), base, cursor, ROWS_PER_CALL);
            let leaves = leaves.map_err(tree::fault)?;
            let answer = read(host, &leaves)?;
            let mut rows = AnswerReader::new(&answer, leaves.len())?;
            for leaf in &leaves {
                let row = row_of(leaf, rows.row()?)?;
                if !own.iter().any(|own| own == row.key) {
                    let mut rewrite = Rewrite::default();
                    machine.migrate(self.from, row.key, row.value, &mut rewrite).map_err(Fault::Module)?;
                    if !step.take(&self.schema, gas_limit, &row, rewrite)? {
                        return Ok(false);
                    }
                }
                self.cursor = Some(leaf.key);
            }
            rows.end()?;
            if leaves.len() < ROWS_PER_CALL {
                return Ok(true);
            }
        }
    }
}

impl Step {
    /// Takes the rewrite of a row, unless the step is full: then false.
    fn take(
        &mut self,
        schema: &Schema,
        gas_limit: u64,
        row: &Row<'_>,
        rewrite: Rewrite,
    ) -> Result<bool, Fault> {
        let bytes = row.key.len() + row.value.len() + rewrite.bytes();
        let of_rows = schema.row_gas.saturating_mul(1 + rewrite.added.len() as u64);
        let gas =
            self.gas.saturating_add(of_rows).saturating_add(schema.byte_gas.saturating_mul(bytes as u64));
        let full = gas > gas_limit || self.visited >= MAX_STEP_ROWS || self.bytes + bytes > MAX_STEP_BYTES;
        if full && self.visited > 0 {
            return Ok(false);
        }
        self.visited += 1;
        (self.gas, self.bytes) = (gas, self.bytes + bytes);
        if let Some(value) = rewrite.own {
            self.put(row.key.to_vec(), value)?;
        }
        for (key, value) in rewrite.added {
            self.added.insert(key.clone());
            self.put(key, Some(value))?;
        }
        Ok(true)
    }

    fn put(&mut self, key: Vec<u8>, value: Option<Vec<u8>>) -> Result<(), Fault> {
        let sound = (1..=MAX_KEY_BYTES).contains(&key.len())
            && value.as_ref().is_none_or(|value| (1..=MAX_VALUE_BYTES).contains(&value.len()));
        if !sound || self.rows.insert(key, value).is_some() {
            return Err(Fault::module("a migration writes a row twice, or one that is no row"));
        }
        Ok(())
    }
}

/// The rows of leaves, by their addresses.
fn read(host: &mut dyn Host, leaves: &[Leaf]) -> Result<Vec<u8>, Fault> {
    let mut request = ReadList::with_capacity(leaves.len() * 33);
    for leaf in leaves {
        request.value(&leaf.key);
    }
    let mut answer = Vec::new();
    host.state_read(request.finish(), &mut answer)?;
    Ok(answer)
}

/// The row of a leaf. rule: host-fault (a corrupt row is never an outcome)
fn row_of<'a>(leaf: &Leaf, row: Option<Row<'a>>) -> Result<Row<'a>, Fault> {
    let row = row.ok_or_else(|| Fault::state("a leaf of the tree without a row"))?;
    if merkle::key_hash(row.key) != leaf.key || merkle::value_hash(row.value) != leaf.value {
        return Err(Fault::state("a row that is not its leaf's"));
    }
    Ok(row)
}

fn write(host: &mut dyn Host, state: &StateRef, height: u64, step: &Step) -> Result<[u8; 32], Fault> {
    let mut keys = Keys::with_capacity(step.rows.len());
    // Whether they are there is all that counts of the old values.
    let references: Vec<_> = step.rows.keys().map(|key| keys.declare_head(key, 1)).collect();
    let mut store = keys.load(host)?;
    for ((key, value), reference) in step.rows.iter().zip(references) {
        if store.stored_len(reference) > 0 && step.added.contains(key) {
            return Err(Fault::module("a migration adds a row that is there already"));
        }
        match value {
            Some(value) => store.set(reference, value),
            None => store.delete(reference),
        }
    }
    tree::commit(host, state, height, &store)
}
