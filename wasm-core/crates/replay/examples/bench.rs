//! Microseconds of a core a transfer, natively, for `verify` and `execute`, state and
//! pages in memory.
//!
//!     cargo run --release -p bedrock-replay --example bench [-- FILE | ACCOUNTS]
//!
//! FILE is what `bedrock-blocks` wrote; without it the blocks are made here.

use bedrock_replay::blocks::Blocks;
use bedrock_replay::clock::Stopwatch;
use bedrock_replay::Engine;
use std::fs::File;
use std::io::BufReader;

fn blocks() -> Result<Blocks, String> {
    let argument = std::env::args().nth(1);
    match argument.as_deref().map(|text| (text, text.parse::<u64>())) {
        Some((path, Err(_))) => {
            let file = File::open(path).map_err(|error| format!("open {path}: {error}"))?;
            Blocks::read(&mut BufReader::new(file)).map_err(|error| format!("read {path}: {error}"))
        }
        Some((_, Ok(accounts))) => Blocks::transfers(7, accounts, 4, 10_000).map_err(|f| f.to_string()),
        None => Blocks::transfers(7, 1_000_000, 4, 10_000).map_err(|f| f.to_string()),
    }
}

fn main() -> Result<(), String> {
    let blocks = blocks()?;
    println!("{} rows, {} pages", blocks.effects.rows.len(), blocks.effects.pages.len());
    let mut chain = blocks.chain().map_err(|fault| fault.to_string())?;
    println!("{:>6} {:>12} {:>10} {:>10} {:>10}", "block", "transfers", "verify us", "execute us", "both us");
    for (index, block) in blocks.blocks.iter().enumerate() {
        let started = Stopwatch::start();
        let verdicts = chain.verify(&Engine::Native, block).map_err(|fault| fault.to_string())?;
        let verify = started.elapsed();
        assert!(verdicts.iter().all(|verdict| verdict.code == 0), "a transfer is refused");
        let started = Stopwatch::start();
        let executed = chain.execute(&Engine::Native, block, false).map_err(|fault| fault.to_string())?;
        let execute = started.elapsed();
        assert!(executed.response.receipts.iter().all(|receipt| receipt.code == 0), "a transfer failed");
        chain.commit(&executed).map_err(|fault| fault.to_string())?;
        let nanos = |total: std::time::Duration| total.as_nanos() / block.len() as u128;
        let text = |nanos: u128| format!("{}.{:02}", nanos / 1_000, nanos % 1_000 / 10);
        let (verify, execute) = (nanos(verify), nanos(execute));
        let row = [text(verify), text(execute), text(verify + execute)];
        println!("{index:>6} {:>12} {:>10} {:>10} {:>10}", block.len(), row[0], row[1], row[2]);
    }
    Ok(())
}
