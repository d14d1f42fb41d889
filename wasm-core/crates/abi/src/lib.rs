//! The contract between the host and an executor module.
//!
//! Purpose: messages (generated from `proto/bedrock/executor/v1`), the fixed
//! layouts of the five imports (docs/encodings.md, "Imports of a module"),
//! and the glue of the exports.
//!
//! Invariants:
//! - `execute` and `verify` are hot: their requests are read in place
//!   ([`ExecutionRequest`], [`VerifyRequest`]) and their answers written
//!   directly ([`response`]); everything else goes through `prost`.
//! - Every decoder is bounded by its input and never recurses on it.
//! - `unsafe` stands in [`guest`] alone, which exists on wasm32 only.
//!
//! It must not know a state machine, a tree or a signature.
//!
//! Guarded by: the tests of each module, which hold the hand-written codecs to
//! the generated ones.

pub mod generated {
    //! Messages generated from `proto/`.
    #![allow(clippy::all, missing_docs)]
    include!("gen/bedrock.executor.v1.rs");
}

#[cfg(target_arch = "wasm32")]
pub mod guest;
mod host;
pub mod lists;
mod request;
pub mod response;
mod wire;

pub use host::{Fault, Host};
pub use prost::Message;
pub use request::{ExecutionRequest, VerifyRequest};
pub use wire::WireError;

/// Version of this contract, as the export `abi_version` answers it.
pub const ABI_VERSION: i32 = 1;

/// Most entries of one list handed to an import.
pub const MAX_LIST_ENTRIES: usize = 65_536;

/// Bytes at which a module closes a list: half of what the host refuses.
pub const LIST_BYTES: usize = 8 << 20;

/// Most events of one block.
pub const MAX_BLOCK_EVENTS: usize = 65_536;

/// Longest raw state key in bytes.
pub const MAX_KEY_BYTES: usize = 256;

/// Longest state value in bytes.
pub const MAX_VALUE_BYTES: usize = 64 << 10;
