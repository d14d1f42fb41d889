//! Random governance that a seed determines: every operation, by who may and who
//! may not, on what is so and on what no longer is.

use crate::load::{Numbers, Signer};
use crate::network::{
    authority, delegate, free, govern, identity, join, leave, name, owner, pay, ready, rotate, two_votes,
    weigh,
};
use crate::network::{consensus, paid};
use crate::{Chain, Engine};
use bedrock_ledger::operation::{Governance, Settings};
use bedrock_ledger::transaction::{Body, Operation};
use bedrock_ledger::validator::Validator;
use bedrock_ledger::values::Account;

/// Versions of keys that are made up for a validator.
const VERSIONS: u64 = 6;
/// Modules that are scheduled.
const MODULES: u64 = 3;

/// Writes blocks of governance for a chain of [`crate::network`].
pub struct Governing {
    numbers: Numbers,
    /// Validators of genesis; as many may join.
    count: usize,
}

/// What is so on the chain, as far as the writer of a transaction cares.
struct Known {
    versions: Vec<u64>,
    lease_ends: Vec<u64>,
    height: u64,
    now: u64,
    owner_nonces: Vec<u64>,
    authority_nonce: u64,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn nonce(chain: &Chain, signer: &Signer) -> u64 {
    let row = chain.query(&Engine::Native, &format!("account/{}", hex(&signer.address)), &[]);
    row.ok().and_then(|row| Account::decode((!row.absent).then_some(&row.value))).map_or(0, |of| of.nonce)
}

fn row(chain: &Chain, index: usize) -> Option<Validator> {
    let row = chain.query(&Engine::Native, &format!("validator/{}", hex(&name(index))), &[]).ok()?;
    Validator::decode(&row.value)
}

impl Governing {
    /// Governance of a chain with so many validators.
    pub fn new(seed: u64, count: usize) -> Self {
        Governing { numbers: Numbers(seed), count }
    }

    /// A block of `count` transactions, and sometimes evidence.
    pub fn block(&mut self, chain: &Chain, count: usize) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
        let mut known = self.known(chain);
        let transactions = (0..count).map(|_| self.transaction(&mut known)).collect();
        let mut evidence = Vec::new();
        if self.numbers.below(40) == 0 {
            let epoch = chain.context.epoch.saturating_sub(self.numbers.below(3)).max(1);
            let index = self.someone();
            let key = consensus(index, known.versions[index].saturating_sub(self.numbers.below(2)));
            let place = self.numbers.below(self.count as u64 + 1) as u32;
            evidence.push(two_votes(&key, epoch, place, self.numbers.below(9)));
        }
        (transactions, evidence)
    }

    fn known(&self, chain: &Chain) -> Known {
        let rows: Vec<_> = (0..2 * self.count).map(|index| row(chain, index)).collect();
        let version = |index: usize| {
            let present = rows[index].as_ref().map(|row| row.identity);
            (0..VERSIONS).find(|version| Some(identity(index, *version).public) == present).unwrap_or(0)
        };
        Known {
            versions: (0..rows.len()).map(version).collect(),
            lease_ends: rows.iter().map(|row| row.as_ref().map_or(0, |row| row.lease_end)).collect(),
            height: chain.at.height + 1,
            now: chain.next_context().timestamp_ms,
            owner_nonces: (0..rows.len()).map(|index| nonce(chain, &owner(index))).collect(),
            authority_nonce: nonce(chain, &authority(0)),
        }
    }

    fn someone(&mut self) -> usize {
        self.numbers.below(2 * self.count as u64) as usize
    }

    /// The next nonce; now and then one that is not.
    fn take(&mut self, nonce: &mut u64) -> u64 {
        if self.numbers.below(30) == 0 {
            return *nonce + self.numbers.below(3);
        }
        *nonce += 1;
        *nonce - 1
    }

    fn transaction(&mut self, known: &mut Known) -> Vec<u8> {
        let index = self.someone();
        let version = match self.numbers.below(10) {
            0 => self.numbers.below(VERSIONS),
            _ => known.versions[index],
        };
        let until = (known.height + self.numbers.below(12)).saturating_sub(1).max(1);
        match self.numbers.below(20) {
            0..3 => {
                let nonce = self.take(&mut known.owner_nonces[index]);
                join(index, nonce)
            }
            3..6 => ready(index, version),
            6..9 => {
                let by_owner = self.numbers.below(2) == 0;
                let nonce = by_owner.then(|| self.take(&mut known.owner_nonces[index]));
                rotate(index, version, self.numbers.below(VERSIONS), until, nonce)
            }
            9 if self.numbers.below(6) == 0 => leave(index, version, self.numbers.below(2) as u8),
            9 | 10 => {
                let nonce = self.take(&mut known.owner_nonces[index]);
                let (validator, key) = (name(index), delegate(index).public);
                pay(&owner(index), nonce, 0, Governance::Delegate { validator: &validator, delegate: &key })
            }
            11..13 => {
                let validator = name(index);
                let (expected, end) = (known.lease_ends[index], known.now + self.numbers.below(100_000));
                let maintain = Governance::Maintain { validator: &validator, expected, end: end + 1 };
                known.lease_ends[index] = end + 1;
                free(&delegate(index), 0, maintain)
            }
            13..15 => {
                let (node, validator, executor) = (identity(index, version), name(index), self.module());
                let (identity, engine) = (&node.public, 1);
                free(
                    &node,
                    0,
                    Governance::ModuleReady { validator: &validator, identity, executor: &executor, engine },
                )
            }
            15..18 => {
                let powers: std::collections::BTreeMap<_, _> =
                    (0..1 + self.numbers.below(3)).map(|_| (self.someone(), self.power())).collect();
                let nonce = self.take(&mut known.authority_nonce);
                weigh(nonce, self.numbers.below(2) as u8, &powers.into_iter().collect::<Vec<_>>())
            }
            _ => self.of_the_authority(known),
        }
    }

    fn power(&mut self) -> u64 {
        match self.numbers.below(60) {
            0 => 0,
            1..4 => (1 << 32) - 1 - self.numbers.below(100),
            4..6 => self.numbers.draw(),
            _ => 1 + self.numbers.below(20),
        }
    }

    fn module(&mut self) -> [u8; 32] {
        [0xa0 + self.numbers.below(MODULES) as u8; 32]
    }

    fn of_the_authority(&mut self, known: &mut Known) -> Vec<u8> {
        let nonce = self.take(&mut known.authority_nonce);
        let executor = self.module();
        match self.numbers.below(5) {
            0 => {
                let (not_before, span) = (known.height + self.numbers.below(3), self.numbers.below(6));
                let not_after = not_before + span;
                govern(nonce, Governance::Schedule { executor: &executor, engine: 1, not_before, not_after })
            }
            1 => govern(nonce, Governance::Cancel { executor: &executor }),
            2 => {
                let mut keys = [0, 1, 2].map(|index| authority(index).public);
                keys.sort_unstable();
                let threshold = 1 + self.numbers.below(2) as u16;
                govern(nonce, Governance::SetAuthority { threshold, keys: &keys })
            }
            3 => {
                let mut entry = [22; 9];
                entry[1..].copy_from_slice(&(self.numbers.below(5) * 1_000).to_le_bytes());
                govern(nonce, Governance::SetParameters(Settings::new(&[entry])))
            }
            // By one key, where two are needed.
            _ => {
                let payer = authority(0);
                let body: Body<'_> = paid(nonce, 0, Governance::Cancel { executor: &executor });
                debug_assert!(matches!(body.operation, Operation::Governance(_)));
                payer.cosigned(&Body { payer: &payer.public, ..body }, &[authority(2)])
            }
        }
    }
}
