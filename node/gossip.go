package node

import (
	"context"
	"fmt"

	"github.com/bedrock-bft/bedrock/node/consensus"
	"github.com/bedrock-bft/bedrock/node/mempool"
	"github.com/bedrock-bft/bedrock/node/p2p"
	"github.com/bedrock-bft/bedrock/node/types"
	"github.com/bedrock-bft/bedrock/node/wire"
)

// gossip passes transactions between pools, and commit certificates to nodes
// that are not validators.
type gossip struct {
	n      *Node
	txs    <-chan p2p.Message
	blocks <-chan p2p.Message
}

func (g *gossip) open(n *Node) error {
	g.n = n
	var err error
	g.txs, err = n.network.Subscribe(p2p.TopicTx, func(_ context.Context, _ p2p.PeerID, data []byte) p2p.Verdict {
		if _, err := mempool.DecodeBatch(data); err != nil {
			return p2p.Reject
		}
		return p2p.Accept
	})
	if err != nil {
		return fmt.Errorf("listen to transactions: %w", err)
	}
	g.blocks, err = n.network.Subscribe(p2p.TopicBlocks, func(_ context.Context, _ p2p.PeerID, data []byte) p2p.Verdict {
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
func (g *gossip) BroadcastTxs(txs [][]byte) {
	if err := g.n.network.Publish(p2p.TopicTx, mempool.EncodeBatch(txs)); err != nil {
		g.n.log.Debug("transactions not passed on", "count", len(txs), "error", err)
	}
}

// announce publishes a certificate for full nodes. Two validators a height do:
// content names the message, and certificates differ by their signers.
func (g *gossip) announce(cc *types.CC) {
	s := g.n.engine.Status()
	if s.Epoch == nil || s.Consensus.Self < 0 {
		return
	}
	count := uint64(len(s.Epoch.Validators))
	self := uint64(s.Consensus.Self)
	if h := cc.Outcome.Height; self != h%count && self != (h+1)%count {
		return
	}
	if err := g.n.network.Publish(p2p.TopicBlocks, wire.EncodeMessage(&types.Message{CC: cc})); err != nil {
		g.n.log.Debug("certificate not passed on", "height", cc.Outcome.Height, "error", err)
	}
}

// follows says whether this node learns of certificates by gossip: whoever is not
// in the set is sent none, whatever its role, such as one whose identity was set
// aside.
func (g *gossip) follows() bool { return g.n.engine.Status().Consensus.Self < 0 }

// run takes what peers gossip.
func (g *gossip) run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case m := <-g.txs:
			txs, err := mempool.DecodeBatch(m.Data)
			if err != nil {
				continue
			}
			if err := g.n.pool.Offer(txs, mempool.Source(m.From)); err != nil && ctx.Err() == nil {
				return fmt.Errorf("take transactions of peer %s: %w", m.From.Short(), err)
			}
		case m := <-g.blocks:
			message, err := wire.DecodeMessage(m.Data)
			if err != nil || !g.follows() {
				continue
			}
			g.n.engine.Receive(consensus.Peer(m.From), message)
		}
	}
}
