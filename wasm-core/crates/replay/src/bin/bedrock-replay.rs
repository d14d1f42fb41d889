//! Executes witness files natively and on wasmi, and compares every outcome.
//!
//!     bedrock-replay --module FILE.wasm WITNESS...
//!
//! Prints one line a file and engine. Exit code 0: all comparable blocks are
//! the same; 1: one differs; 2: a file or the call is wrong.

use bedrock_replay::witness::{decode, replay, Verdict};
use bedrock_replay::{Engine, Sandbox};
use std::process::ExitCode;

const USAGE: &str = "usage: bedrock-replay --module FILE.wasm WITNESS...";

fn main() -> ExitCode {
    match run(std::env::args().skip(1).collect()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("bedrock-replay: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: Vec<String>) -> Result<bool, String> {
    let (module, files) = match arguments.split_first() {
        Some((flag, [module, files @ ..])) if flag == "--module" && !files.is_empty() => (module, files),
        _ => return Err(USAGE.into()),
    };
    let bytes = std::fs::read(module).map_err(|error| format!("read the module {module}: {error}"))?;
    let sandbox = Sandbox::new(&bytes).map_err(|error| format!("{module}: {error}"))?;
    let engines = [("native", Engine::Native), ("wasmi", Engine::Sandbox(Box::new(sandbox)))];
    let (mut same, mut skipped, mut differing) = (0, 0, 0);
    for file in files {
        let bytes = std::fs::read(file).map_err(|error| format!("read {file}: {error}"))?;
        let witness = decode(&bytes).map_err(|error| format!("{file}: {error}"))?;
        for (name, engine) in &engines {
            let verdict = replay(engine, &witness).map_err(|error| format!("{file}: {error}"))?;
            match &verdict {
                Verdict::Same => same += 1,
                Verdict::NotComparable => skipped += 1,
                Verdict::Differs(_) => differing += 1,
            }
            match verdict {
                Verdict::Same => println!("{file}: {name}: same"),
                Verdict::NotComparable => println!("{file}: {name}: not comparable, the block failed"),
                Verdict::Differs(what) => println!("{file}: {name}: DIFFERS: {what}"),
            }
        }
    }
    println!("{same} same, {skipped} not comparable, {differing} differ");
    Ok(differing == 0)
}
