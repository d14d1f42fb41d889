package rpctest

import (
	"context"
	"fmt"

	"github.com/bedrock-bft/bedrock/executor/receipts"
	"github.com/bedrock-bft/bedrock/node/rpc"
	"github.com/bedrock-bft/bedrock/node/types"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

func (c *Chain) at(n uint64) (*height, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n >= uint64(len(c.heights)) {
		return nil, fmt.Errorf("height %d: %w", n, rpc.ErrNotFound)
	}
	if n < c.floor {
		return nil, &rpc.BelowFloorError{What: "blocks", Floor: c.floor}
	}
	return c.heights[n], nil
}

// Genesis implements rpc.Backend.
func (c *Chain) Genesis() []byte { return c.genesis.Bytes() }

// Status implements rpc.Backend.
func (c *Chain) Status(context.Context) (*nodev1.GetStatusResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	tip := c.heights[len(c.heights)-1]
	hash, outcome := c.genesis.Hash(), tip.outcome.Hash()
	return &nodev1.GetStatusResponse{
		ChainId: c.genesis.ChainID, GenesisHash: hash[:], Version: "test", ValidatorIndex: -1,
		Epoch: c.starts[len(c.starts)-1].Epoch.Number, View: c.view, FinalHeight: tip.outcome.Height,
		FinalBlockId: tip.outcome.Block[:], StateRoot: tip.outcome.StateRoot[:], OutcomeHash: outcome[:],
		PoolTransactions: uint32(len(c.pool)), BlocksFloor: max(1, c.floor), NetworkKey: make([]byte, 32),
		FinalTimeMs: c.timeOf(tip.outcome.Height),
	}, nil
}

// FinalHeight implements rpc.Backend.
func (c *Chain) FinalHeight() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return uint64(len(c.heights) - 1)
}

// WaitFinal implements rpc.Backend.
func (c *Chain) WaitFinal(ctx context.Context, above uint64) (uint64, error) {
	for {
		c.mu.Lock()
		tip, moved := uint64(len(c.heights)-1), c.moved
		c.mu.Unlock()
		if tip > above {
			return tip, nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// Block implements rpc.Backend.
func (c *Chain) Block(_ context.Context, n uint64) (*types.Block, error) {
	h, err := c.at(n)
	if err != nil {
		return nil, err
	}
	if h.block == nil {
		return nil, fmt.Errorf("genesis has no block: %w", rpc.ErrNotFound)
	}
	return h.block, nil
}

// Outcome implements rpc.Backend.
func (c *Chain) Outcome(_ context.Context, n uint64) (*types.Outcome, error) {
	h, err := c.at(n)
	if err != nil {
		return nil, err
	}
	return &h.outcome, nil
}

// Receipts implements rpc.Backend.
func (c *Chain) Receipts(_ context.Context, n uint64) ([]receipts.Receipt, error) {
	h, err := c.at(n)
	if err != nil {
		return nil, err
	}
	return h.receipts, nil
}

// HeightOf implements rpc.Backend.
func (c *Chain) HeightOf(_ context.Context, id types.Hash) (uint64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n, ok := c.ids[id]; ok {
		return n, nil
	}
	return 0, rpc.ErrNotFound
}

// Certificate implements rpc.Backend.
func (c *Chain) Certificate(_ context.Context, n uint64) (*types.CC, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for ; n < uint64(len(c.heights)); n++ {
		if cc := c.heights[n].cc; cc != nil {
			return cc, nil
		}
	}
	return nil, rpc.ErrNotFound
}

// EpochStart implements rpc.Backend.
func (c *Chain) EpochStart(_ context.Context, n uint64) (*types.EpochStart, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n == 0 || n > uint64(len(c.starts)) {
		return nil, rpc.ErrNotFound
	}
	return &c.starts[n-1], nil
}

// Locate implements rpc.Backend.
func (c *Chain) Locate(_ context.Context, tx types.Hash) (uint64, int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p, ok := c.where[tx]; ok {
		return p.height, p.index, nil
	}
	return 0, 0, rpc.ErrNotFound
}

// Pending implements rpc.Backend.
func (c *Chain) Pending(tx types.Hash) ([]byte, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b, ok := c.pending[tx]
	return b, ok
}

// Submit implements rpc.Backend.
func (c *Chain) Submit(_ context.Context, txs [][]byte) ([]*nodev1.SubmitResult, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	results := make([]*nodev1.SubmitResult, len(txs))
	for i, tx := range txs {
		hash := types.TxHash(tx)
		if c.opt.Refuse != nil {
			if r := c.opt.Refuse(tx); r != nil {
				r.TxHash, r.Status = hash[:], nodev1.SubmitStatus_SUBMIT_STATUS_REJECTED
				results[i] = r
				continue
			}
		}
		results[i] = &nodev1.SubmitResult{TxHash: hash[:], Status: nodev1.SubmitStatus_SUBMIT_STATUS_ACCEPTED}
		_, waits := c.pending[hash]
		if _, executed := c.where[hash]; waits || executed {
			results[i].Status = nodev1.SubmitStatus_SUBMIT_STATUS_DUPLICATE
			continue
		}
		c.pool = append(c.pool, tx)
		c.pending[hash] = tx
	}
	close(c.moved)
	c.moved = make(chan struct{})
	return results, nil
}

// Query implements rpc.Backend.
func (c *Chain) Query(_ context.Context, q rpc.Query) (*rpc.QueryResult, error) {
	if q.Height == 0 {
		q.Height = c.FinalHeight()
	}
	h, err := c.at(q.Height)
	if err != nil {
		return nil, err
	}
	key := c.opt.KeyOf(q.Path, q.Data)
	if key == nil {
		return &rpc.QueryResult{Code: 1, Height: q.Height, Log: "there is no such path"}, nil
	}
	value, ok := h.state.rows[string(key)]
	r := &rpc.QueryResult{Value: value, Key: key, Absent: !ok, Height: q.Height}
	if q.Prove {
		r.Proof = h.state.prove(key)
	}
	return r, nil
}

// Simulate implements rpc.Backend.
func (c *Chain) Simulate(_ context.Context, txs [][]byte) (*rpc.Simulation, error) {
	tip, err := c.at(c.FinalHeight())
	if err != nil {
		return nil, err
	}
	h := &height{block: &types.Block{Payload: txs}}
	h.execute(tip, false, false)
	s := &rpc.Simulation{Receipts: h.receipts, Height: tip.outcome.Height}
	for i := range h.receipts {
		s.GasUsed += h.receipts[i].GasUsed
	}
	return s, nil
}

// Seen implements rpc.Backend.
func (c *Chain) Seen(context.Context) map[[32]byte]rpc.Seen {
	c.mu.Lock()
	defer c.mu.Unlock()
	seen := map[[32]byte]rpc.Seen{}
	for i, v := range c.starts[0].Epoch.Validators {
		seen[v.NetworkKey] = rpc.Seen{Moniker: c.genesis.Validators[i].Moniker, LastVoteHeight: uint64(len(c.heights) - 1), Connected: true}
	}
	return seen
}
