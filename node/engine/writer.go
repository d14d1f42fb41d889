package engine

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/bedrock-bft/bedrock/node/consensus"
	"github.com/bedrock-bft/bedrock/node/storage/votelog"
	"github.com/bedrock-bft/bedrock/node/task"
	"github.com/bedrock-bft/bedrock/node/types"
)

// writer makes SafetyStates durable and signs what depends on them, in the
// core's order. While one write is in flight the next ones gather and become one.
type writer struct {
	e *Engine

	mu    sync.Mutex
	queue []writeItem
	more  chan struct{}

	durable *types.SafetyState // last written; the writer's goroutine only
	signed  atomic.Bool        // something, since the start
	refuse  atomic.Bool        // what was asked for before the clock jumped
}

// writeItem is one of: a state to persist, a message to sign, a thing to do after.
type writeItem struct {
	persist *consensus.Persist
	message *types.Message
	epoch   *types.Epoch
	after   func()
}

// ErrCaughtUp ends the engine of a node whose lost chain volume has reached the
// epoch of its vote log: what that log says of the epoch is read at a start.
var ErrCaughtUp = errors.New("the chain volume has reached the vote log's epoch: start the node again, it signs from there on")

// recorded is the vote log's newest state at the start; nil: it was empty.
func (e *Engine) recorded() *types.SafetyState {
	if e.cfg.Recorded != nil {
		return e.cfg.Recorded
	}
	return e.cfg.Start.Safety
}

// behind reports whether the store began in an epoch before the vote log's:
// nothing of such an epoch is signed or written. // rule: epoch-no-return
func (e *Engine) behind() bool {
	recorded := e.recorded()
	return recorded != nil && recorded.Epoch > e.cfg.Start.Epoch.Number
}

func newWriter(e *Engine) *writer {
	return &writer{e: e, more: make(chan struct{}, 1)}
}

func (w *writer) persist(p consensus.Persist) { w.push(writeItem{persist: &p}) }

func (w *writer) sign(m types.Message, epoch *types.Epoch) {
	w.push(writeItem{message: &m, epoch: epoch})
}

func (w *writer) then(f func()) { w.push(writeItem{after: f}) }

// push never blocks the loop; the queue is bounded by what the core asks for in
// a view, since it waits for its own votes.
func (w *writer) push(it writeItem) {
	w.mu.Lock()
	w.queue = append(w.queue, it)
	w.mu.Unlock()
	select {
	case w.more <- struct{}{}:
	default:
	}
}

func (w *writer) run() {
	for {
		if task.Select2(w.e.tasks, task.Done(w.e.ctx), task.Recv(w.more, nil)) == 0 {
			return
		}
		w.mu.Lock()
		batch := w.queue
		w.queue = nil
		w.mu.Unlock()
		for len(batch) > 0 {
			n := oneRecord(batch)
			if err := w.write(batch[:n]); err != nil {
				w.e.fail(err)
				return
			}
			batch = batch[n:]
		}
	}
}

// Bounds of what is merged into one record, far below those of the vote log: what
// gathers behind a slow disk becomes several writes.
const (
	mergeBytes  = 16 << 20
	mergeBlocks = 256
)

// oneRecord is how many items from the front go into one record.
func oneRecord(batch []writeItem) int {
	bytes, blocks := 0, 0
	for i := range batch {
		p := batch[i].persist
		if p == nil {
			continue
		}
		for _, b := range p.Blocks {
			bytes += b.PayloadBytes()
			blocks++
		}
		if i > 0 && (bytes > mergeBytes || blocks > mergeBlocks) {
			return i
		}
	}
	return len(batch)
}

// write merges all states of the batch into one record: the newest accounts for
// everything that the batch signs. // rule: persist-first
func (w *writer) write(batch []writeItem) error {
	var record votelog.Record
	found := false
	for i := range batch {
		if p := batch[i].persist; p != nil {
			found = true
			record.State = p.State
			record.Blocks = append(record.Blocks, p.Blocks...)
			record.Outcomes = append(record.Outcomes, p.Outcomes...)
		}
	}
	if w.e.behind() {
		if found && record.State.Epoch >= w.e.recorded().Epoch {
			return ErrCaughtUp
		}
		for i := range batch {
			if after := batch[i].after; after != nil {
				after()
			}
		}
		return nil
	}
	if found && w.e.cfg.VoteLog != nil {
		record.SyncedHeight = w.e.synced.Load()
		begin := w.e.tasks.Now()
		if err := w.e.cfg.VoteLog.Append(record); err != nil {
			return fmt.Errorf("write the vote log: %w", err)
		}
		w.e.cfg.Observer.Persisted(w.e.tasks.Since(begin))
		w.durable = &record.State
	}
	for i := range batch {
		switch it := &batch[i]; {
		case it.persist != nil && w.e.cfg.Signer != nil:
			// The newest is durable, and accounts for each before it.
			w.e.cfg.Signer.Recorded(it.persist.State)
		case it.message != nil:
			w.signAndSend(it.message, it.epoch)
		case it.after != nil:
			it.after()
		}
	}
	return nil
}

func (w *writer) signAndSend(m *types.Message, epoch *types.Epoch) {
	if w.e.cfg.Signer == nil || w.e.ctx.Err() != nil {
		return
	}
	if w.refuse.Load() || w.e.jumped(w.e.cfg.Clock.Now()) != 0 {
		return // the loop sees the jump too, and the core signs again from its record
	}
	w.signed.Store(true)
	signed, err := w.e.cfg.Signer.Sign(epoch, *m)
	if err != nil {
		w.e.log.Error("refused to sign", "epoch", m.Epoch(), "view", m.View(), "error", err)
		return
	}
	w.e.traceSigned(&signed)
	w.e.transmit(&signed, nil)
	w.e.post(consensus.Received{Message: signed})
}
