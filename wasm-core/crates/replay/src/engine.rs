//! The engines that a call can run on.

use crate::host::CallHost;
use crate::sandbox::Sandbox;
use crate::state::Base;
use bedrock_abi::{Fault, Host};
use bedrock_ledger::Ledger;
use bedrock_sdk::StateMachine;

/// An export of the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Export {
    /// State of height 0.
    Genesis,
    /// Judges transactions without state.
    Verify,
    /// Judges transactions for the pool.
    Check,
    /// Executes a block.
    Execute,
    /// Reads with a proof.
    Query,
}

impl Export {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Export::Genesis => "genesis",
            Export::Verify => "verify",
            Export::Check => "check",
            Export::Execute => "execute",
            Export::Query => "query",
        }
    }
}

/// A state machine of whatever type, as the module with it behaves.
pub trait Machine {
    /// Runs one call.
    fn call(&self, export: Export, request: &[u8], host: &mut dyn Host) -> Result<Vec<u8>, Fault>;
}

impl<M: StateMachine> Machine for M {
    fn call(&self, export: Export, request: &[u8], host: &mut dyn Host) -> Result<Vec<u8>, Fault> {
        match export {
            Export::Genesis => bedrock_sdk::genesis(self, host, request),
            Export::Verify => bedrock_sdk::verify(self, request),
            Export::Check => bedrock_sdk::check(self, host, request),
            Export::Execute => bedrock_sdk::execute(self, host, request),
            Export::Query => bedrock_sdk::query(self, host, request),
        }
    }
}

/// Where calls run.
pub enum Engine {
    /// This build of the ledger.
    Native,
    /// This build of another state machine.
    Machine(Box<dyn Machine>),
    /// A module, on wasmi.
    Sandbox(Box<Sandbox>),
}

impl Engine {
    /// An engine of this build of a state machine.
    pub fn of(machine: impl Machine + 'static) -> Self {
        Engine::Machine(Box::new(machine))
    }

    /// Runs one call and gives the host back.
    pub fn call<B: Base + 'static>(
        &self,
        export: Export,
        request: &[u8],
        mut host: CallHost<B>,
    ) -> (Result<Vec<u8>, Fault>, CallHost<B>) {
        let machine: &dyn Machine = match self {
            Engine::Sandbox(sandbox) => return sandbox.call(export, request, host),
            Engine::Machine(machine) => machine.as_ref(),
            Engine::Native => &Ledger,
        };
        (machine.call(export, request, &mut host), host)
    }
}
