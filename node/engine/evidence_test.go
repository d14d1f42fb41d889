package engine

import (
	"fmt"
	"testing"

	"github.com/bedrock-bft/bedrock/node/consensus"
	"github.com/bedrock-bft/bedrock/node/p2p"
	"github.com/bedrock-bft/bedrock/node/types"
)

// evidence is of two prepare votes of a validator in one view of an epoch.
func (net *network) evidence(validator int, view uint64, salt string) types.Evidence {
	return net.evidenceOf(net.nodes[validator].key, uint32(validator), 1, view, salt)
}

func (net *network) evidenceOf(key types.PrivateKey, validator uint32, epoch, view uint64, salt string) types.Evidence {
	vote := func(block string) types.EvidenceMessage {
		v := types.Prepare{View: view, Height: 1, Block: types.SumHash([]byte(block + salt))}
		return types.EvidenceMessage{Prepare: &v, Signature: key.Sign(v.SignBytes(types.Domain{Genesis: net.genesis, Epoch: epoch}))}
	}
	return types.NewEvidence(types.EvidencePrepares, epoch, validator, vote("one"), vote("another"))
}

// found gives a running node evidence as its core would.
func (n *testNode) found(ev types.Evidence) {
	n.net.t.Helper()
	n.must(n.engine.call(n.net.t.Context(), func() {
		n.engine.carryOut([]consensus.Effect{consensus.EvidenceFound{Evidence: ev}})
		n.engine.tellWork()
	}))
}

// included lists the evidence of final blocks.
func (n *testNode) included() (out [][]byte) {
	for h := uint64(1); h <= n.store.Tip(); h++ {
		b, err := n.store.Block(h)
		n.must(err)
		out = append(out, b.Evidence...)
	}
	return out
}

func TestEvidenceIsGossipedIncludedOnceAndForgotten(t *testing.T) {
	net := newNetwork(t, 4)
	follower := net.instance() // passes it on too
	net.startAll()
	net.progress(3, 0, 1, 2, 3, 4)
	ev := net.evidence(3, 1, "")
	net.nodes[0].found(ev)
	waitFor(t, "the evidence to be in a final block of all", func() bool {
		for _, n := range net.nodes {
			if len(n.included()) == 0 {
				return false
			}
		}
		return true
	}, nil) // no transaction waits: evidence alone is something to propose
	for _, n := range net.nodes {
		waitFor(t, "the pool to be empty", func() bool { return len(n.engine.evidence.all()) == 0 }, nil)
	}
	// More of the same offender, found or heard, goes no further.
	net.nodes[1].found(ev)
	net.nodes[1].found(net.evidence(3, 2, "again"))
	other := net.evidence(3, 3, "and again")
	if v := follower.engine.accusing.judge(t.Context(), net.nodes[0].id, other.Encode()); v != p2p.Ignore {
		t.Errorf("more evidence of who is dealt with: %v", v)
	}
	net.must(net.nodes[2].kill())
	net.nodes[2].start() // it remembers nobody, and finds the same again
	net.nodes[2].found(ev)
	if held := net.nodes[2].engine.evidence.all(); len(held) > 0 {
		t.Errorf("it would propose evidence that the chain holds: %d pieces", len(held))
	}
	net.progress(net.nodes[0].store.Tip()+10, 0, 1, 2, 3, 4)
	if got := net.nodes[0].included(); len(got) != 1 || string(got[0]) != string(ev.Encode()) {
		t.Errorf("%d pieces of evidence in final blocks, want the one", len(got))
	}
	net.agree()
}

func TestEvidenceOfAFailedBlockComesAgain(t *testing.T) {
	net := newNetwork(t, 4)
	net.startAll()
	net.progress(3, 0, 1, 2, 3)
	for i := range 20 { // the blocks about to come fail
		for _, n := range net.nodes {
			n.pool.add(fmt.Appendf(nil, "fail block %d", i))
		}
	}
	net.nodes[0].found(net.evidence(2, 1, ""))
	waitFor(t, "the evidence to be in a final block that did not fail", func() bool {
		known, err := net.nodes[3].store.KnownEvidence(types.SumHash(ptr(net.evidence(2, 1, "")).Encode()))
		net.must(err)
		return known
	}, nil)
	net.agree()
}

// A migration's blocks judge no evidence: whoever leads one could else rid itself of
// what convicts it. // rule: migration
func TestEvidenceOutlastsAMigration(t *testing.T) {
	net := newNetwork(t, 4)
	net.startAll()
	net.progress(3, 0, 1, 2, 3)
	for i := range 20 {
		for _, n := range net.nodes {
			n.pool.add(fmt.Appendf(nil, "migrate %d", i))
		}
	}
	for _, n := range net.nodes {
		n.pool.add([]byte("migrate last"))
	}
	ev := ptr(net.evidence(2, 1, ""))
	net.nodes[0].found(*ev)
	waitFor(t, "the evidence to be in a final block that judged it", func() bool {
		known, err := net.nodes[3].store.KnownEvidence(types.SumHash(ev.Encode()))
		net.must(err)
		return known
	}, nil)
	net.agree()
}

func TestEvidenceIsHeldBackWhileAMigrationGoesOn(t *testing.T) {
	net := newNetwork(t, 4)
	e := net.nodes[0].open(net.hub.Join(net.nodes[0].id), &handClock{now: consensus.Now{MonoMs: 1000}})
	pool, ev := e.evidence, ptr(net.evidence(3, 1, ""))
	e.accusing.judge(t.Context(), net.nodes[1].id, ev.Encode())
	none := func(types.Hash) bool { return false }
	takes := func(nowMs uint64, want bool) {
		t.Helper()
		if got := len(pool.take(nowMs, none)) == 1; got != want || pool.waiting(nowMs, none) != want {
			t.Errorf("at %d ms it gives evidence: %t, want %t", nowMs, got, want)
		}
	}
	block := FinalBlock{Block: &types.Block{Evidence: [][]byte{ev.Encode()}}, Execution: &Execution{Success: true, EvidenceWaits: true, MoreWork: true}}
	takes(1000, true)
	pool.executed(block.Execution) // the leader was another, and put it in all the same
	takes(1000, false)
	if !pool.final([]FinalBlock{block}, 1500, e.sets.of) {
		t.Error("nothing rests after a block that did not judge what is held")
	}
	pool.executed(&Execution{Success: true, EvidenceWaits: true}) // the migration's last
	takes(1499, false)                                            // others may not know yet that the block is final
	takes(1500, true)
	if judged := e.accusing.judge(t.Context(), net.nodes[1].id, ptr(net.evidence(3, 5, "z")).Encode()); judged != p2p.Ignore {
		t.Errorf("more of whom as much is held of: %v", judged)
	}
	block.Execution = &Execution{Success: true}
	pool.final([]FinalBlock{block}, 0, e.sets.of)
	if held := len(pool.all()); held != 0 {
		t.Errorf("%d pieces held after a block judged them", held)
	}
}

// Anybody can name old epochs: that costs little, and the present set stays at hand.
func TestJunkEvidenceOfOldEpochsCostsLittle(t *testing.T) {
	net := newNetwork(t, 4)
	n := net.nodes[0]
	e := n.open(net.hub.Join(n.id), &handClock{now: consensus.Now{MonoMs: 1000}})
	first, err := n.store.EpochStart(1)
	net.must(err)
	n.store.mu.Lock()
	for number := uint64(2); number <= 40; number++ {
		start := *first
		start.Epoch.Number = number
		n.store.epochs[number] = &start
	}
	n.store.mu.Unlock()
	present, err := e.sets.of(40)
	net.must(err)
	for number := uint64(1); number < 40; number++ {
		_, err := e.sets.of(number)
		net.must(err)
		if again, err := e.sets.of(40); err != nil || again != present {
			t.Fatalf("after epoch %d the present set is made again: %v", number, err)
		}
	}
	if len(e.sets.held) != maxSets {
		t.Errorf("%d sets held, want %d", len(e.sets.held), maxSets)
	}
	for e.accusing.sets.Allow() {
	}
	heard := ptr(net.evidence(3, 1, "")).Encode()
	if got := e.accusing.judge(t.Context(), net.nodes[1].id, heard); got != p2p.Ignore || e.sets.at(1) != nil {
		t.Errorf("of an epoch whose set would have to be made, once too often: %v", got)
	}
	_, err = e.sets.of(1)
	net.must(err)
	if got := e.accusing.judge(t.Context(), net.nodes[1].id, heard); got != p2p.Accept {
		t.Errorf("of an epoch whose set is at hand: %v", got)
	}
}

func ptr[T any](v T) *T { return &v }

func TestWhatEvidenceIsPassedOn(t *testing.T) {
	net := newNetwork(t, 4)
	n := net.nodes[0]
	e := n.open(net.hub.Join(n.id), &handClock{now: consensus.Now{MonoMs: 1000}})
	judge := func(ev types.Evidence) p2p.Verdict {
		return e.accusing.judge(t.Context(), net.nodes[1].id, ev.Encode())
	}
	forged := net.evidence(3, 1, "")
	forged.Validator = 2
	for _, tc := range []struct {
		name string
		ev   types.Evidence
		want p2p.Verdict
	}{
		{"of a later epoch", net.evidenceOf(net.nodes[3].key, 3, 2, 1, ""), p2p.Ignore},
		{"of a validator that does not exist", net.evidenceOf(net.nodes[3].key, 9, 1, 1, ""), p2p.Ignore},
		{"signed by another", forged, p2p.Reject},
		{"good", net.evidence(3, 1, ""), p2p.Accept},
		{"the same again", net.evidence(3, 1, ""), p2p.Ignore},
		{"more of the same kind and offender", net.evidence(3, 2, "x"), p2p.Ignore},
		{"of another offender", net.evidence(1, 2, "x"), p2p.Accept},
	} {
		if got := judge(tc.ev); got != tc.want {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
	}
	if got := e.accusing.judge(t.Context(), net.nodes[1].id, []byte("garbage")); got != p2p.Reject {
		t.Errorf("garbage: %v", got)
	}
	if held := len(e.evidence.all()); held != 2 {
		t.Errorf("%d pieces held, want 2", held)
	}
	block := FinalBlock{Block: &types.Block{Evidence: [][]byte{ptr(net.evidence(1, 9, "another pair")).Encode()}}, Execution: &Execution{}}
	e.evidence.final([]FinalBlock{block}, 0, e.sets.of)
	if held := len(e.evidence.all()); held != 2 {
		t.Errorf("%d pieces held after a failed block, want 2", held)
	}
	block.Execution = &Execution{Success: true}
	e.evidence.final([]FinalBlock{block}, 0, e.sets.of)
	if held := len(e.evidence.all()); held != 1 || judge(net.evidence(1, 3, "y")) != p2p.Ignore {
		t.Errorf("%d pieces held after a block with evidence of the same offender, want 1, and no more of it", held)
	}
	e.evidence.entered(evidenceEpochs + 1)
	if held := len(e.evidence.all()); held != 0 {
		t.Errorf("%d pieces held that no epoch takes any more", held)
	}
	for i := 0; e.accusing.limiter.Allow(); i++ {
		if i > evidenceBurst+evidencePerSecond {
			t.Fatal("no bound on how much evidence is checked")
		}
	}
	if got := judge(net.evidence(2, 7, "flood")); got != p2p.Ignore {
		t.Errorf("above the rate: %v", got)
	}
}

func TestEvidenceInABlockIsHeldAgainstItsEpoch(t *testing.T) {
	net := newNetwork(t, 4)
	n := net.nodes[0]
	e := n.open(net.hub.Join(n.id), &handClock{now: consensus.Now{MonoMs: 1000}})
	good := net.evidence(3, 1, "")
	for present, ok := range map[uint64]bool{0: false, 1: true, evidenceEpochs: true, evidenceEpochs + 1: false} {
		if err := e.checkEvidence(good.Encode(), present); (err == nil) != ok {
			t.Errorf("evidence of epoch 1 in a block of epoch %d: %v", present, err)
		}
	}
}
