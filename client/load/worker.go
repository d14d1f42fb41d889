package load

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"connectrpc.com/connect"

	"github.com/bedrock-bft/bedrock/client"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

// worker sends the transactions of its senders to one endpoint, in order.
type worker struct {
	run      *run
	endpoint int
	wake     chan struct{}

	mu    sync.Mutex
	queue []item
}

func (w *worker) add(it item) {
	w.mu.Lock()
	w.queue = append(w.queue, it)
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *worker) length() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.queue)
}

// retryAfter is how long a worker waits after a pool was full or a node down.
const retryAfter = 50 * time.Millisecond

func (w *worker) work(ctx context.Context) {
	for ctx.Err() == nil {
		batch, endpoint := w.take()
		wait := time.Duration(0)
		if len(batch) > 0 {
			again, err := w.submit(ctx, endpoint, batch)
			if len(again) > 0 {
				w.putBack(again)
				wait = retryAfter
			}
			if err != nil && ctx.Err() == nil {
				w.run.track.note(err.Error())
			}
		} else if w.length() > 0 {
			wait = tick // senders with enough in flight
		}
		if len(batch) > 0 && wait == 0 {
			continue
		}
		var timer <-chan time.Time
		if wait > 0 {
			timer = time.After(wait)
		}
		select {
		case <-ctx.Done():
		case <-timer:
		case <-w.wakeIf(wait == 0):
		}
	}
}

// wakeIf is the wake channel, or one that never fires.
func (w *worker) wakeIf(ok bool) <-chan struct{} {
	if ok {
		return w.wake
	}
	return nil
}

// take picks a batch: the oldest of each sender that may have more in flight.
func (w *worker) take() ([]item, int) {
	endpoint := w.target()
	w.mu.Lock()
	defer w.mu.Unlock()
	var batch, rest []item
	full := map[int]bool{}
	for i := range w.queue {
		it := &w.queue[i]
		if len(batch) == batchMost {
			rest = append(rest, w.queue[i:]...)
			break
		}
		if full[it.sender] || !w.run.track.begin(it, endpoint) {
			full[it.sender] = true
			rest = append(rest, *it)
			continue
		}
		batch = append(batch, *it)
	}
	w.queue = rest
	return batch, endpoint
}

// target is the worker's own endpoint, or the next one that is up.
func (w *worker) target() int {
	t := w.run.track
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range t.up {
		if e := (w.endpoint + i) % len(t.up); t.up[e] {
			return e
		}
	}
	return w.endpoint
}

func (w *worker) putBack(items []item) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.queue = append(slices.Clip(items), w.queue...)
}

// transient are the pool's reasons that pass by themselves.
var transient = map[string]bool{"pool_full": true, "busy": true, "peer_quota": true, "lane_full": true, "nonce_gap": true, "closed": true}

// submit sends a batch and answers what is to be sent again.
func (w *worker) submit(ctx context.Context, endpoint int, batch []item) ([]item, error) {
	const timeout = 15 * time.Second
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req := &nodev1.SubmitBatchRequest{Transactions: make([][]byte, len(batch)), Brief: true}
	for i := range batch {
		req.Transactions[i] = batch[i].tx
	}
	c := w.run.clients[endpoint]
	res, err := c.RPC().SubmitBatch(ctx, connect.NewRequest(req))
	if err != nil {
		return batch, fmt.Errorf("%s: %w", c.URL(), err)
	}
	var again []item
	for _, r := range res.Msg.Results {
		if int(r.Index) >= len(batch) {
			continue
		}
		it := &batch[r.Index]
		switch reason := r.Result.GetReason(); {
		case transient[reason]:
			again = append(again, *it)
		case reason == "nonce_used": // executed already: a stream shows it
		default:
			w.run.track.refuse(it, fmt.Sprintf("%s: %s: %s", c.URL(), reason, r.Result.GetText()))
		}
	}
	return again, nil
}

// listen follows one node's blocks, again and again while it is away.
func (r *run) listen(ctx context.Context, endpoint int) {
	c := r.clients[endpoint]
	next := r.from[endpoint]
	for ctx.Err() == nil {
		err := c.Follow(ctx, next, client.FollowOptions{Receipts: true}, func(b client.Block) error {
			now := time.Now()
			t := r.track
			t.mu.Lock()
			defer t.mu.Unlock()
			t.up[endpoint] = true
			t.block(b.Outcome.Height, b.Header.TimestampMs)
			for _, receipt := range b.Receipts {
				if len(receipt.TxHash) == 32 && executedCode(receipt.Code) {
					t.executed(endpoint, [32]byte(receipt.TxHash), receipt.Code, now)
				}
			}
			next = b.Outcome.Height + 1
			return nil
		})
		if ctx.Err() != nil {
			return
		}
		r.track.setUp(endpoint, false)
		if err != nil {
			r.track.note(err.Error())
		}
		select {
		case <-ctx.Done():
		case <-time.After(250 * time.Millisecond):
		}
		if s, err := c.Status(ctx); err == nil {
			if next == 0 {
				next = s.FinalHeight + 1
			}
			r.track.setUp(endpoint, true)
		}
	}
}

// executedCode: codes from 10 to 19 are of transactions that were skipped, and may
// be executed later.
func executedCode(code uint32) bool { return code < 10 || code > 19 }
