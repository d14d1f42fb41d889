//! The machine on a chain in memory: how a state machine is tested natively.

#![allow(clippy::unwrap_used)]

use bedrock_counter::{key, Counter, BAD_QUERY, GAS, MALFORMED, MOST, TOO_HIGH, TOO_LOW};
use bedrock_replay::{Chain, Engine};
use bedrock_sdk::GenesisRequest;

const ENGINE: fn() -> Engine = || Engine::of(Counter);

fn chain(app_state: &str) -> Chain {
    let mut request = GenesisRequest { app_state: app_state.into(), ..Default::default() };
    request.epoch.get_or_insert_default().max_block_gas = 5 * GAS;
    Chain::genesis(&ENGINE(), &request).unwrap()
}

/// Executes and commits a block; the codes of its receipts.
fn block(chain: &mut Chain, transactions: &[&str]) -> Vec<u32> {
    let bytes: Vec<_> = transactions.iter().map(|text| text.as_bytes().to_vec()).collect();
    let executed = chain.execute(&ENGINE(), &bytes, false).unwrap();
    chain.commit(&executed).unwrap();
    executed.response.receipts.iter().map(|receipt| receipt.code).collect()
}

fn count(chain: &Chain, name: &str) -> u64 {
    let answer = chain.query(&ENGINE(), &format!("counter/{name}"), &[]).unwrap();
    assert_eq!((answer.code, &answer.key), (0, &key(name)));
    answer.value.try_into().map_or(0, u64::from_le_bytes)
}

#[test]
fn counters_begin_rise_and_move() {
    let mut chain = chain(r#"{"apples":5,"pears":7}"#);
    assert_eq!((count(&chain, "apples"), count(&chain, "pears"), count(&chain, "plums")), (5, 7, 0));
    let codes = block(
        &mut chain,
        &["add apples 3", "add apples 3 again", "move pears plums 7", "move plums plums 1"],
    );
    assert_eq!(codes, [0, 0, 0, 0]);
    assert_eq!((count(&chain, "apples"), count(&chain, "pears"), count(&chain, "plums")), (11, 0, 7));
}

#[test]
fn what_does_not_fit_changes_nothing() {
    let mut chain = chain(r#"{"apples":5,"full":999999999}"#);
    let codes = block(
        &mut chain,
        &["move apples full 2", "move full apples 1000000000", "add full 1", "add full 1 x"],
    );
    assert_eq!(codes, [TOO_HIGH, TOO_LOW, 0, TOO_HIGH]);
    assert_eq!((count(&chain, "apples"), count(&chain, "full")), (5, MOST));
}

#[test]
fn what_is_no_transaction_is_refused_with_a_reason() {
    let chain = chain("{}");
    let long = format!("add {} 1", "a".repeat(33));
    let bad = [
        "",
        "add",
        "add apples",
        "add Apples 1",
        "add  1",
        "add apples 0",
        "add apples x",
        "add apples -1",
        "add apples 1000000001",
        "add apples 18446744073709551616",
        "add apples 1 a b",
        "sub apples 1",
        "move apples 1",
        "move apples Pears 1",
        "move a b 1 x y",
        "move  b 1",
        "add apples 1\n",
        long.as_str(),
    ];
    let mut bytes: Vec<_> = bad.iter().map(|text| text.as_bytes().to_vec()).collect();
    bytes.push(b"add \xff 1".to_vec());
    let verdicts = chain.verify(&ENGINE(), &bytes).unwrap();
    for (text, verdict) in bytes.iter().zip(&verdicts) {
        assert_eq!(verdict.code, MALFORMED, "{text:?}");
        assert!(verdict.log.contains("write `add NAME N`"), "{}", verdict.log);
    }
    assert_eq!(verdicts.len(), bytes.len());
}

#[test]
fn every_transaction_has_a_lane_of_its_own() {
    let chain = chain("{}");
    let bytes = [b"add apples 1".to_vec(), b"add apples 1 again".to_vec()];
    let verdicts = chain.verify(&ENGINE(), &bytes).unwrap();
    let checks = chain.check(&ENGINE(), &bytes.clone().map(|bytes| (bytes, 0))).unwrap();
    for (verdict, check) in verdicts.iter().zip(&checks) {
        assert_eq!((verdict.code, verdict.gas_limit, verdict.sender.len()), (0, GAS, 32));
        assert_eq!((check.code, check.gas_limit, &check.sender), (0, GAS, &verdict.sender));
    }
    assert_ne!(verdicts[0].sender, verdicts[1].sender);
}

#[test]
fn the_pool_hears_of_a_counter_that_is_full() {
    let chain = chain(r#"{"full":1000000000}"#);
    let check = |text: &str| chain.check(&ENGINE(), &[(text.into(), 0)]).unwrap().remove(0);
    assert_eq!(check("add full 1").code, TOO_HIGH);
    assert_eq!(check("add other 1").code, 0);
    assert_eq!(check("nonsense").code, MALFORMED);
}

#[test]
fn a_genesis_that_is_none_is_refused() {
    for bad in ["", "[]", "{", r#"{"apples"}"#, r#"{"apples":0}"#, r#"{"Apples":1}"#, r#"{"a":1,"b":"x"}"#] {
        let request = GenesisRequest { app_state: bad.into(), ..Default::default() };
        let error = Chain::genesis(&ENGINE(), &request).err().expect(bad).to_string();
        assert!(error.contains("NAME"), "{bad}: {error}");
    }
}

#[test]
fn queries_name_a_counter_or_a_key() {
    let chain = chain(r#"{"apples":5}"#);
    let code = |path, data| chain.query(&ENGINE(), path, data).unwrap().code;
    assert_eq!((code("key", b"counter/apples"), code("counter/none", b"")), (0, 0));
    assert_eq!(
        (code("key", b""), code("counter/", b""), code("apples", b"")),
        (BAD_QUERY, BAD_QUERY, BAD_QUERY)
    );
}

#[test]
fn it_is_short() {
    let lines = include_str!("../src/lib.rs").lines().count();
    assert!(lines < 150, "{lines} lines: the sdk asks for too much");
}
