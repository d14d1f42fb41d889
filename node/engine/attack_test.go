package engine

import (
	"testing"

	"github.com/bedrock-bft/bedrock/node/consensus"
	"github.com/bedrock-bft/bedrock/node/p2p"
	"github.com/bedrock-bft/bedrock/node/p2p/memory"
	"github.com/bedrock-bft/bedrock/node/types"
	"github.com/bedrock-bft/bedrock/node/wire"
)

// handClock stands still until it is moved.
type handClock struct{ now consensus.Now }

func (c *handClock) Now() consensus.Now              { return c.now }
func (c *handClock) After(uint64, func()) (_ func()) { return func() {} }

func TestEvidenceDoesNotStepTheCoreBetweenEffects(t *testing.T) {
	net := newNetwork(t, 4)
	clock := &handClock{now: consensus.Now{MonoMs: 1000}}
	e := net.nodes[0].open(net.hub.Join(net.nodes[0].id), clock)
	e.openGate(gateEcho)
	e.writer.queue = nil
	clock.now.MonoMs += net.timing.CapMs + net.timing.IdleMs // whatever steps the core now times the view out
	e.carryOut([]consensus.Effect{consensus.EvidenceFound{}, consensus.Persist{State: types.SafetyState{Epoch: 7}}})
	if first := e.writer.queue[0].persist; first == nil || first.State.Epoch != 7 {
		t.Fatal("a state that a later step made is written before the present one's")
	}
	if waiting := e.evidence.waiting(e.worker.evidenceInFlight); !waiting {
		t.Error("the evidence is not kept")
	}
}

func TestOwnEchoThatPassedAsksNobodyAgain(t *testing.T) {
	net := newNetwork(t, 4)
	net.startAll()
	net.progress(5, 0, 1, 2, 3)
	n := net.nodes[0]
	waitFor(t, "the node to sign", func() bool { return n.engine.Status().Signing }, nil)
	n.engine.echo.asked <- struct{}{} // of an epoch entered just before it passed
	net.progress(n.store.Tip()+20, 0, 1, 2, 3)
	if len(n.foreign) > 0 {
		t.Fatalf("its own new votes made the volume foreign: %v", n.foreign)
	}
}

func TestOwnEchoDoesNotCountWhatItCannotJudge(t *testing.T) {
	net := newNetwork(t, 4)
	net.hub.SetRule(func(p2p.PeerID, p2p.PeerID, memory.Traffic, []byte) memory.Fate { return memory.Fate{Drop: true} })
	n := net.nodes[0]
	n.start()
	vote := types.Message{Prepare: &types.SignedPrepare{Epoch: 2, Vote: types.Prepare{View: 1, Height: 9, Block: types.SumHash(nil)}, Signature: make([]byte, 64)}}
	if err := n.engine.echo.judge(appendPrefixed(nil, wire.EncodeMessage(&vote))); err == nil {
		t.Error("an answer with a signature of an epoch that is not known here counts towards the quorum")
	}
	if err := n.engine.echo.judge(nil); err != nil {
		t.Errorf("an answer with nothing: %v", err)
	}
}
