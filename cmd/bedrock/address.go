package main

import (
	"crypto/sha256"
	"encoding/hex"
)

// addressText is the address of a public key as it is shown.
func addressText(public []byte) string {
	sum := sha256.Sum256(public)
	return hex.EncodeToString(sum[:])
}
