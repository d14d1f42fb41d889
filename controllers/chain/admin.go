package chain

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"fmt"

	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/node/types"
)

// AdminEndpoint is a node's admin service. Over https only the Ed25519 key of the
// certificate counts, and it must be one of Keys: the node's network identity, two
// while one follows the other. http is for loopback. // rule: pinned-admin
type AdminEndpoint struct {
	URL  string
	Keys []ledger.ID // 1 or 2 with https
}

// Admin administers nodes. It is safe for concurrent use. An error of a node that
// does not answer is ErrUnreachable; a refusal says why.
type Admin interface {
	// SuspendSigning holds a node's signing back until ResumeSigning or, where it is
	// restarted, no longer. // rule: boot-count
	SuspendSigning(ctx context.Context, at AdminEndpoint, reason string) error
	// ResumeSigning lifts it.
	ResumeSigning(ctx context.Context, at AdminEndpoint) error
	// ConsentToJoin has the node's identity agree that an owner (its Ed25519 public
	// key) joins it.
	ConsentToJoin(ctx context.Context, at AdminEndpoint, owner ledger.ID) (*Consent, error)
	// ConsentToRotate has the node's identity agree to take the place of expected, up
	// to a last height.
	ConsentToRotate(ctx context.Context, at AdminEndpoint, validator, expected ledger.ID, validUntil uint64) (*Consent, error)
	// SignReady has a candidate's node sign that it is synced: a transaction to
	// submit. Refused while it is not.
	SignReady(ctx context.Context, at AdminEndpoint, validator ledger.ID) ([]byte, error)
	// AddExecutor gives a node a module; refused with the reason if it will not do.
	AddExecutor(ctx context.Context, at AdminEndpoint, module []byte) (types.Hash, error)
	// Executors are the modules that a node holds.
	Executors(ctx context.Context, at AdminEndpoint) ([]types.Hash, error)
	// SetHaltHeight ends the node once a height is final; 0 lifts that.
	SetHaltHeight(ctx context.Context, at AdminEndpoint, height uint64) error
	// Peers are those that a node is connected to.
	Peers(ctx context.Context, at AdminEndpoint) ([]Peer, error)
}

// Consent is a new identity's signed word, with its keys.
type Consent struct {
	Genesis      types.Hash
	Identity     ledger.ID
	ConsensusKey []byte
	Possession   []byte // empty with Ed25519
	Signature    [64]byte
	ValidUntil   uint64 // of a rotation
}

// Join is the operation that the consent allows.
func (c *Consent) Join(moniker string) ledger.Join {
	return ledger.Join{Identity: c.Identity, ConsensusKey: c.ConsensusKey, Possession: c.Possession, Moniker: moniker, Consent: c.Signature}
}

// Rotate is the operation that the consent allows.
func (c *Consent) Rotate(validator, expected ledger.ID) ledger.Rotate {
	return ledger.Rotate{Validator: validator, Expected: expected, Identity: c.Identity, ConsensusKey: c.ConsensusKey, Possession: c.Possession, Consent: c.Signature}
}

// Peer is a connected node.
type Peer struct {
	Identity    ledger.ID
	Address     string
	Role        string
	FinalHeight uint64
}

// KeyID is an Ed25519 public key as the ledger and configurations name it.
func KeyID(key ed25519.PublicKey) (ledger.ID, error) {
	if len(key) != ed25519.PublicKeySize {
		return ledger.ID{}, fmt.Errorf("%s is no Ed25519 public key", hex.EncodeToString(key))
	}
	return ledger.ID(key), nil
}
