package sim

import (
	"github.com/bedrock-bft/bedrock/node/mempool"
	"github.com/bedrock-bft/bedrock/node/p2p"
)

// broadcaster passes on what clients brought.
type broadcaster struct{ *endpoint }

// BroadcastTxs implements mempool.Broadcaster.
func (b broadcaster) BroadcastTxs(txs [][]byte) {
	_ = b.Publish(p2p.TopicTx, mempool.EncodeBatch(txs)) // closed: the node ends
}
