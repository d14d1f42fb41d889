//! Executes blocks outside of the node: natively and on wasmi.
//!
//! Purpose: to cross-check. The same crates that make the module run natively
//! over the five imports as [`CallHost`] gives them, and the module itself runs
//! on another engine ([`Sandbox`]); roots, writes, events and receipts must
//! agree. A [`witness`] carries one block with all that it reads, so that this
//! works anywhere.
//!
//! Invariants:
//! - [`CallHost`] keeps the bounds and the calling rules of
//!   docs/encodings.md, "Imports of a module", as the node's host does.
//! - A failed block is not comparable between engines (docs/execution.md,
//!   failed-block) and is reported as such, never as equal.
//!
//! It must not be part of a node: no consensus, no network, no persistence but
//! the files that its binaries are told to read and write.
//!
//! Guarded by: `tests/engines.rs` (native against wasmi on generated blocks),
//! `tests/witness.rs`, `tests/stack.rs`.

pub mod blocks;
mod chain;
pub mod clock;
mod engine;
pub mod governing;
mod host;
pub mod load;
pub mod network;
mod sandbox;
mod state;
pub mod traffic;
pub mod witness;
pub mod workload;

pub use chain::{receipts_root, Chain, Executed};
pub use engine::{Engine, Export, Machine};
pub use host::{CallHost, Crossings, Effects, KeyValue, OwnedEvent, OwnedRow, Trace};
pub use sandbox::{Limits, Sandbox, Usage};
pub use state::{Base, MemoryState, PageKey};
