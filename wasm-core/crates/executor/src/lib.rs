//! The module that ships: the ledger behind the exports of `abi_version` 1.
//!
//! Purpose: to name the state machine; all else is in `crates/sdk` and
//! `crates/ledger`. Its canonical build is committed at `executor/module/`,
//! and the SHA-256 of that file is the executor hash.
//!
//! It must not hold logic. Guarded by `crates/replay/tests` (the committed
//! module against native code) and by the module's byte-for-byte rebuild.

#[cfg(target_arch = "wasm32")]
bedrock_sdk::export!(bedrock_ledger::Ledger);
