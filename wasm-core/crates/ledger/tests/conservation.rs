//! Nothing is made or lost: balances, what is burned and what is deposited are
//! what genesis issued, after every block.
#![allow(clippy::unwrap_used)]

use bedrock_ledger::keys;
use bedrock_ledger::values::{Account, RecordHead, Supply};
use bedrock_replay::load::genesis;
use bedrock_replay::traffic::Traffic;
use bedrock_replay::{Chain, Effects, Engine};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// The newest row of every key.
#[derive(Default)]
struct Rows(BTreeMap<Vec<u8>, Vec<u8>>);

impl Rows {
    fn take(&mut self, effects: &Effects) {
        for row in &effects.rows {
            match &row.value {
                Some(value) => self.0.insert(row.key.clone(), value.clone()),
                None => self.0.remove(&row.key),
            };
        }
    }

    /// Sum of the balances, and of the deposits that records hold.
    fn totals(&self) -> (u128, u128) {
        let (mut balances, mut deposits) = (0, 0);
        for (key, value) in &self.0 {
            match key[0] {
                keys::ACCOUNT => balances += Account::decode(Some(value)).unwrap().balance,
                keys::RECORD => deposits += RecordHead::decode(value).unwrap().deposit,
                _ => {}
            }
        }
        (balances, deposits)
    }
}

fn run(seed: u64, accounts: u64, blocks: &[usize]) {
    let mut traffic = Traffic::new(seed, accounts);
    let mut chain =
        Chain::genesis(&Engine::Native, &genesis(&traffic.balances(), r#""burned_share":3333"#)).unwrap();
    let mut rows = Rows::default();
    for (address, balance) in traffic.balances() {
        rows.0.insert(keys::account(&address).to_vec(), Account { nonce: 0, balance }.encode().to_vec());
    }
    let issued = rows.totals().0;
    for &size in blocks {
        let block = traffic.block(size, chain.at.height + 1);
        let executed = chain.execute(&Engine::Native, &block, false).unwrap();
        rows.take(&executed.effects);
        chain.commit(&executed).unwrap();
        let supply = chain.query(&Engine::Native, "supply", &[]).unwrap();
        let supply = Supply::decode(&supply.value).unwrap();
        let (balances, deposits) = rows.totals();
        assert_eq!(supply.issued, issued);
        assert_eq!(supply.deposits, deposits);
        assert_eq!(balances + supply.burned + supply.deposits, issued);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn nothing_is_made_or_lost(
        seed in any::<u64>(), accounts in 2u64..40, blocks in prop::collection::vec(0usize..120, 1..6),
    ) {
        run(seed, accounts, &blocks);
    }
}
