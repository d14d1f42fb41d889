package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/bedrock-bft/bedrock/node/blocksync"
	"github.com/bedrock-bft/bedrock/node/consensus"
	"github.com/bedrock-bft/bedrock/node/p2p"
	"github.com/bedrock-bft/bedrock/node/task"
	"github.com/bedrock-bft/bedrock/node/types"
)

// errDiverged ends block sync, not the process: the node stays up for reading.
var errDiverged = errors.New("state divergence")

// syncRetry is how long after a round without a usable range the next begins.
const syncRetry = 500 * time.Millisecond

// blockSync fills in final blocks that are too far behind to be fetched singly:
// verified ranges from peers, executed and compared here, then stored.
type blockSync struct {
	e *Engine

	mu      sync.Mutex
	running bool
	// diverged: own execution gave another outcome. No further run follows it.
	diverged bool
	target   uint64
	prefer   []p2p.PeerID

	// pending are blocks executed in this run whose certificate is of a height
	// above them; they are stored with the block that it names, as tail says.
	pending []FinalBlock
	tail    blocksync.Tail
}

func newBlockSync(e *Engine) *blockSync { return &blockSync{e: e} }

func (s *blockSync) serve() error {
	if err := s.e.cfg.Transport.Handle(blocksync.Protocol, blocksync.Serve(s.e.cfg.Store)); err != nil {
		return fmt.Errorf("serve block ranges: %w", err)
	}
	return nil
}

func (s *blockSync) progress() (running bool, target uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running, s.target
}

// needed starts a run up to a certificate, or raises the target of the present.
func (s *blockSync) needed(f consensus.SyncNeeded) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.target = max(s.target, f.Certificate.Outcome.Height)
	s.prefer = s.prefer[:0]
	for _, p := range f.From {
		s.prefer = append(s.prefer, p2p.PeerID(p))
	}
	if s.running || s.diverged {
		return
	}
	s.running = true
	s.e.goRun("block sync", s.run)
}

// drop forgets what was not stored.
func (s *blockSync) drop() { s.pending, s.tail = nil, blocksync.Tail{} }

func (s *blockSync) run() {
	s.drop()
	defer func() {
		s.e.worker.release(s.e.cfg.Store.Tip()) // what was not stored is executed anew
		s.mu.Lock()
		s.running = false
		s.mu.Unlock()
	}()
	s.mu.Lock()
	fetcher := &blocksync.Fetcher{Tasks: s.e.tasks, Network: s.e.cfg.Transport, Proof: blocksync.Proof{Certificate: s.e.verifyCertificate}, Prefer: append([]p2p.PeerID(nil), s.prefer...)}
	s.mu.Unlock()
	for s.e.ctx.Err() == nil {
		_, target := s.progress()
		if s.e.cfg.Store.Tip() >= target {
			return
		}
		ended, err := s.next(fetcher)
		switch {
		case errors.Is(err, blocksync.ErrNoPeer):
			s.e.log.Info("no peer gave blocks", "above", s.e.cfg.Store.Tip(), "error", err)
			_ = s.e.tasks.Sleep(s.e.ctx, syncRetry) // ended: the loop ends
		case errors.Is(err, errDiverged):
			return
		case err != nil:
			if s.e.ctx.Err() == nil {
				s.e.fail(err)
			}
			return
		case ended:
			return // the core enters the next epoch first, then asks again
		}
	}
}

// next brings one range. ended: its last block ended the epoch.
func (s *blockSync) next(fetcher *blocksync.Fetcher) (ended bool, err error) {
	outcome, err := s.e.cfg.Store.Outcome(s.e.cfg.Store.Tip())
	if err != nil {
		return false, fmt.Errorf("read the tip's outcome: %w", err)
	}
	if n := len(s.pending); n > 0 && s.pending[n-1].Outcome.Height > outcome.Height {
		outcome = &s.pending[n-1].Outcome
	} else {
		s.drop() // the core came this far by itself
	}
	if s.pending == nil {
		s.e.worker.release(outcome.Height)
	}
	r, err := fetcher.Fetch(s.e.ctx, blocksync.Anchor{Height: outcome.Height, Block: outcome.Block, Outcome: outcome.Hash()})
	if err != nil {
		return false, err
	}
	ended, err = s.apply(r, outcome)
	var tail *blocksync.TailError
	if errors.As(err, &tail) {
		s.e.log.Warn("a peer's next certificate is too far above: what was fetched is dropped, others are asked first", "peer", tail.Peer.Short(), "error", err)
		fetcher.Blame(tail.Peer, tail.Error())
		s.drop()
		return false, nil
	}
	return ended, err
}

// apply executes a verified range and hands it to the committer. It stops at the
// epoch's end.
func (s *blockSync) apply(r *blocksync.Range, parent *types.Outcome) (ended bool, err error) {
	reached, err := s.tail.Add(r)
	if err != nil {
		return false, err
	}
	blocks := s.pending
	for i, block := range r.Blocks {
		set, err := s.e.sets.of(block.Header.Epoch)
		if err != nil {
			return false, fmt.Errorf("sync block %d: %w", r.Outcomes[i].Height, err)
		}
		s.e.worker.hold(block.ID())
		x, err := s.execute(&set.Epoch, block, parent)
		if errors.Is(err, ErrStateGone) {
			s.drop()
			return false, nil // the core made another way to this height meanwhile
		}
		if err != nil {
			return false, err
		}
		own, change, err := s.e.sets.outcome(block, parent, x)
		if err != nil {
			return false, fmt.Errorf("sync block %d: %w", r.Outcomes[i].Height, err)
		}
		if own != r.Outcomes[i] {
			stop := consensus.StopSigning{Reason: "block sync: own execution gives another outcome than was certified",
				Block: block.ID(), Own: own, Theirs: r.Outcomes[i]}
			s.mu.Lock()
			s.diverged = true
			s.mu.Unlock()
			s.e.postCall(func() {
				s.e.stopSigning(stop)
				s.e.closeGate(gateDiverged, stop.Reason) // the core found nothing itself
			})
			return false, fmt.Errorf("%w at height %d: the certified outcome is %s, own execution gives %s", errDiverged,
				own.Height, r.Outcomes[i].Hash(), own.Hash())
		}
		blocks = append(blocks, FinalBlock{Block: block, Outcome: own, Execution: x, Change: change})
		parent = &r.Outcomes[i]
		ended = change != nil
	}
	s.pending = nil
	for _, cc := range reached {
		n := cc.Outcome.Height - blocks[0].Outcome.Height + 1
		if err := s.store(blocks[:n], cc); err != nil {
			return false, err
		}
		blocks = blocks[n:]
	}
	s.pending = blocks
	return ended && len(blocks) == 0, nil
}

func (s *blockSync) execute(epoch *types.Epoch, block *types.Block, parent *types.Outcome) (*Execution, error) {
	type result struct {
		x   *Execution
		err error
	}
	done := make(chan result, 1)
	job := func() {
		x, err := s.e.worker.runBlock(epoch, block, parent)
		done <- result{x, err}
	}
	if task.Select2(s.e.tasks, task.Send(s.e.worker.execution, job), task.Done(s.e.ctx)) == 1 {
		return nil, errStopped
	}
	var r result
	if task.Select2(s.e.tasks, task.Recv(done, &r), task.Done(s.e.ctx)) == 1 {
		return nil, errStopped
	}
	return r.x, r.err
}

// store hands blocks to the committer and tells the core when they are stored.
func (s *blockSync) store(blocks []FinalBlock, certificate *types.CC) error {
	last := &blocks[len(blocks)-1]
	if err := s.e.committer.synced(s.e.ctx, blocks, certificate); err != nil {
		return err
	}
	s.e.log.Info("synced blocks", "height", last.Outcome.Height, "blocks", len(blocks))
	s.e.post(consensus.Synced{Change: last.Change, Tip: consensus.Final{View: last.Block.Header.View,
		TimestampMs: last.Block.Header.TimestampMs, Outcome: last.Outcome, Certificate: certificate}})
	return nil
}

// verifyCertificate checks a certificate under the set of its epoch.
func (e *Engine) verifyCertificate(cc *types.CC) error {
	set, err := e.sets.of(cc.Epoch)
	if err != nil {
		return err
	}
	return set.VerifyCC(cc)
}

// synced commits what block sync executed, on the committer's goroutine, where
// it takes its turn among the core's own.
func (c *committer) synced(ctx context.Context, blocks []FinalBlock, certificate *types.CC) error {
	done := make(chan error, 1)
	c.mu.Lock()
	c.queue = append(c.queue, commitJob{blocks: blocks, certificate: certificate, done: done})
	c.mu.Unlock()
	select {
	case c.more <- struct{}{}:
	default:
	}
	var err error
	if task.Select2(c.e.tasks, task.Recv(done, &err), task.Done(ctx)) == 1 {
		return errStopped
	}
	return err
}
