//! Operations of governance, their rows and state keys in the vectors.

use bedrock_crypto::sha256;
use bedrock_ledger::epoch::{Epoch, Epochs, Jailing, Member, Upgrade};
use bedrock_ledger::gas;
use bedrock_ledger::keys;
use bedrock_ledger::operation::{Governance, Join, Operation, Rotate, Settings, Weights};
use bedrock_ledger::params::Params;
use bedrock_ledger::transaction::{encode_cosigned, Body, Transaction, FEE_FREE, HEAD_BYTES};
use bedrock_ledger::validator::{encode_names, name_of, Status, Validator};
use bedrock_replay::load::Signer;
use serde_json::{json, Value};

const GENESIS: [u8; 32] = [0x11; 32];
const SEED: u64 = 11;

fn secret(index: u64) -> String {
    hex::encode(sha256::hash_parts(&[b"bedrock/load/1", &SEED.to_le_bytes(), &index.to_le_bytes()]))
}

/// One transaction: who pays, its nonce, last height, operation in words and in
/// bytes, and the indices of the authority's signers.
fn case(payer: u64, nonce: u64, until: u64, named: Value, of: Governance<'_>, authority: &[u64]) -> Value {
    let signer = Signer::new(SEED, payer);
    let gas_price = if nonce == FEE_FREE { 0 } else { 3 };
    let body = Body {
        genesis_hash: &GENESIS,
        payer: &signer.public,
        nonce,
        gas_limit: 900_000,
        gas_price,
        valid_until: until,
        operation: Operation::Governance(of),
    };
    let signed = body.encode();
    let mut cosigners: Vec<_> = authority
        .iter()
        .map(|index| Signer::new(SEED, *index))
        .map(|key| (key.public, key.sign(&signed)))
        .collect();
    cosigners.sort();
    let bytes = encode_cosigned(&signed, &signer.sign(&signed), &cosigners);
    let decoded = Transaction::decode(&bytes).unwrap();
    assert_eq!(decoded.body, body);
    assert_eq!(decoded.body.encode(), signed);
    json!({
        "secret": secret(payer),
        "genesis_hash": hex::encode(GENESIS),
        "nonce": nonce.to_string(),
        "gas_limit": body.gas_limit.to_string(),
        "gas_price": gas_price.to_string(),
        "valid_until": until.to_string(),
        "operation": named,
        "authority": authority.iter().map(|index| secret(*index)).collect::<Vec<_>>(),
        "body": hex::encode(&signed),
        "transaction": hex::encode(&bytes),
        "hash": hex::encode(sha256::hash(&bytes)),
        "gas_needed": gas::needed(&decoded, bytes.len(), &Params::default()).to_string(),
    })
}

fn joins() -> Vec<Value> {
    let (owner, node) = (Signer::new(SEED, 0), Signer::new(SEED, 1));
    [(vec![5; 32], vec![]), (vec![6; 96], vec![7; 48])]
        .into_iter()
        .map(|(consensus_key, possession)| {
            let statement = Join::signed(&GENESIS, &owner.public, &consensus_key);
            let join = Join {
                identity: &node.public,
                consensus_key: &consensus_key,
                possession: &possession,
                moniker: b"fifth of five",
                consent: &node.sign(&statement),
            };
            let named = json!({"join": {
                "identity_secret": secret(1), "identity": hex::encode(node.public), "consensus_key": hex::encode(&consensus_key),
                "possession": hex::encode(&possession), "moniker": "fifth of five", "statement": hex::encode(statement),
                "consent": hex::encode(join.consent),
            }});
            case(0, 7, 0, named, Governance::Join(join), &[])
        })
        .collect()
}

fn rotates() -> Vec<Value> {
    let (old, new) = (Signer::new(SEED, 1), Signer::new(SEED, 2));
    let name = name_of(&old.public);
    [(9u64, 8u64, vec![5; 32], vec![]), (FEE_FREE, 1_000, vec![6; 96], vec![7; 48])]
        .into_iter()
        .map(|(nonce, until, consensus_key, possession)| {
            let statement = Rotate::signed(&GENESIS, &name, &old.public, &consensus_key, until);
            let rotate = Rotate {
                validator: &name,
                expected: &old.public,
                identity: &new.public,
                consensus_key: &consensus_key,
                possession: &possession,
                consent: &new.sign(&statement),
            };
            let named = json!({"rotate": {
                "validator": hex::encode(name), "expected": hex::encode(old.public), "identity_secret": secret(2),
                "identity": hex::encode(new.public), "consensus_key": hex::encode(&consensus_key),
                "possession": hex::encode(&possession), "statement": hex::encode(statement), "consent": hex::encode(rotate.consent),
            }});
            case(0, nonce, until, named, Governance::Rotate(rotate), &[])
        })
        .collect()
}

fn others() -> Vec<Value> {
    let node = Signer::new(SEED, 1).public;
    let name = name_of(&node);
    let (validator, identity, executor) = (hex::encode(name), hex::encode(node), hex::encode([9; 32]));
    vec![
        case(
            1,
            FEE_FREE,
            0,
            json!({"ready": {"validator": validator, "identity": identity}}),
            Governance::Ready { validator: &name, identity: &node },
            &[],
        ),
        case(
            0,
            1,
            0,
            json!({"delegate": {"validator": validator, "delegate": hex::encode([4; 32])}}),
            Governance::Delegate { validator: &name, delegate: &[4; 32] },
            &[],
        ),
        case(
            0,
            2,
            0,
            json!({"leave": {"validator": validator, "expected": identity, "flags": 1}}),
            Governance::Leave { validator: &name, expected: &node, flags: 1 },
            &[],
        ),
        case(
            3,
            FEE_FREE,
            9,
            json!({"leave": {"validator": validator, "expected": identity, "flags": 0}}),
            Governance::Leave { validator: &name, expected: &node, flags: 0 },
            &[],
        ),
        case(
            3,
            FEE_FREE,
            0,
            json!({"maintain": {"validator": validator, "expected_end": "0", "end": "1800000000000"}}),
            Governance::Maintain { validator: &name, expected: 0, end: 1_800_000_000_000 },
            &[],
        ),
        case(
            0,
            3,
            0,
            json!({"maintain": {"validator": validator, "expected_end": "1800000000000", "end": "0"}}),
            Governance::Maintain { validator: &name, expected: 1_800_000_000_000, end: 0 },
            &[],
        ),
        case(
            1,
            FEE_FREE,
            0,
            json!({"module_ready": {"validator": validator, "identity": identity, "executor": executor, "engine": 2}}),
            Governance::ModuleReady { validator: &name, identity: &node, executor: &[9; 32], engine: 2 },
            &[],
        ),
    ]
}

fn authority() -> Vec<Value> {
    let weight = |name: [u8; 32], power: u64| {
        let mut entry = [0; 40];
        entry[..32].copy_from_slice(&name);
        entry[32..].copy_from_slice(&power.to_le_bytes());
        entry
    };
    let weights = [weight([1; 32], 10), weight([2; 32], 0), weight([3; 32], u64::from(u32::MAX))];
    let setting = |index: u8, value: u64| {
        let mut entry = [index; 9];
        entry[1..].copy_from_slice(&value.to_le_bytes());
        entry
    };
    let settings = [setting(1, 5_000_000), setting(8, 2), setting(22, 0)];
    let keys = [[1; 32], [2; 32], [3; 32]];
    let executor = hex::encode([9; 32]);
    let hexed: Vec<_> = keys.iter().map(hex::encode).collect();
    vec![
        case(
            0,
            4,
            0,
            json!({"weigh": {"flags": 1, "weights": [
            {"validator": hex::encode([1; 32]), "power": "10"}, {"validator": hex::encode([2; 32]), "power": "0"},
            {"validator": hex::encode([3; 32]), "power": "4294967295"}]}}),
            Governance::Weigh { flags: 1, weights: Weights::new(&weights) },
            &[4, 5, 6],
        ),
        case(
            0,
            5,
            0,
            json!({"set_parameters": [{"index": 1, "value": "5000000"}, {"index": 8, "value": "2"}, {"index": 22, "value": "0"}]}),
            Governance::SetParameters(Settings::new(&settings)),
            &[4],
        ),
        case(
            0,
            6,
            0,
            json!({"set_authority": {"threshold": 2, "keys": hexed}}),
            Governance::SetAuthority { threshold: 2, keys: &keys },
            &[5, 4],
        ),
        case(
            0,
            7,
            0,
            json!({"schedule": {"executor": executor, "engine": 2, "not_before": "100", "not_after": "200"}}),
            Governance::Schedule { executor: &[9; 32], engine: 2, not_before: 100, not_after: 200 },
            &[5, 4],
        ),
        case(
            0,
            8,
            0,
            json!({"cancel": {"executor": executor}}),
            Governance::Cancel { executor: &[9; 32] },
            &[5, 4],
        ),
    ]
}

/// Every operation.
pub fn transactions() -> Vec<Value> {
    [joins(), rotates(), others(), authority()].concat()
}

/// Encodings that both sides refuse, each a change of one that is good.
pub fn malformed(transactions: &[Value]) -> Vec<Value> {
    let at = HEAD_BYTES + 4;
    let nonce = 4 + HEAD_BYTES - 32;
    let bytes = |name: &str| {
        let found = transactions.iter().find(|t| t["operation"].get(name).is_some()).unwrap();
        hex::decode(found["transaction"].as_str().unwrap()).unwrap()
    };
    let mut cases = Vec::new();
    let mut change = |note: &str, name: &str, edit: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = bytes(name);
        edit(&mut bytes);
        cases.push(json!({"note": note, "transaction": hex::encode(bytes)}));
    };
    change("join with a consensus key of 33 bytes", "join", &|b| b[at + 33] = 33);
    change("join with a moniker that is no ASCII", "join", &|b| b[at + 33 + 36 + 4 + 4] = 0x80);
    change("ready that is not fee-free", "ready", &|b| b[nonce] = 0);
    change("fee-free with a gas price", "ready", &|b| b[nonce + 16] = 1);
    change("module ready that is not fee-free", "module_ready", &|b| b[nonce] = 0);
    change("join that is fee-free", "join", &|b| {
        b[nonce..nonce + 8].fill(0xff);
        b[nonce + 16..nonce + 24].fill(0);
    });
    change("delegate that is fee-free", "delegate", &|b| {
        b[nonce..nonce + 8].fill(0xff);
        b[nonce + 16..nonce + 24].fill(0);
    });
    change("rotate without a last height", "rotate", &|b| b[nonce + 24..nonce + 32].fill(0));
    change("leave with flag 2", "leave", &|b| b[at + 65] = 2);
    change("maintain to the same end", "maintain", &|b| b[at + 41..at + 49].fill(0));
    change("weigh of nobody", "weigh", &|b| b[at + 2] = 0);
    change("weigh with flag 4", "weigh", &|b| b[at + 1] = 4);
    change("weigh out of order", "weigh", &|b| b[at + 4] = 3);
    change("weigh with a validator twice", "weigh", &|b| b[at + 4..at + 36].fill(2));
    change("no parameters", "set_parameters", &|b| b[at + 1] = 0);
    change("parameters out of order", "set_parameters", &|b| b[at + 2] = 8);
    change("a parameter that there is not", "set_parameters", &|b| b[at + 2 + 18] = 200);
    change("a threshold of 0", "set_authority", &|b| b[at + 1] = 0);
    change("a threshold above the count", "set_authority", &|b| b[at + 1] = 4);
    change("keys of the authority out of order", "set_authority", &|b| b[at + 5] = 3);
    change("a window that ends before it begins", "schedule", &|b| b[at + 45] = 99);
    change("the authority's operation without its signatures", "cancel", &|b| {
        let end = b.len() - 192;
        b.truncate(end);
        b[end - 65] = 1;
    });
    change("signatures of the authority out of order", "cancel", &|b| {
        let end = b.len();
        let (first, second) = (b[end - 192..end - 96].to_vec(), b[end - 96..].to_vec());
        b[end - 192..end - 96].copy_from_slice(&second);
        b[end - 96..].copy_from_slice(&first);
    });
    change("a signature of the authority that no operation needs", "delegate", &|b| {
        let end = b.len();
        b[end - 65] = 2;
        b.extend([0; 96]);
    });
    cases
}

/// Rows as they stand in state.
pub fn rows() -> Value {
    let validator = Validator {
        status: Status::Jailed,
        ready: true,
        identity: [1; 32],
        owner: [2; 32],
        delegate: [3; 32],
        power: 4,
        lease_end: 5,
        since: 6,
        rotated: 7,
        jailed: 8,
        consensus_key: vec![9; 96],
        possession: vec![10; 48],
        moniker: b"moniker".to_vec(),
    };
    let member = |n: u8| Member {
        validator: [n; 32],
        identity: [n + 1; 32],
        consensus_key: vec![n + 2; 32],
        power: u64::from(n),
    };
    let epoch = Epoch {
        first_height: 1,
        before_ms: 2,
        executor: [3; 32],
        engine: 4,
        max_block_bytes: 5,
        max_block_gas: 6,
        members: vec![member(7), member(17)],
    };
    let upgrade = Upgrade {
        executor: [1; 32],
        engine: 2,
        not_before: 3,
        not_after: 4,
        at: 5,
        ready: vec![[6; 32], [7; 32]],
    };
    let jailing = Jailing { validator: [1; 32], epoch: 2, kind: 3, height: 4 };
    assert_eq!(Validator::decode(&validator.encode()), Some(validator.clone()));
    assert_eq!(Epoch::decode(&epoch.encode()), Some(epoch.clone()));
    assert_eq!(Upgrade::decode(&upgrade.encode()), Some(upgrade.clone()));
    assert_eq!(Jailing::decode(&jailing.encode()), Some(jailing));
    json!({
        "validator": {"status": 4, "ready": true, "identity": hex::encode([1; 32]), "owner": hex::encode([2; 32]),
            "delegate": hex::encode([3; 32]), "power": "4", "lease_end": "5", "since": "6", "rotated": "7", "jailed": "8",
            "consensus_key": hex::encode([9; 96]), "possession": hex::encode([10; 48]), "moniker": "moniker",
            "row": hex::encode(validator.encode())},
        "validators": {"names": [hex::encode([1; 32]), hex::encode([2; 32])], "row": hex::encode(encode_names(&[[1; 32], [2; 32]]))},
        "epochs": {"number": "9", "oldest": "3", "row": hex::encode(Epochs { number: 9, oldest: 3 }.encode())},
        "epoch": {"first_height": "1", "before_ms": "2", "executor": hex::encode([3; 32]), "engine": 4,
            "max_block_bytes": "5", "max_block_gas": "6", "members": epoch.members.iter().map(|m| json!({
                "validator": hex::encode(m.validator), "identity": hex::encode(m.identity),
                "consensus_key": hex::encode(&m.consensus_key), "power": m.power.to_string()})).collect::<Vec<_>>(),
            "row": hex::encode(epoch.encode())},
        "upgrade": {"executor": hex::encode([1; 32]), "engine": 2, "not_before": "3", "not_after": "4", "at": "5",
            "ready": [hex::encode([6; 32]), hex::encode([7; 32])], "row": hex::encode(upgrade.encode())},
        "jailing": {"validator": hex::encode([1; 32]), "epoch": "2", "kind": 3, "height": "4", "row": hex::encode(jailing.encode())},
    })
}

/// Raw state keys.
pub fn state_keys() -> Value {
    let identity = Signer::new(SEED, 1).public;
    let name = name_of(&identity);
    json!({
        "identity": hex::encode(identity),
        "name": hex::encode(name),
        "validator": hex::encode(keys::validator(&name)),
        "epoch_258": hex::encode(keys::epoch(258)),
        "key_holder": hex::encode(keys::key_holder(&identity)),
        "module_ready": hex::encode(keys::module_ready(&name)),
        "evidence": hex::encode(keys::evidence(&name)),
    })
}
