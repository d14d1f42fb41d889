//! What a state machine is written on.
//!
//! Purpose: everything between the host's imports and the rules of one state
//! machine ([`StateMachine`]): declared keys read in one vectored call, a
//! store with an overlay a transaction, events, gas of the block, the tree's
//! update, queries with proofs, migrations to another schema, and the module's
//! exports ([`export!`]).
//!
//! Invariants:
//! - A block's execution is a function of the state, its context and its
//!   transactions. Only `BTreeMap` and sorted vectors decide an order.
//! - The host is called a fixed number of times a block, however many
//!   transactions it has, but for lists that exceed one call.
//! - What a failed transaction wrote or emitted is dropped
//!   ([`Step::attempt`]); receipts are one a transaction, in order.
//! - Rows that the host hands over are compared with the keys asked for; a
//!   root page that does not hash to the named root is a host fault.
//!
//! It must not know accounts, fees or any rule of a ledger.
//!
//! Guarded by: `tests/machine.rs` (on `examples/counter`, a second state machine),
//! `tests/migration.rs` (any split gives one state), `tests/store.rs` (the overlay
//! against a plain map), `crates/ledger/tests`, and `crates/replay/tests` (native
//! against the sandbox).

mod block;
mod calls;
mod events;
mod genesis;
mod keys;
mod machine;
mod migration;
mod store;
mod tree;

pub use bedrock_abi as abi;
pub use bedrock_abi::generated::{CheckItem, CheckVerdict, Context, EpochParams, GenesisRequest, StateRef};
pub use bedrock_abi::response::{Receipt, Verdict};
pub use bedrock_abi::{Fault, Host};
pub use block::{execute, Step};
pub use calls::{check, genesis, query, verify};
pub use events::Events;
pub use genesis::Genesis;
pub use keys::{KeyRef, Keys};
pub use machine::{Ending, Refusal, StateMachine, TxResult};
pub use migration::{Rewrite, Schema, MIGRATING};
pub use store::Store;

/// Defines the exports of a module that runs a state machine.
///
/// The crate that calls it is the module: a `cdylib` for wasm32.
#[macro_export]
macro_rules! export {
    ($machine:expr) => {
        /// Room for a request of `len` bytes.
        #[unsafe(no_mangle)]
        pub extern "C" fn alloc(len: u32) -> u32 {
            $crate::abi::guest::alloc(len as usize) as u32
        }

        /// Version of the contract.
        #[unsafe(no_mangle)]
        pub extern "C" fn abi_version() -> i32 {
            $crate::abi::ABI_VERSION
        }

        $crate::export!(@call $machine, genesis);
        $crate::export!(@call $machine, check);
        $crate::export!(@call $machine, execute);
        $crate::export!(@call $machine, query);

        /// Judges transactions without state.
        #[unsafe(no_mangle)]
        pub extern "C" fn verify(ptr: u32, len: u32) -> i64 {
            $crate::abi::guest::call(ptr, len, |_, request| $crate::verify(&$machine, request))
        }
    };
    (@call $machine:expr, $name:ident) => {
        /// See docs/encodings.md, "Imports of a module".
        #[unsafe(no_mangle)]
        pub extern "C" fn $name(ptr: u32, len: u32) -> i64 {
            $crate::abi::guest::call(ptr, len, |host, request| $crate::$name(&$machine, host, request))
        }
    };
}
