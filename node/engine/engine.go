package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"

	"github.com/bedrock-bft/bedrock/node/consensus"
	"github.com/bedrock-bft/bedrock/node/p2p"
	"github.com/bedrock-bft/bedrock/node/task"
	"github.com/bedrock-bft/bedrock/node/types"
)

// Config is what an Engine is made of. Every port must be set.
type Config struct {
	// Tasks is where the engine runs; its zero value is the machine.
	Tasks     task.Runtime
	Consensus consensus.Config
	Start     consensus.Start
	// Root is the height that the chain begins above: 0, or what a recovery genesis
	// continues.
	Root      uint64
	ChainID   string
	Clock     Clock
	Transport Transport
	VoteLog   VoteLog // nil for a follower
	Signer    Signer  // nil for a follower
	Executor  Executor
	Verifier  Verifier
	Store     Store
	Pool      Pool
	Observer  Observer
	Log       *slog.Logger
	// Recorded is the vote log's newest state where Start.Safety is not: the store
	// stands in another epoch than the vote log. Nil: Start.Safety.
	Recorded *types.SafetyState
	// SyncedHeight is the store's tip at start, synced.
	SyncedHeight uint64
	// Filling reports whether the store lacks writes that the vote log saw synced:
	// until it holds them, nothing is signed.
	Filling func() bool
	// OnForeign is called when peers hold newer signatures of the own key than
	// the vote log accounts for: the volume must be set aside. // rule: volume-foreign
	OnForeign func(reason string)
	// OnSuperseded deletes the keys of an instance whose identity has left the set
	// for good; epoch is the one that left it out. // rule: key-deleted
	OnSuperseded func(epoch uint64) error
	// OnStopSigning makes a divergence durable. // rule: commit
	OnStopSigning func(consensus.StopSigning) error
}

// inboxSize bounds what waits for the loop; senders wait when it is full.
const inboxSize = 1024

// Engine runs one node's consensus.
type Engine struct {
	cfg  Config
	log  *slog.Logger
	core *consensus.Core

	inbox  chan item
	ctx    context.Context
	cancel context.CancelCauseFunc
	tasks  task.Runtime
	group  *task.Group // of all that this engine starts

	writer    *writer
	committer *committer
	worker    *worker
	echo      *echo
	sync      *blockSync
	evidence  *evidencePool
	accusing  *evidenceGossip
	sets      *sets
	fetching  fetches
	clock     atomic.Int64 // clockOffset, as the loop saw it last

	// Owned by the loop.
	epochs    map[uint64]*types.Epoch
	epoch     uint64
	wake      func()
	told      bool // WorkWaiting last told
	builtNone bool // a BlockBuilt had no block since the core was told that something waits
	signing   signingGates
	left      *superseded

	status atomic.Pointer[Status]
	synced atomic.Uint64
}

// item is one thing for the loop: an event for the core, or a function that
// needs the loop's goroutine.
type item struct {
	event consensus.Event
	call  func()
}

// New puts an engine together and gives the core's first effects to its queues.
func New(cfg Config) (_ *Engine, err error) {
	e := &Engine{
		cfg:    cfg,
		log:    cfg.Log,
		tasks:  cfg.Tasks,
		group:  task.NewGroup(cfg.Tasks),
		inbox:  make(chan item, inboxSize),
		epochs: map[uint64]*types.Epoch{},
		epoch:  cfg.Start.Epoch.Number,
	}
	e.ctx, e.cancel = context.WithCancelCause(context.Background())
	e.remember(&cfg.Start.Epoch)
	if cfg.Start.Previous != nil {
		e.remember(cfg.Start.Previous)
	}
	if cfg.Start.TipChange != nil {
		e.remember(cfg.Start.TipChange)
	}
	e.synced.Store(cfg.SyncedHeight)
	e.evidence = newEvidencePool(cfg.Store)
	e.accusing = newEvidenceGossip(e)
	e.sets = newSets(&cfg)
	e.worker = newWorker(e)
	e.writer = newWriter(e)
	e.committer = newCommitter(e)
	e.sync = newBlockSync(e)
	e.echo = newEcho(e)
	e.signing.block(gateEcho, "own-echo: a quorum of validators has not answered yet")
	if cfg.Filling != nil && cfg.Filling() {
		e.signing.block(gateFilling, "the chain volume lacks blocks that were synced before: it is filled from peers first")
	}
	if !cfg.Start.SigningAllowed && cfg.Signer == nil {
		e.signing.open(gateEcho)
	}
	if e.left, err = newSuperseded(e); err != nil {
		return nil, fmt.Errorf("read the sets of earlier epochs: %w", err)
	}
	now := cfg.Clock.Now()
	e.clock.Store(clockOffset(now))
	core, effects, err := consensus.New(now, cfg.Consensus, cfg.Start)
	if err != nil {
		return nil, fmt.Errorf("start consensus at height %d: %w", cfg.Start.Tip.Outcome.Height, err)
	}
	e.core = core
	e.announceValidators()
	e.carryOut(effects)
	e.publishStatus()
	return e, nil
}

// Run drives the engine until ctx ends or something fails that must end the
// process. It returns nil only for an ended ctx.
func (e *Engine) Run(ctx context.Context) error {
	defer e.group.Wait() // New started some already
	if err := e.serve(); err != nil {
		e.cancel(err)
		return err
	}
	e.goRun("end", func() {
		if task.Select2(e.tasks, task.Done(ctx), task.Done(e.ctx)) == 0 {
			e.cancel(errEnded)
		}
	})
	e.goRun("writer", e.writer.run)
	e.goRun("committer", e.committer.run)
	e.goRun("executor", e.worker.run)
	e.goRun("builder", e.worker.runBuilder)
	e.goRun("reader of votes", func() { e.read(e.cfg.Transport.Votes()) })
	e.goRun("reader of blocks", func() { e.read(e.cfg.Transport.Blocks()) })
	e.goRun("own-echo", e.echo.run)
	e.goRun("evidence", e.accusing.run)
	e.loop()
	e.group.Wait()
	if e.wake != nil {
		e.wake()
	}
	if err := context.Cause(e.ctx); err != errEnded {
		return err
	}
	return nil
}

func (e *Engine) goRun(name string, f func()) { e.group.Go(name, f) }

// fail ends the engine: nothing is signed after it.
func (e *Engine) fail(err error) {
	e.log.Error("engine stops", "error", err)
	e.cancel(err)
}

// post gives the loop an event; it waits while the inbox is full.
func (e *Engine) post(ev consensus.Event) {
	task.Select2(e.tasks, task.Send(e.inbox, item{event: ev}), task.Done(e.ctx))
}

// call runs f on the loop's goroutine and waits for it.
func (e *Engine) call(ctx context.Context, f func()) error {
	done := make(chan struct{})
	asked := task.Send(e.inbox, item{call: func() { f(); close(done) }})
	which := task.Select3(e.tasks, asked, task.Done(e.ctx), task.Done(ctx))
	if which == 0 {
		which = task.Select3(e.tasks, task.Recv(done, nil), task.Done(e.ctx), task.Done(ctx))
	}
	switch which {
	case 1:
		return errStopped
	case 2:
		return ctx.Err()
	}
	return nil
}

var errStopped = errors.New("the node is stopping")

// errEnded is the cause of an end that Run's caller asked for, compared by
// identity: a fault may wrap a cancelled context of its own.
var errEnded = errors.New("ended as asked")

func (e *Engine) remember(epoch *types.Epoch) {
	e.epochs[epoch.Number] = epoch
	if e.left != nil {
		e.left.entered(epoch)
	}
	// Evidence and late messages reach one epoch back.
	delete(e.epochs, epoch.Number-3)
}

// announceValidators tells the network whom multicasts go to: both epochs'
// validators, since certificates of the one lead into the other.
func (e *Engine) announceValidators() {
	var ids []p2p.PeerID
	seen := map[p2p.PeerID]bool{}
	for _, number := range []uint64{e.epoch - 1, e.epoch, e.epoch + 1} {
		epoch := e.epochs[number]
		if epoch == nil {
			continue
		}
		for i := range epoch.Validators {
			id := p2p.PeerID(epoch.Validators[i].NetworkKey)
			if !seen[id] {
				seen[id] = true
				ids = append(ids, id)
			}
		}
	}
	e.cfg.Transport.SetValidators(ids)
}
