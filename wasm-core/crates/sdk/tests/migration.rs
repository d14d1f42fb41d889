//! Migrations: however a walk is cut into blocks, its end is one state.
#![allow(clippy::unwrap_used)]

use bedrock_replay::{Chain, Engine, Executed};
use bedrock_sdk::{
    CheckVerdict, Context, Ending, Fault, Genesis, GenesisRequest, KeyRef, Keys, Refusal, Rewrite, Schema,
    StateMachine, Step, Store, TxResult, Verdict, MIGRATING,
};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::rc::Rc;

type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

/// Rows that transactions write: a key, which is its own value. Schema 2 has `2` at
/// the end of every value, no row whose key begins with `x`, and beside a row `kN` an
/// index `iN`; schema 3 has `3` at the end of what does not begin with `i`.
#[derive(Clone, Copy)]
struct Toy {
    schema: u32,
    /// Adds rows that are there already.
    broken: bool,
}

fn toy(schema: u32) -> Engine {
    Engine::of(Toy { schema, broken: false })
}

const ROW_GAS: u64 = 100;
const NUMBER: &[u8] = b"schema";

impl StateMachine for Toy {
    type Rows = ();
    type Block = ();
    type Transaction<'a> = (&'a [u8], KeyRef);

    fn schema(&self) -> Option<Schema> {
        Some(Schema { number: self.schema, key: NUMBER, row_gas: ROW_GAS, byte_gas: 1 })
    }

    fn migrate(&self, from: u32, key: &[u8], value: &[u8], rewrite: &mut Rewrite) -> Result<(), String> {
        match (from, key[0]) {
            (1, b'i') | (2, b'i') => {}
            (1, b'x') => rewrite.remove(),
            (1, _) => {
                rewrite.replace([value, b"2"].concat());
                if key[0] == b'k' {
                    rewrite.add([b"i", &key[1..]].concat(), key.to_vec());
                }
                if self.broken {
                    rewrite.add(b"x".to_vec(), b"there already".to_vec());
                }
            }
            (2, _) => rewrite.replace([value, b"3"].concat()),
            _ => return Err("no such schema".into()),
        }
        Ok(())
    }

    fn genesis(&self, request: &GenesisRequest, state: &mut Genesis) -> Result<(), String> {
        for key in request.app_state.split(|byte| *byte == b' ').filter(|key| !key.is_empty()) {
            state.set(key.to_vec(), key.to_vec());
        }
        Ok(())
    }

    fn verify(&self, _: &[u8], transactions: &[&[u8]]) -> Vec<Verdict> {
        vec![Verdict::default(); transactions.len()]
    }

    fn begin(&self, _: &Context, _: &mut Keys) {}

    fn open(&self, _: &Context, _: (), _: &Store, _: &mut Keys) -> Result<(), String> {
        Ok(())
    }

    fn prepare<'a>(&self, _: &(), bytes: &'a [u8], keys: &mut Keys) -> (&'a [u8], KeyRef) {
        (bytes, keys.declare(bytes))
    }

    fn apply(&self, _: &mut (), (bytes, key): &(&[u8], KeyRef), step: &mut Step<'_>) -> TxResult {
        step.store.set(*key, bytes);
        TxResult { gas_used: 1, result: Ok(()) }
    }

    fn finish(&self, _: (), _: &mut Store) -> Result<Ending, String> {
        Ok(Ending::default())
    }

    fn admit(&self, _: &(), _: &(&[u8], KeyRef), _: u128, _: &Context, _: &Store) -> CheckVerdict {
        CheckVerdict::default()
    }

    fn query_key(&self, path: &str, _: &[u8]) -> Result<Vec<u8>, Refusal> {
        Ok(path.as_bytes().to_vec())
    }
}

/// A chain of schema 1 with these rows.
fn chain(keys: &str) -> Chain {
    let mut request = GenesisRequest { app_state: keys.into(), ..Default::default() };
    request.epoch.get_or_insert_default().max_block_gas = 10_000_000;
    Chain::genesis(&toy(1), &request).unwrap()
}

/// Executes and commits a block with a gas limit.
fn block(chain: &mut Chain, engine: &Engine, gas: u64, transactions: &[&str]) -> Executed {
    chain.context.gas_limit = gas;
    let bytes: Vec<_> = transactions.iter().map(|text| text.as_bytes().to_vec()).collect();
    let executed = chain.execute(engine, &bytes, false).unwrap();
    chain.commit(&executed).unwrap();
    executed
}

/// Blocks with these gas limits, the last one's for ever, until there is no more work.
fn migrate(chain: &mut Chain, engine: &Engine, limits: &[u64]) -> usize {
    let mut blocks = 0;
    loop {
        let gas = limits[blocks.min(limits.len() - 1)];
        let response = block(chain, engine, gas, &[]).response;
        blocks += 1;
        // The last one's too: it migrated, and judged nothing.
        assert!(response.gas_used <= gas && blocks < 1_000 && response.evidence_waits);
        if !response.more_work {
            return blocks;
        }
    }
}

fn row(chain: &Chain, key: &str) -> Option<Vec<u8>> {
    let answer = chain.query(&toy(1), key, &[]).unwrap();
    (!answer.absent).then_some(answer.value)
}

fn rows(chain: &Chain, keys: impl IntoIterator<Item = Vec<u8>>) -> Rows {
    let value = |key: Vec<u8>| row(chain, std::str::from_utf8(&key).unwrap()).map(|value| (key, value));
    keys.into_iter().filter_map(value).collect()
}

#[test]
fn a_migration_takes_blocks_and_then_all_goes_on() {
    let mut chain = chain("k1 k2 k3 x1 other");
    let before = chain.at.root.clone();
    // A block has room for one row, of five and up to three indices added before the
    // walk comes by.
    let mut codes = Vec::new();
    loop {
        let check = chain.check(&toy(2), &[(b"new".to_vec(), 0)]).unwrap();
        assert_eq!((check[0].code, row(&chain, "schema")), (MIGRATING, Some(vec![1, 0, 0, 0])));
        let response = block(&mut chain, &toy(2), ROW_GAS + 50, &["new", "newer"]).response;
        codes.extend(response.receipts.iter().map(|r| (r.code, r.gas_used, r.event_count)));
        assert!(response.gas_used > ROW_GAS && response.epoch_change.is_none());
        if !response.more_work {
            break;
        }
    }
    assert!((10..=16).contains(&codes.len()), "{}", codes.len());
    assert!(codes.iter().all(|code| *code == (MIGRATING, 0, 0)));
    assert_ne!(chain.at.root, before);
    let progress = row(&chain, "schema\u{1}");
    assert_eq!((row(&chain, "schema"), progress), (Some(vec![2, 0, 0, 0]), None));
    let values = ["k1", "i1", "x1", "other", "new"].map(|key| row(&chain, key));
    let expected = [Some(&b"k12"[..]), Some(b"k1"), None, Some(b"other2"), None];
    assert_eq!(values, expected.map(|value| value.map(<[u8]>::to_vec)));
    assert_eq!(chain.check(&toy(2), &[(b"new".to_vec(), 0)]).unwrap()[0].code, 0);
    let executed = block(&mut chain, &toy(2), 1_000, &["new"]);
    assert_eq!((executed.response.receipts[0].code, executed.response.more_work), (0, false));
    assert!(!executed.response.evidence_waits);
    assert_eq!(row(&chain, "new"), Some(b"new".to_vec()));
}

#[test]
fn a_newer_module_takes_over_what_another_began() {
    let keys = "k1 k2 k3 k4 k5 k6 x1 x2 other";
    let (mut direct, mut taken) = (chain(keys), chain(keys));
    migrate(&mut direct, &toy(3), &[1_000_000]);
    block(&mut taken, &toy(2), 3 * ROW_GAS, &[]);
    assert!(row(&taken, "schema\u{1}").is_some());
    migrate(&mut taken, &toy(3), &[3 * ROW_GAS]);
    assert_eq!(direct.at.root, taken.at.root);
    assert_eq!(row(&taken, "schema"), Some(vec![3, 0, 0, 0]));
    assert_eq!((row(&taken, "k1"), row(&taken, "i1")), (Some(b"k123".to_vec()), Some(b"k1".to_vec())));
}

/// After an epoch-revert in the middle: nothing executes, nothing is damaged, and the
/// newer module goes on where it was.
#[test]
fn a_state_that_is_half_of_a_newer_schema_waits_for_it() {
    let keys = "k1 k2 k3 other";
    let (mut whole, mut half) = (chain(keys), chain(keys));
    migrate(&mut whole, &toy(2), &[1_000_000]);
    block(&mut half, &toy(2), 2 * ROW_GAS, &[]);
    let root = half.at.root.clone();
    let response = block(&mut half, &toy(1), 1_000_000, &["new"]).response;
    assert_eq!((response.receipts[0].code, response.more_work, response.gas_used), (MIGRATING, false, 0));
    assert!(response.evidence_waits);
    assert_eq!(half.check(&toy(1), &[(b"new".to_vec(), 0)]).unwrap()[0].code, MIGRATING);
    assert_eq!(half.at.root, root);
    migrate(&mut half, &toy(2), &[2 * ROW_GAS]);
    assert_eq!(half.at.root, whole.at.root);
}

#[test]
fn a_state_that_is_newer_than_the_module_is_refused() {
    let mut chain = chain("k1");
    migrate(&mut chain, &toy(2), &[1_000_000]);
    let error = chain.execute(&toy(1), &[], false).err().unwrap();
    assert!(matches!(&error, Fault::Module(what) if what.contains("runs schema 1")), "{error}");
}

#[test]
fn a_migration_that_the_module_does_not_have_fails_the_block() {
    let mut chain = chain("k1");
    migrate(&mut chain, &toy(3), &[1_000_000]);
    let error = chain.execute(&toy(4), &[], false).err().unwrap();
    assert!(matches!(&error, Fault::Module(what) if what == "no such schema"), "{error}");
}

#[test]
fn rows_that_are_there_are_not_added() {
    for keys in ["k1 x", "k1 k2", "other x"] {
        let chain = chain(keys);
        let error = chain.execute(&Engine::of(Toy { schema: 2, broken: true }), &[], false).err().unwrap();
        assert!(matches!(error, Fault::Module(_)), "{keys}: {error}");
    }
}

#[test]
fn a_row_that_is_not_its_leafs_is_a_fault_of_the_state() {
    for (key, value) in [(&b"k2"[..], &b"k1"[..]), (b"k1", b"other")] {
        let mut chain = chain("k1");
        let address = bedrock_crypto::sha256::hash(b"k1");
        Rc::get_mut(&mut chain.state).unwrap().put(address, 0, key, Some(value));
        assert!(matches!(chain.execute(&toy(2), &[], false), Err(Fault::State(_))));
    }
}

#[test]
fn more_rows_than_one_read_gives() {
    let keys: Vec<_> = (0..1_000).map(|i| format!("k{i}")).collect();
    let (mut one, mut many) = (chain(&keys.join(" ")), chain(&keys.join(" ")));
    assert_eq!(migrate(&mut one, &toy(2), &[10_000_000]), 1);
    assert!(migrate(&mut many, &toy(2), &[300 * ROW_GAS]) > 6);
    assert_eq!(one.at.root, many.at.root);
    assert!((0..1_000).all(|i| row(&many, &format!("i{i}")) == Some(format!("k{i}").into_bytes())));
}

/// What schema `to` of these rows is, by its definition.
fn migrated(keys: &[String], to: u32) -> Rows {
    let mut rows: Rows =
        keys.iter().map(|key| (key.clone().into_bytes(), key.clone().into_bytes())).collect();
    if to >= 2 {
        rows.retain(|key, _| key[0] != b'x');
        let index: Rows = rows
            .keys()
            .filter(|key| key[0] == b'k')
            .map(|key| ([b"i", &key[1..]].concat(), key.clone()))
            .collect();
        rows.values_mut().for_each(|value| value.push(b'2'));
        rows.extend(index);
    }
    if to >= 3 {
        rows.iter_mut().filter(|(key, _)| key[0] != b'i').for_each(|(_, value)| value.push(b'3'));
    }
    rows
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_split_into_steps_gives_one_state(
        keys in prop::collection::btree_set("[kxyz][a-z0-9]{1,3}", 0..300),
        limits in prop::collection::vec(prop_oneof![1 => 1u64..200, 3 => 200u64..20_000], 1..12),
        to in 2u32..4,
    ) {
        let keys: Vec<String> = keys.into_iter().collect();
        let (mut one, mut many) = (chain(&keys.join(" ")), chain(&keys.join(" ")));
        prop_assert_eq!(migrate(&mut one, &toy(to), &[10_000_000]), to as usize - 1);
        migrate(&mut many, &toy(to), &limits);
        prop_assert_eq!(&one.at.root, &many.at.root);
        let expected = migrated(&keys, to);
        let all = expected.keys().cloned().chain(keys.iter().map(|key| key.clone().into_bytes()));
        prop_assert_eq!(rows(&many, all.collect::<std::collections::BTreeSet<_>>()), expected);
    }
}
