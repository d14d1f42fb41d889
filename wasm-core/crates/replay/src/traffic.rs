//! Random traffic that a seed determines: every operation, and every way in
//! which a transaction can be refused or fail.

use crate::load::{Numbers, Signer, GENESIS_HASH};
use bedrock_ledger::transaction::{Body, Operation, Recipients};

/// Writes blocks of random transactions for a set of accounts.
pub struct Traffic {
    numbers: Numbers,
    signers: Vec<Signer>,
    nonces: Vec<u64>,
}

impl Traffic {
    /// Traffic of `accounts` accounts; those above the half are never funded
    /// by [`Traffic::balances`].
    pub fn new(seed: u64, accounts: u64) -> Self {
        let signers: Vec<_> = (0..accounts.max(2)).map(|index| Signer::new(seed, index)).collect();
        Traffic { numbers: Numbers(seed), nonces: vec![0; signers.len()], signers }
    }

    /// What genesis gives to whom: to some plenty, to some next to nothing.
    pub fn balances(&self) -> Vec<([u8; 32], u128)> {
        let funded = self.signers.iter().take(self.signers.len().div_ceil(2));
        (0u32..).zip(funded).map(|(i, s)| (s.address, if i % 4 == 3 { 60_000 } else { 1 << 50 })).collect()
    }

    /// A block of `count` transactions.
    pub fn block(&mut self, count: usize, height: u64) -> Vec<Vec<u8>> {
        (0..count).map(|_| self.transaction(height)).collect()
    }

    fn transaction(&mut self, height: u64) -> Vec<u8> {
        let most =
            if self.numbers.below(10) == 0 { self.signers.len() } else { self.signers.len().div_ceil(2) };
        let from = self.numbers.below(most as u64) as usize;
        let mistake = self.numbers.below(40);
        let nonce = if mistake == 0 { self.nonces[from] + self.numbers.below(3) } else { self.nonces[from] };
        let gas_limit = if mistake == 1 { 1 + self.numbers.below(40_000) } else { 60_000_000 };
        let gas_price = if mistake == 4 { 0 } else { 1 + self.numbers.below(3) };
        let valid_until = if self.numbers.below(8) == 0 { height + self.numbers.below(3) - 1 } else { 0 };
        let genesis_hash = if mistake == 2 { [0; 32] } else { GENESIS_HASH };
        let signer = self.signers[from].clone();
        let signed = |operation: Operation<'_>| {
            let payer = &signer.public;
            let genesis_hash = &genesis_hash;
            signer.signed(&Body { genesis_hash, payer, nonce, gas_limit, gas_price, valid_until, operation })
        };
        let mut bytes = self.operation(from, signed);
        if mistake == 3 {
            let cut = self.numbers.below(bytes.len() as u64) as usize;
            bytes.truncate(cut);
        }
        // A guess of what counts; where it is wrong, later nonces are bad.
        let executes = mistake > 4 && from < self.signers.len().div_ceil(2) && from % 4 != 3;
        self.nonces[from] += u64::from(executes && (valid_until == 0 || valid_until >= height));
        bytes
    }

    fn someone(&mut self) -> [u8; 32] {
        let index = self.numbers.below(self.signers.len() as u64) as usize;
        self.signers[index].address
    }

    fn operation(&mut self, from: usize, signed: impl FnOnce(Operation<'_>) -> Vec<u8>) -> Vec<u8> {
        let amount = match self.numbers.below(16) {
            0 => u128::MAX - u128::from(self.numbers.below(9)),
            1 => 1 << 47,
            _ => 1 + u128::from(self.numbers.below(1_000)),
        };
        let key = [b'k', self.numbers.below(5) as u8];
        match self.numbers.below(8) {
            0..3 => {
                let to = if self.numbers.below(6) == 0 { self.signers[from].address } else { self.someone() };
                signed(Operation::Transfer { to: &to, amount })
            }
            3 => {
                let mut entries = Vec::new();
                for _ in 0..1 + self.numbers.below(30) {
                    let mut entry = [0; 48];
                    entry[..32].copy_from_slice(&self.someone());
                    entry[32..].copy_from_slice(&amount.to_le_bytes());
                    entries.push(entry);
                }
                signed(Operation::BatchTransfer(Recipients::new(&entries)))
            }
            4..7 => {
                let len = if self.numbers.below(20) == 0 { 5_000 } else { self.numbers.below(200) };
                signed(Operation::RecordPut { key: &key, data: &vec![7; len as usize] })
            }
            _ => signed(Operation::RecordDelete { key: &key }),
        }
    }
}
