package load

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"connectrpc.com/connect"

	"github.com/bedrock-bft/bedrock/client"
)

// endpoint is one node as the load sees it.
type endpoint struct {
	run    *run
	index  int
	client *client.Client
	up     atomic.Bool
	next   uint64 // height that the stream goes on with; 0: not known yet

	mu  sync.Mutex
	cut context.CancelFunc // ends the present stream
}

// Times to wait before a node that was away is asked again.
const (
	againFirst = 100 * time.Millisecond
	againMost  = 2 * time.Second
	aliveTime  = 5 * time.Second // for an answer, before a node counts as away
)

// lose notes that the node is away: what was sent to it is sent to another, and
// what others have shown final counts.
func (e *endpoint) lose() {
	if !e.up.CompareAndSwap(true, false) {
		return
	}
	e.mu.Lock()
	if e.cut != nil {
		e.cut()
	}
	e.mu.Unlock()
	e.run.abandon(e.index)
}

// gone reports whether a request's error says that the node is away. One that only
// took its time is asked how it is.
func (e *endpoint) gone(ctx context.Context, err error) bool {
	switch {
	case connect.CodeOf(err) == connect.CodeUnavailable:
		return true
	case connect.CodeOf(err) != connect.CodeDeadlineExceeded && !errors.Is(err, context.DeadlineExceeded):
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, aliveTime)
	defer cancel()
	_, err = e.client.Status(ctx)
	return err != nil
}

// watch follows the node's final blocks, again and again while it is away.
func (e *endpoint) watch(ctx context.Context) {
	wait := againFirst
	for ctx.Err() == nil {
		if !e.find(ctx) {
			e.lose()
		} else {
			e.up.Store(true)
			before := e.next
			err := e.follow(ctx)
			if ctx.Err() != nil {
				return
			}
			e.run.stats.note(err)
			e.lose()
			if e.next > before {
				wait = againFirst
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
		wait = min(againMost, 2*wait)
	}
}

// find asks whether the node is there and sets where its stream goes on. One that
// is catching up shows blocks late: it is left alone while another is there.
func (e *endpoint) find(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, aliveTime)
	defer cancel()
	s, err := e.client.Status(ctx)
	if err != nil {
		e.run.stats.note(err)
		return false
	}
	if s.Syncing && e.run.others(e) {
		return false
	}
	if e.next == 0 {
		e.next = s.FinalHeight + 1
	}
	e.next = max(e.next, s.BlocksFloor)
	return true
}

// others reports whether another endpoint is there.
func (r *run) others(than *endpoint) bool {
	for _, e := range r.endpoints {
		if e != than && e.up.Load() {
			return true
		}
	}
	return false
}

// follow is one stream: each block that a verified certificate covers.
func (e *endpoint) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	e.mu.Lock()
	e.cut = cancel
	e.mu.Unlock()
	var ended []*transaction
	down := func(i int) bool { return !e.run.endpoints[i].up.Load() }
	return e.client.Follow(ctx, e.next, client.FollowOptions{Receipts: true}, func(b client.Block) error {
		now := e.run.stats.now()
		e.next = b.Outcome.Height + 1
		e.run.stats.block(b.Outcome.Height, b.Header.TimestampMs)
		ended = ended[:0]
		for _, r := range b.Receipts {
			if len(r.TxHash) != 32 || skipped(r.Code) {
				continue
			}
			if tx := e.run.flights.notice([32]byte(r.TxHash), e.index, down, r.Code, now); tx != nil {
				tx.account.landed()
				ended = append(ended, tx)
			}
		}
		e.run.stats.settle(ended)
		return nil
	})
}

// skipped: codes from 10 to 19 are of transactions that a block held and did not
// execute; a later one may.
func skipped(code uint32) bool { return code >= 10 && code <= 19 }
