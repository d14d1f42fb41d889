//! Test module: the ledger with schema 2. Its migration writes every account's row and
//! adds one beside it, and is so dear that a block of 1,000,000,000 gas takes 100 rows.

#[cfg(target_arch = "wasm32")]
use bedrock_test_altered::Altered;

#[cfg(target_arch = "wasm32")]
bedrock_sdk::export!(Altered { schema: 2, row_gas: 9_990_000, ..Altered::LEDGER });
