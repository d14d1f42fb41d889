package wiring

import (
	"github.com/bedrock-bft/bedrock/executor/receipts"
	"github.com/bedrock-bft/bedrock/node/engine"
	"github.com/bedrock-bft/bedrock/node/mempool"
	"github.com/bedrock-bft/bedrock/node/types"
)

// Tip is where a node's executor stands, for what is asked of it outside of blocks.
type Tip interface {
	// Epoch is that of the next block.
	Epoch() *types.Epoch
	// SetTip tells which block is final and which epoch the next one is of.
	SetTip(tip *types.Header, epoch *types.Epoch)
}

// Pool is the mempool as the engine uses it.
type Pool struct {
	*mempool.Pool
	Tip Tip
}

var _ engine.Pool = Pool{}

// Build implements engine.Pool.
func (p Pool) Build(maxBytes, maxGas, height uint64, exclude func(types.Hash) bool) [][]byte {
	return p.Pool.Build(mempool.BuildLimits{MaxBytes: maxBytes, MaxGas: maxGas, Height: height, Exclude: exclude})
}

// Final implements engine.Pool. What a failed block held was not executed: it
// stays, as suspects. // rule: failed-block
func (p Pool) Final(blocks []engine.FinalBlock, next *types.Epoch) {
	present := p.Tip.Epoch()
	epoch := present
	if next != nil {
		epoch = next
	}
	last := &blocks[len(blocks)-1]
	p.Tip.SetTip(&last.Block.Header, epoch)
	info := mempool.CommitInfo{Height: last.Outcome.Height, Executor: epoch.ExecutorHash, RecheckAll: next != nil}
	for i := range blocks {
		b := &blocks[i]
		if !b.Execution.Success {
			p.Suspect(b.Block.Payload)
			continue
		}
		for j := range b.Execution.Receipts {
			r := &b.Execution.Receipts[j]
			if r.Code == receipts.CodeMigrating {
				continue // it waits
			}
			verdict, _ := p.Verdicts().Get(present.ExecutorHash, types.Hash(r.TxHash))
			info.Executed = append(info.Executed, mempool.TxResult{Hash: r.TxHash, Sender: verdict.Sender, Nonce: verdict.Nonce, Code: r.Code})
		}
	}
	p.Committed(info)
}
