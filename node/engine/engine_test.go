package engine

import (
	"fmt"
	"testing"
	"time"

	"github.com/bedrock-bft/bedrock/node/p2p"
	"github.com/bedrock-bft/bedrock/node/p2p/memory"
	"github.com/bedrock-bft/bedrock/node/types"
)

func TestFourValidatorsMakeTransactionsFinal(t *testing.T) {
	net := newNetwork(t, 4)
	net.startAll()
	net.progress(20, 0, 1, 2, 3)
	net.agree()
}

func TestOneValidatorAloneIsAQuorum(t *testing.T) {
	net := newNetwork(t, 1)
	net.startAll()
	net.progress(5, 0)
}

func TestOneOfFourDownAndBack(t *testing.T) {
	t.Parallel()
	net := newNetwork(t, 4)
	net.startAll()
	net.progress(5, 0, 1, 2, 3)
	if err := net.nodes[3].kill(); err != nil {
		t.Fatal(err)
	}
	net.progress(net.nodes[0].store.Tip()+100, 0, 1, 2)
	net.nodes[3].start()
	net.progress(net.nodes[0].store.Tip()+5, 0, 1, 2, 3)
	net.agree()
}

func TestAllFourStoppedAndStartedGoOn(t *testing.T) {
	t.Parallel()
	net := newNetwork(t, 4)
	net.startAll()
	for round := range 5 {
		net.progress(net.nodes[0].store.Tip()+3, 0, 1, 2, 3)
		for _, n := range net.nodes {
			if err := n.kill(); err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
		}
		net.startAll()
	}
	net.progress(net.nodes[0].store.Tip()+3, 0, 1, 2, 3)
	net.agree()
}

func TestPartitionHeals(t *testing.T) {
	t.Parallel()
	net := newNetwork(t, 4)
	net.startAll()
	net.progress(3, 0, 1, 2, 3)
	waitFor(t, "all four to sign: own-echo asks both sides", func() bool {
		for _, n := range net.nodes {
			if !n.engine.Status().Signing {
				return false
			}
		}
		return true
	}, nil)
	side := func(id p2p.PeerID) bool { return id == net.nodes[0].id || id == net.nodes[1].id }
	net.hub.SetRule(func(from, to p2p.PeerID, _ memory.Traffic, _ []byte) memory.Fate {
		return memory.Fate{Drop: side(from) != side(to)}
	})
	t.Cleanup(func() {
		for _, n := range net.nodes {
			if t.Failed() {
				t.Logf("node %d: tip %d, status %+v", n.index, n.store.Tip(), n.engine.Status())
			}
		}
	})
	// Neither half is a quorum: views time out, nothing becomes final.
	waitFor(t, "views to time out on both sides", func() bool {
		return net.nodes[0].engine.Status().Consensus.TimeoutView > 0 && net.nodes[2].engine.Status().Consensus.TimeoutView > 0
	}, func() { net.load(0, 1) })
	net.hub.SetRule(nil)
	net.progress(net.nodes[0].store.Tip()+5, 0, 1, 2, 3)
	net.agree()
}

func TestABlockWithABadTransactionGetsNoVote(t *testing.T) {
	t.Parallel()
	net := newNetwork(t, 4)
	net.startAll()
	net.nodes[2].pool.bad = true // proposes what nobody accepts, itself included
	net.progress(10, 0, 1, 2, 3)
	for h := uint64(1); h <= net.nodes[0].store.Tip(); h++ {
		b, err := net.nodes[0].store.Block(h)
		if err != nil {
			t.Fatal(err)
		}
		for _, tx := range b.Payload {
			if string(tx) == "bad" {
				t.Fatalf("block %d holds a transaction that does not verify", h)
			}
		}
	}
}

func TestDivergentExecutionStopsTheOneAlone(t *testing.T) {
	t.Parallel()
	net := newNetwork(t, 4)
	// Three nodes agree by chance of the same seed; the fourth does not.
	for _, n := range net.nodes {
		n.executor = &fakeExecutor{self: 7}
	}
	net.nodes[3].executor.self = 9
	net.startAll()
	net.progress(3, 0, 1, 2, 3)
	for _, n := range net.nodes {
		n.pool.add([]byte("diverge"))
	}
	waitFor(t, "the divergent node to stop signing", func() bool {
		return !net.nodes[3].engine.Status().Signing && net.nodes[3].durableStop() != ""
	}, nil)
	net.progress(net.nodes[0].store.Tip()+5, 0, 1, 2)
	if err := net.nodes[3].kill(); err != nil {
		t.Fatal(err)
	}
	net.nodes[3].start() // a restart does not lift it
	waitFor(t, "the restarted node to be up", func() bool { return net.nodes[3].engine.Status().Epoch != nil }, nil)
	if s := net.nodes[3].engine.Status(); s.Signing {
		t.Error("a restart lifted the stop of signing")
	}
}

func TestAHostFaultEndsTheNodeAndIsNoOutcome(t *testing.T) {
	t.Parallel()
	net := newNetwork(t, 4)
	net.nodes[1].executor = &fakeExecutor{self: 1, fault: fmt.Errorf("%w: read error", errExpected)}
	net.startAll()
	net.progress(3, 0, 1, 2, 3)
	for _, n := range net.nodes {
		n.pool.add([]byte("fault"))
	}
	err := net.nodes[1].ended()
	if err == nil {
		t.Fatal("the node with the fault went on")
	}
	net.progress(net.nodes[0].store.Tip()+5, 0, 2, 3)
	net.agree()
}

func TestAFailedVoteLogEndsTheNode(t *testing.T) {
	t.Parallel()
	net := newNetwork(t, 4)
	net.startAll()
	net.progress(3, 0, 1, 2, 3)
	net.nodes[0].log.mu.Lock()
	net.nodes[0].log.fail = fmt.Errorf("%w: sync failed", errExpected)
	net.nodes[0].log.mu.Unlock()
	net.load(0, 3)
	if err := net.nodes[0].ended(); err == nil {
		t.Fatal("a node whose vote log failed went on")
	}
	net.progress(net.nodes[1].store.Tip()+5, 1, 2, 3)
}

func TestARolledBackVoteLogIsForeign(t *testing.T) {
	net := newNetwork(t, 4)
	net.startAll()
	net.progress(3, 0, 1, 2, 3)
	old := *net.nodes[2].log.snapshot()
	net.progress(net.nodes[0].store.Tip()+10, 0, 1, 2, 3)
	if err := net.nodes[2].kill(); err != nil {
		t.Fatal(err)
	}
	net.nodes[2].log.last = &old // the disk as it was a while ago
	net.nodes[2].start()
	err := net.nodes[2].ended()
	if err == nil || len(net.nodes[2].foreign) != 1 {
		t.Fatalf("a node with a rolled-back vote log went on, or set its identity aside more than once: %v, %q", err, net.nodes[2].foreign)
	}
}

func TestPrefixedItems(t *testing.T) {
	joined := appendPrefixed(appendPrefixed(nil, []byte("one")), nil)
	items, err := splitPrefixed(joined, 2)
	if err != nil || len(items) != 2 || string(items[0]) != "one" || len(items[1]) != 0 {
		t.Errorf("items %q, error %v", items, err)
	}
	for _, bad := range [][]byte{{1}, {1, 0, 0, 0}, {255, 255, 255, 255, 1}} {
		if _, err := splitPrefixed(bad, 2); err == nil {
			t.Errorf("%x: accepted", bad)
		}
	}
	if _, err := splitPrefixed(joined, 1); err == nil {
		t.Error("more items than the limit: accepted")
	}
}

func TestBeyondNamesWhatTheLogDoesNotKnow(t *testing.T) {
	a, b := types.SumHash([]byte("a")), types.SumHash([]byte("b"))
	state := &types.SafetyState{Epoch: 2, VotedView: 5, VotedBlock: a, TimeoutView: 4, OptimisticView: 3, ProposedView: 2,
		Commit: &types.Commit{View: 4, Height: 9, Block: a, Outcome: a}}
	prepare := func(epoch, view uint64, block types.Hash) (uint64, *types.Message) {
		return epoch, &types.Message{Prepare: &types.SignedPrepare{Epoch: epoch, Vote: types.Prepare{View: view, Block: block}}}
	}
	cases := []struct {
		name    string
		epoch   uint64
		message types.Message
		beyond  bool
	}{
		{"the vote on record", 2, types.Message{Prepare: &types.SignedPrepare{Vote: types.Prepare{View: 5, Block: a}}}, false},
		{"the same view, another block", 2, types.Message{Prepare: &types.SignedPrepare{Vote: types.Prepare{View: 5, Block: b}}}, true},
		{"a higher view", 2, types.Message{Prepare: &types.SignedPrepare{Vote: types.Prepare{View: 6, Block: a}}}, true},
		{"an older epoch", 1, types.Message{Prepare: &types.SignedPrepare{Vote: types.Prepare{View: 9, Block: a}}}, false},
		{"a later epoch", 3, types.Message{Prepare: &types.SignedPrepare{Vote: types.Prepare{View: 1, Block: a}}}, true},
		{"another outcome", 2, types.Message{Commit: &types.SignedCommit{Vote: types.Commit{View: 4, Height: 9, Block: a, Outcome: b}}}, true},
		{"the commit on record", 2, types.Message{Commit: &types.SignedCommit{Vote: *state.Commit}}, false},
		{"a timeout of the view on record", 2, types.Message{Timeout: &types.SignedTimeout{Vote: types.Timeout{View: 4, HighView: 1}}}, false},
		{"a later timeout", 2, types.Message{Timeout: &types.SignedTimeout{Vote: types.Timeout{View: 5}}}, true},
		{"a later optimistic proposal", 2, types.Message{Proposal: &types.Proposal{Kind: types.KindProposeOptimistic, View: 4}}, true},
		{"a later proposal", 2, types.Message{Proposal: &types.Proposal{Kind: types.KindProposeNormal, View: 3}}, true},
		{"the proposal on record", 2, types.Message{Proposal: &types.Proposal{Kind: types.KindProposeFallback, View: 2}}, false},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			if got := beyond(state, tc.epoch, &tc.message); (got != "") != tc.beyond {
				t.Errorf("beyond = %q, want something: %v", got, tc.beyond)
			}
		})
	}
	if epoch, m := prepare(1, 1, a); beyond(nil, epoch, m) == "" {
		t.Error("a signature where the log never signed: accounted for")
	}
}

// waitFor waits for a condition of running engines, doing something meanwhile.
func waitFor(t *testing.T, what string, done func() bool, meanwhile func()) {
	t.Helper()
	end := time.Now().Add(deadline)
	for !done() {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
		if meanwhile != nil {
			meanwhile()
		}
		<-time.After(2 * time.Millisecond)
	}
}

func (n *testNode) durableStop() string {
	n.observer.mu.Lock()
	defer n.observer.mu.Unlock()
	if len(n.observer.stopped) == 0 {
		return ""
	}
	return n.observer.stopped[0].Reason
}

func (l *fakeLog) snapshot() *types.SafetyState {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last == nil {
		return nil
	}
	state := *l.last
	return &state
}
