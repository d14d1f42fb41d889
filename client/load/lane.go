package load

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"connectrpc.com/connect"

	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

// lane sends the transactions of its accounts in order: one request at a time, to
// its home endpoint or, while that is away, to the next one.
type lane struct {
	run      *run
	home     int
	accounts []*account
	turn     int // the account whose turn it is; the pacer's

	mu    sync.Mutex
	queue []*transaction
	busy  bool // a request is under way
	wake  chan struct{}
	last  int // endpoint of the last request
}

// Bounds of a lane.
const (
	lanesEach    = 4    // for an endpoint: requests to it at once
	maxLaneQueue = 4096 // new ones; what is sent again comes on top
	batchMost    = 500
	batchBytes   = 512 << 10
	retryAfter   = 50 * time.Millisecond
)

// load is how many wait; a request under way counts as one.
func (l *lane) load() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(l.queue)
	if l.busy {
		n++
	}
	return n
}

// add puts transactions at the end.
func (l *lane) add(txs []*transaction) {
	l.mu.Lock()
	l.queue = append(l.queue, txs...)
	l.mu.Unlock()
	l.signal()
}

// putBack puts transactions that were sent before at the head.
func (l *lane) putBack(txs []*transaction) {
	if len(txs) == 0 {
		return
	}
	l.mu.Lock()
	l.queue = append(slices.Clip(txs), l.queue...)
	l.mu.Unlock()
	l.signal()
}

func (l *lane) signal() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// work sends until ctx ends.
func (l *lane) work(ctx context.Context) {
	for {
		batch := l.take()
		if len(batch) == 0 {
			select {
			case <-ctx.Done():
				return
			case <-l.wake:
			}
			continue
		}
		again, err := l.send(ctx, batch)
		l.putBack(again)
		if err != nil && ctx.Err() == nil {
			l.run.stats.note(err)
		}
		l.mu.Lock()
		l.busy = false
		l.mu.Unlock()
		if len(again) == 0 {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(retryAfter):
		}
	}
}

// take takes the next batch out of the queue.
func (l *lane) take() []*transaction {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, size := 0, 0
	for n < len(l.queue) && n < batchMost && (n == 0 || size+len(l.queue[n].raw) <= batchBytes) {
		size += len(l.queue[n].raw)
		n++
	}
	batch := slices.Clone(l.queue[:n])
	if l.queue = l.queue[n:]; len(l.queue) == 0 {
		l.queue = nil
	}
	l.busy = n > 0
	return batch
}

// target is the endpoint to send to.
func (l *lane) target() *endpoint {
	all := l.run.endpoints
	to := l.home
	for i := range all {
		if e := (l.home + i) % len(all); all[e].up.Load() {
			to = e
			break
		}
	}
	if to != l.last {
		l.last = to
		l.run.stats.moved()
	}
	return all[to]
}

// send sends a batch and answers what is to be sent again, in order.
func (l *lane) send(ctx context.Context, batch []*transaction) ([]*transaction, error) {
	r, e := l.run, l.target()
	now := r.stats.now()
	raw := make([][]byte, 0, len(batch))
	kept := batch[:0]
	for _, tx := range batch {
		if tx.account.stale(tx.era) && l.drop(tx) {
			continue
		}
		switch ok, settle := r.flights.sending(tx, e.index, now); {
		case ok:
			kept, raw = append(kept, tx), append(raw, tx.raw)
		case settle:
			tx.account.landed()
			r.stats.settle([]*transaction{tx})
		}
	}
	if len(kept) == 0 {
		return nil, nil
	}
	asking, cancel := context.WithTimeout(ctx, aliveTime)
	defer cancel()
	res, err := e.client.RPC().SubmitBatch(asking, connect.NewRequest(&nodev1.SubmitBatchRequest{Transactions: raw, Brief: true}))
	if err != nil {
		if ctx.Err() == nil && e.gone(ctx, err) {
			e.lose()
		}
		return kept, fmt.Errorf("submit to %s: %w", e.client.URL(), err)
	}
	return l.answered(e, kept, res.Msg.Results), nil
}

// drop ends a transaction that waited while one of its account with a lower nonce
// was refused. One that was sent before may be in a pool: it is kept.
func (l *lane) drop(tx *transaction) bool {
	if tries, _ := l.run.flights.tried(tx); tries > 0 {
		return false
	}
	l.run.refuse(tx, "after_refusal", "")
	return true
}

// passing are the pools' reasons that pass by themselves.
var passing = map[string]bool{
	"pool_full": true, "busy": true, "peer_quota": true, "lane_full": true, "nonce_gap": true, "closed": true,
}

// answered goes through what a node refused of a batch; the rest it took.
func (l *lane) answered(e *endpoint, batch []*transaction, refusals []*nodev1.BatchResult) (again []*transaction) {
	r := l.run
	refused := make([]bool, len(batch))
	for _, m := range refusals {
		if int64(m.Index) >= int64(len(batch)) || refused[m.Index] {
			continue
		}
		refused[m.Index] = true
		tx, reason := batch[m.Index], m.GetResult().GetReason()
		text := fmt.Sprintf("%s: %s: %s", e.client.URL(), reason, m.GetResult().GetText())
		tries, there := r.flights.tried(tx)
		switch {
		case !there: // final already
			refused[m.Index] = false
		case passing[reason]:
			r.stats.retry(reason, text)
			again = append(again, tx)
		case reason == "nonce_used" && tries > 1: // an earlier attempt got in
			refused[m.Index] = false
		default:
			r.refuse(tx, reason, text)
			if tx.account.stop(tx.era) {
				r.breaks <- tx.account
			}
		}
	}
	slices.SortFunc(again, func(a, b *transaction) int { return cmp.Compare(a.nonce, b.nonce) })
	accepted := 0
	for i, tx := range batch {
		if refused[i] {
			continue
		}
		r.flights.accept(tx)
		if !tx.accepted.Swap(true) {
			accepted++
			tx.account.mended()
		}
	}
	r.stats.accept(accepted)
	return again
}
