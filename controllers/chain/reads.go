package chain

import (
	"context"
	"encoding/hex"
	"fmt"

	"github.com/bedrock-bft/bedrock/client"
	"github.com/bedrock-bft/bedrock/client/ledger"
)

// row reads and verifies one row of the state.
func (n *Nodes) row(ctx context.Context, at Endpoint, path string, data, key []byte) (*client.State, error) {
	c, err := n.at(at)
	if err != nil {
		return nil, err
	}
	s, err := c.Query(ctx, path, data, 0, key)
	if err != nil {
		return nil, failed(at, path, err)
	}
	return s, nil
}

// Validator implements Client.
func (n *Nodes) Validator(ctx context.Context, at Endpoint, name ledger.ID) (*Member, error) {
	s, err := n.row(ctx, at, "validator/"+name.String(), nil, ledger.ValidatorKey(name))
	if err != nil {
		return nil, err
	}
	if s.Absent {
		return nil, fmt.Errorf("validator %s: %w at height %d", name, ErrNotFound, s.Height)
	}
	v, err := ledger.DecodeValidator(s.Value)
	if err != nil {
		return nil, fmt.Errorf("validator %s: %w", name, err)
	}
	m := memberOf(name, v)
	return &m, nil
}

// maxHeldKey bounds a key that is asked for: those of BLS12-381 are the longest.
const maxHeldKey = 96

// Holder implements Client.
func (n *Nodes) Holder(ctx context.Context, at Endpoint, key []byte) (ledger.ID, error) {
	if len(key) == 0 || len(key) > maxHeldKey {
		return ledger.ID{}, fmt.Errorf("a key of %d bytes: want 1 to %d", len(key), maxHeldKey)
	}
	s, err := n.row(ctx, at, "key_holder", key, ledger.HolderKey(key))
	if err != nil {
		return ledger.ID{}, err
	}
	if s.Absent {
		return ledger.ID{}, fmt.Errorf("holder of key %s: %w at height %d", hex.EncodeToString(key), ErrNotFound, s.Height)
	}
	return ledger.DecodeHolder(s.Value)
}

// Authority implements Client.
func (n *Nodes) Authority(ctx context.Context, at Endpoint) (ledger.Authority, error) {
	s, err := n.row(ctx, at, "authority", nil, ledger.AuthorityKey())
	if err != nil {
		return ledger.Authority{}, err
	}
	if s.Absent {
		return ledger.Authority{}, fmt.Errorf("the authority: %w at height %d: the chain has none", ErrNotFound, s.Height)
	}
	return ledger.DecodeAuthority(s.Value)
}

// Account implements Client.
func (n *Nodes) Account(ctx context.Context, at Endpoint, who ledger.Address) (ledger.Account, error) {
	s, err := n.row(ctx, at, "account/"+who.String(), nil, ledger.AccountKey(who))
	if err != nil || s.Absent {
		return ledger.Account{}, err
	}
	return ledger.DecodeAccount(s.Value)
}

// Parameters implements Client.
func (n *Nodes) Parameters(ctx context.Context, at Endpoint) (map[string]uint64, error) {
	s, err := n.row(ctx, at, "params", nil, ledger.ParametersKey())
	if err != nil {
		return nil, err
	}
	values, err := ledger.DecodeParameters(s.Value)
	if err != nil {
		return nil, err
	}
	out := make(map[string]uint64, len(values))
	for i, name := range ledger.ParameterNames {
		out[name] = values[i]
	}
	return out, nil
}
