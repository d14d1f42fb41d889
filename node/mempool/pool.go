package mempool

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/bedrock-bft/bedrock/node/task"
	"github.com/bedrock-bft/bedrock/node/types"
)

// ErrClosed is the answer of a pool after Close.
var ErrClosed = errors.New("the mempool is closed")

// Pool is a node's mempool. Its methods may be called from any goroutine.
type Pool struct {
	cfg      Config
	log      *slog.Logger
	metrics  *metrics
	verdicts *Verdicts
	journal  *journal // nil without one

	ctx    context.Context
	cancel context.CancelFunc
	tasks  task.Runtime
	group  *task.Group // of all that the pool starts

	incoming chan *item    // to be verified
	batches  chan []*item  // to a verify worker
	verified chan []*item  // to the admission
	nudge    chan struct{} // a token while senders wait to be checked again
	notify   chan struct{}
	outgoing chan []byte // accepted here, to be passed on
	sandbox  chan struct{}

	mu          sync.Mutex
	closed      bool
	executor    types.Hash
	book        *book
	pending     map[types.Hash]*item
	fromPeer    map[Source]int // pending ones
	touched     touches
	executed    *recent
	refused     *timedSet // poison
	dirty       dirtySet
	later       []*item // wait for a migration to end; pending holds them too
	suspects    suspects
	locals      []arrival // transactions of this node's clients, by when they were last passed on
	subscribers map[*Subscription]bool
	running     int // steps of the background work, for Flush
}

// New opens the journal, begins to add what it holds, and returns.
func New(cfg Config) (*Pool, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	p := &Pool{
		cfg: cfg, log: cfg.Log.With("component", "mempool"),
		tasks: cfg.Tasks, group: task.NewGroup(cfg.Tasks),
		verdicts:    NewVerdicts(cfg.Limits.Verdicts),
		incoming:    make(chan *item, cfg.Limits.Pending),
		batches:     make(chan []*item, 1),
		verified:    make(chan []*item, 64),
		nudge:       make(chan struct{}, 1),
		notify:      make(chan struct{}, 1),
		outgoing:    make(chan []byte, 4096),
		sandbox:     make(chan struct{}, 1),
		executor:    cfg.Executor,
		book:        newBook(cfg.Limits),
		pending:     make(map[types.Hash]*item),
		fromPeer:    make(map[Source]int),
		executed:    newRecent(4 * cfg.Limits.BlockTxs),
		refused:     newTimedSet(cfg.Limits.Suspects),
		subscribers: make(map[*Subscription]bool),
	}
	p.suspects.marks = newTimedSet(cfg.Limits.Suspects)
	p.book.height = cfg.Height
	p.book.left = p.onLeft
	if p.metrics, err = newMetrics(cfg.Registerer, p); err != nil {
		return nil, fmt.Errorf("register mempool metrics: %w", err)
	}
	var kept [][]byte
	if cfg.Journal != "" {
		if p.journal, kept, err = openJournal(cfg.Journal, cfg.JournalBytes, p.log); err != nil {
			return nil, err
		}
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.group.Go("collect", p.collect)
	for range cfg.Workers {
		p.group.Go("verify", p.verify)
	}
	p.group.Go("admission", p.admission)
	p.group.Go("sweep", p.sweepLoop)
	if cfg.Broadcaster != nil {
		p.group.Go("gossip", p.gossip)
	}
	if cfg.Sandbox != nil {
		p.group.Go("suspects", p.bisect)
	}
	if len(kept) > 0 {
		p.group.Go("restore", func() { p.restore(kept) })
	}
	return p, nil
}

// restore adds what the journal held, as if it came by RPC.
func (p *Pool) restore(txs [][]byte) {
	admitted := 0
	for len(txs) > 0 {
		part := txs[:min(len(txs), batchTxs)]
		txs = txs[len(part):]
		results, err := p.AddBatch(p.ctx, part, Local)
		if err != nil {
			return
		}
		for _, r := range results {
			if r.Status == Accepted || r.Status == Held {
				admitted++
			}
		}
	}
	p.log.Info("transactions of the journal are back in the pool", "admitted", admitted)
}

// Close ends the pool. The journal keeps what is in it.
func (p *Pool) Close() error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	p.mu.Unlock()
	p.cancel()
	p.group.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	for hash, it := range p.pending {
		it.finish(Result{Hash: hash, Status: Rejected, Reason: ReasonClosed, Text: "the node is stopping"})
	}
	clear(p.pending)
	for s := range p.subscribers {
		close(s.events)
	}
	clear(p.subscribers)
	if p.journal != nil {
		return p.journal.close()
	}
	return nil
}

// Verdicts is the cache of what `verify` said.
func (p *Pool) Verdicts() *Verdicts { return p.verdicts }

// Notify has a token since something that may be proposed was added. It is
// level-triggered: the token stays until it is taken.
func (p *Pool) Notify() <-chan struct{} { return p.notify }

func (p *Pool) signal() {
	select {
	case p.notify <- struct{}{}:
	default:
	}
}

// Has reports whether a transaction is in the pool, held ones included.
func (p *Pool) Has(hash types.Hash) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.book.byHash[hash] != nil
}

// Get is a transaction of the pool, or nil. A caller must not change it.
func (p *Pool) Get(hash types.Hash) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e := p.book.byHash[hash]; e != nil {
		return e.tx
	}
	if it := p.pending[hash]; it != nil && !it.later.IsZero() {
		return it.tx
	}
	return nil
}

// NextNonce is the nonce that a sender's lane waits for; false where the sender has
// nothing queued.
func (p *Pool) NextNonce(sender string) (uint64, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l := p.book.lanes[sender]; l != nil {
		return l.next(), true
	}
	return 0, false
}

// Stats is the pool's size now.
func (p *Pool) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := Stats{Txs: p.book.txs, Bytes: p.book.bytes, Held: p.book.heldTxs, Suspects: p.book.suspects, Lanes: len(p.book.lanes)}
	if p.book.txs >= p.cfg.Limits.Txs || p.book.bytes >= p.cfg.Limits.Bytes {
		s.MinGasPrice = p.book.floorPrice()
	}
	return s
}

// Committed tells the pool of final blocks. Call it once the state that Checker
// reads holds them.
func (p *Pool) Committed(info CommitInfo) {
	now := p.cfg.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	senders := make([]string, 0, len(info.Executed))
	for _, r := range info.Executed {
		if r.Code == 0 { // one that was skipped may come again
			p.executed.add(r.Hash)
		}
		sender := r.Sender
		if e := p.book.byHash[r.Hash]; e != nil {
			sender = e.lane.sender
		}
		if sender != "" {
			senders = append(senders, sender)
		}
	}
	p.touched.add(senders)
	p.book.committed(info, now)
	all := info.RecheckAll
	if info.Executor != p.executor && !info.Executor.IsZero() {
		p.executor = info.Executor
		p.book.gen++
		all = true
	}
	if all {
		for _, sender := range p.book.senders() {
			p.dirty.add(sender, true)
		}
	}
	for _, sender := range senders {
		if p.book.lanes[sender] != nil {
			p.dirty.add(sender, all)
		}
	}
	p.retrySuspects()
	p.wake()
	if p.book.txs > 0 {
		p.signal()
	}
}

// wake tells the admission that senders wait to be checked again. Callers hold mu.
func (p *Pool) wake() {
	if p.dirty.len() == 0 && len(p.later) == 0 {
		return
	}
	select {
	case p.nudge <- struct{}{}:
	default:
	}
}

// sweepLoop drops what has waited too long, and passes on again what was not heard.
func (p *Pool) sweepLoop() {
	for p.tasks.Sleep(p.ctx, time.Second) == nil {
		p.sweep()
	}
}

func (p *Pool) sweep() {
	now := p.cfg.Now()
	p.mu.Lock()
	p.book.sweep(now)
	p.refused.expire(now)
	p.suspects.marks.expire(now)
	again := p.unheard(now)
	p.wake() // what a migration, or a fault, kept from being checked
	p.mu.Unlock()
	for _, tx := range again {
		p.passOn(tx)
	}
	if p.journal != nil {
		p.journal.maintain(p.live)
	}
}

// PauseJournal stops writing the journal, as where the disk has little room, or goes
// on: then all that is in the pool is written. Without a journal it does nothing.
func (p *Pool) PauseJournal(paused bool) {
	if p.journal != nil {
		p.journal.pause(paused, p.live)
	}
}

// live lists what the journal must keep.
func (p *Pool) live() [][]byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([][]byte, 0, p.book.txs)
	for _, l := range p.book.best.lanes { // those that have any
		for _, e := range l.txs {
			out = append(out, e.tx)
		}
	}
	return out
}

// onLeft hears of each transaction that leaves. The lock is held.
func (p *Pool) onLeft(e *entry, why Reason) {
	p.metrics.left.WithLabelValues(string(why)).Inc()
	p.publish(Event{Hash: e.hash, Reason: why})
}
