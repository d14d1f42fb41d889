//! Test module: the ledger, but every block that it executes fails.

#[cfg(target_arch = "wasm32")]
use bedrock_test_altered::Altered;

#[cfg(target_arch = "wasm32")]
bedrock_sdk::export!(Altered {
    before_the_end: |_| panic!("this module fails every block"),
    ..Altered::LEDGER
});
