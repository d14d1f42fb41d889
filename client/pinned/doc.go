// Package pinned makes TLS of which only an Ed25519 key counts, on both sides: a
// certificate is made of the own key when it is needed, and the other side's must hold
// a key that is listed. There is no authority, no name and no date to check, and none
// to renew. // rule: pinned-admin
//
//	pinned.Server(identity, clients)   what a node's admin service listens with
//	pinned.Client(key, servers)        what its operator dials with
//
// Invariants
//
//   - TLS 1.3, whose handshake proves that the other side holds its certificate's key.
//   - Both sides need a key of 1 to MaxKeys listed; an empty list is refused, not open.
//   - No session is resumed: a key that is taken off a list opens nothing more.
//
// It must not read files or dial. Guarded by pinned_test.go: wrong key, old key, two
// keys, no key, another kind of key.
package pinned
