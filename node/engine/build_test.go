package engine

import (
	"testing"

	"github.com/bedrock-bft/bedrock/node/consensus"
	"github.com/bedrock-bft/bedrock/node/types"
)

// What is final by the core stays out of blocks until the pool was told: a poison
// failed a second block in that gap.
func TestABlockLeavesOutWhatThePoolWasNotToldOf(t *testing.T) {
	pool := newFakePool()
	pool.add([]byte("poison"), []byte("beside"))
	e := &Engine{cfg: Config{Pool: pool, Clock: &handClock{}}, evidence: newEvidencePool(nil)}
	e.committer, e.worker = newCommitter(e), newWorker(e)
	build := func() int {
		b := e.worker.buildBlock(consensus.BuildBlock{Height: 8, MayBeEmpty: true}, &types.Epoch{MaxBytes: 1000, MaxGas: 1000})
		return len(b.Payload)
	}
	final := &types.Block{Header: types.Header{Height: 7}, Payload: [][]byte{[]byte("poison")}}
	e.committer.finalize(consensus.Finalize{Blocks: []consensus.FinalBlock{{Block: final, Outcome: types.Outcome{Height: 7}}}})
	if got := build(); got != 1 {
		t.Errorf("%d transactions while the pool does not know of block 7, want 1", got)
	}
	e.committer.told(7)
	if got := build(); got != 2 {
		t.Errorf("%d transactions once the pool knows: what is executed is its affair, want 2", got)
	}
	if len(e.committer.untold()) != 0 || len(e.worker.flight) != 0 {
		t.Errorf("%d blocks and %d contents are remembered", len(e.committer.untold()), len(e.worker.flight))
	}
}

// A core that was answered "nothing to put in" takes it that nothing waits. It is told of
// the next transaction, also when it was given a block in between: else it leads view
// after view without proposing, each to its timer.
func TestTheCoreIsToldAgainAfterAnEmptyBuild(t *testing.T) {
	net := newNetwork(t, 4)
	e := net.nodes[0].open(net.hub.Join(net.nodes[0].id), &handClock{now: consensus.Now{MonoMs: 1000}})
	net.nodes[0].pool.add([]byte("first"))
	e.poolGrew()
	if !e.told {
		t.Fatal("the core was not told of the first transaction")
	}
	e.step(consensus.BlockBuilt{View: 1})
	e.step(consensus.BlockBuilt{View: 2, Block: &types.Block{Header: types.Header{Epoch: 1, View: 2}}})
	if !e.builtNone {
		t.Error("the block made the engine forget that the core takes it that nothing waits")
	}
	net.nodes[0].pool.add([]byte("second"))
	e.poolGrew()
	if e.builtNone || !e.told {
		t.Error("the core was not told of the second transaction")
	}
}
