package sim

import (
	"github.com/bedrock-bft/bedrock/node/engine"
	"github.com/bedrock-bft/bedrock/node/mempool"
	"github.com/bedrock-bft/bedrock/node/p2p"
	"github.com/bedrock-bft/bedrock/node/types"
)

// poolPort is the pool as the engine uses it.
type poolPort struct {
	*mempool.Pool
	executor types.Hash
}

// Build implements engine.Pool.
func (p poolPort) Build(maxBytes, maxGas, height uint64, exclude func(types.Hash) bool) [][]byte {
	return p.Pool.Build(mempool.BuildLimits{MaxBytes: maxBytes, MaxGas: maxGas, Height: height, Exclude: exclude})
}

// Final implements engine.Pool.
func (p poolPort) Final(blocks []engine.FinalBlock, next *types.Epoch) {
	info := mempool.CommitInfo{Height: blocks[len(blocks)-1].Outcome.Height, Executor: p.executor, RecheckAll: next != nil}
	for i := range blocks {
		for j := range blocks[i].Execution.Receipts {
			r := &blocks[i].Execution.Receipts[j]
			verdict, _ := p.Verdicts().Get(p.executor, types.Hash(r.TxHash))
			info.Executed = append(info.Executed, mempool.TxResult{Hash: types.Hash(r.TxHash), Sender: verdict.Sender, Nonce: verdict.Nonce, Code: r.Code})
		}
	}
	p.Committed(info)
}

// broadcaster passes on what clients brought.
type broadcaster struct{ *endpoint }

// BroadcastTxs implements mempool.Broadcaster.
func (b broadcaster) BroadcastTxs(txs [][]byte) {
	_ = b.Publish(p2p.TopicTx, mempool.EncodeBatch(txs)) // closed: the node ends
}
