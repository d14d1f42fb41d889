//! The state machine that ships: what a consortium needs on day one, and the
//! example for writing another.
//!
//! Purpose: accounts with nonce and balance, transfers, owned records with a
//! deposit, fees, a gas schedule and limits that are parameters in state;
//! validators and their keys, an authority, evidence, epochs and upgrades.
//! Encodings: docs/encodings.md, "Ledger transactions" and "Ledger state".
//!
//! Invariants:
//! - Conservation: the sum of all balances, what is burned and what is
//!   deposited is what genesis issued, after every transaction.
//! - A nonce is used once: a transaction that paid its fee never executes
//!   again, whether its effects succeeded or not.
//! - Order: bad nonce or unpayable fee is skipped, coded, the minimum gas
//!   counted and nothing charged; otherwise the fee comes first, then effects.
//! - Gas comes from the schedule in state and from logical sizes alone.
//! - `execute` checks no signature of a transaction: `verify` did, before the
//!   vote. Those of evidence it does check.
//! - A set that a block asks for has validators, each with power, keys that are
//!   keys, and none that was another's. rule: epoch-set-valid, identity-once
//! - What is fee-free does what it says or is skipped; a repeat does nothing.
//!
//! It must not read a clock, use floats, recurse on input or panic.
//!
//! Guarded by: `tests/execution.rs`, `tests/conservation.rs`,
//! `tests/encoding.rs`, `tests/vectors.rs` (with Go, `test/vectors/ledger.json`),
//! `tests/gas.rs` (the dearest block against a block of transfers);
//! `tests/governance.rs`, `tests/jailing.rs`, `tests/upgrade.rs`,
//! `tests/refusals.rs`, `tests/governed_props.rs` (random governance); both
//! signature schemes through the module: `crates/replay/tests/curves.rs`.

mod admission;
pub mod amount;
pub mod codes;
mod effects;
pub mod epoch;
mod epochs;
pub mod evidence;
mod execution;
pub mod gas;
mod genesis;
mod governance;
pub mod json;
pub mod keys;
mod machine;
pub mod operation;
pub mod params;
mod query;
pub mod transaction;
pub mod validator;
pub mod values;
mod verification;
mod wire;

pub use machine::Ledger;
pub use verification::POSSESSION_GAS;
