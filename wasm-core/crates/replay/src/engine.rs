//! The engines that a call can run on.

use crate::host::CallHost;
use crate::sandbox::Sandbox;
use crate::state::Base;
use bedrock_abi::Fault;
use bedrock_ledger::Ledger;

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

/// Where calls run.
pub enum Engine {
    /// This build of the crates.
    Native,
    /// A module, on wasmi.
    Sandbox(Box<Sandbox>),
}

impl Engine {
    /// Runs one call and gives the host back.
    pub fn call<B: Base + 'static>(
        &self,
        export: Export,
        request: &[u8],
        mut host: CallHost<B>,
    ) -> (Result<Vec<u8>, Fault>, CallHost<B>) {
        match self {
            Engine::Sandbox(sandbox) => sandbox.call(export, request, host),
            Engine::Native => {
                let answer = match export {
                    Export::Genesis => bedrock_sdk::genesis(&Ledger, &mut host, request),
                    Export::Verify => bedrock_sdk::verify(&Ledger, request),
                    Export::Check => bedrock_sdk::check(&Ledger, &mut host, request),
                    Export::Execute => bedrock_sdk::execute(&Ledger, &mut host, request),
                    Export::Query => bedrock_sdk::query(&Ledger, &mut host, request),
                };
                (answer, host)
            }
        }
    }
}
