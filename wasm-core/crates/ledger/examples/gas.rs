//! `make gas`: measures what transactions take, and derives prices from it.
//!
//!     cargo run --release -p bedrock-ledger --example gas
//!
//! One unit of gas is meant to be a nanosecond of one core. The first table
//! says what each kind of transaction takes natively with state in memory, and
//! how dear a block that is full of it would be against one of transfers; the
//! second derives prices from the differences between kinds. What the disk adds
//! with 10 million keys is in `tests/gas.rs`, which holds the schedule to both.
//! Prices are parameters in state: a chain changes them by its genesis.

use bedrock_ledger::params::{Params, BOUNDS};
use bedrock_replay::clock::Stopwatch;
use bedrock_replay::workload::Workload;
use bedrock_replay::Engine;

/// Blocks are measured so often in one go: the clock is coarse.
const RUNS: u64 = 10;

/// One transaction of a kind.
struct Figures {
    verify: u64,
    execute: u64,
    gas: u64,
    bytes: u64,
}

fn measure(workload: Workload, longest: usize) -> Result<Figures, String> {
    let count = match workload {
        Workload::Batch | Workload::SkippedBatch | Workload::FailedBatch => 30,
        _ => 2_000,
    };
    let (chain, block) = workload.block(count, longest).map_err(|fault| fault.to_string())?;
    let stopwatch = Stopwatch::start();
    for _ in 0..RUNS {
        chain.verify(&Engine::Native, &block).map_err(|fault| fault.to_string())?;
    }
    let verify = stopwatch.elapsed().as_nanos() as u64 / RUNS;
    let mut gas = 0;
    let stopwatch = Stopwatch::start();
    for _ in 0..RUNS {
        let executed = chain.execute(&Engine::Native, &block, false).map_err(|fault| fault.to_string())?;
        gas = executed.response.gas_used;
    }
    let execute = stopwatch.elapsed().as_nanos() as u64 / RUNS;
    let bytes: usize = block.iter().map(Vec::len).sum();
    let each = |total: u64| total / count as u64;
    Ok(Figures { verify: each(verify), execute: each(execute), gas: each(gas), bytes: each(bytes as u64) })
}

fn main() -> Result<(), String> {
    let params = Params::default();
    let longest = params.max_record_bytes as usize;
    let mut all = Vec::new();
    println!(
        "{:<16} {:>10} {:>11} {:>10} {:>9} {:>12}",
        "kind", "verify ns", "execute ns", "gas", "bytes", "full block %"
    );
    for workload in Workload::ALL {
        let figures = measure(workload, longest)?;
        all.push(figures);
        let (first, last) = (&all[0], &all[all.len() - 1]);
        // Per cent of a block of transfers, both full by gas.
        let dear =
            (last.verify + last.execute) * first.gas * 100 / (last.gas * (first.verify + first.execute));
        println!(
            "{:<16} {:>10} {:>11} {:>10} {:>9} {:>12}",
            format!("{workload:?}"),
            last.verify,
            last.execute,
            last.gas,
            last.bytes,
            dear
        );
    }
    derive(&all, &params, longest as u64);
    Ok(())
}

/// Prices in nanoseconds, from the differences between kinds.
fn derive(all: &[Figures], params: &Params, longest: u64) {
    let [transfer, batch, small, long, shrink, _, skipped, skipped_batch, ..] = all else { return };
    let read = skipped_batch.execute.saturating_sub(skipped.execute) / 1_000;
    let row = batch.execute.saturating_sub(skipped_batch.execute) / 1_000;
    let write_byte = long.execute.saturating_sub(small.execute) / longest.max(1);
    let derived = [
        ("gas_signature", transfer.verify),
        ("gas_transaction", skipped.execute.saturating_sub(2 * read)),
        ("gas_read", read),
        ("gas_read_byte", shrink.execute.saturating_sub(small.execute) / longest.max(1)),
        ("gas_write", row),
        ("gas_write_byte", write_byte),
    ];
    println!("\n{:<16} {:>10} {:>10}", "price", "measured", "schedule");
    for ((name, _, _), value) in
        BOUNDS.iter().zip(params.values()).filter(|((name, ..), _)| name.starts_with("gas_"))
    {
        match derived.iter().find(|(known, _)| known == name) {
            Some((_, measured)) => println!("{name:<16} {measured:>10} {value:>10}"),
            None => println!("{name:<16} {:>10} {value:>10}", "-"),
        }
    }
}
