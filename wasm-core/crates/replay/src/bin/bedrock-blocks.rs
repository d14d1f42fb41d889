//! Writes a blocks file: a state of many accounts and blocks of transfers on
//! it, the same for the same arguments (layout: `src/blocks.rs`).
//!
//!     bedrock-blocks ACCOUNTS BLOCKS TRANSFERS FILE

use bedrock_replay::blocks::Blocks;
use std::fs::File;
use std::io::BufWriter;
use std::process::ExitCode;

/// What the accounts' keys and the transfers are derived from.
const SEED: u64 = 7;

fn main() -> ExitCode {
    match run(std::env::args().skip(1).collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bedrock-blocks: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: Vec<String>) -> Result<(), String> {
    let [accounts, blocks, transfers, path] = &arguments[..] else {
        return Err("usage: bedrock-blocks ACCOUNTS BLOCKS TRANSFERS FILE".into());
    };
    let number = |text: &String, most: u64| match text.parse() {
        Ok(number) if (1..=most).contains(&number) => Ok(number),
        _ => Err(format!("{text:?} is no number of 1 to {most}")),
    };
    let (accounts, count) = (number(accounts, 1_000_000)?, number(blocks, 1_000)?);
    let generated = Blocks::transfers(SEED, accounts, count, number(transfers, 60_000)?);
    let generated = generated.map_err(|fault| fault.to_string())?;
    let file = File::create(path).map_err(|error| format!("create {path}: {error}"))?;
    generated.write(&mut BufWriter::new(file)).map_err(|error| format!("write {path}: {error}"))
}
