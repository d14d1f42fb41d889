package chaintest

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"net/url"

	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/controllers/chain"
	"github.com/bedrock-bft/bedrock/node/types"
)

// administer reaches the node whose host the admin endpoint names; a key that is
// pinned must be its identity's. // rule: pinned-admin
func (c *Chain) administer(ctx context.Context, at chain.AdminEndpoint) (*Node, error) {
	want, err := url.Parse(at.URL)
	if err != nil {
		return nil, err
	}
	for endpoint, n := range c.nodes {
		u, err := url.Parse(string(endpoint))
		if err != nil || u.Hostname() != want.Hostname() {
			continue
		}
		if n, err = c.reach(ctx, endpoint); err != nil {
			return nil, err
		}
		for _, k := range at.Keys {
			if k == n.identityLocked() {
				return n, nil
			}
		}
		if len(at.Keys) == 0 {
			return n, nil
		}
		return nil, fmt.Errorf("%s: its key is %s, which is not pinned", at.URL, n.identityLocked())
	}
	return nil, fmt.Errorf("%s: %w", at.URL, chain.ErrUnreachable)
}

// on runs f with the node of an admin endpoint.
func (c *Chain) on(ctx context.Context, at chain.AdminEndpoint, f func(*Node) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, err := c.administer(ctx, at)
	if err != nil {
		return err
	}
	return f(n)
}

// SuspendSigning implements chain.Admin.
func (c *Chain) SuspendSigning(ctx context.Context, at chain.AdminEndpoint, reason string) error {
	return c.on(ctx, at, func(n *Node) error { n.suspended = reason; return nil })
}

// ResumeSigning implements chain.Admin.
func (c *Chain) ResumeSigning(ctx context.Context, at chain.AdminEndpoint) error {
	return c.on(ctx, at, func(n *Node) error { n.suspended = ""; return nil })
}

func (n *Node) consent(statement []byte) *chain.Consent {
	return &chain.Consent{Genesis: n.c.opt.Genesis, Identity: n.identityLocked(), ConsensusKey: n.keyLocked(),
		Signature: [64]byte(ed25519.Sign(secret(n.volume, n.generation), statement))}
}

// ConsentToJoin implements chain.Admin.
func (c *Chain) ConsentToJoin(ctx context.Context, at chain.AdminEndpoint, owner ledger.ID) (out *chain.Consent, err error) {
	err = c.on(ctx, at, func(n *Node) error {
		out = n.consent(ledger.JoinStatement(c.opt.Genesis, owner, n.keyLocked()))
		return nil
	})
	return out, err
}

// ConsentToRotate implements chain.Admin.
func (c *Chain) ConsentToRotate(ctx context.Context, at chain.AdminEndpoint, validator, expected ledger.ID, validUntil uint64) (out *chain.Consent, err error) {
	err = c.on(ctx, at, func(n *Node) error {
		terms := ledger.RotateTerms{Genesis: c.opt.Genesis, Validator: validator, Expected: expected, ConsensusKey: n.keyLocked(), ValidUntil: validUntil}
		out = n.consent(terms.Statement())
		out.ValidUntil = validUntil
		return nil
	})
	return out, err
}

// SignReady implements chain.Admin.
func (c *Chain) SignReady(ctx context.Context, at chain.AdminEndpoint, validator ledger.ID) (tx []byte, err error) {
	err = c.on(ctx, at, func(n *Node) error {
		if !n.synced {
			return fmt.Errorf("%s: it syncs", at.URL)
		}
		op := ledger.Ready{Validator: validator, Identity: n.identityLocked()}
		tx, err = ledger.Sign(secret(n.volume, n.generation), ledger.FeeFreeBody(c.opt.Genesis, 0, op))
		return err
	})
	return tx, err
}

// AddExecutor implements chain.Admin: it accepts everything.
func (c *Chain) AddExecutor(ctx context.Context, at chain.AdminEndpoint, module []byte) (types.Hash, error) {
	hash := types.SumHash(module)
	return hash, c.on(ctx, at, func(n *Node) error { n.modules = append(n.modules, hash); return nil })
}

// Executors implements chain.Admin.
func (c *Chain) Executors(ctx context.Context, at chain.AdminEndpoint) (out []types.Hash, err error) {
	err = c.on(ctx, at, func(n *Node) error { out = append(out, n.modules...); return nil })
	return out, err
}

// SetHaltHeight implements chain.Admin: the node stops once the height is final.
func (c *Chain) SetHaltHeight(ctx context.Context, at chain.AdminEndpoint, height uint64) error {
	return c.on(ctx, at, func(n *Node) error { n.halt = height; return nil })
}

// Peers implements chain.Admin.
func (c *Chain) Peers(ctx context.Context, at chain.AdminEndpoint) (out []chain.Peer, err error) {
	err = c.on(ctx, at, func(n *Node) error {
		for endpoint, other := range c.nodes {
			id := other.identityLocked()
			if _, cut := n.cut[id]; other != n && other.up && !cut {
				out = append(out, chain.Peer{Identity: id, Address: string(endpoint), Role: "validator", FinalHeight: c.height})
			}
		}
		return nil
	})
	return out, err
}
