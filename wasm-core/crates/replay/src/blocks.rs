//! Blocks files: a state and the blocks that follow it, for benchmarks that
//! run the same blocks natively and in the node's host.
//!
//! Layout, integers little-endian:
//!
//! ```text
//! magic            "BEDBLKS1"
//! genesis hash     32     proposer identity 32     gas limit of a block u64
//! state root       32     height u64               tree version u64
//! rows  u64, each  address 32, key u16 + bytes, value u32 + bytes   (written at `height`)
//! pages u64, each  version u64, path (docs/encodings.md), page u32 + bytes
//! blocks u32, each transactions u32, each u32 + bytes
//! ```
//!
//! A block's context has that genesis hash, identity and gas limit, epoch 1,
//! its height, view = height, timestamp = 1,000 * height, engine 1, an executor
//! hash of 32 zeros, proposer 0 and no evidence.

use crate::chain::Chain;
use crate::host::Effects;
use crate::load::{genesis, Numbers, Signer, BLOCK_GAS, GENESIS_HASH, PROPOSER};
use crate::state::{MemoryState, PageKey};
use crate::{CallHost, Engine, Export};
use bedrock_abi::generated::{Context, GenesisResponse, StateRef};
use bedrock_abi::{Fault, Message};
use bedrock_crypto::sha256;
use bedrock_ledger::transaction::Operation;
use std::io::{self, Read, Write};
use std::rc::Rc;

const MAGIC: &[u8; 8] = b"BEDBLKS1";
/// Accounts that send; the others only receive.
const MAX_SENDERS: u64 = 20_000;
/// Longest byte string in a file.
const MAX_BYTES: u64 = 1 << 20;

/// A state and the blocks that follow it.
pub struct Blocks {
    /// The state before the first block.
    pub state: StateRef,
    /// Its rows and pages.
    pub effects: Effects,
    /// Transactions of each block.
    pub blocks: Vec<Vec<Vec<u8>>>,
}

impl Blocks {
    /// `count` blocks of `transfers` transfers each, on `accounts` accounts,
    /// determined by the seed. Senders are distinct within a block where there
    /// are enough of them.
    pub fn transfers(seed: u64, accounts: u64, count: u64, transfers: u64) -> Result<Self, Fault> {
        let senders: Vec<_> = (0..accounts.min(MAX_SENDERS)).map(|index| Signer::new(seed, index)).collect();
        let passive = |index: u64| sha256::hash_parts(&[b"bedrock/load/passive", &index.to_le_bytes()]);
        let who = |index: u64| senders.get(index as usize).map_or_else(|| passive(index), |s| s.address);
        let balances: Vec<_> = (0..accounts).map(|index| (who(index), 1u128 << 60)).collect();
        let request = genesis(&balances, "");
        let nobody =
            CallHost::new(Rc::new(MemoryState::default()), &StateRef::default(), &Context::default());
        let (answer, host) = Engine::Native.call(Export::Genesis, &request.encode_to_vec(), nobody);
        let response =
            GenesisResponse::decode(&answer?[..]).map_err(|_| Fault::module("a malformed answer"))?;
        if !response.error.is_empty() {
            return Err(Fault::module(response.error));
        }
        let state = StateRef { root: response.state_root, height: 0, tree_version: 0 };
        let mut numbers = Numbers(seed);
        let mut nonces = vec![0u64; senders.len()];
        let mut next = 0;
        let mut block = || -> Vec<Vec<u8>> {
            let transfer = |_| {
                let from = next % senders.len();
                next += 1;
                let to = who(numbers.below(accounts));
                let operation = Operation::Transfer { to: &to, amount: 1 + u128::from(numbers.below(1_000)) };
                let nonce = nonces[from];
                nonces[from] += 1;
                senders[from].priced(nonce, 100_000, 1, operation)
            };
            (0..transfers).map(transfer).collect()
        };
        let blocks = (0..count).map(|_| block()).collect();
        Ok(Blocks { state, effects: host.effects, blocks })
    }

    /// A chain that stands before the first block.
    pub fn chain(&self) -> Result<Chain, Fault> {
        let mut state = MemoryState::default();
        state.reserve(self.effects.rows.len(), self.effects.pages.len());
        for row in &self.effects.rows {
            state.put(row.address, self.state.height, &row.key, row.value.as_deref());
        }
        for (path, page) in &self.effects.pages {
            let key = PageKey::new(self.state.tree_version, path)
                .ok_or_else(|| Fault::module("a path too long"))?;
            state.put_page(key, page);
        }
        let context = Context {
            genesis_hash: GENESIS_HASH.to_vec(),
            epoch: 1,
            gas_limit: BLOCK_GAS,
            engine: 1,
            executor_hash: vec![0; 32],
            proposer_identity: PROPOSER.to_vec(),
            ..Default::default()
        };
        Ok(Chain { state: Rc::new(state), at: self.state.clone(), context })
    }

    /// Writes the file.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        for part in [&MAGIC[..], &GENESIS_HASH, &PROPOSER, &BLOCK_GAS.to_le_bytes(), &self.state.root] {
            out.write_all(part)?;
        }
        out.write_all(&self.state.height.to_le_bytes())?;
        out.write_all(&self.state.tree_version.to_le_bytes())?;
        out.write_all(&(self.effects.rows.len() as u64).to_le_bytes())?;
        for row in &self.effects.rows {
            out.write_all(&row.address)?;
            out.write_all(&(row.key.len() as u16).to_le_bytes())?;
            out.write_all(&row.key)?;
            var(out, row.value.as_deref().unwrap_or_default())?;
        }
        out.write_all(&(self.effects.pages.len() as u64).to_le_bytes())?;
        for (path, page) in &self.effects.pages {
            out.write_all(&self.state.tree_version.to_le_bytes())?;
            out.write_all(path)?;
            var(out, page)?;
        }
        out.write_all(&(self.blocks.len() as u32).to_le_bytes())?;
        for block in &self.blocks {
            out.write_all(&(block.len() as u32).to_le_bytes())?;
            block.iter().try_for_each(|transaction| var(out, transaction))?;
        }
        out.flush()
    }

    /// Reads a file that [`Blocks::write`] wrote.
    pub fn read(input: &mut impl Read) -> io::Result<Self> {
        let head: [u8; 80] = array(input)?;
        if &head[..8] != MAGIC || head[8..40] != GENESIS_HASH || head[40..72] != PROPOSER {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "not a blocks file of this version"));
        }
        let state = StateRef {
            root: array::<32>(input)?.to_vec(),
            height: u64::from_le_bytes(array(input)?),
            tree_version: u64::from_le_bytes(array(input)?),
        };
        let mut effects = Effects::default();
        for _ in 0..u64::from_le_bytes(array(input)?) {
            let address = array(input)?;
            let len = u16::from_le_bytes(array(input)?);
            let key = bytes(input, len.into())?;
            effects.rows.push(crate::OwnedRow { address, key, value: Some(read_var(input)?) });
        }
        for _ in 0..u64::from_le_bytes(array(input)?) {
            array::<8>(input)?;
            let [nibbles] = array(input)?;
            let mut path = vec![nibbles];
            path.extend(bytes(input, u64::from(nibbles).div_ceil(2))?);
            effects.pages.push((path, read_var(input)?));
        }
        let mut blocks = Vec::new();
        for _ in 0..u32::from_le_bytes(array(input)?) {
            let count = u32::from_le_bytes(array(input)?);
            blocks.push((0..count).map(|_| read_var(input)).collect::<io::Result<_>>()?);
        }
        Ok(Blocks { state, effects, blocks })
    }
}

fn var(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    out.write_all(&(bytes.len() as u32).to_le_bytes())?;
    out.write_all(bytes)
}

fn array<const N: usize>(input: &mut impl Read) -> io::Result<[u8; N]> {
    let mut array = [0; N];
    input.read_exact(&mut array)?;
    Ok(array)
}

fn bytes(input: &mut impl Read, len: u64) -> io::Result<Vec<u8>> {
    if len > MAX_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a byte string of more than 1 MiB"));
    }
    let mut bytes = vec![0; len as usize];
    input.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn read_var(input: &mut impl Read) -> io::Result<Vec<u8>> {
    let len = u32::from_le_bytes(array(input)?);
    bytes(input, len.into())
}
