package engine

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/bedrock-bft/bedrock/node/blocksync"
	"github.com/bedrock-bft/bedrock/node/consensus"
	"github.com/bedrock-bft/bedrock/node/p2p"
	"github.com/bedrock-bft/bedrock/node/types"
)

// keepingExecutor remembers which executed blocks it has the state of, as overlays do.
type keepingExecutor struct {
	fakeExecutor
	mu   sync.Mutex
	have map[types.Hash]bool
}

func (x *keepingExecutor) Execute(ctx context.Context, epoch *types.Epoch, b *types.Block, parent *types.Outcome) (*Execution, error) {
	out, err := x.fakeExecutor.Execute(ctx, epoch, b, parent)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.have[b.ID()] = true
	return out, err
}

func (x *keepingExecutor) Drop(ids []types.Hash) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, id := range ids {
		delete(x.have, id)
	}
}

func (x *keepingExecutor) Committed(id types.Hash) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.have[id] {
		return fmt.Errorf("no state of block %s", id)
	}
	return nil
}

func TestWhatBlockSyncStoresIsNotDroppedUnderIt(t *testing.T) {
	net := newNetwork(t, 4)
	n := net.nodes[0]
	x := &keepingExecutor{have: map[types.Hash]bool{}}
	e := n.open(net.hub.Join(n.id), &handClock{now: consensus.Now{MonoMs: 1000}})
	e.cfg.Executor = x
	genesis := net.genesisOutcome()
	block := &types.Block{Header: types.Header{Genesis: net.genesis, Epoch: 1, View: 1, Height: 1, Parent: net.genesis,
		TimestampMs: 1, PayloadRoot: types.ListRoot(nil), EvidenceRoot: types.ListRoot(nil)}}
	run, err := x.Execute(t.Context(), &net.epoch, block, &genesis)
	n.must(err)
	own, _, err := e.sets.outcome(block, &genesis, run)
	n.must(err)
	cc := &types.CC{Epoch: 1, View: 1, Height: 1, Block: block.ID(), Outcome: own}

	e.goRun("executor", e.worker.run)
	stored := make(chan error, 1)
	go func() {
		_, err := e.sync.apply(&blocksync.Range{Blocks: []*types.Block{block}, Outcomes: []types.Outcome{own}, Certificate: cc}, &genesis)
		stored <- err
	}()
	waitFor(t, "block sync to wait for the committer", func() bool {
		e.committer.mu.Lock()
		defer e.committer.mu.Unlock()
		return len(e.committer.queue) > 0
	}, nil)
	e.worker.drop([]types.Hash{block.ID()}) // the core gives it up: nothing certified stands on it there
	e.goRun("committer", e.committer.run)
	if err := <-stored; err != nil {
		t.Fatalf("store what block sync executed: %v", err)
	}
	if n.store.Tip() != 1 || e.ctx.Err() != nil {
		t.Errorf("tip %d, ended: %v", n.store.Tip(), context.Cause(e.ctx))
	}
	e.cancel(errEnded)
	e.group.Wait()
}

func TestWhatWasDroppedWhileHeldGoesWhenReleased(t *testing.T) {
	net := newNetwork(t, 4)
	n := net.nodes[0]
	x := &keepingExecutor{have: map[types.Hash]bool{}}
	e := n.open(net.hub.Join(n.id), &handClock{now: consensus.Now{MonoMs: 1000}})
	e.cfg.Executor = x
	genesis := net.genesisOutcome()
	var ids []types.Hash
	for view := range uint64(2) {
		b := &types.Block{Header: types.Header{Genesis: net.genesis, Epoch: 1, View: 1 + view, Height: 1, Parent: net.genesis}}
		e.worker.hold(b.ID())
		if _, err := e.worker.runBlock(&net.epoch, b, &genesis); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, b.ID())
	}
	e.worker.drop(ids[:1])
	if e.worker.lookup(ids[0]) == nil || !x.have[ids[0]] {
		t.Fatal("a held block was dropped")
	}
	e.worker.release(0)
	if e.worker.lookup(ids[0]) != nil || x.have[ids[0]] {
		t.Error("a dropped block is kept after its release")
	}
	if e.worker.lookup(ids[1]) == nil || !x.have[ids[1]] {
		t.Error("a block that nobody dropped is gone")
	}
}

func TestRunThatCannotServeLeavesNothingRunning(t *testing.T) {
	t.Parallel()
	net := newNetwork(t, 4)
	n := net.nodes[0]
	endpoint := net.hub.Join(n.id)
	n.must(endpoint.Handle(protocolEcho, func(context.Context, p2p.PeerID, []byte) ([]byte, error) { return nil, nil }))
	e := n.open(endpoint, &handClock{now: consensus.Now{MonoMs: 1000}})
	var ended atomic.Bool
	e.goRun("started by New", func() {
		<-e.ctx.Done()
		for range 1000 {
			runtime.Gosched()
		}
		ended.Store(true)
	})
	if err := e.Run(t.Context()); err == nil {
		t.Fatal("it runs although a protocol is served by another")
	}
	if !ended.Load() {
		t.Error("Run returned before what New had started")
	}
}

// A peer whose ranges all end below their certificates does not have the node hold the
// chain in memory until it is too much for one write.
func TestBlockSyncStoresBelowCertificatesThatRecede(t *testing.T) {
	net := newNetwork(t, 4)
	n := net.nodes[0]
	e := n.open(net.hub.Join(n.id), &handClock{now: consensus.Now{MonoMs: 1000}})
	e.goRun("executor", e.worker.run)
	e.goRun("committer", e.committer.run)
	const blocks, piece = 12, 2
	var line []*types.Block
	outcomes := []types.Outcome{net.genesisOutcome()}
	for h := uint64(1); h <= blocks; h++ {
		parent := &outcomes[h-1]
		b := &types.Block{Header: types.Header{Genesis: net.genesis, Epoch: 1, View: h, Height: h, Parent: parent.Block,
			TimestampMs: h, PayloadRoot: types.ListRoot(nil), EvidenceRoot: types.ListRoot(nil)}}
		run, err := n.executor.Execute(t.Context(), &net.epoch, b, parent)
		n.must(err)
		own, _, err := e.sets.outcome(b, parent, run)
		n.must(err)
		line, outcomes = append(line, b), append(outcomes, own)
	}
	for at := uint64(0); at+piece < blocks; at += piece {
		above := outcomes[at+piece+1]
		cc := &types.CC{Epoch: 1, View: above.Height, Height: above.Height, Block: above.Block, Outcome: above}
		r := &blocksync.Range{Blocks: line[at : at+piece], Outcomes: outcomes[at+1 : at+piece+1], Certificate: cc}
		_, err := e.sync.apply(r, &outcomes[at])
		n.must(err)
		if waits := len(e.sync.pending); waits > piece {
			t.Fatalf("%d blocks wait for a certificate at height %d, want at most %d", waits, at+piece, piece)
		}
	}
	if tip := n.store.Tip(); tip != blocks-piece-1 {
		t.Errorf("stored up to height %d, want %d", tip, blocks-piece-1)
	}
	e.cancel(errEnded)
	e.group.Wait()
}
