package sim

import (
	"context"
	"time"

	"github.com/bedrock-bft/bedrock/node/mempool"
	"github.com/bedrock-bft/bedrock/node/task"
)

// load offers transactions to nodes that are up, again until they are final.
func (w *world) load(ctx context.Context, on task.Runtime) {
	rng := w.s.Rand(randLoad)
	var next [accounts]uint64
	for on.Sleep(ctx, between(rng, 5*time.Millisecond, 60*time.Millisecond)) == nil {
		ahead := 4
		if w.hooks.Load != nil {
			ahead = w.hooks.Load()
		}
		if ahead == 0 {
			continue
		}
		account := rng.IntN(accounts)
		nonce := w.checks.ledger.nonces[account] + uint64(rng.IntN(4))
		if w.hooks.Load != nil { // one after the other: a lane has no gaps
			final := w.checks.ledger.nonces[account]
			if next[account] < final || next[account] >= final+uint64(ahead) {
				next[account] = final
			}
			nonce = next[account]
			next[account]++
		}
		n := w.nodes[rng.IntN(len(w.nodes))]
		if n.process == nil || n.pool == nil {
			continue
		}
		tx, pool := transfer(account, nonce), n.pool
		n.process.Go("client", func() {
			_, _ = pool.Add(context.Background(), tx, mempool.Local) // refused: it comes again
		})
	}
}
