//! Accounts and signed transactions that a seed determines: for tests,
//! benchmarks and vectors.

use bedrock_abi::generated::{EpochParams, GenesisRequest, Validator};
use bedrock_crypto::{address, sha256};
use bedrock_ledger::transaction::{encode, encode_cosigned, Body, Operation};
use ed25519_zebra::{SigningKey, VerificationKeyBytes};

/// The genesis hash of generated chains.
pub const GENESIS_HASH: [u8; 32] = [0x42; 32];
/// The network identity of the one proposer of generated chains.
pub const PROPOSER: [u8; 32] = [0x77; 32];
/// Gas of a block of generated chains.
pub const BLOCK_GAS: u64 = 100_000_000_000;

/// An account with its key.
#[derive(Clone)]
pub struct Signer {
    key: SigningKey,
    /// Its public key.
    pub public: [u8; 32],
    /// Its address.
    pub address: [u8; 32],
}

impl Signer {
    /// The account number `index` of a seed: its secret key is
    /// `H("bedrock/load/1" || seed u64 || index u64)`.
    pub fn new(seed: u64, index: u64) -> Self {
        let secret = sha256::hash_parts(&[b"bedrock/load/1", &seed.to_le_bytes(), &index.to_le_bytes()]);
        let key = SigningKey::from(secret);
        let public: [u8; 32] = VerificationKeyBytes::from(&key).into();
        Signer { key, public, address: address::of_public_key(&public) }
    }

    /// Signs any bytes.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).into()
    }

    /// A signed transaction with ample gas.
    pub fn transaction(&self, nonce: u64, operation: Operation<'_>) -> Vec<u8> {
        self.priced(nonce, 100_000_000, 1, operation)
    }

    /// A signed transaction.
    pub fn priced(&self, nonce: u64, gas_limit: u64, gas_price: u64, operation: Operation<'_>) -> Vec<u8> {
        self.signed(&Body {
            genesis_hash: &GENESIS_HASH,
            payer: &self.public,
            nonce,
            gas_limit,
            gas_price,
            valid_until: 0,
            operation,
        })
    }

    /// Signs a body, and lets keys of the authority sign it.
    pub fn cosigned(&self, body: &Body<'_>, authority: &[Signer]) -> Vec<u8> {
        let bytes = body.encode();
        let mut cosigners: Vec<_> = authority.iter().map(|key| (key.public, key.sign(&bytes))).collect();
        cosigners.sort_unstable();
        encode_cosigned(&bytes, &self.sign(&bytes), &cosigners)
    }

    /// Signs a body.
    pub fn signed(&self, body: &Body<'_>) -> Vec<u8> {
        let bytes = body.encode();
        let signature = self.sign(&bytes);
        encode(&bytes, &signature)
    }
}

/// A genesis with these balances.
pub fn genesis(balances: &[([u8; 32], u128)], parameters: &str) -> GenesisRequest {
    let accounts: Vec<String> = balances
        .iter()
        .map(|(who, balance)| format!(r#"{{"address":"{}","balance":"{balance}"}}"#, address::encode(who)))
        .collect();
    let app_state = format!(r#"{{"accounts":[{}],"parameters":{{{parameters}}}}}"#, accounts.join(","));
    GenesisRequest {
        genesis_hash: GENESIS_HASH.to_vec(),
        chain_id: "load".into(),
        timestamp_ms: 0,
        epoch: Some(EpochParams {
            validators: vec![Validator {
                consensus_key: vec![1; 32],
                network_key: PROPOSER.to_vec(),
                power: 1,
                possession: vec![],
            }],
            executor_hash: vec![0; 32],
            engine: 1,
            max_block_bytes: 16 << 20,
            max_block_gas: BLOCK_GAS,
        }),
        app_state: app_state.into_bytes(),
    }
}

/// A small generator of numbers (splitmix64), the same everywhere.
pub struct Numbers(pub u64);

impl Numbers {
    /// The next number.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which is above 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.draw() % bound
    }
}
