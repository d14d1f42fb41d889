package engine

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/bedrock-bft/bedrock/node/consensus"
	"github.com/bedrock-bft/bedrock/node/task"
	"github.com/bedrock-bft/bedrock/node/types"
)

// ErrStateGone is what Executor.Execute answers (wrapped) for a block whose
// parent's state was given up because a conflicting block is final.
var ErrStateGone = errors.New("the state after the parent is gone")

// worker executes blocks, one at a time, and verifies and builds them beside
// that. It remembers what blocks above the last final one hold.
type worker struct {
	e *Engine

	execution chan func()
	building  chan func() // the newest replaces what waits
	verifying chan struct{}

	goneLater []func() // the loop's: executions that found their parent gone

	mu       sync.Mutex
	executed map[types.Hash]*Execution
	flight   map[types.Hash]*flight // by block id
	// held are blocks that block sync executes and stores: what the core makes of
	// them meanwhile is carried out when they are released. True: to be dropped.
	held map[types.Hash]bool
}

// flight is a block above the last final one, with the hashes of its contents.
type flight struct {
	epoch  uint64
	height uint64
	blockInFlight
}

// verifyAtOnce bounds the blocks that are verified at one time.
const verifyAtOnce = 4

func newWorker(e *Engine) *worker {
	return &worker{
		e: e,
		// The core asks for one execution at a time, block sync for one more.
		execution: make(chan func(), 8),
		building:  make(chan func(), 1),
		verifying: make(chan struct{}, verifyAtOnce),
		executed:  map[types.Hash]*Execution{},
		flight:    map[types.Hash]*flight{},
		held:      map[types.Hash]bool{},
	}
}

// run executes.
func (w *worker) run() { w.does(w.execution) }

// runBuilder builds.
func (w *worker) runBuilder() { w.does(w.building) }

func (w *worker) does(jobs <-chan func()) {
	var job func()
	for task.Select2(w.e.tasks, task.Done(w.e.ctx), task.Recv(jobs, &job)) == 1 {
		job()
	}
}

// execute runs a block for the core.
func (w *worker) execute(f consensus.ExecuteBlock, epoch *types.Epoch) {
	parent := f.Parent
	job := func() {
		x, err := w.runBlock(epoch, f.Block, &parent)
		if errors.Is(err, ErrStateGone) {
			w.e.postCall(func() { w.gone(f.Block.ID(), err) })
			return
		}
		if err != nil {
			w.e.fail(err)
			return
		}
		w.e.post(consensus.BlockExecuted{ID: x.Block, Success: x.Success, StateRoot: x.StateRoot,
			ReceiptsRoot: x.ReceiptsRoot, Change: x.Change, MoreWork: x.MoreWork})
	}
	task.Select2(w.e.tasks, task.Send(w.execution, job), task.Done(w.e.ctx))
}

// gone handles a block whose parent's state is no more: the core has dropped it
// by now, since a conflicting block is final; if not, that is a fault, unless
// block sync has stored what the core is about to be told of.
func (w *worker) gone(id types.Hash, err error) {
	switch {
	case w.e.core.Block(id) == nil:
		w.e.step(consensus.BlockExecuted{ID: id})
	case w.e.cfg.Store.Tip() > w.e.core.Status().FinalHeight:
		w.goneLater = append(w.goneLater, func() { w.gone(id, err) })
	default:
		w.e.fail(fmt.Errorf("execute a block that consensus still holds: %w", err))
	}
}

// synced looks again at what waited for the core to be told of block sync.
func (w *worker) synced() {
	later := w.goneLater
	w.goneLater = nil
	for _, again := range later {
		again()
	}
}

// runBlock executes a block, once: what was executed is kept until it is final
// or dropped. A host fault is tried once more. // rule: host-fault
func (w *worker) runBlock(epoch *types.Epoch, block *types.Block, parent *types.Outcome) (*Execution, error) {
	id := block.ID()
	w.mu.Lock()
	x := w.executed[id]
	w.mu.Unlock()
	if x != nil {
		return x, nil
	}
	if epoch == nil {
		return nil, fmt.Errorf("execute block %s: its epoch %d is not known", id, block.Header.Epoch)
	}
	begin := w.e.tasks.Now()
	x, err := w.e.cfg.Executor.Execute(w.e.ctx, epoch, block, parent)
	if err != nil {
		return nil, fmt.Errorf("execute block %d (%s): %w", block.Header.Height, id, err)
	}
	took := w.e.tasks.Since(begin)
	w.e.cfg.Observer.Executed(took, len(block.Payload))
	w.e.traceExecuted(block, x, took)
	w.e.evidence.executed(x)
	if !x.Success {
		w.e.log.Warn("block failed in execution", "height", block.Header.Height, "block", id, "reason", x.Failure)
	}
	w.mu.Lock()
	w.executed[id] = x
	w.mu.Unlock()
	return x, nil
}

// lookup gives what runBlock kept.
func (w *worker) lookup(id types.Hash) *Execution {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.executed[id]
}

// drop forgets blocks that will never be final.
func (w *worker) drop(ids []types.Hash) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var free []types.Hash
	for _, id := range ids {
		delete(w.flight, id)
		if _, held := w.held[id]; held {
			w.held[id] = true
			continue
		}
		delete(w.executed, id)
		free = append(free, id)
	}
	w.e.cfg.Executor.Drop(free) // locked: whoever holds one next executes it anew
}

// hold keeps the execution of a block from being dropped until release.
func (w *worker) hold(id types.Hash) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, held := w.held[id]; !held {
		w.held[id] = false
	}
}

// release ends all holds and drops what the core has dropped meanwhile; stored is
// the height up to which blocks are final.
func (w *worker) release(stored uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var free []types.Hash
	for id, dropped := range w.held {
		if x := w.executed[id]; dropped && (x == nil || x.Height > stored) {
			delete(w.executed, id)
			free = append(free, id)
		}
	}
	clear(w.held)
	slices.SortFunc(free, func(a, b types.Hash) int { return bytes.Compare(a[:], b[:]) })
	w.e.cfg.Executor.Drop(free)
}

// final forgets blocks that the store holds, and whatever is not above them.
func (w *worker) final(height uint64, ids []types.Hash) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range ids {
		delete(w.executed, id)
	}
	for id, x := range w.executed {
		if x.Height <= height { // dropped while it was executed
			delete(w.executed, id)
		}
	}
	for id, f := range w.flight {
		if f.height <= height {
			delete(w.flight, id)
		}
	}
}

// forgetEpoch drops what earlier epochs' blocks held: they are final or gone.
func (w *worker) forgetEpoch(now uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, f := range w.flight {
		if f.epoch < now {
			delete(w.flight, id)
		}
	}
}

// contents hashes what a block holds, once.
func (w *worker) contents(b *types.Block) *flight {
	id := b.ID()
	w.mu.Lock()
	f := w.flight[id]
	w.mu.Unlock()
	if f != nil {
		return f
	}
	f = contentsOf(b)
	w.mu.Lock()
	w.flight[id] = f
	w.mu.Unlock()
	return f
}

// known is contents of a block that may have left since: nothing is remembered.
func (w *worker) known(b *types.Block) *flight {
	w.mu.Lock()
	f := w.flight[b.ID()]
	w.mu.Unlock()
	if f == nil {
		f = contentsOf(b)
	}
	return f
}

func contentsOf(b *types.Block) *flight {
	f := &flight{epoch: b.Header.Epoch, height: b.Header.Height}
	f.txs = make(map[types.Hash]struct{}, len(b.Payload))
	for _, tx := range b.Payload {
		f.txs[types.TxHash(tx)] = struct{}{}
	}
	f.evidence = make(map[types.Hash]struct{}, len(b.Evidence))
	for _, ev := range b.Evidence {
		f.evidence[types.SumHash(ev)] = struct{}{}
	}
	return f
}

func (w *worker) inFlight(tx types.Hash) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, f := range w.flight {
		if _, ok := f.txs[tx]; ok {
			return true
		}
	}
	return false
}

func (w *worker) evidenceInFlight(hash types.Hash) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, f := range w.flight {
		if _, ok := f.evidence[hash]; ok {
			return true
		}
	}
	return false
}
