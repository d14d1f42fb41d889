package chain

import (
	"crypto/ed25519"
	"crypto/sha256"
	"sync"

	"github.com/bedrock-bft/bedrock/controllers/names"
)

// maxDialed bounds the networks whose clients are kept; above it all are forgotten,
// which costs reading their epochs anew.
const maxDialed = 4096

// Dialer gives the client of a network by its genesis document: the same client for
// the same document, so that epochs are verified once. It does not connect.
type Dialer func(document []byte) (Client, error)

// AdminDialer gives the administration of nodes that an operator's key may do.
type AdminDialer func(operator ed25519.PrivateKey) (Admin, error)

// NewDialer is the Dialer over the nodes' RPC. What the options say of trust is taken
// from each document.
func NewDialer(opt Options) Dialer {
	var mu sync.Mutex
	known := map[[sha256.Size]byte]Client{}
	return func(document []byte) (Client, error) {
		hash := sha256.Sum256(document)
		mu.Lock()
		defer mu.Unlock()
		if c := known[hash]; c != nil {
			return c, nil
		}
		trust, err := TrustOf(document)
		if err != nil {
			return nil, err
		}
		o := opt
		o.Trust = trust
		c, err := New(o)
		if err != nil {
			return nil, err
		}
		if len(known) >= maxDialed {
			clear(known)
		}
		known[hash] = c
		return c, nil
	}
}

// NewAdminDialer is the AdminDialer over the nodes' admin services: the same
// administration for the same key, so that connections are kept. // rule: pinned-admin
func NewAdminDialer() AdminDialer {
	var mu sync.Mutex
	known := map[[sha256.Size]byte]Admin{}
	return func(operator ed25519.PrivateKey) (Admin, error) {
		hash := sha256.Sum256(operator)
		mu.Lock()
		defer mu.Unlock()
		if a := known[hash]; a != nil {
			return a, nil
		}
		a, err := NewAdmin(operator)
		if err != nil {
			return nil, err
		}
		if len(known) >= maxDialed {
			clear(known)
		}
		known[hash] = a
		return a, nil
	}
}

// EndpointOf is the RPC of a validator's instance, by its headless Service.
func EndpointOf(namespace, validator string, instance int32) Endpoint {
	return Endpoint(names.RPCURL(namespace, names.Instance(validator, instance)))
}

// AdminURLOf is the URL of its admin service.
func AdminURLOf(namespace, validator string, instance int32) string {
	return names.AdminURL(namespace, names.Instance(validator, instance))
}
