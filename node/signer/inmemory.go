package signer

import (
	"crypto/ed25519"

	"github.com/bedrock-bft/bedrock/node/types"
)

// InMemory is a signer without a volume: Recovered, Recorded and Sign go by the same
// rules, and nothing locks its keys or makes them outlive it. It is for the simulator,
// whose volumes are simulated; a node opens one on a volume. // rule: key-with-memory
func InMemory(network ed25519.PrivateKey, consensus types.PrivateKey) *Signer {
	return &Signer{network: network, consensus: consensus, guard: guard{suspended: map[string]string{}}}
}
