//! The five imports as a trait, so that the same code runs in the sandbox and
//! natively.

use core::fmt;

/// The imports of a module. Requests and answers have the layouts of
/// [`crate::lists`].
///
/// In the sandbox an import that fails ends the instance; a native host
/// answers with a [`Fault`].
pub trait Host {
    /// Reads values and tree pages to the end of `answer`; the room that it
    /// has there is a guess of what is needed.
    fn state_read(&mut self, request: &[u8], answer: &mut Vec<u8>) -> Result<(), Fault>;
    /// Writes values, tree pages and the list of stale pages.
    fn state_write(&mut self, request: &[u8]) -> Result<(), Fault>;
    /// Emits events.
    fn emit_event(&mut self, request: &[u8]) -> Result<(), Fault>;
    /// Consumes gas; answers how many leading amounts fitted.
    fn consume_gas(&mut self, request: &[u8]) -> Result<u32, Fault>;
    /// Answers with the encoded `Context`.
    fn block_metadata(&mut self, answer: &mut Vec<u8>) -> Result<(), Fault>;
}

/// Why a call cannot go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The module's own: a limit of the contract is broken, a request is
    /// malformed. In the sandbox it is a trap.
    Module(String),
    /// The state that the host handed over does not verify, or its reading
    /// failed. rule: host-fault
    State(String),
}

impl Fault {
    /// A fault of the module's own.
    pub fn module(what: impl Into<String>) -> Self {
        Fault::Module(what.into())
    }

    /// A fault of the host or of its state.
    pub fn state(what: impl Into<String>) -> Self {
        Fault::State(what.into())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Module(what) => f.write_str(what),
            Fault::State(what) => write!(f, "state does not verify: {what}"),
        }
    }
}

impl std::error::Error for Fault {}

impl From<crate::WireError> for Fault {
    fn from(error: crate::WireError) -> Self {
        Fault::Module(error.to_string())
    }
}
