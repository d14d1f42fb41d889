//! Test module: the ledger, but every block after epoch 1 fails. Rehearsed on blocks
//! of epoch 1 it behaves as the ledger does; once an epoch runs it, nothing succeeds.

#[cfg(target_arch = "wasm32")]
use bedrock_test_altered::Altered;

#[cfg(target_arch = "wasm32")]
bedrock_sdk::export!(Altered {
    before_the_end: |context| assert!(context.epoch == 1, "this module fails every block after epoch 1"),
    ..Altered::LEDGER
});
