//! A small state machine on the SDK: what it writes, emits and answers.
#![allow(clippy::unwrap_used)]

#[path = "counter/machine.rs"]
mod counter;

use bedrock_merkle::{verify_absence, verify_inclusion};
use bedrock_replay::{CallHost, Effects, MemoryState, PageKey};
use bedrock_sdk::abi::generated::{
    CheckRequest, CheckResponse, ExecutionRequest, ExecutionResponse, GenesisResponse, QueryRequest,
    QueryResponse,
};
use bedrock_sdk::abi::Message;
use bedrock_sdk::{CheckItem, Context, Fault, GenesisRequest, StateRef};
use counter::{Counter, GAS, MALFORMED, OVERFLOW};
use std::rc::Rc;

struct Chain {
    state: Rc<MemoryState>,
    at: StateRef,
    gas_limit: u64,
}

impl Chain {
    fn genesis(app_state: &[u8]) -> Result<Self, String> {
        let nothing = Rc::new(MemoryState::default());
        let mut host = CallHost::new(nothing, &StateRef::default(), &Context::default());
        let request = GenesisRequest { app_state: app_state.to_vec(), ..Default::default() };
        let answer = bedrock_sdk::genesis(&Counter, &mut host, &request.encode_to_vec()).unwrap();
        let response = GenesisResponse::decode(&answer[..]).unwrap();
        if !response.error.is_empty() {
            return Err(response.error);
        }
        let mut chain = Chain { state: Rc::default(), at: StateRef::default(), gas_limit: 1_000 };
        chain.take(&host.into_parts().0, 0, response.state_root);
        Ok(chain)
    }

    fn take(&mut self, effects: &Effects, height: u64, root: Vec<u8>) {
        let state = Rc::get_mut(&mut self.state).unwrap();
        for row in &effects.rows {
            state.put(row.address, height, &row.key, row.value.as_deref());
        }
        for (path, page) in &effects.pages {
            state.put_page(PageKey::new(height, path).unwrap(), page);
        }
        let tree_version = if effects.pages.is_empty() { self.at.tree_version } else { height };
        self.at = StateRef { root, height, tree_version };
    }

    fn context(&self) -> Context {
        Context { height: self.at.height + 1, gas_limit: self.gas_limit, ..Default::default() }
    }

    fn host(&self) -> CallHost<MemoryState> {
        CallHost::new(self.state.clone(), &self.at, &self.context())
    }

    fn execute(&self, transactions: &[&[u8]]) -> Result<(ExecutionResponse, Effects), Fault> {
        let request = ExecutionRequest {
            state: Some(self.at.clone()),
            context: Some(self.context()),
            transactions: transactions.iter().map(|t| t.to_vec()).collect(),
        };
        let mut host = self.host();
        let answer = bedrock_sdk::execute(&Counter, &mut host, &request.encode_to_vec())?;
        Ok((ExecutionResponse::decode(&answer[..]).unwrap(), host.into_parts().0))
    }

    fn block(&mut self, transactions: &[&[u8]]) -> (Vec<u32>, Effects) {
        let (response, effects) = self.execute(transactions).unwrap();
        self.take(&effects, self.at.height + 1, response.new_state_root);
        (response.receipts.iter().map(|receipt| receipt.code).collect(), effects)
    }

    fn query(&self, name: &str) -> Result<QueryResponse, Fault> {
        let request = QueryRequest {
            state: Some(self.at.clone()),
            context: Some(self.context()),
            path: name.into(),
            data: vec![],
            prove: true,
        };
        let answer = bedrock_sdk::query(&Counter, &mut self.host(), &request.encode_to_vec())?;
        Ok(QueryResponse::decode(&answer[..]).unwrap())
    }

    fn value(&self, name: &str) -> Option<u64> {
        let answer = self.query(name).unwrap();
        let root = self.at.root[..].try_into().unwrap();
        if answer.absent {
            verify_absence(&root, name.as_bytes(), &answer.proof).unwrap();
            return None;
        }
        verify_inclusion(&root, name.as_bytes(), &answer.value, &answer.proof).unwrap();
        Some(u64::from_le_bytes(answer.value.try_into().unwrap()))
    }
}

#[test]
fn counters_rise_and_are_proven() {
    let mut chain = Chain::genesis(b"first\x05").unwrap();
    let (codes, effects) = chain.block(&[b"first\x01", b"second\x02", b"first\x03"]);
    assert_eq!(codes, [0, 0, 0]);
    assert_eq!((chain.value("first"), chain.value("second"), chain.value("third")), (Some(9), Some(2), None));
    let indices: Vec<_> = effects.events.iter().map(|event| event.transaction).collect();
    assert_eq!((indices, effects.rows.len(), effects.gas_used), (vec![0, 1, 2], 2, 3 * GAS));
}

#[test]
fn what_is_refused_is_undone() {
    let mut chain = Chain::genesis(b"a\xff").unwrap();
    let (codes, effects) = chain.block(&[b"a\xff", b"a\xff", b"a\xff", b"b\x01", b"?\x01", b"a\x01"]);
    assert_eq!(codes, [0, 0, OVERFLOW, 0, MALFORMED, 0]);
    assert_eq!((chain.value("a"), chain.value("b")), (Some(766), Some(1)));
    let indices: Vec<_> = effects.events.iter().map(|event| event.transaction).collect();
    assert_eq!(indices, [0, 1, 3, 5]);
}

#[test]
fn a_key_that_comes_and_goes_is_not_written() {
    let mut chain = Chain::genesis(b"a\x01").unwrap();
    let before = chain.at.clone();
    let (codes, effects) = chain.block(&[b"b\x00", b"b\x00"]);
    assert_eq!((codes, effects.rows.len(), effects.pages.len()), (vec![0, 0], 0, 0));
    assert_eq!((chain.at.root.clone(), chain.at.tree_version), (before.root, before.tree_version));
}

#[test]
fn a_deleted_key_is_a_tombstone() {
    let mut chain = Chain::genesis(b"a\x00").unwrap();
    let (_, effects) = chain.block(&[b"a\x00"]);
    assert_eq!((effects.rows.len(), effects.rows[0].value.clone()), (1, None));
    assert_eq!(chain.value("a"), None);
}

#[test]
fn check_reads_and_writes_nothing() {
    let chain = Chain::genesis(b"a\xff").unwrap();
    let item = |bytes: &[u8]| CheckItem { transaction: bytes.to_vec(), queued_cost: vec![] };
    let request = CheckRequest {
        state: Some(chain.at.clone()),
        context: Some(chain.context()),
        items: vec![item(b"a\x01"), item(b"?")],
    };
    let mut host = chain.host();
    let answer = bedrock_sdk::check(&Counter, &mut host, &request.encode_to_vec()).unwrap();
    let codes: Vec<_> =
        CheckResponse::decode(&answer[..]).unwrap().verdicts.iter().map(|verdict| verdict.code).collect();
    assert_eq!(codes, [0, MALFORMED]);
    assert_eq!(host.into_parts().0, Effects::default());
}

#[test]
fn a_refused_genesis_says_why_and_writes_nothing() {
    assert_eq!(Chain::genesis(b"?").err(), Some("app_state is no transaction".into()));
}

#[test]
fn a_root_that_is_not_the_states_is_a_fault_of_the_state() {
    let mut chain = Chain::genesis(b"a\x01").unwrap();
    chain.at.root[0] ^= 1;
    assert!(matches!(chain.execute(&[b"a\x01"]), Err(Fault::State(_))));
    assert!(matches!(chain.query("a"), Err(Fault::State(_))));
}

#[test]
fn a_row_of_another_key_is_a_fault_of_the_state() {
    let mut chain = Chain::genesis(b"a\x01").unwrap();
    let address = bedrock_crypto::sha256::hash(b"a");
    Rc::get_mut(&mut chain.state).unwrap().put(address, 0, b"b", Some(&[0; 8]));
    assert!(matches!(chain.execute(&[b"a\x01"]), Err(Fault::State(_))));
}

#[test]
fn a_missing_page_is_a_fault_of_the_state() {
    let mut chain = Chain::genesis(b"a\x01").unwrap();
    let root = PageKey::new(0, &[0]).unwrap();
    Rc::get_mut(&mut chain.state).unwrap().drop_page(&root);
    assert!(matches!(chain.execute(&[b"a\x01"]), Err(Fault::State(_))));
}

#[test]
fn other_metadata_than_the_requests_are_refused() {
    let chain = Chain::genesis(b"a\x01").unwrap();
    let request = ExecutionRequest {
        state: Some(chain.at.clone()),
        context: Some(Context { height: 9, ..chain.context() }),
        transactions: vec![],
    };
    let answer = bedrock_sdk::execute(&Counter, &mut chain.host(), &request.encode_to_vec());
    assert!(matches!(answer, Err(Fault::State(_))));
}

#[test]
fn malformed_requests_are_faults_of_the_module() {
    let chain = Chain::genesis(b"a\x01").unwrap();
    for bytes in [&[0xffu8][..], &[0x0a, 5, 1], &[0x1a, 0xff, 0xff, 0xff, 0xff, 0x0f]] {
        assert!(matches!(bedrock_sdk::execute(&Counter, &mut chain.host(), bytes), Err(Fault::Module(_))));
        assert!(matches!(bedrock_sdk::verify(&Counter, &[0xff]), Err(Fault::Module(_))));
    }
}

#[test]
fn logs_of_a_block_are_bounded() {
    let chain = Chain::genesis(b"a\x01").unwrap();
    let (response, _) = chain.execute(&vec![&b"?"[..]; 60_000]).unwrap();
    let bytes: usize = response.receipts.iter().map(|receipt| receipt.log.len()).sum();
    assert!((1 << 19..=1 << 20).contains(&bytes), "{bytes}");
    assert!(!response.receipts[0].log.is_empty() && response.receipts[59_999].log.is_empty());
    assert!(response.receipts.iter().all(|receipt| receipt.code == MALFORMED));
}

#[test]
fn the_machine_is_short() {
    let lines = include_str!("counter/machine.rs").lines().count();
    assert!(lines < 150, "{lines} lines: the SDK asks for too much");
}
