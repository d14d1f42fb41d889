//! A small state machine on the SDK, the example of the counter: what it writes,
//! emits and answers.
#![allow(clippy::unwrap_used)]

use bedrock_counter::{key, Counter, GAS, MALFORMED, MOST, TOO_HIGH};
use bedrock_merkle::{verify_absence, verify_inclusion};
use bedrock_replay::{CallHost, Chain, Effects, Engine, MemoryState, PageKey};
use bedrock_sdk::abi::generated::{CheckRequest, CheckResponse, EpochParams, ExecutionRequest};
use bedrock_sdk::abi::Message;
use bedrock_sdk::{CheckItem, Context, Fault, GenesisRequest};
use std::rc::Rc;

fn engine() -> Engine {
    Engine::of(Counter)
}

fn genesis(app_state: &str) -> Result<Chain, Fault> {
    let epoch = EpochParams { max_block_gas: 2_000_000_000, ..Default::default() };
    let request = GenesisRequest { app_state: app_state.into(), epoch: Some(epoch), ..Default::default() };
    Chain::genesis(&engine(), &request)
}

fn chain() -> Chain {
    genesis(r#"{"a":1}"#).unwrap()
}

fn bytes(transactions: &[&str]) -> Vec<Vec<u8>> {
    transactions.iter().map(|text| text.as_bytes().to_vec()).collect()
}

fn block(chain: &mut Chain, transactions: &[&str]) -> (Vec<u32>, Effects) {
    let executed = chain.execute(&engine(), &bytes(transactions), false).unwrap();
    chain.commit(&executed).unwrap();
    (executed.response.receipts.iter().map(|receipt| receipt.code).collect(), executed.effects)
}

fn host(chain: &Chain) -> CallHost<MemoryState> {
    CallHost::new(chain.state.clone(), &chain.at, &chain.next_context())
}

/// The value of a counter, proven.
fn value(chain: &Chain, name: &str) -> Option<u64> {
    let answer = chain.query(&engine(), &format!("counter/{name}"), &[]).unwrap();
    let root = chain.at.root[..].try_into().unwrap();
    if answer.absent {
        verify_absence(&root, &key(name), &answer.proof).unwrap();
        return None;
    }
    verify_inclusion(&root, &key(name), &answer.value, &answer.proof).unwrap();
    Some(u64::from_le_bytes(answer.value.try_into().unwrap()))
}

fn indices(effects: &Effects) -> Vec<u32> {
    effects.events.iter().map(|event| event.transaction).collect()
}

#[test]
fn counters_rise_and_are_proven() {
    let mut chain = genesis(r#"{"first":5}"#).unwrap();
    let (codes, effects) = block(&mut chain, &["add first 1", "add second 2", "add first 3"]);
    assert_eq!(codes, [0, 0, 0]);
    let values = ["first", "second", "third"].map(|name| value(&chain, name));
    assert_eq!(values, [Some(9), Some(2), None]);
    assert_eq!((indices(&effects), effects.rows.len(), effects.gas_used), (vec![0, 1, 2], 2, 3 * GAS));
}

#[test]
fn what_is_refused_is_undone() {
    let mut chain = genesis(&format!(r#"{{"a":{},"b":4}}"#, MOST - 2)).unwrap();
    let transactions =
        ["add a 1", "move b a 3", "add a 1 x", "move b a 4", "?", "add b 1", "move b a 5", "add c 1"];
    let (codes, effects) = block(&mut chain, &transactions);
    assert_eq!(codes, [0, TOO_HIGH, 0, TOO_HIGH, MALFORMED, 0, TOO_HIGH, 0]);
    assert_eq!((value(&chain, "a"), value(&chain, "b"), value(&chain, "c")), (Some(MOST), Some(5), Some(1)));
    assert_eq!(indices(&effects), [0, 2, 5, 7]);
}

#[test]
fn a_key_that_comes_and_goes_is_not_written() {
    let mut chain = chain();
    let (codes, effects) = block(&mut chain, &["add b 1", "move b c 1"]);
    let written: Vec<_> = effects.rows.iter().map(|row| row.key.clone()).collect();
    assert_eq!((codes, written), (vec![0, 0], vec![key("c")]));
}

#[test]
fn a_block_without_effect_writes_nothing() {
    let mut chain = chain();
    let before = chain.at.clone();
    let (codes, effects) = block(&mut chain, &["?"]);
    assert_eq!((codes, effects.rows.len(), effects.pages.len()), (vec![MALFORMED], 0, 0));
    assert_eq!((&chain.at.root, chain.at.tree_version), (&before.root, before.tree_version));
}

#[test]
fn a_deleted_key_is_a_tombstone() {
    let mut chain = chain();
    let (_, effects) = block(&mut chain, &["move a b 1"]);
    let row = effects.rows.iter().find(|row| row.key == key("a")).unwrap();
    assert_eq!((effects.rows.len(), &row.value), (2, &None));
    assert_eq!(value(&chain, "a"), None);
}

#[test]
fn check_reads_and_writes_nothing() {
    let chain = genesis(&format!(r#"{{"a":{MOST}}}"#)).unwrap();
    let item = |bytes: &str| CheckItem { transaction: bytes.into(), queued_cost: vec![] };
    let request = CheckRequest {
        state: Some(chain.at.clone()),
        context: Some(chain.next_context()),
        items: vec![item("add b 1"), item("add a 1"), item("?")],
    };
    let mut host = host(&chain);
    let answer = bedrock_sdk::check(&Counter, &mut host, &request.encode_to_vec()).unwrap();
    let codes: Vec<_> =
        CheckResponse::decode(&answer[..]).unwrap().verdicts.iter().map(|verdict| verdict.code).collect();
    assert_eq!(codes, [0, TOO_HIGH, MALFORMED]);
    assert_eq!(host.into_parts().0, Effects::default());
}

#[test]
fn a_refused_genesis_says_why_and_writes_nothing() {
    let error = genesis("?").err().unwrap().to_string();
    assert!(error.contains("app_state is"), "{error}");
}

fn execute(chain: &Chain) -> Result<(), Fault> {
    chain.execute(&engine(), &bytes(&["add a 1"]), false).map(|_| ())
}

#[test]
fn a_root_that_is_not_the_states_is_a_fault_of_the_state() {
    let mut chain = chain();
    chain.at.root[0] ^= 1;
    assert!(matches!(execute(&chain), Err(Fault::State(_))));
    assert!(matches!(chain.query(&engine(), "counter/a", &[]), Err(Fault::State(_))));
}

#[test]
fn a_row_of_another_key_is_a_fault_of_the_state() {
    let mut chain = chain();
    let address = bedrock_crypto::sha256::hash(&key("a"));
    Rc::get_mut(&mut chain.state).unwrap().put(address, 0, &key("b"), Some(&[0; 8]));
    assert!(matches!(execute(&chain), Err(Fault::State(_))));
}

#[test]
fn a_missing_page_is_a_fault_of_the_state() {
    let mut chain = chain();
    let root = PageKey::new(0, &[0]).unwrap();
    Rc::get_mut(&mut chain.state).unwrap().drop_page(&root);
    assert!(matches!(execute(&chain), Err(Fault::State(_))));
}

#[test]
fn other_metadata_than_the_requests_are_refused() {
    let chain = chain();
    let request = ExecutionRequest {
        state: Some(chain.at.clone()),
        context: Some(Context { height: 9, ..chain.next_context() }),
        transactions: vec![],
    };
    let answer = bedrock_sdk::execute(&Counter, &mut host(&chain), &request.encode_to_vec());
    assert!(matches!(answer, Err(Fault::State(_))));
}

#[test]
fn malformed_requests_are_faults_of_the_module() {
    let chain = chain();
    for bytes in [&[0xffu8][..], &[0x0a, 5, 1], &[0x1a, 0xff, 0xff, 0xff, 0xff, 0x0f]] {
        let answer = bedrock_sdk::execute(&Counter, &mut host(&chain), bytes);
        assert!(matches!(answer, Err(Fault::Module(_))));
        assert!(matches!(bedrock_sdk::verify(&Counter, &[0xff]), Err(Fault::Module(_))));
    }
}

#[test]
fn logs_of_a_block_are_bounded() {
    let response = chain().execute(&engine(), &vec![b"?".to_vec(); 60_000], false).unwrap().response;
    let bytes: usize = response.receipts.iter().map(|receipt| receipt.log.len()).sum();
    assert!((1 << 19..=1 << 20).contains(&bytes), "{bytes}");
    assert!(!response.receipts[0].log.is_empty() && response.receipts[59_999].log.is_empty());
    assert!(response.receipts.iter().all(|receipt| receipt.code == MALFORMED));
}
