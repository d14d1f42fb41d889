// Package consent is a new identity's signed word, as the commands print it: that an
// owner may join it, or that it takes another instance's place. It is public, and is
// handed to who sends the transaction.
//
//	consent.Parse(file, consent.KindRotate) (*Consent, error)
//	(*Consent).Join(moniker, chain, owner)    (ledger.Join, error)
//	(*Consent).Rotate(chain, name, expected)  (ledger.Rotate, error)
//
// Invariants
//
//   - One format for all programs: what one prints, the others read.
//   - An operation is given only where chain, owner or place are those that were
//     consented to, and the signature holds, as the ledger will check it.
//
// It must not hold keys or ask nodes. Guarded by consent_test.go.
package consent
