package node

import (
	"context"
	"time"

	"github.com/bedrock-bft/bedrock/node/membership"
	"github.com/bedrock-bft/bedrock/node/mempool"
	"github.com/bedrock-bft/bedrock/node/rpc"
)

// duties tell the ledger what it expects to hear of this node.
func (n *Node) duties() []membership.Duty {
	return []membership.Duty{membership.Ready{}, membership.ModuleReady{Upgrade: n.upgrades.view}}
}

// runDuties does them until ctx ends.
func (n *Node) runDuties(ctx context.Context) error {
	service, err := membership.New(membership.Config{
		Genesis: n.genesis.Hash(), Identity: n.signer.NetworkKey(), Query: n.queryLedger, Submit: n.submitOwn,
		NotSynced: n.notSynced, Duties: n.duties(), Log: n.log,
	})
	if err != nil {
		return err
	}
	service.Run(ctx)
	return nil
}

// queryLedger reads the newest final state.
func (n *Node) queryLedger(ctx context.Context, path string) (membership.Row, error) {
	result, err := backend{n}.Query(ctx, rpc.Query{Path: path})
	if err != nil {
		return membership.Row{}, err
	}
	return membership.Row{Code: result.Code, Value: result.Value, Absent: result.Absent, Height: result.Height}, nil
}

// submitOwn gives a transaction of this node's own to the pool.
func (n *Node) submitOwn(ctx context.Context, tx []byte) (bool, string, error) {
	r, err := n.pool.Add(ctx, tx, mempool.Local)
	if err != nil {
		return false, "", err
	}
	return r.Status == mempool.Accepted || r.Status == mempool.Duplicate, r.Text, nil
}

// idleBlocks is how many idle intervals may pass without a block before the last
// one counts as old.
const idleBlocks = 4

// notSynced is why this node has not caught up with the tip; empty: it has.
func (n *Node) notSynced() string {
	s := n.engine.Status()
	_, tip := n.execution.present()
	why, _ := membership.Synced(membership.SyncView{
		Height: n.store.Tip(), Target: s.Target, Peers: len(n.network.Peers()), Syncing: s.Syncing,
		Age:     time.Since(time.UnixMilli(int64(tip.TimestampMs))),
		MostAge: idleBlocks * time.Duration(n.genesis.Timing.IdleIntervalMs) * time.Millisecond,
	})
	return why
}
