//! Blocks of one kind of transaction, as dear as it gets, for measuring and for
//! the test of the gas schedule.

use crate::load::{genesis, Signer, GENESIS_HASH};
use crate::network::{free, paid, pay};
use crate::{Chain, Engine};
use bedrock_abi::Fault;
use bedrock_crypto::sha256;
use bedrock_ledger::operation::{Governance, Join, Weights};
use bedrock_ledger::transaction::{Body, Operation, Recipients};

/// A kind of transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workload {
    /// To an account that is new.
    Transfer,
    /// To 1,000 accounts that are new.
    Batch,
    /// A new record without data.
    SmallRecord,
    /// A new record of the greatest length.
    LongRecord,
    /// A small record over one of the greatest length.
    ShrinkRecord,
    /// Deletes a record of the greatest length.
    DeleteRecord,
    /// A transfer with a bad nonce.
    SkippedTransfer,
    /// A batch of 1,000 with a bad nonce: its rows are read for nothing.
    SkippedBatch,
    /// A batch of 1,000 that the balance does not cover.
    FailedBatch,
    /// A transfer whose gas limit does not suffice.
    OutOfGas,
    /// A candidate with an Ed25519 key.
    Join,
    /// A candidate with a BLS key and its proof of possession.
    Possession,
    /// A fee-free `ready` of nobody.
    SkippedReady,
    /// A power for 256 validators that there are not.
    FailedWeigh,
}

/// A BLS key of the vectors, and its proof of possession.
const BLS_KEY: &str =
    "b5e3305d21ddfa82fc036302300e4c0168670796946ca4dae2f665fc2875fbd6150f020b0974dd737ae20a1858c9fd28\
    1787c6ee82551e7a049304b151713b56b22598e3c73ac25b6a8322327dbcc213566ad1fe552ec13ccd1654c3aa37a408";
const BLS_POSSESSION: &str =
    "b7a8ff3cf140df4144a7cfca442674243dd89d91cf26829248729c12fc71e4a141c3330187ee8a48dfe7e159b055cb9d";

fn unhex(text: &str) -> Vec<u8> {
    let digit = |c: u8| if c.is_ascii_digit() { c - b'0' } else { c - b'a' + 10 };
    text.as_bytes().as_chunks::<2>().0.iter().map(|[high, low]| digit(*high) << 4 | digit(*low)).collect()
}

impl Workload {
    /// Every kind.
    pub const ALL: [Workload; 14] = [
        Workload::Transfer,
        Workload::Batch,
        Workload::SmallRecord,
        Workload::LongRecord,
        Workload::ShrinkRecord,
        Workload::DeleteRecord,
        Workload::SkippedTransfer,
        Workload::SkippedBatch,
        Workload::FailedBatch,
        Workload::OutOfGas,
        Workload::Join,
        Workload::Possession,
        Workload::SkippedReady,
        Workload::FailedWeigh,
    ];

    /// A chain that is ready for a block of `count`, and that block.
    pub fn block(self, count: usize, max_record_bytes: usize) -> Result<(Chain, Vec<Vec<u8>>), Fault> {
        let signers: Vec<_> = (0..count as u64).map(|index| Signer::new(13, index)).collect();
        let balances: Vec<_> = signers.iter().map(|signer| (signer.address, 1 << 60)).collect();
        let mut chain = Chain::genesis(&Engine::Native, &genesis(&balances, ""))?;
        let long = vec![7; max_record_bytes];
        let mut nonce = 0;
        if matches!(self, Workload::ShrinkRecord | Workload::DeleteRecord) {
            let put = Operation::RecordPut { key: b"key", data: &long };
            let block: Vec<_> = signers.iter().map(|signer| signer.transaction(0, put)).collect();
            let executed = chain.execute(&Engine::Native, &block, false)?;
            chain.commit(&executed)?;
            nonce = 1;
        }
        let block = signers.iter().map(|signer| self.transaction(signer, nonce, &long)).collect();
        Ok((chain, block))
    }

    fn transaction(self, signer: &Signer, nonce: u64, long: &[u8]) -> Vec<u8> {
        let recipient = |index: u32| sha256::hash_parts(&[&signer.address, &index.to_le_bytes()]);
        let to = recipient(0);
        let batch = |amount: u128| -> Vec<[u8; 48]> {
            let entry = |index| {
                let mut entry = [0; 48];
                entry[..32].copy_from_slice(&recipient(index));
                entry[32..].copy_from_slice(&amount.to_le_bytes());
                entry
            };
            (0..1_000).map(entry).collect()
        };
        let transfer = Operation::Transfer { to: &to, amount: 1 };
        match self {
            Workload::Transfer => signer.transaction(nonce, transfer),
            Workload::Batch => {
                signer.transaction(nonce, Operation::BatchTransfer(Recipients::new(&batch(1))))
            }
            Workload::SmallRecord | Workload::ShrinkRecord => {
                signer.transaction(nonce, Operation::RecordPut { key: b"key", data: b"" })
            }
            Workload::LongRecord => {
                signer.transaction(nonce, Operation::RecordPut { key: b"key", data: long })
            }
            Workload::DeleteRecord => signer.transaction(nonce, Operation::RecordDelete { key: b"key" }),
            Workload::SkippedTransfer => signer.transaction(nonce + 1, transfer),
            Workload::SkippedBatch => {
                signer.transaction(nonce + 1, Operation::BatchTransfer(Recipients::new(&batch(1))))
            }
            Workload::FailedBatch => {
                signer.transaction(nonce, Operation::BatchTransfer(Recipients::new(&batch(1 << 59))))
            }
            Workload::OutOfGas => signer.priced(nonce, 30_000, 1, transfer),
            Workload::Join => join(signer, nonce, &to, &[]),
            Workload::Possession => join(signer, nonce, &unhex(BLS_KEY), &unhex(BLS_POSSESSION)),
            Workload::SkippedReady => {
                let ready = Governance::Ready { validator: &to, identity: &signer.public };
                free(signer, 0, ready)
            }
            Workload::FailedWeigh => {
                let mut entries: Vec<[u8; 40]> = (0..256)
                    .map(|index| {
                        let mut entry = [1; 40];
                        entry[..32].copy_from_slice(&recipient(index));
                        entry
                    })
                    .collect();
                entries.sort_unstable();
                let weigh = Governance::Weigh { flags: 0, weights: Weights::new(&entries) };
                let body = paid(nonce, 0, weigh);
                let body = Body { payer: &signer.public, gas_limit: 100_000_000, ..body };
                signer.cosigned(&body, std::slice::from_ref(signer))
            }
        }
    }
}

/// A candidate of this signer's, whose key must be a point.
fn join(signer: &Signer, nonce: u64, seed: &[u8], possession: &[u8]) -> Vec<u8> {
    let index = u64::from_le_bytes([signer.public[0], signer.public[1], signer.public[2], 0, 0, 0, 0, 0]);
    let (node, key) = (Signer::new(14, index), Signer::new(15, index));
    let consensus_key = if possession.is_empty() { &key.public[..] } else { seed };
    let consent = node.sign(&Join::signed(&GENESIS_HASH, &signer.public, consensus_key));
    let join =
        Join { identity: &node.public, consensus_key, possession, moniker: &[b'm'; 48], consent: &consent };
    pay(signer, nonce, 0, Governance::Join(join))
}
