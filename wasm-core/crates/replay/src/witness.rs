//! Witnesses: one block with everything that it reads, and what came of it
//! (`proto/bedrock/executor/v1/witness.proto`).

use crate::chain::{receipts_root, Executed};
use crate::engine::{Engine, Export};
use crate::host::{CallHost, Effects, KeyValue, OwnedEvent};
use crate::state::{Base, PageKey};
use bedrock_abi::generated::{
    Attribute, Event, ExecutionResponse, Witness, WitnessOutcome, WitnessPage, WitnessRow,
};
use bedrock_abi::lists::Row;
use bedrock_abi::{Fault, Message};
use std::collections::BTreeMap;
use std::rc::Rc;

/// What the `format` field says.
pub const FORMAT: &str = "bedrock/witness/1";

/// Longest witness that is read.
pub const MAX_BYTES: usize = 1 << 30;

/// What an engine made of a witness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// State root, receipts, writes and events are those recorded.
    Same,
    /// They are not; says which.
    Differs(String),
    /// The block failed where it was recorded: engines need not agree on that.
    NotComparable,
}

/// The state that a witness carries.
struct WitnessState {
    rows: BTreeMap<[u8; 32], Option<KeyValue>>,
    pages: BTreeMap<PageKey, Option<Vec<u8>>>,
}

impl Base for WitnessState {
    fn row(&self, address: &[u8; 32], _: u64) -> Result<Option<Row<'_>>, Fault> {
        let row =
            self.rows.get(address).ok_or_else(|| Fault::state("a row that the witness does not carry"))?;
        Ok(row.as_ref().map(|(key, value)| Row { key, value }))
    }

    fn page(&self, key: &PageKey) -> Result<Option<&[u8]>, Fault> {
        let page =
            self.pages.get(key).ok_or_else(|| Fault::state("a page that the witness does not carry"))?;
        Ok(page.as_deref())
    }
}

/// The witness of a block that was executed with a trace.
pub fn record(block: &Executed) -> Witness {
    let trace = block.trace.clone().unwrap_or_default();
    Witness {
        format: FORMAT.into(),
        request: Some(block.request.clone()),
        rows: trace.rows.into_iter().map(|(address, row)| row_message(address, row)).collect(),
        pages: trace
            .pages
            .into_iter()
            .map(|(key, page)| WitnessPage {
                version: key.version(),
                path: key.path().to_vec(),
                present: page.is_some(),
                page: page.unwrap_or_default(),
            })
            .collect(),
        outcome: Some(outcome(
            &block.response,
            &block.effects,
            block.request.context.as_ref().map_or(0, |c| c.height),
        )),
    }
}

fn row_message(address: [u8; 32], row: Option<KeyValue>) -> WitnessRow {
    let present = row.is_some();
    let (key, value) = row.unwrap_or_default();
    WitnessRow { address: address.to_vec(), present, key, value }
}

fn event_message(event: &OwnedEvent) -> Event {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Event {
        transaction: event.transaction,
        r#type: text(&event.kind),
        attributes: event
            .attributes
            .iter()
            .map(|(key, value)| Attribute { key: text(key), value: value.clone() })
            .collect(),
    }
}

fn outcome(response: &ExecutionResponse, effects: &Effects, height: u64) -> WitnessOutcome {
    let written = effects.pages.iter().map(|(path, page)| WitnessPage {
        version: height,
        path: path.clone(),
        present: true,
        page: page.clone(),
    });
    let stale = effects.stale.iter().map(|key| WitnessPage {
        version: key.version(),
        path: key.path().to_vec(),
        present: false,
        page: Vec::new(),
    });
    WitnessOutcome {
        success: true,
        state_root: response.new_state_root.clone(),
        receipts_root: receipts_root(response, &effects.events).to_vec(),
        receipts: response.receipts.clone(),
        gas_used: response.gas_used,
        rows: effects
            .rows
            .iter()
            .map(|row| WitnessRow {
                address: row.address.to_vec(),
                present: row.value.is_some(),
                key: row.key.clone(),
                value: row.value.clone().unwrap_or_default(),
            })
            .collect(),
        pages: written.chain(stale).collect(),
        events: effects.events.iter().map(event_message).collect(),
    }
}

/// Reads a witness file's bytes.
pub fn decode(bytes: &[u8]) -> Result<Witness, String> {
    if bytes.len() > MAX_BYTES {
        return Err("it is longer than 1 GiB".into());
    }
    let witness = Witness::decode(bytes).map_err(|error| format!("it is no witness: {error}"))?;
    if witness.format != FORMAT {
        return Err(format!("its format is {:?}, this program reads {FORMAT}", witness.format));
    }
    Ok(witness)
}

fn state_of(witness: &Witness) -> Result<WitnessState, String> {
    let mut state = WitnessState { rows: BTreeMap::new(), pages: BTreeMap::new() };
    for row in &witness.rows {
        let address = row.address[..].try_into().map_err(|_| "a row's address has not 32 bytes")?;
        state.rows.insert(address, row.present.then(|| (row.key.clone(), row.value.clone())));
    }
    for page in &witness.pages {
        let key = PageKey::new(page.version, &page.path).ok_or("a page's path is too long")?;
        state.pages.insert(key, page.present.then(|| page.page.clone()));
    }
    Ok(state)
}

/// Executes a witness on an engine and compares; an error says what is wrong
/// with the witness itself.
pub fn replay(engine: &Engine, witness: &Witness) -> Result<Verdict, String> {
    let request = witness.request.as_ref().ok_or("it has no request")?;
    let expected = witness.outcome.as_ref().ok_or("it has no outcome")?;
    if !expected.success {
        return Ok(Verdict::NotComparable);
    }
    let (state, context) =
        (request.state.clone().unwrap_or_default(), request.context.clone().unwrap_or_default());
    let host = CallHost::new(Rc::new(state_of(witness)?), &state, &context);
    let (answer, host) = engine.call(Export::Execute, &request.encode_to_vec(), host);
    let response = match answer {
        Ok(answer) => {
            ExecutionResponse::decode(&answer[..]).map_err(|error| format!("a malformed answer: {error}"))?
        }
        Err(fault) => return Ok(Verdict::Differs(format!("the block does not execute: {fault}"))),
    };
    Ok(compare(expected, &outcome(&response, &host.effects, context.height)))
}

fn compare(expected: &WitnessOutcome, ours: &WitnessOutcome) -> Verdict {
    let parts = [
        ("state root", expected.state_root == ours.state_root),
        ("receipts root", expected.receipts_root == ours.receipts_root),
        ("receipts", expected.receipts == ours.receipts),
        ("gas used", expected.gas_used == ours.gas_used),
        ("rows written", expected.rows == ours.rows),
        ("pages written or stale", expected.pages == ours.pages),
        ("events", expected.events == ours.events),
    ];
    let differing: Vec<_> = parts.iter().filter(|(_, same)| !same).map(|(what, _)| *what).collect();
    if differing.is_empty() {
        Verdict::Same
    } else {
        Verdict::Differs(differing.join(", "))
    }
}
