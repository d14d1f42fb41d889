package engine

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bedrock-bft/bedrock/node/consensus"
	"github.com/bedrock-bft/bedrock/node/p2p"
	"github.com/bedrock-bft/bedrock/node/p2p/memory"
	"github.com/bedrock-bft/bedrock/node/types"
)

func TestWhoIsAQuorumAloneAsksNobody(t *testing.T) {
	net := newNetwork(t, 2)
	net.epoch.Validators[0].Power = 9
	for _, n := range net.nodes {
		n.store = newFakeStore(net.genesisOutcome(), net.epoch)
	}
	var asked atomic.Int32
	net.hub.SetRule(func(from, _ p2p.PeerID, kind memory.Traffic, data []byte) memory.Fate {
		if kind == memory.Requests && from == net.nodes[0].id && len(data) == 16+len(net.nodes[0].key.Public()) { // of own-echo
			asked.Add(1)
		}
		return memory.Fate{}
	})
	net.nodes[1].start()
	waitFor(t, "the second to be up", func() bool { return net.nodes[1].engine.Status().Epoch != nil }, nil)
	net.nodes[0].start()
	waitFor(t, "the first to sign", func() bool { return net.nodes[0].engine.Status().Signing }, nil)
	if n := asked.Load(); n > 0 {
		t.Errorf("it sent %d requests before it signed", n)
	}
}

func TestAClockJumpHoldsSigningBackUntilPeersWereAsked(t *testing.T) {
	t.Parallel()
	net := newNetwork(t, 4)
	net.startAll()
	net.progress(5, 0, 1, 2, 3)
	n := net.nodes[0]
	waitFor(t, "the node to sign", func() bool { return n.engine.Status().Signing }, nil)
	var cut atomic.Bool
	cut.Store(true)
	net.hub.SetRule(func(from, to p2p.PeerID, kind memory.Traffic, _ []byte) memory.Fate {
		return memory.Fate{Drop: cut.Load() && kind == memory.Requests && from == n.id}
	})
	n.wall.Store(-3_600_000)
	waitFor(t, "signing to be held back", func() bool {
		s := n.engine.Status()
		return !s.Signing && strings.Contains(s.WhyNot, "jumped")
	}, nil)
	held := n.signer.count()
	net.progress(net.nodes[1].store.Tip()+10, 0, 1, 2, 3) // it follows all the same
	if now := n.signer.count(); now != held {
		t.Errorf("%d messages were signed before peers had answered", now-held)
	}
	cut.Store(false)
	n.wall.Store(0) // and back, or its blocks and votes would be refused
	waitFor(t, "signing to go on", func() bool { return n.engine.Status().Signing }, nil)
	// Its own votes of before the jump are accounted for, and it is needed again.
	net.must(net.nodes[3].kill())
	net.progress(net.nodes[0].store.Tip()+10, 0, 1, 2)
	if len(n.foreign) > 0 {
		t.Errorf("its own votes made the volume foreign: %v", n.foreign)
	}
	net.agree()
}

func TestAnInstanceAloneGoesOnAfterAClockJump(t *testing.T) {
	net := newNetwork(t, 1)
	net.startAll()
	net.progress(5, 0)
	for range 5 {
		net.nodes[0].wall.Add(10_000)
		net.progress(net.nodes[0].store.Tip()+5, 0)
	}
}

func TestASlowClockIsNoJump(t *testing.T) {
	net := newNetwork(t, 4)
	e := net.nodes[0].open(net.hub.Join(net.nodes[0].id), &handClock{now: consensus.Now{MonoMs: 1000, WallMs: 5000}})
	for i := range uint64(100) { // slewing, by 1 s a second
		now := consensus.Now{MonoMs: 1000 + 1000*i, WallMs: 5000 + 2000*i}
		if by := e.jumped(now); by != 0 {
			t.Fatalf("step %d counts as a jump by %d ms", i, by)
		}
		e.watchClock(now)
	}
}

func TestOwnEchoIsAskedInTheEpochThatIsSignedIn(t *testing.T) {
	for _, signed := range []bool{false, true} {
		net := newNetwork(t, 4)
		e := net.nodes[0].open(net.hub.Join(net.nodes[0].id), &handClock{now: consensus.Now{MonoMs: 1000}})
		e.openGate(gateEcho)
		e.writer.signed.Store(signed)
		if !e.Status().Signing {
			t.Fatal("it does not sign")
		}
		e.step(consensus.EpochReady{Number: 2}) // an epoch was followed to its end
		if e.Status().Signing != signed {
			t.Errorf("it has signed: %v; signing after an epoch that it passed through: %v", signed, e.Status().Signing)
		}
		e.echo.passed(1, e.echo.begun.Load()-1, 3) // answers of before do not count
		if e.Status().Signing != signed {
			t.Error("answers of the epoch before let it sign")
		}
	}
}

func TestOwnEchoFindsWhatOnlyTheStoresHold(t *testing.T) {
	t.Parallel()
	net := newNetwork(t, 4)
	net.startAll()
	net.progress(5, 0, 1, 2, 3)
	n, peer := net.nodes[3], net.nodes[0]
	old := n.log.snapshot()
	newer := func() bool { // a commit certificate with its vote above what it will know
		for h := peer.store.Tip(); h > 5; h-- {
			cc, err := peer.store.Certificate(h)
			net.must(err)
			if peer.engine.signedIn(cc, n.id, n.key.Public()) && cc.View > old.Commit.View {
				return true
			}
		}
		return false
	}
	for round := 0; !newer(); round++ {
		if round == 100 {
			t.Fatal("no certificate of 300 heights holds its vote")
		}
		net.progress(peer.store.Tip()+3, 0, 1, 2, 3)
	}
	net.must(n.kill())
	net.progress(peer.store.Tip()+5, 0, 1, 2)
	for _, peer := range net.nodes[:3] { // what they had in memory is gone
		net.must(peer.kill())
		peer.start()
	}
	n.log.last = old
	n.start()
	err := n.ended()
	if err == nil || len(n.foreign) != 1 {
		t.Fatalf("a rolled-back instance went on: %v, %q", err, n.foreign)
	}
}

func TestASupersededInstanceIsToldOnce(t *testing.T) {
	t.Parallel()
	net := newNetwork(t, 6)
	net.startAll()
	net.progress(3, 0, 1, 2, 3, 4, 5)
	runs, kept := net.nodes[4], net.nodes[5]
	net.must(kept.kill()) // its volume is kept, and started again later
	net.plan("leave", func(next *types.Epoch) bool { return leaves(runs)(next) && leaves(kept)(next) })
	net.progress(net.nodes[0].store.Tip()+2, 0, 1, 2, 3)
	net.waitEpoch(2, 0, 1, 2, 3, 4)
	net.progress(net.nodes[0].store.Tip()+3, 0, 1, 2, 3, 4)
	kept.start()
	net.progress(net.nodes[0].store.Tip()+3, 0, 1, 2, 3, 4, 5)
	for _, n := range []*testNode{runs, kept} {
		waitFor(t, "the instance to be told", func() bool { return n.gone.Load() == 2 }, nil)
		n.gone.Store(0)
		net.must(n.kill())
		n.start() // a crash may have come before the keys were deleted
		waitFor(t, "the instance to be told at its start", func() bool { return n.gone.Load() == 2 }, func() { net.load(int(time.Now().UnixNano()), 1) })
	}
	for _, other := range net.nodes[:4] {
		if other.gone.Load() != 0 {
			t.Errorf("node %d is in the set and was told that it is superseded", other.index)
		}
	}
}

func TestACandidateIsNotSuperseded(t *testing.T) {
	net := newNetwork(t, 4)
	newcomer := net.instance()
	net.startAll()
	net.progress(3, 0, 1, 2, 3, 4)
	net.plan("limits", func(next *types.Epoch) bool { next.MaxGas++; return next.Number == 2 })
	net.progress(net.nodes[0].store.Tip()+5, 0, 1, 2, 3, 4)
	net.waitEpoch(2, 0, 1, 2, 3, 4)
	net.progress(net.nodes[0].store.Tip()+5, 0, 1, 2, 3, 4)
	if e := newcomer.gone.Load(); e != 0 {
		t.Errorf("an identity that was in no set yet counts as superseded in epoch %d", e)
	}
}

// rule: sync-failure
func TestAFailedSyncOfTheChainVolumeEndsTheNodeAtOnce(t *testing.T) {
	t.Parallel()
	net := newNetwork(t, 4)
	net.startAll()
	net.progress(3, 0, 1, 2, 3)
	n := net.nodes[0]
	n.store.mu.Lock()
	n.store.fail, n.store.syncs = fmt.Errorf("%w: volume gone", errExpected), 0
	n.store.mu.Unlock()
	net.load(0, 3)
	engine := n.engine
	err := n.ended()
	if !errors.Is(err, errExpected) {
		t.Fatalf("a node whose chain volume failed went on: %v", err)
	}
	if n.store.syncs != 1 {
		t.Errorf("a sync that failed was tried %d times", n.store.syncs)
	}
	signed := n.signer.count()
	engine.writer.signAndSend(&types.Message{}, &net.epoch)
	if n.signer.count() != signed {
		t.Error("it signs although it has ended")
	}
	net.progress(net.nodes[1].store.Tip()+5, 1, 2, 3)
}

// rule: boot-count
func TestWhoSupervisesCanSuspendSigning(t *testing.T) {
	t.Parallel()
	net := newNetwork(t, 4)
	net.startAll()
	net.progress(3, 0, 1, 2, 3)
	n := net.nodes[0]
	waitFor(t, "the node to sign", func() bool { return n.engine.Status().Signing }, nil)
	n.must(n.engine.SuspendSigning(t.Context(), "suspended: its boots fell from 7 to 3"))
	if s := n.engine.Status(); s.Signing || !strings.Contains(s.WhyNot, "boots fell") {
		t.Fatalf("signing %v, reason %q", s.Signing, s.WhyNot)
	}
	n.barrier() // what was asked for before is signed by now
	held := n.signer.count()
	net.progress(net.nodes[1].store.Tip()+10, 0, 1, 2, 3) // it follows on
	if now := n.signer.count(); now != held {
		t.Errorf("%d messages were signed while signing was suspended", now-held)
	}
	n.must(n.engine.ResumeSigning(t.Context()))
	net.must(net.nodes[3].kill()) // its votes are needed
	net.progress(net.nodes[0].store.Tip()+5, 0, 1, 2)
}
