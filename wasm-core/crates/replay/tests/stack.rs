//! The core does not recurse on input: the largest inputs need far less than
//! the 256 KiB that every configuration of every engine grants.

use bedrock_abi::generated::{Context, ExecutionRequest, VerifyRequest};
use bedrock_abi::Message;
use bedrock_ledger::operation::governance::MAX_VALIDATORS;
use bedrock_ledger::transaction::{Operation, Recipients};
use bedrock_replay::load::{genesis, Signer, GENESIS_HASH};
use bedrock_replay::network;
use bedrock_replay::workload::Workload;
use bedrock_replay::{CallHost, Chain, Engine, Export, Limits, MemoryState, Sandbox};
use std::rc::Rc;

/// For each of the two stacks: the engine's, and the one in memory.
const ENOUGH: usize = 96 << 10;

fn sandbox() -> Sandbox {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../executor/module/bedrock.wasm");
    let module = std::fs::read(path).expect("the committed module: build it with hack/wasm/module");
    Sandbox::limited(&module, Limits { stack: Some(ENOUGH), fuel: None }).expect("the module loads")
}

fn needs(sandbox: &Sandbox, export: Export, request: &[u8], host: CallHost<MemoryState>) -> usize {
    let (answer, _, usage) = sandbox.metered(export, request, host);
    answer.unwrap_or_else(|fault| panic!("{} with {ENOUGH} bytes of stack: {fault}", export.name()));
    usage.stack
}

#[test]
fn the_largest_inputs_need_little_stack() {
    let sandbox = sandbox();
    let signers: Vec<_> = (0..40).map(|index| Signer::new(9, index)).collect();
    let balances: Vec<_> = signers.iter().map(|signer| (signer.address, 1 << 60)).collect();
    let request = genesis(&balances, "");
    let chain = Chain::genesis(&Engine::Native, &request).unwrap();
    let recipient = |index: usize| {
        let mut entry = [0u8; 48];
        entry[..32].copy_from_slice(&bedrock_crypto::sha256::hash(&index.to_le_bytes()));
        entry[32] = 1;
        entry
    };
    // A block of 2 MiB: 40 batches of 1,000 recipients, and small ones beside.
    let mut block = Vec::new();
    for (index, signer) in signers.iter().enumerate() {
        let entries: Vec<_> = (0..1_000).map(|i| recipient(index * 1_000 + i)).collect();
        block.push(signer.transaction(0, Operation::BatchTransfer(Recipients::new(&entries))));
        block.push(signer.transaction(1, Operation::RecordPut { key: b"key", data: &[1; 4_096] }));
        block.push(signer.transaction(2, Operation::RecordDelete { key: b"key" }));
    }
    let context = chain.next_context();
    let host = || CallHost::new(chain.state.clone(), &chain.at, &context);
    let verify = VerifyRequest { genesis_hash: GENESIS_HASH.to_vec(), transactions: block.clone() };
    let execute = ExecutionRequest {
        state: Some(chain.at.clone()),
        context: Some(context.clone()),
        transactions: block,
    };
    let empty = CallHost::new(Rc::new(MemoryState::default()), &Default::default(), &Context::default());
    let used = [
        needs(&sandbox, Export::Genesis, &request.encode_to_vec(), empty),
        needs(&sandbox, Export::Verify, &verify.encode_to_vec(), host()),
        needs(&sandbox, Export::Execute, &execute.encode_to_vec(), host()),
    ];
    assert!(used.iter().all(|&bytes| (1..ENOUGH).contains(&bytes)), "bytes of the stack in memory: {used:?}");
}

#[test]
fn pairings_and_full_sets_need_little_stack() {
    let sandbox = sandbox();
    let (chain, block) = Workload::Possession.block(1, 0).unwrap();
    let context = chain.next_context();
    let verify = VerifyRequest { genesis_hash: GENESIS_HASH.to_vec(), transactions: block };
    let host = CallHost::new(chain.state.clone(), &chain.at, &context);
    let pairings = needs(&sandbox, Export::Verify, &verify.encode_to_vec(), host);

    let powers: Vec<_> = (0..MAX_VALIDATORS).map(|index| (index, 7)).collect();
    let mut chain = network::chain(&Engine::Native, MAX_VALIDATORS, "").unwrap();
    chain.context.evidence = vec![network::two_votes(&network::consensus(9, 0), 1, 9, 4)];
    let context = chain.next_context();
    let execute = ExecutionRequest {
        state: Some(chain.at.clone()),
        context: Some(context.clone()),
        transactions: vec![network::weigh(0, 0, &powers)],
    };
    let host = CallHost::new(chain.state.clone(), &chain.at, &context);
    let ended = needs(&sandbox, Export::Execute, &execute.encode_to_vec(), host);
    let change = chain.execute(&Engine::Native, &execute.transactions, false).unwrap().response.epoch_change;
    assert_eq!(change.unwrap().validators.len(), MAX_VALIDATORS - 1);
    let used = [pairings, ended];
    assert!(used.iter().all(|&bytes| (1..ENOUGH).contains(&bytes)), "bytes of the stack in memory: {used:?}");
}
