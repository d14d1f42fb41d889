package mempool

import (
	"context"
	"fmt"
	"sync"

	"github.com/bedrock-bft/bedrock/node/types"
)

// Verdicts remembers what `verify` said, by module and transaction, so that a
// transaction is verified once: at the pool's door or in the block that brings it.
// It holds a bounded number; refused ones have a share of their own, so that a
// flood of them displaces no good one. It is safe for concurrent use.
type Verdicts struct {
	mu       sync.RWMutex
	accepted verdictCache
	refused  verdictCache
}

type verdictKey struct {
	executor, tx types.Hash
}

// verdictCache is two generations: when the newer is full the older goes.
type verdictCache struct {
	most     int
	now, old map[verdictKey]Verdict
}

// NewVerdicts remembers about most verdicts.
func NewVerdicts(most int) *Verdicts {
	return &Verdicts{
		accepted: verdictCache{most: max(1, most/2), now: make(map[verdictKey]Verdict)},
		refused:  verdictCache{most: max(1, most/16), now: make(map[verdictKey]Verdict)},
	}
}

func (c *verdictCache) put(k verdictKey, v Verdict) {
	if len(c.now) >= c.most {
		c.old, c.now = c.now, make(map[verdictKey]Verdict, c.most)
	}
	c.now[k] = v
}

func (c *verdictCache) get(k verdictKey) (Verdict, bool) {
	v, ok := c.now[k]
	if !ok {
		v, ok = c.old[k]
	}
	return v, ok
}

// Get is the verdict on a transaction's hash, if it is remembered.
func (v *Verdicts) Get(executor, tx types.Hash) (Verdict, bool) {
	k := verdictKey{executor, tx}
	v.mu.RLock()
	defer v.mu.RUnlock()
	if found, ok := v.accepted.get(k); ok {
		return found, true
	}
	return v.refused.get(k)
}

// Put remembers a verdict.
func (v *Verdicts) Put(executor, tx types.Hash, verdict Verdict) {
	k := verdictKey{executor, tx}
	v.mu.Lock()
	defer v.mu.Unlock()
	if verdict.Code == 0 {
		v.accepted.put(k, verdict)
	} else {
		v.refused.put(k, verdict)
	}
}

// Missing lists the indexes of the hashes without a remembered verdict.
func (v *Verdicts) Missing(executor types.Hash, txs []types.Hash) []int {
	var out []int
	v.mu.RLock()
	defer v.mu.RUnlock()
	for i, tx := range txs {
		k := verdictKey{executor, tx}
		if _, ok := v.accepted.get(k); ok {
			continue
		}
		if _, ok := v.refused.get(k); !ok {
			out = append(out, i)
		}
	}
	return out
}

// VerifyAll gives the verdict on each transaction of a block: remembered ones, and
// the rest verified in batches on as many goroutines as workers says.
// rule: verify-before-vote
func VerifyAll(ctx context.Context, verifier Verifier, cache *Verdicts, executor types.Hash, txs [][]byte, workers int) ([]Verdict, error) {
	verdicts := make([]Verdict, len(txs))
	hashes := make([]types.Hash, len(txs))
	var missing []int
	for i, tx := range txs {
		hashes[i] = types.TxHash(tx)
		v, ok := cache.Get(executor, hashes[i])
		if !ok {
			missing = append(missing, i)
			continue
		}
		verdicts[i] = v
	}
	if len(missing) == 0 {
		return verdicts, nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	places := make(chan struct{}, max(1, workers))
	size := max(1, min(batchTxs, (len(missing)+max(1, workers)-1)/max(1, workers)))
	for len(missing) > 0 && ctx.Err() == nil {
		part := missing[:min(size, len(missing))]
		missing = missing[len(part):]
		places <- struct{}{}
		wg.Add(1)
		go func() {
			defer wg.Done()
			defer func() { <-places }()
			batch := make([][]byte, len(part))
			for i, at := range part {
				batch[i] = txs[at]
			}
			found, err := verifyBatch(ctx, verifier, executor, batch)
			if err != nil {
				cancel(err)
				return
			}
			for i, at := range part {
				verdicts[at] = found[i]
				cache.Put(executor, hashes[at], found[i])
			}
		}()
	}
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	return verdicts, nil
}

// verifyBatch asks the verifier and holds it to its promises.
func verifyBatch(ctx context.Context, verifier Verifier, executor types.Hash, txs [][]byte) ([]Verdict, error) {
	verdicts, err := verifier.Verify(ctx, executor, txs)
	if err != nil {
		return nil, fmt.Errorf("verify %d transactions: %w", len(txs), err)
	}
	if len(verdicts) != len(txs) {
		return nil, fmt.Errorf("verify %d transactions: %d verdicts came", len(txs), len(verdicts))
	}
	for i := range verdicts {
		if verdicts[i].Code == 0 && len(verdicts[i].Sender) > maxLaneName {
			return nil, fmt.Errorf("verify: a lane's name has %d bytes, want at most %d", len(verdicts[i].Sender), maxLaneName)
		}
	}
	return verdicts, nil
}
