//! Whatever is sent: no funds are made or lost, no set is one that the host would
//! refuse, what is refused changes nothing, and a repeat does nothing.
#![allow(clippy::unwrap_used)]

#[path = "fixture/governed.rs"]
mod governed;

use bedrock_abi::generated::EpochParams;
use bedrock_ledger::epoch::Epoch;
use bedrock_ledger::validator::{decode_names, Validator};
use bedrock_ledger::values::{Account, Supply};
use bedrock_ledger::{codes, keys};
use bedrock_replay::governing::Governing;
use bedrock_replay::network::*;
use bedrock_replay::{Chain, Engine, OwnedRow};
use governed::{check_set, Governed};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// The newest row of every key.
struct Rows(BTreeMap<Vec<u8>, Vec<u8>>);

impl Rows {
    fn take(&mut self, written: &[OwnedRow]) {
        for row in written {
            match &row.value {
                Some(value) => self.0.insert(row.key.clone(), value.clone()),
                None => self.0.remove(&row.key),
            };
        }
    }

    fn check_funds(&self) {
        let accounts = self.0.range(vec![keys::ACCOUNT]..vec![keys::ACCOUNT + 1]);
        let balances: u128 = accounts.map(|(_, row)| Account::decode(Some(row)).unwrap().balance).sum();
        let supply = Supply::decode(&self.0[&vec![keys::SUPPLY]]).unwrap();
        assert_eq!(balances + supply.burned + supply.deposits, supply.issued);
    }

    fn set(&self) -> Vec<([u8; 32], Validator)> {
        let names = decode_names(&self.0[&vec![keys::VALIDATOR]]).unwrap();
        let rows = names.into_iter().map(|name| (name, &self.0[&keys::validator(&name).to_vec()]));
        rows.map(|(name, row)| (name, Validator::decode(row).unwrap()))
            .filter(|(_, of)| of.is_active())
            .collect()
    }

    /// The change is the set of the state, every key of it is its validator's and
    /// nobody else's, and the row of the epoch says the same.
    fn check_change(&self, change: &EpochParams, epoch: u64) {
        check_set(change);
        let set = self.set();
        let row = Epoch::decode(&self.0[&keys::epoch(epoch + 1).to_vec()]).unwrap();
        assert_eq!((set.len(), row.members.len()), (change.validators.len(), change.validators.len()));
        for (((name, of), validator), member) in set.iter().zip(&change.validators).zip(&row.members) {
            assert_eq!((&validator.network_key[..], validator.power), (&of.identity[..], of.power));
            assert_eq!((member.validator, member.identity, member.power), (*name, of.identity, of.power));
            assert_eq!(
                (&member.consensus_key, &validator.consensus_key),
                (&of.consensus_key, &of.consensus_key)
            );
            for key in [&of.identity[..], &of.consensus_key] {
                assert_eq!(self.0[&keys::key_holder(key).to_vec()], name);
            }
        }
        assert_eq!((row.executor.to_vec(), row.engine), (change.executor_hash.clone(), change.engine));
    }
}

/// Keys that a refused transaction may leave changed: what it paid.
fn is_payment(row: &OwnedRow) -> bool {
    [keys::ACCOUNT, keys::SUPPLY].contains(&row.key[0])
}

/// All rows of a chain at height 0: as genesis wrote them.
fn rows_of(chain: &Chain, count: usize) -> Rows {
    let mut rows = Rows(BTreeMap::new());
    let mut take = |key: Vec<u8>| {
        let answer = chain.query(&Engine::Native, "key", &key).unwrap();
        if !answer.absent {
            rows.0.insert(key, answer.value);
        }
    };
    for kind in [keys::PARAMS, keys::SUPPLY, keys::AUTHORITY, keys::VALIDATOR, keys::EPOCH] {
        take(vec![kind]);
    }
    take(keys::epoch(1).to_vec());
    for index in 0..2 * count + 2 {
        take(keys::account(&owner(index).address).to_vec());
        take(keys::validator(&name(index)).to_vec());
        for key in [identity(index, 0), consensus(index, 0)] {
            take(keys::key_holder(&key.public).to_vec());
        }
    }
    (0..3).for_each(|index| take(keys::account(&authority(index).address).to_vec()));
    rows
}

/// Runs blocks of a seed; answers how many transactions succeeded, by code, and how
/// many epochs ended.
fn run(seed: u64, count: usize, blocks: &[usize]) -> (BTreeMap<u32, usize>, usize) {
    let mut governing = Governing::new(seed, count);
    let mut chain = chain(&Engine::Native, count, r#""rotation_window_ms":2000"#).unwrap();
    let mut rows = rows_of(&chain, count);
    rows.check_funds();
    let (mut tally, mut ended) = (BTreeMap::new(), 0);
    for &size in blocks {
        let (transactions, evidence) = governing.block(&chain, size);
        let entering = chain.context.epoch;
        chain.context.evidence = evidence.clone();
        let executed = chain.execute(&Engine::Native, &transactions, false).unwrap();
        rows.take(&executed.effects.rows);
        rows.check_funds();
        let codes: Vec<_> = executed.response.receipts.iter().map(|receipt| receipt.code).collect();
        codes.iter().for_each(|code| *tally.entry(*code).or_default() += 1);
        match &executed.response.epoch_change {
            Some(change) => {
                rows.check_change(change, entering);
                ended += 1;
            }
            None => assert!(!executed.effects.rows.iter().any(|row| row.key == keys::epoch(entering + 1))),
        }
        if codes.iter().all(|code| *code != codes::OK) && evidence.is_empty() {
            let rows = executed.effects.rows.iter().filter(|row| !is_payment(row));
            let mut housekeeping = rows.filter(|row| ![keys::EPOCH, keys::UPGRADE].contains(&row.key[0]));
            assert!(housekeeping.next().is_none(), "what was refused changed a row");
        }
        chain.commit(&executed).unwrap();
    }
    (tally, ended)
}

#[test]
fn the_random_governance_does_and_fails_at_everything() {
    let sizes: Vec<usize> = (0..400).map(|index| index % 5).collect();
    let (tally, ended) = run(7, 5, &sizes);
    assert!(tally[&codes::OK] > 150 && ended > 60, "{ended} epochs, {tally:?}");
    for code in [
        codes::BAD_NONCE,
        codes::EXPIRED,
        codes::NOT_AUTHORIZED,
        codes::NO_SUCH_VALIDATOR,
        codes::STALE,
        codes::KEY_USED,
        codes::WRONG_STATUS,
        codes::NOT_READY,
        codes::ONE_NEWCOMER,
        codes::POWER_OUT_OF_RANGE,
        codes::NOTHING_TO_DO,
        codes::NOT_SCHEDULED,
        codes::MAINTENANCE_LIMIT,
    ] {
        assert!(
            tally.contains_key(&code),
            "no transaction was refused with {}: {tally:?}",
            codes::name(code)
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn funds_and_sets_stay_whole(
        seed in any::<u64>(), count in 1usize..8, blocks in prop::collection::vec(0usize..8, 1..40),
    ) {
        run(seed, count, &blocks);
    }

    #[test]
    fn a_repeat_does_nothing(seed in any::<u64>(), count in 1usize..6, blocks in 1usize..25) {
        let mut governing = Governing::new(seed, count);
        let mut chain = chain(&Engine::Native, count, r#""rotation_window_ms":0"#).unwrap();
        for _ in 0..blocks {
            let (transactions, _) = governing.block(&chain, 3);
            let twice: Vec<_> = transactions.iter().flat_map(|bytes| [bytes.clone(), bytes.clone()]).collect();
            let executed = chain.execute(&Engine::Native, &twice, false).unwrap();
            for (index, receipt) in executed.response.receipts.iter().enumerate() {
                prop_assert!(index % 2 == 0 || receipt.code != codes::OK, "executed twice: {}", index / 2);
            }
            chain.commit(&executed).unwrap();
        }
    }

    #[test]
    fn what_the_pool_admits_for_nothing_does_something(seed in any::<u64>(), count in 1usize..6, blocks in 1usize..25) {
        let mut governing = Governing::new(seed, count);
        let mut chain = chain(&Engine::Native, count, r#""rotation_window_ms":2000"#).unwrap();
        for _ in 0..blocks {
            let (transactions, _) = governing.block(&chain, 1);
            let verdict = chain.check(&Engine::Native, &[(transactions[0].clone(), 0)]).unwrap().remove(0);
            let executed = chain.execute(&Engine::Native, &transactions, false).unwrap();
            let receipt = &executed.response.receipts[0];
            if verdict.gas_price == u64::MAX {
                prop_assert_eq!(verdict.code, receipt.code, "{} {}", verdict.log, receipt.log);
                prop_assert_eq!((verdict.nonce, verdict.account_nonce, verdict.sender.len()), (0, 0, 32));
                prop_assert!(executed.effects.rows.iter().all(|row| !is_payment(row)), "somebody was charged");
            }
            chain.commit(&executed).unwrap();
        }
    }
}

/// Every order of these, by Heap's algorithm.
fn orders(mut items: Vec<usize>, visit: &mut dyn FnMut(&[usize])) {
    let mut counters = vec![0; items.len()];
    visit(&items);
    let mut at = 0;
    while at < items.len() {
        if counters[at] < at {
            items.swap(if at % 2 == 0 { 0 } else { counters[at] }, at);
            visit(&items);
            counters[at] += 1;
            at = 0;
        } else {
            counters[at] = 0;
            at += 1;
        }
    }
}

#[test]
fn compare_and_swap_under_every_order() {
    let mut seen = 0;
    orders((0..5).collect(), &mut |order| {
        seen += 1;
        for one_block in [true, false] {
            let mut g = Governed::new(5, "");
            // The delegate's, the owner's and the authority's hands at once.
            let competing = [
                rotate(2, 0, 1, 99, None),
                rotate(2, 0, 2, 99, None),
                rotate(2, 0, 3, 99, Some(0)),
                leave(2, 0, 0),
                rotate(2, 0, 1, 98, None),
            ];
            let transactions: Vec<_> = order.iter().map(|index| competing[*index].clone()).collect();
            let codes = if one_block {
                g.block(&transactions).codes
            } else {
                transactions.iter().map(|transaction| g.one(transaction.clone()).0).collect()
            };
            assert_eq!(codes[0], codes::OK, "{order:?}");
            let lost = if order[0] == 3 { codes::NO_SUCH_VALIDATOR } else { codes::STALE };
            assert!(codes[1..].iter().all(|code| *code == lost), "{order:?}: {codes:?}");
            let winner = [1, 2, 3, 0, 1][order[0]];
            assert_eq!(g.validator(2).identity, identity(2, winner).public, "{order:?}");
            assert_eq!(g.epoch(2).unwrap().members.len(), if order[0] == 3 { 4 } else { 5 });
        }
    });
    assert_eq!(seen, 120);
}
