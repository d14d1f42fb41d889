// Package signer keeps a signer volume and signs for the process that holds it.
//
// A signer volume is an instance: on it, and nowhere else, a network identity
// is born, with a consensus key and an empty vote log (docs/keys.md).
//
//	signer/
//	    identity.json   public record; written last, so its presence means born
//	    network.key     Ed25519 secret of the network identity, mode 0600
//	    consensus.key   secret of the consensus key, mode 0600
//	    marks           what the volume is mounted as
//	    boots           how often the volume was opened
//	    votelog/        what was signed (node/storage/votelog)
//	    continued       the recovery genesis that was taken with that vote log
//	    superseded      the chain left this identity behind: its keys were deleted
//	    aside-*/        identities that may not sign any more, kept unused, by number in
//	                    the order in which they were set aside
//
// Use
//
//	signer.Init(dir, InitOptions)      once, by `bedrock identity init`
//	signer.Open(dir, Options)          at each start; may set the identity aside
//	s.Recovered(genesis, state)        what the vote log held when it was opened
//	s.Recorded(state)                  after each synced write of the vote log
//	s.Sign(epoch, message)             instance-match, then what the state records
//
// Invariants
//
//   - identity-born, exclusive-volume, volume-foreign: see Open.
//   - Sign is a second line of defence behind node/consensus: it signs only a
//     message that the last recorded SafetyState accounts for, in an epoch that
//     names this instance, and never two different messages of one kind and view.
//     When in doubt it refuses: a refused signature costs a view, a second one the
//     key.
//   - Secrets leave the package in no form but the network key for the handshake.
//
// It must not decide what to vote, talk to anybody or start an empty vote log
// for a key that exists. Guarded by volume_test.go, which breaks off births and
// set-asides at every step, foreign_test.go and guard_test.go.
package signer
