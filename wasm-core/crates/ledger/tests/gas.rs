//! The gas schedule against work that is counted, not timed: the dearest full
//! block may take at most three times a full block of transfers, at 10 million
//! keys. `cargo run --release -p bedrock-ledger --example gas` measures it.
#![allow(clippy::unwrap_used)]

use bedrock_abi::generated::{ExecutionRequest, ExecutionResponse, VerifyRequest};
use bedrock_abi::Message;
use bedrock_ledger::params::Params;
use bedrock_replay::load::GENESIS_HASH;
use bedrock_replay::workload::Workload;
use bedrock_replay::{CallHost, Export, Limits, Sandbox};

/// What work costs on the machine of reference, in picoseconds: fuel in the
/// sandbox, and what the host does for it with 10 million keys on a disk.
mod cost {
    /// A unit of wasmi's fuel: about 600,000 of them verify and execute a transfer in 24 us.
    pub const FUEL: u64 = 40;
    /// A row that is read.
    pub const READ: u64 = 3_000_000;
    /// A byte that is read.
    pub const READ_BYTE: u64 = 1_000;
    /// A row that is written, with the pages that it alone changes.
    pub const WRITE: u64 = 12_000_000;
    /// A byte of key or value that is written: log, compaction.
    pub const WRITE_BYTE: u64 = 4_000;
    /// A byte of a transaction: network, pool, block store.
    pub const BYTE: u64 = 4_000;
    /// An event: hashed and stored.
    pub const EVENT: u64 = 1_000_000;
}

/// Picoseconds, gas and bytes of a transaction of one kind.
#[derive(Debug)]
struct Figures {
    picoseconds: u64,
    gas: u64,
    bytes: u64,
}

/// Work of a block of `count`.
fn work(sandbox: &Sandbox, workload: Workload, count: usize) -> Figures {
    let longest = Params::default().max_record_bytes as usize;
    let (chain, block) = workload.block(count, longest).unwrap();
    let context = chain.next_context();
    let bytes: usize = block.iter().map(Vec::len).sum();
    let verify = VerifyRequest { genesis_hash: GENESIS_HASH.to_vec(), transactions: block.clone() };
    let request = ExecutionRequest {
        state: Some(chain.at.clone()),
        context: Some(context.clone()),
        transactions: block,
    };
    let host = || CallHost::new(chain.state.clone(), &chain.at, &context).traced();
    let (verdicts, _, verified) = sandbox.metered(Export::Verify, &verify.encode_to_vec(), host());
    verdicts.unwrap();
    let (answer, host, executed) = sandbox.metered(Export::Execute, &request.encode_to_vec(), host());
    let response = ExecutionResponse::decode(&answer.unwrap()[..]).unwrap();
    let (effects, trace) = host.into_parts();
    let rows = trace.unwrap().rows;
    let read_bytes: usize = rows.values().flatten().map(|(key, value)| key.len() + value.len()).sum();
    let write_bytes: usize =
        effects.rows.iter().map(|row| row.key.len() + row.value.as_ref().map_or(0, Vec::len)).sum();
    let picoseconds = cost::FUEL * (verified.fuel + executed.fuel)
        + cost::READ * rows.len() as u64
        + cost::READ_BYTE * read_bytes as u64
        + cost::WRITE * effects.rows.len() as u64
        + cost::WRITE_BYTE * write_bytes as u64
        + cost::BYTE * bytes as u64
        + cost::EVENT * effects.events.len() as u64;
    Figures { picoseconds, gas: response.gas_used, bytes: bytes as u64 }
}

/// What one more transaction costs: the difference of two blocks.
fn figures(sandbox: &Sandbox, workload: Workload) -> Figures {
    let (small, large) = match workload {
        Workload::Batch | Workload::SkippedBatch | Workload::FailedBatch => (1, 3),
        _ => (32, 64),
    };
    let (a, b) = (work(sandbox, workload, small), work(sandbox, workload, large));
    let each = |a: u64, b: u64| (b - a) / (large - small) as u64;
    Figures {
        picoseconds: each(a.picoseconds, b.picoseconds),
        gas: each(a.gas, b.gas),
        bytes: each(a.bytes, b.bytes),
    }
}

/// Microseconds of a block that is full: of gas or of bytes, whichever is first.
fn full_block(figures: &Figures, gas: u64, bytes: u64) -> u64 {
    let count = (gas / figures.gas).min(bytes / figures.bytes);
    count * figures.picoseconds / 1_000_000
}

#[test]
fn the_dearest_full_block_takes_at_most_three_times_one_of_transfers() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../executor/module/bedrock.wasm");
    let module = std::fs::read(path).expect("the committed module: build it with hack/wasm/module");
    let sandbox = Sandbox::limited(&module, Limits { fuel: Some(1 << 50), stack: None }).unwrap();
    let all = Workload::ALL.map(|workload| (workload, figures(&sandbox, workload)));
    let params = Params::default();
    let transfer_gas = all[0].1.gas;
    // Full by gas alone, and full by bytes or gas as blocks are by default.
    for (gas, bytes) in [(10_000 * transfer_gas, u64::MAX), (params.max_block_gas, params.max_block_bytes)] {
        let transfers = full_block(&all[0].1, gas, bytes);
        for (workload, figures) in &all {
            let block = full_block(figures, gas, bytes);
            println!("{workload:?}: {figures:?}: {block} us, transfers {transfers} us");
            assert!(
                block <= 3 * transfers,
                "{workload:?}: {block} us, transfers {transfers} us: {figures:?}"
            );
        }
    }
}
