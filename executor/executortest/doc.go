// Package executortest is a small state machine for tests of whole nodes: a
// module of the full contract that misbehaves when a transaction asks for it.
//
// It keeps no state: the root never changes, each transaction is a nonce lane of
// its own, and any bytes are a valid transaction. The first byte says what the
// module does with it (the Op constants). TestMachine holds it to that, through
// the executor's host. Nothing but tests may import it.
package executortest
