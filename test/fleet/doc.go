// Package fleet runs real networks of bedrock processes for tests: it starts and
// kills nodes, loads them with signed transfers, has verifying clients follow
// every node, and compares at the end what all of them said and signed.
//
// Invariants, held by every test that uses it without asking
//
//   - No identity has two votes of one kind, epoch and view on record, in any vote
//     log that was ever kept, and no vote log's newest state falls.
//   - All nodes tell the same block, transactions and outcome of each height, and
//     what a client was told is final stays so.
//   - No node ends unasked, unless the test said so.
//
// It must not decide what a test is about. Guarded by test/chaos, which damages
// what it holds, and by votes_test.go.
package fleet
