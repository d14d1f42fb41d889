//! A chain with validators, owners, delegates and an authority that a seed
//! determines: for tests of governance.

use crate::load::{Signer, BLOCK_GAS, GENESIS_HASH};
use crate::{Chain, Engine};
use bedrock_abi::generated::{EpochParams, GenesisRequest, Validator};
use bedrock_abi::Fault;
use bedrock_ledger::operation::{Governance, Join, Operation, Rotate, Weights};
use bedrock_ledger::transaction::{Body, FEE_FREE};
use bedrock_ledger::validator::name_of;

/// What each account has.
pub const FUNDS: u128 = 1 << 50;
/// Power of each validator of genesis.
pub const POWER: u64 = 10;
/// Gas limit of what is sent here.
const GAS: u64 = 3_000_000;

/// Key pair number `index` of a role.
fn role(role: u64, index: usize) -> Signer {
    Signer::new(0x100 + role, index as u64)
}

/// Identity number `version` of the validator that had place `index`.
pub fn identity(index: usize, version: u64) -> Signer {
    Signer::new(0x1000 + version, index as u64)
}

/// Its consensus key.
pub fn consensus(index: usize, version: u64) -> Signer {
    Signer::new(0x2000 + version, index as u64)
}

/// Who owns validator `index`, of genesis or one that joins.
pub fn owner(index: usize) -> Signer {
    role(1, index)
}

/// Its delegate.
pub fn delegate(index: usize) -> Signer {
    role(2, index)
}

/// Key `index` of the authority of three, two of which are enough. Each has an account.
pub fn authority(index: usize) -> Signer {
    role(3, index)
}

/// The name of the validator that had this place, in genesis or by `join`.
pub fn name(index: usize) -> [u8; 32] {
    name_of(&identity(index, 0).public)
}

/// A genesis of `count` validators with Ed25519 consensus keys; `count` more may join.
pub fn genesis(count: usize, parameters: &str) -> GenesisRequest {
    let validators = (0..count).map(|index| Validator {
        consensus_key: consensus(index, 0).public.to_vec(),
        network_key: identity(index, 0).public.to_vec(),
        power: POWER,
        possession: vec![],
    });
    with_validators(validators.collect(), parameters)
}

/// A genesis of these validators.
pub fn with_validators(validators: Vec<Validator>, parameters: &str) -> GenesisRequest {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let count = validators.len();
    let funded: Vec<_> = (0..2 * count + 2).map(owner).chain((0..3).map(authority)).collect();
    let accounts: Vec<_> = funded
        .iter()
        .map(|signer| format!(r#"{{"address":"{}","balance":"{FUNDS}"}}"#, hex(&signer.address)))
        .collect();
    let owned: Vec<_> = (0..)
        .zip(&validators)
        .map(|(index, of)| {
            format!(
                r#"{{"identity":"{}","owner":"{}","delegate":"{}","moniker":"node{index}"}}"#,
                hex(&of.network_key),
                hex(&owner(index).address),
                hex(&delegate(index).public)
            )
        })
        .collect();
    let keys: Vec<_> = (0..3).map(|index| format!(r#""{}""#, hex(&authority(index).public))).collect();
    let app_state = format!(
        r#"{{"accounts":[{}],"authority":{{"keys":[{}],"threshold":2}},"parameters":{{{parameters}}},"validators":[{}]}}"#,
        accounts.join(","),
        keys.join(","),
        owned.join(",")
    );
    GenesisRequest {
        genesis_hash: GENESIS_HASH.to_vec(),
        chain_id: "network".into(),
        timestamp_ms: 500,
        epoch: Some(EpochParams {
            validators,
            executor_hash: vec![0xee; 32],
            engine: 1,
            max_block_bytes: 16 << 20,
            max_block_gas: BLOCK_GAS,
        }),
        app_state: app_state.into_bytes(),
    }
}

/// A chain of that genesis.
pub fn chain(engine: &Engine, count: usize, parameters: &str) -> Result<Chain, Fault> {
    Chain::genesis(engine, &genesis(count, parameters))
}

/// A body that pays for an operation.
pub fn paid(nonce: u64, valid_until: u64, operation: Governance<'_>) -> Body<'_> {
    Body {
        genesis_hash: &GENESIS_HASH,
        payer: &[0; 32],
        nonce,
        gas_limit: GAS,
        gas_price: 1,
        valid_until,
        operation: Operation::Governance(operation),
    }
}

/// The same, signed.
pub fn pay(payer: &Signer, nonce: u64, valid_until: u64, operation: Governance<'_>) -> Vec<u8> {
    payer.signed(&Body { payer: &payer.public, ..paid(nonce, valid_until, operation) })
}

/// A fee-free transaction.
pub fn free(payer: &Signer, valid_until: u64, operation: Governance<'_>) -> Vec<u8> {
    let body = paid(FEE_FREE, valid_until, operation);
    payer.signed(&Body { payer: &payer.public, gas_price: 0, ..body })
}

/// An operation that the keys 0 and 1 of the authority sign, and 0 pays.
pub fn govern(nonce: u64, operation: Governance<'_>) -> Vec<u8> {
    let payer = authority(0);
    let body = Body { payer: &payer.public, ..paid(nonce, 0, operation) };
    payer.cosigned(&body, &[authority(0), authority(1)])
}

/// `join` of validator `index`.
pub fn join(index: usize, nonce: u64) -> Vec<u8> {
    let (payer, node, key) = (owner(index), identity(index, 0), consensus(index, 0));
    let statement = Join::signed(&GENESIS_HASH, &payer.public, &key.public);
    let join = Join {
        identity: &node.public,
        consensus_key: &key.public,
        possession: &[],
        moniker: b"newcomer",
        consent: &node.sign(&statement),
    };
    pay(&payer, nonce, 0, Governance::Join(join))
}

/// `ready` of validator `index` with identity `version`.
pub fn ready(index: usize, version: u64) -> Vec<u8> {
    let node = identity(index, version);
    free(&node, 0, Governance::Ready { validator: &name(index), identity: &node.public })
}

/// `rotate` of validator `index` from one version of its keys to another, by its
/// delegate or, with a nonce, by its owner.
pub fn rotate(index: usize, from: u64, to: u64, until: u64, owner_nonce: Option<u64>) -> Vec<u8> {
    let (name, old, new, key) =
        (name(index), identity(index, from), identity(index, to), consensus(index, to));
    let statement = Rotate::signed(&GENESIS_HASH, &name, &old.public, &key.public, until);
    let rotate = Governance::Rotate(Rotate {
        validator: &name,
        expected: &old.public,
        identity: &new.public,
        consensus_key: &key.public,
        possession: &[],
        consent: &new.sign(&statement),
    });
    match owner_nonce {
        Some(nonce) => pay(&owner(index), nonce, until, rotate),
        None => free(&delegate(index), until, rotate),
    }
}

/// `leave` of validator `index` with identity `version`, by its delegate.
pub fn leave(index: usize, version: u64, flags: u8) -> Vec<u8> {
    let (name, identity) = (name(index), identity(index, version));
    free(&delegate(index), 0, Governance::Leave { validator: &name, expected: &identity.public, flags })
}

/// `weigh` of these validators.
pub fn weigh(nonce: u64, flags: u8, powers: &[(usize, u64)]) -> Vec<u8> {
    let mut entries: Vec<[u8; 40]> = powers
        .iter()
        .map(|(index, power)| {
            let mut entry = [0; 40];
            entry[..32].copy_from_slice(&name(*index));
            entry[32..].copy_from_slice(&power.to_le_bytes());
            entry
        })
        .collect();
    entries.sort_unstable();
    govern(nonce, Governance::Weigh { flags, weights: Weights::new(&entries) })
}

/// Evidence that the validator at `place` of an epoch's set, then with the consensus
/// key `key`, cast two prepare votes in a view.
pub fn two_votes(key: &Signer, epoch: u64, place: u32, view: u64) -> Vec<u8> {
    let message = |block: u8| {
        let fields = [&view.to_le_bytes()[..], &7u64.to_le_bytes(), &[block; 32]].concat();
        let mut signed = b"\x0ebedrock/sign/1".to_vec();
        signed.extend_from_slice(&GENESIS_HASH);
        signed.extend_from_slice(&epoch.to_le_bytes());
        signed.push(4);
        signed.extend_from_slice(&fields);
        let signature = key.sign(&signed);
        [&[4], &fields[..], &64u32.to_le_bytes(), &signature].concat()
    };
    [&[2][..], &epoch.to_le_bytes(), &place.to_le_bytes(), &message(1), &message(2)].concat()
}
