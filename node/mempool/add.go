package mempool

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/bedrock-bft/bedrock/node/task"
	"github.com/bedrock-bft/bedrock/node/types"
)

// item is a transaction on its way into the pool.
type item struct {
	hash     types.Hash
	tx       []byte
	source   Source
	waiters  []waiter
	verdict  Verdict
	executor types.Hash // that gave the verdict
	again    int        // times it was overtaken by a commit
	later    time.Time  // since when it waits for a migration to end; zero: it does not
}

// waiter is one place in the answer of an AddBatch. The pool's lock guards it.
type waiter struct {
	group *group
	index int
}

type group struct {
	results []Result
	left    int
	err     error
	done    chan struct{}
}

// finish answers all who wait for an item. The lock is held.
func (it *item) finish(r Result) {
	for _, w := range it.waiters {
		w.group.results[w.index] = r
		w.group.finish(1)
	}
	it.waiters = nil
}

func (g *group) finish(n int) {
	if g.left -= n; g.left == 0 {
		close(g.done)
	}
}

// Add offers one transaction and waits for the answer. The error tells of the node
// (stopping, a host fault, ctx), never of the transaction.
func (p *Pool) Add(ctx context.Context, tx []byte, source Source) (Result, error) {
	results, err := p.AddBatch(ctx, [][]byte{tx}, source)
	if err != nil {
		return Result{}, err
	}
	return results[0], nil
}

// AddBatch offers transactions in order and answers one result for each.
func (p *Pool) AddBatch(ctx context.Context, txs [][]byte, source Source) ([]Result, error) {
	if len(txs) == 0 {
		return nil, nil
	}
	g := &group{results: make([]Result, len(txs)), left: len(txs), done: make(chan struct{})}
	hashes := make([]types.Hash, len(txs))
	for i, tx := range txs {
		if len(tx) <= p.cfg.Limits.TxBytes {
			hashes[i] = types.TxHash(tx)
		}
	}
	now := p.cfg.Now()
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, ErrClosed
	}
	settled := 0
	for i, tx := range txs {
		it, r := p.receive(hashes[i], tx, source, now)
		if it == nil {
			g.results[i] = r
			settled++
			p.metrics.count(r)
			continue
		}
		it.waiters = append(it.waiters, waiter{g, i})
	}
	g.finish(settled)
	p.mu.Unlock()
	switch task.Select3(p.tasks, task.Recv(g.done, nil), task.Done(ctx), task.Done(p.ctx)) {
	case 1:
		return nil, fmt.Errorf("add %d transactions: %w", len(txs), ctx.Err())
	case 2:
		return nil, ErrClosed
	}
	return g.results, g.err
}

// Offer hands transactions over without waiting for what becomes of them: for
// gossip, where nobody is told. What cannot be queued is dropped and counted.
func (p *Pool) Offer(txs [][]byte, source Source) error {
	hashes := make([]types.Hash, len(txs))
	for i, tx := range txs {
		if len(tx) <= p.cfg.Limits.TxBytes {
			hashes[i] = types.TxHash(tx)
		}
	}
	now := p.cfg.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return ErrClosed
	}
	for i, tx := range txs {
		if it, r := p.receive(hashes[i], tx, source, now); it == nil {
			p.metrics.count(r)
			if r.Reason == ReasonBusy || r.Reason == ReasonQuota {
				p.metrics.drop("in", string(r.Reason))
			}
		}
	}
	return nil
}

// receive judges what needs neither verification nor state. It answers the item to
// wait for, or the result. The lock is held.
func (p *Pool) receive(hash types.Hash, tx []byte, source Source, now time.Time) (*item, Result) {
	reject := func(why Reason, format string, args ...any) (*item, Result) {
		return nil, Result{Hash: hash, Status: Rejected, Reason: why, Text: fmt.Sprintf(format, args...)}
	}
	switch {
	case len(tx) == 0:
		return reject(ReasonInvalid, "the transaction is empty")
	case len(tx) > p.cfg.Limits.TxBytes:
		return reject(ReasonTooLarge, "the transaction has %d bytes, more than the %d that this node takes", len(tx), p.cfg.Limits.TxBytes)
	case p.refused.has(hash, now):
		return reject(ReasonPoison, "the transaction made a block fail and is refused for a time")
	case p.book.byHash[hash] != nil:
		return nil, Result{Hash: hash, Status: Duplicate, Text: "the transaction is in the pool already"}
	case p.executed.has(hash):
		return nil, Result{Hash: hash, Status: Duplicate, Reason: ReasonExecuted, Text: "the transaction was executed already"}
	}
	if it := p.pending[hash]; it != nil {
		if !it.later.IsZero() {
			return nil, heldForMigration(hash)
		}
		return it, Result{}
	}
	if len(p.pending) >= p.cfg.Limits.Pending {
		return reject(ReasonBusy, "the node is busy: %d transactions wait to be verified, try again later", len(p.pending))
	}
	if source != Local && p.fromPeer[source] >= max(1, p.cfg.Limits.Pending/2) {
		return reject(ReasonQuota, "the peer has %d transactions waiting to be verified, which is the most", p.fromPeer[source])
	}
	it := &item{hash: hash, tx: bytes.Clone(tx), source: source}
	p.pending[hash] = it
	p.fromPeer[source]++
	p.incoming <- it // has room for all that may be pending
	return it, Result{}
}

// settle ends an item's way. The lock is held.
func (p *Pool) settle(it *item, r Result) {
	if p.pending[it.hash] == it {
		delete(p.pending, it.hash)
		if p.fromPeer[it.source]--; p.fromPeer[it.source] == 0 {
			delete(p.fromPeer, it.source)
		}
		p.metrics.count(r)
	}
	it.finish(r)
}

// settleFailed ends items that a fault of the node kept from being judged.
func (p *Pool) settleFailed(items []*item, err error) {
	if p.ctx.Err() == nil {
		p.log.Error("transactions cannot be judged", "count", len(items), "error", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, it := range items {
		for _, w := range it.waiters {
			w.group.err = err
		}
		p.settle(it, Result{Hash: it.hash, Status: Rejected, Reason: ReasonBusy, Text: "the node could not judge the transaction: try another, or later"})
	}
}

// collect closes a batch after batchDelay or batchTxs.
func (p *Pool) collect() {
	timer := p.tasks.Timer()
	defer timer.Stop()
	var it *item
	for {
		if task.Select2(p.tasks, task.Recv(p.incoming, &it), task.Done(p.ctx)) == 1 {
			return
		}
		batch := append(make([]*item, 0, batchTxs), it)
		timer.Reset(batchDelay)
		for open := true; open && len(batch) < batchTxs; {
			switch task.Select3(p.tasks, task.Recv(p.incoming, &it), task.Fired(timer), task.Done(p.ctx)) {
			case 0:
				batch = append(batch, it)
			case 1:
				open = false
			case 2:
				return
			}
		}
		if task.Select2(p.tasks, task.Send(p.batches, batch), task.Done(p.ctx)) == 1 {
			return
		}
	}
}

// verify is one worker: it verifies batches and hands on what passed.
func (p *Pool) verify() {
	var batch []*item
	for task.Select2(p.tasks, task.Recv(p.batches, &batch), task.Done(p.ctx)) == 0 {
		p.metrics.batchTxs.Observe(float64(len(batch)))
		passed := p.verifyItems(batch)
		if len(passed) > 0 && task.Select2(p.tasks, task.Send(p.verified, passed), task.Done(p.ctx)) == 1 {
			return
		}
	}
}

// verifyItems settles what does not verify and answers the rest.
func (p *Pool) verifyItems(items []*item) []*item {
	p.mu.Lock()
	executor := p.executor
	p.mu.Unlock()
	var missing []*item
	for _, it := range items {
		v, ok := p.verdicts.Get(executor, it.hash)
		it.verdict, it.executor = v, executor
		if !ok {
			missing = append(missing, it)
		}
	}
	if len(missing) > 0 {
		txs := make([][]byte, len(missing))
		for i, it := range missing {
			txs[i] = it.tx
		}
		verdicts, err := verifyBatch(p.ctx, p.cfg.Verifier, executor, txs)
		if err != nil {
			p.settleFailed(items, err)
			return nil
		}
		for i, it := range missing {
			it.verdict = verdicts[i]
			p.verdicts.Put(executor, it.hash, verdicts[i])
		}
	}
	passed := items[:0]
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, it := range items {
		if it.verdict.Code == 0 {
			passed = append(passed, it)
			continue
		}
		p.settle(it, Result{Hash: it.hash, Status: Rejected, Reason: ReasonInvalid, Code: it.verdict.Code,
			Text: orText(it.verdict.Log, "the transaction does not verify")})
	}
	return passed
}

func orText(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
