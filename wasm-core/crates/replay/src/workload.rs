//! Blocks of one kind of transaction, as dear as it gets, for measuring and for
//! the test of the gas schedule.

use crate::load::{genesis, Signer};
use crate::{Chain, Engine};
use bedrock_abi::Fault;
use bedrock_crypto::sha256;
use bedrock_ledger::transaction::{Operation, Recipients};

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
}

impl Workload {
    /// Every kind.
    pub const ALL: [Workload; 10] = [
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
        }
    }
}
