//! Test module: the ledger, but every block that it executes fails.

#[cfg(target_arch = "wasm32")]
bedrock_sdk::export!(bedrock_test_altered::Altered {
    before_the_end: |_| panic!("this module fails every block"),
});
