package engine

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/bedrock-bft/bedrock/node/consensus"
	"github.com/bedrock-bft/bedrock/node/task"
	"github.com/bedrock-bft/bedrock/node/types"
)

// How long, and for how many bytes of payload, commits may stay unsynced.
const (
	syncEvery = 50 * time.Millisecond
	syncBytes = 64 << 20
)

// committer stores final blocks in order, then tells executor, pool and
// observers; it syncs the store in the background of that.
type committer struct {
	e *Engine

	mu       sync.Mutex
	queue    []commitJob
	pending  []*types.Block // final by the core, in height order, and the pool does not know it yet
	more     chan struct{}
	progress chan struct{} // closed and replaced after each sync

	unsynced     int // bytes of payload since the last sync
	unsyncedFrom time.Time
}

// commitJob is blocks to store, with the certificate that covers the last. The
// core's come without executions: the worker keeps those.
type commitJob struct {
	blocks      []FinalBlock
	certificate *types.CC
	done        chan<- error
}

func newCommitter(e *Engine) *committer {
	return &committer{e: e, more: make(chan struct{}, 1), progress: make(chan struct{})}
}

func (c *committer) finalize(f consensus.Finalize) {
	job := commitJob{certificate: f.Certificate, blocks: make([]FinalBlock, len(f.Blocks))}
	for i, b := range f.Blocks {
		job.blocks[i] = FinalBlock{Block: b.Block, Outcome: b.Outcome}
	}
	c.mu.Lock()
	c.queue = append(c.queue, job)
	for i := range job.blocks {
		c.pending = append(c.pending, job.blocks[i].Block)
	}
	c.mu.Unlock()
	select {
	case c.more <- struct{}{}:
	default:
	}
}

// untold are blocks that the core no longer counts as in flight while the pool
// still holds what they executed: a block that took it again would hold a
// transaction twice, or fail for a poison that failed one block already.
// // rule: failed-block
func (c *committer) untold() []*types.Block {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.pending)
}

// told forgets the blocks up to a height, which the pool knows to be final.
func (c *committer) told(height uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pending = slices.DeleteFunc(c.pending, func(b *types.Block) bool { return b.Header.Height <= height })
}

func (c *committer) run() {
	timer := c.e.tasks.Timer()
	defer timer.Stop()
	for {
		if task.Select3(c.e.tasks, task.Done(c.e.ctx), task.Recv(c.more, nil), task.Fired(timer)) == 0 {
			return
		}
		c.mu.Lock()
		batch := c.queue
		c.queue = nil
		c.mu.Unlock()
		if err := c.commitAll(batch); err != nil {
			c.e.fail(err)
			return
		}
		wait, err := c.maybeSync()
		if err != nil {
			c.e.fail(err)
			return
		}
		if wait > 0 {
			timer.Reset(wait)
		}
	}
}

func (c *committer) commitAll(batch []commitJob) error {
	for _, job := range batch {
		err := c.commitJob(job)
		if job.done != nil {
			job.done <- err
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// commitJob stores what is not stored yet: the core and block sync may both have
// brought a block.
func (c *committer) commitJob(job commitJob) error {
	tip := c.e.cfg.Store.Tip()
	blocks := make([]FinalBlock, 0, len(job.blocks))
	c.told(tip)
	for _, b := range job.blocks {
		if b.Outcome.Height <= tip {
			continue
		}
		if b.Execution == nil {
			b.Execution = c.e.worker.lookup(b.Block.ID())
		}
		if b.Execution == nil {
			return fmt.Errorf("block %d (%s) is final but was not executed here", b.Outcome.Height, b.Block.ID())
		}
		if b.Outcome.EndsEpoch() && b.Change == nil {
			parent, err := c.e.cfg.Store.Outcome(b.Outcome.Height - 1)
			if len(blocks) > 0 {
				parent, err = &blocks[len(blocks)-1].Outcome, nil
			}
			if err != nil {
				return fmt.Errorf("read outcome %d: %w", b.Outcome.Height-1, err)
			}
			if _, b.Change, err = c.e.sets.outcome(b.Block, parent, b.Execution); err != nil {
				return fmt.Errorf("epoch after block %d: %w", b.Outcome.Height, err)
			}
		}
		blocks = append(blocks, b)
	}
	return c.commit(blocks, job.certificate)
}

// commit stores blocks, in height order, whose last one certificate covers.
func (c *committer) commit(blocks []FinalBlock, certificate *types.CC) error {
	if len(blocks) == 0 {
		return nil
	}
	begin := c.e.tasks.Now()
	last := &blocks[len(blocks)-1]
	last.Certificate = certificate
	var starts []types.EpochStart
	if change := last.Change; change != nil {
		starts = append(starts, types.EpochStart{Epoch: *change, Certificate: certificate})
	}
	if err := c.e.cfg.Store.Commit(blocks, certificate, starts); err != nil {
		return fmt.Errorf("store blocks %d to %d: %w", blocks[0].Outcome.Height, last.Outcome.Height, err)
	}
	ids := make([]types.Hash, len(blocks))
	for i := range blocks {
		ids[i] = blocks[i].Block.ID()
		if err := c.e.cfg.Executor.Committed(ids[i]); err != nil {
			return fmt.Errorf("commit the state of block %d: %w", blocks[i].Outcome.Height, err)
		}
		if c.e.cfg.VoteLog != nil {
			c.e.cfg.VoteLog.Final(blocks[i].Outcome.Height, ids[i])
		}
		c.unsynced += blocks[i].Block.PayloadBytes()
	}
	if c.unsyncedFrom.IsZero() {
		c.unsyncedFrom = begin
	}
	c.e.cfg.Pool.Final(blocks, last.Change)
	c.evidenceFinal(blocks)
	c.told(last.Outcome.Height)
	c.e.worker.final(last.Outcome.Height, ids)
	c.e.cfg.Transport.SetTip(last.Outcome.Height)
	c.e.cfg.Observer.Committed(c.e.tasks.Since(begin), len(blocks))
	c.e.cfg.Observer.Final(blocks, certificate)
	c.e.postCall(c.e.tellWork)
	return nil
}

// evidenceFinal tells the pool of evidence, and the loop once what no block judged may
// be proposed again.
func (c *committer) evidenceFinal(blocks []FinalBlock) {
	clock := c.e.cfg.Clock
	again := clock.Now().MonoMs + c.e.cfg.Consensus.Timing.SettleMs
	if c.e.evidence.final(blocks, again, c.e.sets.of) {
		clock.After(again, func() { c.e.postCall(c.e.tellWork) })
	}
}

// maybeSync syncs when due and answers how long that may still wait.
func (c *committer) maybeSync() (time.Duration, error) {
	if c.unsyncedFrom.IsZero() {
		return 0, nil
	}
	if due := syncEvery - c.e.tasks.Since(c.unsyncedFrom); due > 0 && c.unsynced < syncBytes {
		return due, nil
	}
	height, err := c.e.cfg.Store.Sync()
	if err != nil {
		return 0, fmt.Errorf("sync the store: %w", err)
	}
	c.unsynced, c.unsyncedFrom = 0, time.Time{}
	c.e.synced.Store(height)
	c.mu.Lock()
	close(c.progress)
	c.progress = make(chan struct{})
	c.mu.Unlock()
	var logBytes uint64
	if c.e.cfg.VoteLog != nil {
		logBytes = uint64(c.e.cfg.VoteLog.HeldBodyBytes())
	}
	if c.e.cfg.Filling != nil && !c.e.cfg.Filling() {
		c.e.postCall(c.e.filled)
	}
	c.e.post(consensus.StoreProgress{SyncedHeight: height, LogBytes: logBytes})
	return 0, nil
}

// waitSynced waits until a sync covers height.
func (c *committer) waitSynced(height uint64) error {
	for {
		c.mu.Lock()
		progress := c.progress
		c.mu.Unlock()
		if c.e.synced.Load() >= height {
			return nil
		}
		if task.Select2(c.e.tasks, task.Recv(progress, nil), task.Done(c.e.ctx)) == 1 {
			return errStopped
		}
	}
}
