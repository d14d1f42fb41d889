package node

import (
	"github.com/bedrock-bft/bedrock/executor"
	"github.com/bedrock-bft/bedrock/node/engine"
	"github.com/bedrock-bft/bedrock/node/mempool"
	"github.com/bedrock-bft/bedrock/node/types"
)

// poolPort is the pool as the engine uses it.
type poolPort struct {
	*mempool.Pool
	execution *execution
}

// Build implements engine.Pool.
func (p poolPort) Build(maxBytes, maxGas, height uint64, exclude func(types.Hash) bool) [][]byte {
	return p.Pool.Build(mempool.BuildLimits{MaxBytes: maxBytes, MaxGas: maxGas, Height: height, Exclude: exclude})
}

// Final implements engine.Pool. What a failed block held was not executed: it
// stays, as suspects. // rule: failed-block
func (p poolPort) Final(blocks []engine.FinalBlock, next *types.Epoch) {
	present, _ := p.execution.present()
	epoch := present
	if next != nil {
		epoch = next
	}
	last := &blocks[len(blocks)-1]
	p.execution.setTip(&last.Block.Header, epoch)
	info := mempool.CommitInfo{Height: last.Outcome.Height, Executor: epoch.ExecutorHash, RecheckAll: next != nil}
	for i := range blocks {
		b := &blocks[i]
		if !b.Execution.Success {
			p.Suspect(b.Block.Payload)
			continue
		}
		for j := range b.Execution.Receipts {
			r := &b.Execution.Receipts[j]
			if r.Code == executor.CodeMigrating {
				continue // it waits
			}
			verdict, _ := p.Verdicts().Get(present.ExecutorHash, types.Hash(r.TxHash))
			info.Executed = append(info.Executed, mempool.TxResult{Hash: r.TxHash, Sender: verdict.Sender, Nonce: verdict.Nonce, Code: r.Code})
		}
	}
	p.Committed(info)
}
