//! Test module: the ledger that ships under another hash, for an upgrade after
//! which nothing differs.

#[cfg(target_arch = "wasm32")]
bedrock_sdk::export!(bedrock_ledger::Ledger);

/// A custom section: part of the file, and of nothing that runs.
#[cfg(target_arch = "wasm32")]
#[used]
#[unsafe(link_section = "copy")]
static COPY: [u8; 4] = *b"copy";
