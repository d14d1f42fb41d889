// Package home makes the homes of a new network, and of a newcomer to one that
// exists: what `bedrock init` writes.
//
//	D/genesis.json       written last: its presence says that the network is whole
//	D/accounts.json      secrets of funded accounts, for networks without value
//	D/node0 …            homes: config.yaml, data/ (chain volume), signer/ (signer
//	                     volume: identity, keys, vote log)
//
// Invariants
//
//   - Nothing is overwritten: a folder that holds a network, or the rest of one,
//     is refused.
//   - Identities are made on their volumes (node/signer); this package sees their
//     public records only.
//   - genesis.json is a pure function of records, settings and the time given.
//
// It must not start anything. Guarded by network_test.go and join_test.go.
package home
