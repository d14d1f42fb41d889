//go:build e2e

package handoff

import (
	"context"
	"net/url"

	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/controllers/chain"
	"github.com/bedrock-bft/bedrock/node/types"
)

// routed is a client of nodes for which the cluster's names mean what its stand-in
// gave them, as its DNS would say.
type routed struct {
	chain.Client
	address func(host string) (string, bool)
}

// at is where an endpoint is; of a name that nobody has, it stays, and nobody answers.
func (r *routed) at(e chain.Endpoint) chain.Endpoint {
	u, err := url.Parse(string(e))
	if err != nil {
		return e
	}
	if host, ok := r.address(u.Hostname()); ok {
		u.Host = host + ":" + u.Port()
	}
	return chain.Endpoint(u.String())
}

func (r *routed) Status(ctx context.Context, at chain.Endpoint) (*chain.Status, error) {
	return r.Client.Status(ctx, r.at(at))
}

func (r *routed) Set(ctx context.Context, at chain.Endpoint) (*chain.Set, error) {
	return r.Client.Set(ctx, r.at(at))
}

func (r *routed) Validator(ctx context.Context, at chain.Endpoint, name ledger.ID) (*chain.Member, error) {
	return r.Client.Validator(ctx, r.at(at), name)
}

func (r *routed) Holder(ctx context.Context, at chain.Endpoint, key []byte) (ledger.ID, error) {
	return r.Client.Holder(ctx, r.at(at), key)
}

func (r *routed) Authority(ctx context.Context, at chain.Endpoint) (ledger.Authority, error) {
	return r.Client.Authority(ctx, r.at(at))
}

func (r *routed) Account(ctx context.Context, at chain.Endpoint, who ledger.Address) (ledger.Account, error) {
	return r.Client.Account(ctx, r.at(at), who)
}

func (r *routed) Parameters(ctx context.Context, at chain.Endpoint) (map[string]uint64, error) {
	return r.Client.Parameters(ctx, r.at(at))
}

func (r *routed) Submit(ctx context.Context, at chain.Endpoint, tx []byte) (*chain.Verdict, error) {
	return r.Client.Submit(ctx, r.at(at), tx)
}

func (r *routed) Transaction(ctx context.Context, at chain.Endpoint, hash types.Hash) (*chain.Execution, error) {
	return r.Client.Transaction(ctx, r.at(at), hash)
}
