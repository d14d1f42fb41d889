package engine

import (
	"encoding/binary"
	"errors"
	"strings"
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
	e.carryOut([]consensus.Effect{consensus.EvidenceFound{Evidence: net.evidence(2, 1, "")}, consensus.Persist{State: types.SafetyState{Epoch: 7}}})
	if first := e.writer.queue[0].persist; first == nil || first.State.Epoch != 7 {
		t.Fatal("a state that a later step made is written before the present one's")
	}
	if waiting := e.evidence.waiting(clock.now.MonoMs, e.worker.evidenceInFlight); !waiting {
		t.Error("the evidence is not kept")
	}
}

// What the old epoch's last blocks held waits again: if nobody said so, a network whose
// clients all wait for it would stand still for idle_interval. // rule: epoch-enter, idle
func TestWhatAnEpochLeftOverIsWorkAtOnce(t *testing.T) {
	net := newNetwork(t, 4)
	e := net.nodes[0].open(net.hub.Join(net.nodes[0].id), &handClock{now: consensus.Now{MonoMs: 1000}})
	tx := []byte("held by a descendant of the epoch's end")
	net.nodes[0].pool.add(tx)
	block := &types.Block{Header: types.Header{Epoch: 1, Height: 5}, Payload: [][]byte{tx}}
	e.worker.contents(block)
	e.tellWork()
	if e.told {
		t.Fatal("what is in flight counts as waiting")
	}
	next := net.epoch
	next.Number = 2
	e.writer.queue = nil
	e.enterEpoch(consensus.EnterEpoch{Epoch: next})
	for _, it := range e.writer.queue {
		if it.after != nil {
			it.after()
		}
	}
	for len(e.inbox) > 0 {
		if it := <-e.inbox; it.call != nil {
			it.call()
		}
	}
	if !e.told {
		t.Error("the core does not know that something waits")
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

// TestOwnEchoDoesNotCountWhoIsInALaterEpoch starts a validator in the epoch that its
// disk holds, while the others have left that behind with all that they had heard in it:
// their "none" proves nothing about it.
func TestOwnEchoDoesNotCountWhoIsInALaterEpoch(t *testing.T) {
	net := newNetwork(t, 4)
	newcomer := net.instance()
	net.startAll()
	net.progress(3, 0, 1, 2, 3, 4)
	n := net.nodes[3]
	net.must(n.kill())
	net.plan("join", joins(newcomer))
	net.progress(net.nodes[0].store.Tip()+3, 0, 1, 2)
	net.waitEpoch(2, 0, 1, 2)
	net.hub.SetRule(func(from, to p2p.PeerID, _ memory.Traffic, _ []byte) memory.Fate {
		return memory.Fate{Drop: from == n.id || to == n.id}
	})
	n.start()
	for i, peer := range net.nodes[:3] {
		request := append(binary.LittleEndian.AppendUint64(nil, 1), n.key.Public()...)
		answer, err := peer.engine.serveEcho(t.Context(), n.id, request)
		net.must(err)
		if err := n.engine.echo.judge(answer); err == nil {
			t.Errorf("node %d, in epoch 2, vouches for what was signed in epoch 1", i)
		}
		// Of its own epoch it does, and of those before.
		answer, err = peer.engine.serveEcho(t.Context(), n.id, append(binary.LittleEndian.AppendUint64(nil, 2), n.key.Public()...))
		net.must(err)
		if err := n.engine.echo.judge(answer); err != nil {
			t.Errorf("node %d, of its own epoch: %v", i, err)
		}
	}
	if n.engine.Status().Signing {
		t.Error("it signs in an epoch of which nobody told it anything")
	}
	net.hub.SetRule(nil)
	waitFor(t, "it to follow, and to sign", func() bool { s := n.engine.Status(); return s.Signing && s.Consensus.Epoch == 2 },
		func() { net.load(7_000_000+int(net.nodes[0].store.Tip()), 1) })
}

func TestBlockSyncThatDivergesStopsSigning(t *testing.T) {
	t.Parallel()
	net := newNetwork(t, 4)
	for _, n := range net.nodes {
		n.executor = &fakeExecutor{self: 7}
	}
	net.nodes[3].executor.self = 9
	for _, n := range net.nodes[:3] {
		n.start()
	}
	net.progress(3, 0, 1, 2)
	for _, n := range net.nodes[:3] {
		n.pool.add([]byte("diverge"))
	}
	net.progress(net.nodes[0].store.Tip()+100, 0, 1, 2)
	net.nodes[3].start()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("node 3: tip %d, durable stop %q, status %+v", net.nodes[3].store.Tip(), net.nodes[3].durableStop(), net.nodes[3].engine.Status())
		}
	})
	// Block sync or the core may find it first; each says that outcomes differ.
	differs := func(reason string) bool { return strings.Contains(reason, "another outcome") }
	n := net.nodes[3]
	waitFor(t, "block sync to find the divergence and the node to stop signing", func() bool {
		s := n.engine.Status()
		return differs(n.durableStop()) && !s.Signing && differs(s.WhyNot)
	}, func() { net.load(int(net.nodes[0].store.Tip()), 1) })
	// Nothing but a repair lifts it: the others go on without its vote.
	net.must(n.engine.ResumeSigning(t.Context()))
	net.progress(net.nodes[0].store.Tip()+2, 0, 1, 2) // what was on its way is signed by then
	signed := n.signer.count()
	net.progress(net.nodes[0].store.Tip()+3, 0, 1, 2)
	if s := n.engine.Status(); s.Signing || !differs(s.WhyNot) || n.signer.count() != signed {
		t.Errorf("it signed %d times more, status %+v", n.signer.count()-signed, s)
	}
}

func TestAStateGoneToBlockSyncIsNoFault(t *testing.T) {
	net := newNetwork(t, 4)
	n := net.nodes[0]
	block := func(view uint64) *types.Block {
		return &types.Block{Header: types.Header{Genesis: net.genesis, Epoch: 1, View: view, Height: 1, Parent: net.genesis,
			TimestampMs: view, PayloadRoot: types.ListRoot(nil), EvidenceRoot: types.ListRoot(nil)}}
	}
	held, stored := block(1), block(2)
	n.log.blocks = map[types.Hash]*types.Block{held.ID(): held}
	e := n.open(net.hub.Join(n.id), &handClock{now: consensus.Now{MonoMs: 1000}})
	if e.core.Block(held.ID()) == nil {
		t.Fatal("the core does not hold the block of the vote log")
	}
	tip := consensus.Final{View: 2, TimestampMs: 2, Outcome: types.Outcome{Height: 1, Block: stored.ID()}}
	cc := &types.CC{Epoch: 1, View: 2, Height: 1, Block: stored.ID(), Outcome: tip.Outcome}
	n.must(n.store.Commit([]FinalBlock{{Block: stored, Outcome: tip.Outcome}}, cc, nil))

	e.worker.gone(held.ID(), ErrStateGone) // block sync stored height 1, the core hears of it next
	if e.ctx.Err() != nil {
		t.Fatal("the node ends although the core will drop the block")
	}
	e.step(consensus.Synced{Tip: tip})
	if e.ctx.Err() != nil || len(e.worker.goneLater) > 0 || e.core.Block(held.ID()) != nil {
		t.Fatalf("after the core was told: ended %v, %d wait, block held %v", e.ctx.Err(), len(e.worker.goneLater), e.core.Block(held.ID()) != nil)
	}
}

func TestNothingIsWrittenOfAnEpochBeforeTheVoteLogs(t *testing.T) {
	net := newNetwork(t, 4)
	n := net.nodes[0]
	e := n.open(net.hub.Join(n.id), &handClock{now: consensus.Now{MonoMs: 1000}})
	e.cfg.Recorded = &types.SafetyState{Epoch: 3, VotedView: 9} // the chain volume was lost in epoch 3
	vote := types.Message{Prepare: &types.SignedPrepare{Epoch: 1, Vote: types.Prepare{View: 1, Height: 1}}}
	if err := e.writer.write([]writeItem{{persist: &consensus.Persist{State: types.SafetyState{Epoch: 2}}}, {message: &vote, epoch: &net.epoch}}); err != nil {
		t.Fatal(err)
	}
	if n.log.last != nil || len(n.signer.early) > 0 {
		t.Errorf("wrote %v, signed early %v", n.log.last, n.signer.early)
	}
	if err := e.writer.write([]writeItem{{persist: &consensus.Persist{State: types.SafetyState{Epoch: 3}}}}); !errors.Is(err, ErrCaughtUp) || n.log.last != nil {
		t.Errorf("entering the vote log's epoch: %v, wrote %v", err, n.log.last)
	}
}

func TestWhatGathersBehindASlowDiskIsSplitIntoRecords(t *testing.T) {
	var batch []writeItem
	for range 40 {
		b := &types.Block{Payload: [][]byte{make([]byte, 2<<20)}}
		batch = append(batch, writeItem{persist: &consensus.Persist{Blocks: []*types.Block{b}}}, writeItem{message: &types.Message{}})
	}
	for taken := 0; len(batch) > 0; {
		n := oneRecord(batch)
		if taken = 0; n == 0 || batch[0].persist == nil {
			t.Fatalf("a record of %d items, or a message before its state", n)
		}
		for _, it := range batch[:n] {
			if it.persist != nil {
				taken += it.persist.Blocks[0].PayloadBytes()
			}
		}
		if taken > mergeBytes {
			t.Fatalf("one record holds %d bytes of bodies, at most %d", taken, mergeBytes)
		}
		batch = batch[n:]
	}
	huge := []writeItem{{persist: &consensus.Persist{Blocks: []*types.Block{{Payload: [][]byte{make([]byte, mergeBytes+1)}}}}}}
	if n := oneRecord(huge); n != 1 {
		t.Errorf("a single large body makes a record of %d items", n)
	}
}

func TestFetchesOfOneBlockAreBounded(t *testing.T) {
	var f fetches
	id := types.SumHash([]byte("missing"))
	for i := range maxFetchesBlock {
		if before, ok := f.begin(id); !ok || before != i {
			t.Fatalf("question %d: before %d, allowed %v", i, before, ok)
		}
	}
	if _, ok := f.begin(id); ok {
		t.Error("one more question than the bound for a block")
	}
	f.end(id)
	if _, ok := f.begin(id); !ok {
		t.Error("no question although one ended")
	}
	for i := 0; ; i++ {
		if _, ok := f.begin(types.SumHash([]byte{byte(i)})); !ok {
			break
		}
		if i > maxFetches {
			t.Fatal("no bound over all blocks")
		}
	}
	if f.all != maxFetches {
		t.Errorf("%d at one time, want %d", f.all, maxFetches)
	}
}

func TestOwnEchoReadsWholeCertificates(t *testing.T) {
	net := newNetwork(t, 4)
	net.startAll()
	net.progress(5, 0, 1, 2, 3)
	s := net.nodes[0].engine.Status().Consensus
	for what, m := range map[string]types.Message{"QC": {QC: &s.Lock}, "CC": {CC: s.HighestCC}} {
		found := 0
		for _, n := range net.nodes { // none had signed anything at its start
			n.must(n.engine.call(t.Context(), func() {
				if n.engine.echo.unaccounted(&m) != "" {
					found++
				}
			}))
		}
		if found < 3 {
			t.Errorf("%s: %d of its signers find their vote in it", what, found)
		}
	}
	forged := *s.HighestCC
	forged.View += 100
	n := net.nodes[0]
	n.must(n.engine.call(t.Context(), func() {
		if why := n.engine.echo.unaccounted(&types.Message{CC: &forged}); why != "" {
			t.Errorf("a forged certificate makes the volume foreign: %s", why)
		}
	}))
}
