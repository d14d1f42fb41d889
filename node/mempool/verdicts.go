package mempool

import (
	"context"
	"fmt"
	"sync"

	"github.com/bedrock-bft/bedrock/node/task"
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

// VerifyAll gives the verdict on each transaction of a list: remembered ones, and
// the rest verified in batches by as many tasks as workers says.
func VerifyAll(ctx context.Context, on task.Runtime, verifier Verifier, cache *Verdicts, executor types.Hash, txs [][]byte, workers int) ([]Verdict, error) {
	run := newVerification(on, verifier, cache, executor, txs)
	if err := run.run(ctx, workers); err != nil {
		return nil, err
	}
	return run.verdicts, nil
}

// VerifyBlock gives the gas limit of each transaction of a block, or why the block is
// refused: the first verdict that refuses one, or limits above maxGas, ends it. So
// what a proposer can have others verify is bounded by the block's gas, and by a batch
// a worker. // rule: verify-before-vote
func VerifyBlock(ctx context.Context, on task.Runtime, verifier Verifier, cache *Verdicts, executor types.Hash, maxGas uint64, txs [][]byte, workers int) (gas []uint64, refusal string, err error) {
	run := newVerification(on, verifier, cache, executor, txs)
	run.limited, run.gasLeft = true, maxGas
	if err := run.run(ctx, workers); err != nil {
		return nil, "", err
	}
	if run.refusal != "" {
		return nil, run.refusal, nil
	}
	gas = make([]uint64, len(txs))
	for i := range run.verdicts {
		gas[i] = run.verdicts[i].GasLimit
	}
	return gas, "", nil
}

// verification is one run over a list of transactions.
type verification struct {
	on       task.Runtime
	verifier Verifier
	cache    *Verdicts
	executor types.Hash
	txs      [][]byte
	hashes   []types.Hash
	verdicts []Verdict
	limited  bool // a refusal, or gas limits above gasLeft, end it

	mu      sync.Mutex
	gasLeft uint64
	refusal string
}

func newVerification(on task.Runtime, verifier Verifier, cache *Verdicts, executor types.Hash, txs [][]byte) *verification {
	return &verification{on: on, verifier: verifier, cache: cache, executor: executor, txs: txs,
		hashes: make([]types.Hash, len(txs)), verdicts: make([]Verdict, len(txs))}
}

func (r *verification) run(ctx context.Context, workers int) error {
	var missing []int
	for i, tx := range r.txs {
		r.hashes[i] = types.TxHash(tx)
		v, ok := r.cache.Get(r.executor, r.hashes[i])
		if !ok {
			missing = append(missing, i)
			continue
		}
		r.note(i, v)
	}
	workers = max(1, workers)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	group := task.NewGroup(r.on)
	places := make(chan struct{}, workers)
	size := max(1, min(batchTxs, (len(missing)+workers-1)/workers))
	for len(missing) > 0 && ctx.Err() == nil {
		if task.Select2(r.on, task.Send(places, struct{}{}), task.Done(ctx)) == 1 || r.refused() {
			break
		}
		part := missing[:min(size, len(missing))]
		missing = missing[len(part):]
		group.Go("verify transactions", func() {
			defer func() { <-places }()
			if err := r.batch(ctx, part); err != nil {
				cancel(err)
			}
		})
	}
	group.Wait()
	return context.Cause(ctx)
}

// batch verifies those at some places.
func (r *verification) batch(ctx context.Context, part []int) error {
	batch := make([][]byte, len(part))
	for i, at := range part {
		batch[i] = r.txs[at]
	}
	found, err := verifyBatch(ctx, r.verifier, r.executor, batch)
	if err != nil {
		return err
	}
	for i, at := range part {
		r.cache.Put(r.executor, r.hashes[at], found[i])
		r.note(at, found[i])
	}
	return nil
}

// note takes a verdict, and where that counts why there is no need for more.
func (r *verification) note(at int, v Verdict) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.verdicts[at] = v
	switch {
	case !r.limited || r.refusal != "":
	case v.Code != 0:
		r.refusal = fmt.Sprintf("transaction %d (%s) does not verify: code %d, %s", at, r.hashes[at], v.Code, v.Log)
	case v.GasLimit > r.gasLeft:
		r.refusal = "gas limits above the block's"
	default:
		r.gasLeft -= v.GasLimit
	}
}

func (r *verification) refused() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.refusal != ""
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
