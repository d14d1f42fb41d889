package wiring

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/bedrock-bft/bedrock/node/consensus"
	"github.com/bedrock-bft/bedrock/node/engine"
	"github.com/bedrock-bft/bedrock/node/mempool"
	"github.com/bedrock-bft/bedrock/node/p2p"
	"github.com/bedrock-bft/bedrock/node/task"
	"github.com/bedrock-bft/bedrock/node/types"
	"github.com/bedrock-bft/bedrock/node/wire"
)

// Gossip passes transactions between pools, and commit certificates to nodes that are
// not validators. Pool and Engine are set before Run; what the pool broadcasts and the
// observer announces goes out from Open on.
type Gossip struct {
	Tasks   task.Runtime
	Network Topics
	Pool    *mempool.Pool
	Engine  *engine.Engine
	Log     *slog.Logger

	txs    <-chan p2p.Message
	blocks <-chan p2p.Message
}

// Topics is the network as Gossip uses it.
type Topics interface {
	Publish(topic p2p.Topic, data []byte) error
	Subscribe(topic p2p.Topic, validate p2p.GossipValidator) (<-chan p2p.Message, error)
}

var _ mempool.Broadcaster = (*Gossip)(nil)

// Open begins to listen.
func (g *Gossip) Open() (err error) {
	g.txs, err = g.Network.Subscribe(p2p.TopicTx, func(_ context.Context, _ p2p.PeerID, data []byte) p2p.Verdict {
		if _, err := mempool.DecodeBatch(data); err != nil {
			return p2p.Reject
		}
		return p2p.Accept
	})
	if err != nil {
		return fmt.Errorf("listen to transactions: %w", err)
	}
	g.blocks, err = g.Network.Subscribe(p2p.TopicBlocks, func(_ context.Context, _ p2p.PeerID, data []byte) p2p.Verdict {
		if m, err := wire.DecodeMessage(data); err != nil || m.CC == nil {
			return p2p.Reject
		}
		return p2p.Accept
	})
	if err != nil {
		return fmt.Errorf("listen to certificates: %w", err)
	}
	return nil
}

// BroadcastTxs implements mempool.Broadcaster.
func (g *Gossip) BroadcastTxs(txs [][]byte) {
	if err := g.Network.Publish(p2p.TopicTx, mempool.EncodeBatch(txs)); err != nil {
		g.Log.Debug("transactions not passed on", "count", len(txs), "error", err)
	}
}

// Announce publishes a certificate for full nodes. Two validators a height do:
// content names the message, and certificates differ by their signers.
func (g *Gossip) Announce(cc *types.CC) {
	s := g.Engine.Status()
	if s.Epoch == nil || s.Consensus.Self < 0 {
		return
	}
	count := uint64(len(s.Epoch.Validators))
	self := uint64(s.Consensus.Self)
	if h := cc.Outcome.Height; self != h%count && self != (h+1)%count {
		return
	}
	if err := g.Network.Publish(p2p.TopicBlocks, wire.EncodeMessage(&types.Message{CC: cc})); err != nil {
		g.Log.Debug("certificate not passed on", "height", cc.Outcome.Height, "error", err)
	}
}

// follows says whether this node learns of certificates by gossip: whoever is not
// in the set is sent none, whatever its role, such as one whose identity was set
// aside.
func (g *Gossip) follows() bool { return g.Engine.Status().Consensus.Self < 0 }

// Run takes what peers gossip, until ctx ends or the pool is closed.
func (g *Gossip) Run(ctx context.Context) error {
	var m p2p.Message
	for {
		switch task.Select3(g.Tasks, task.Done(ctx), task.Recv(g.txs, &m), task.Recv(g.blocks, &m)) {
		case 0:
			return nil
		case 1:
			txs, err := mempool.DecodeBatch(m.Data)
			if err != nil {
				continue
			}
			if err := g.Pool.Offer(txs, mempool.Source(m.From)); err != nil && ctx.Err() == nil {
				return fmt.Errorf("take transactions of peer %s: %w", m.From.Short(), err)
			}
		case 2:
			message, err := wire.DecodeMessage(m.Data)
			if err != nil || !g.follows() {
				continue
			}
			g.Engine.Receive(consensus.Peer(m.From), message)
		}
	}
}
