//! The two hot answers, written directly.

use crate::generated::EpochParams;
use crate::wire::{bytes_len, number_len, put_bytes, put_number, put_varint};
use prost::Message;

/// One verdict of `verify`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// 0: accepted; else a code of the state machine.
    pub code: u32,
    /// Gas that the transaction declares.
    pub gas_limit: u64,
    /// Nonce lane of the transaction.
    pub sender: Option<[u8; 32]>,
    /// Place in that lane.
    pub nonce: u64,
    /// Why it was refused; in no hash.
    pub log: String,
}

/// One transaction's result.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// SHA-256 of the whole transaction.
    pub tx_hash: [u8; 32],
    /// 0: success.
    pub code: u32,
    /// Gas counted for it.
    pub gas_used: u64,
    /// Events that it emitted.
    pub event_count: u32,
    /// Why it failed; in no hash.
    pub log: String,
}

/// What `execute` answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExecutionResponse {
    /// State root after the block.
    pub new_state_root: [u8; 32],
    /// One for each transaction, in order.
    pub receipts: Vec<Receipt>,
    /// Gas of the block.
    pub gas_used: u64,
    /// A migration wants another block.
    pub more_work: bool,
    /// The epoch that follows this block.
    pub epoch_change: Option<EpochParams>,
    /// The block's evidence was not judged: the state waits for a migration.
    pub evidence_waits: bool,
}

/// Encodes `VerifyResponse`.
pub fn encode_verdicts(verdicts: &[Verdict]) -> Vec<u8> {
    let mut out = Vec::with_capacity(verdicts.len() * 56);
    for verdict in verdicts {
        let sender = verdict.sender.as_ref().map_or(&[][..], |s| &s[..]);
        let len = number_len(verdict.code.into())
            + number_len(verdict.gas_limit)
            + bytes_len(sender.len())
            + number_len(verdict.nonce)
            + bytes_len(verdict.log.len());
        put_varint(&mut out, 1 << 3 | 2);
        put_varint(&mut out, len as u64);
        put_number(&mut out, 1, verdict.code.into());
        put_number(&mut out, 2, verdict.gas_limit);
        put_bytes(&mut out, 3, sender);
        put_number(&mut out, 4, verdict.nonce);
        put_bytes(&mut out, 5, verdict.log.as_bytes());
    }
    out
}

impl ExecutionResponse {
    /// Encodes the message.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64 + self.receipts.len() * 48);
        put_bytes(&mut out, 1, &self.new_state_root);
        for receipt in &self.receipts {
            let len = bytes_len(32)
                + number_len(receipt.code.into())
                + number_len(receipt.gas_used)
                + number_len(receipt.event_count.into())
                + bytes_len(receipt.log.len());
            put_varint(&mut out, 2 << 3 | 2);
            put_varint(&mut out, len as u64);
            put_bytes(&mut out, 1, &receipt.tx_hash);
            put_number(&mut out, 2, receipt.code.into());
            put_number(&mut out, 3, receipt.gas_used);
            put_number(&mut out, 4, receipt.event_count.into());
            put_bytes(&mut out, 5, receipt.log.as_bytes());
        }
        put_number(&mut out, 3, self.gas_used);
        put_number(&mut out, 4, self.more_work.into());
        if let Some(change) = &self.epoch_change {
            put_varint(&mut out, 5 << 3 | 2);
            put_varint(&mut out, change.encoded_len() as u64);
            out.extend_from_slice(&change.encode_to_vec());
        }
        put_number(&mut out, 6, self.evidence_waits.into());
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generated;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn verdicts_equal_the_generated_encoding(
            code in any::<u32>(), gas_limit in any::<u64>(), nonce in any::<u64>(),
            sender in any::<Option<[u8; 32]>>(), log in ".{0,20}", copies in 0usize..4,
        ) {
            let ours = Verdict { code, gas_limit, sender, nonce, log: log.clone() };
            let theirs = generated::VerifyVerdict {
                code, gas_limit, nonce, log, sender: sender.map_or(vec![], |s| s.to_vec()),
            };
            let response = generated::VerifyResponse { verdicts: vec![theirs; copies] };
            prop_assert_eq!(encode_verdicts(&vec![ours; copies]), response.encode_to_vec());
        }

        #[test]
        fn responses_equal_the_generated_encoding(
            root in any::<[u8; 32]>(), tx_hash in any::<[u8; 32]>(), code in any::<u32>(),
            gas_used in any::<u64>(), event_count in any::<u32>(), log in ".{0,20}",
            copies in 0usize..4, more_work in any::<bool>(), change in any::<Option<u32>>(),
            evidence_waits in any::<bool>(),
        ) {
            let epoch_change = change.map(|engine| EpochParams {
                engine, max_block_gas: gas_used, executor_hash: root.to_vec(), ..Default::default()
            });
            let ours = ExecutionResponse {
                new_state_root: root,
                receipts: vec![Receipt { tx_hash, code, gas_used, event_count, log: log.clone() }; copies],
                gas_used, more_work, epoch_change: epoch_change.clone(), evidence_waits,
            };
            let receipt = generated::Receipt { tx_hash: tx_hash.to_vec(), code, gas_used, event_count, log };
            let theirs = generated::ExecutionResponse {
                new_state_root: root.to_vec(), receipts: vec![receipt; copies],
                gas_used, more_work, epoch_change, evidence_waits,
            };
            prop_assert_eq!(ours.encode(), theirs.encode_to_vec());
        }
    }
}
