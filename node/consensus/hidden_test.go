package consensus

import (
	"testing"

	"github.com/bedrock-bft/bedrock/node/types"
)

// give delivers to n what of the pool it has not seen and that fits.
func (w *walk) give(n *walkNode, fits func(types.Message) bool) {
	for k := 0; k < len(w.pool); k++ {
		if m := w.pool[k]; !n.seen[k] && fits(m) {
			n.seen[k] = true
			n.step(Received{From: Peer{9}, Message: m})
		}
	}
}

func all(types.Message) bool { return true }

// calm delivers everything to everybody until nothing is new.
func (w *walk) calm() {
	for n := -1; n != len(w.pool); {
		n = len(w.pool)
		for _, x := range w.nodes {
			w.give(x, all)
		}
	}
}

func byHonest(m types.Message) bool {
	switch {
	case m.Prepare != nil:
		return m.Prepare.Validator != walkBad
	case m.Timeout != nil:
		return m.Timeout.Validator != walkBad
	}
	return true
}

// hiddenQC brings the four to the point where the earlier draft fell: the Byzantine
// leader of view 3 showed its block to node 0, which leads view 4 and has sent its
// optimistic proposal, and to node 1; node 2 saw nothing. Nodes 0 and 2 give the
// view up, with the Byzantine validator they have TC(3), and its prepare vote makes
// a QC(3) in the hands of whoever gets it.
func hiddenQC(t *testing.T) (w *walk, vote types.Message) {
	w = newWalk(1)
	for w.nodes[0].core.view < 3 || w.nodes[1].core.view < 3 || w.nodes[2].core.view < 3 {
		before := len(w.pool)
		for _, n := range w.nodes {
			w.give(n, all)
		}
		if len(w.pool) == before {
			t.Fatal("the honest three do not get to view 3")
		}
	}
	q := w.nodes[0].core.safety.Lock
	b := w.keep(&types.Block{Payload: [][]byte{{3}}}, 3, q.Height+1, q.Block, walkBad, 0)
	proposal := signMessage(types.Message{Proposal: &types.Proposal{Epoch: 1, Kind: types.KindProposeNormal, View: 3,
		BlockID: b.ID(), Proposer: walkBad, Block: b, QC: &q}}, fakeKey(walkBad))
	for _, n := range w.nodes[:2] {
		n.step(Received{From: fakePeer(walkBad), Message: proposal})
	}
	w.give(w.nodes[1], byHonest)
	w.give(w.nodes[0], byHonest)
	for _, n := range []*walkNode{w.nodes[0], w.nodes[2]} {
		n.now = n.core.deadline()
		n.step(Tick{})
	}
	root := w.nodes[0].core.rootQC()
	w.bad(types.Message{Timeout: &types.SignedTimeout{Epoch: 1, Validator: walkBad, Vote: types.Timeout{View: 3}, High: root}})
	w.nodes[1].now = w.nodes[0].now
	vote = signMessage(types.Message{Prepare: &types.SignedPrepare{Epoch: 1, Validator: walkBad,
		Vote: types.Prepare{View: 3, Height: b.Header.Height, Block: b.ID()}}}, fakeKey(walkBad))
	return w, vote
}

// goOn delivers everything within the view, then lets settle pass; the honest
// three's votes alone must certify view 4.
func (w *walk) goOn() bool {
	w.calm()
	for _, n := range w.nodes {
		n.now += DevnetTiming().SettleMs + 1
		n.step(Tick{})
	}
	w.calm()
	for _, n := range w.nodes {
		if n.core.safety.Lock.View < 4 {
			return false
		}
	}
	return true
}

// TestHiddenQCBeforeTheTC shows QC(3) to node 1 just as node 0, the leader, enters
// view 4 by the TC: node 1 votes for the optimistic block. The leader waits for
// settle, gets the QC, and completes its optimistic block.
func TestHiddenQCBeforeTheTC(t *testing.T) {
	w, vote := hiddenQC(t)
	w.give(w.nodes[0], all) // TC(3)
	if w.nodes[0].core.view != 4 || w.nodes[0].core.safety.Lock.View != 2 {
		t.Fatalf("the leader is in view %d with a lock of view %d", w.nodes[0].core.view, w.nodes[0].core.safety.Lock.View)
	}
	w.nodes[1].step(Received{From: fakePeer(walkBad), Message: vote})
	if v := w.nodes[1].core.safety.VotedView; v != 4 {
		t.Fatalf("node 1 voted in view %d, want the optimistic vote of view 4", v)
	}
	if !w.goOn() {
		t.Error("view 4 is not certified")
	}
}

// TestHiddenQCAfterTheTC shows QC(3) to node 1 after the TC, when settle has passed
// and the leader proposed by fallback: node 1 must not vote for the optimistic block.
func TestHiddenQCAfterTheTC(t *testing.T) {
	w, vote := hiddenQC(t)
	w.give(w.nodes[0], all)
	w.give(w.nodes[1], func(m types.Message) bool { return m.TC != nil })
	w.nodes[0].now += DevnetTiming().SettleMs + 1
	w.nodes[0].step(Tick{})
	w.nodes[1].step(Received{From: fakePeer(walkBad), Message: vote})
	if !w.goOn() {
		t.Error("view 4 is not certified")
	}
}
