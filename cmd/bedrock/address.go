package main

import (
	"crypto/ed25519"

	"github.com/bedrock-bft/bedrock/client/ledger"
)

// addressText is the address of a public key as it is shown.
func addressText(public []byte) string {
	return ledger.AddressOf(ed25519.PublicKey(public)).String()
}
