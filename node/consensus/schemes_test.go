package consensus

import (
	"fmt"
	"testing"

	"github.com/bedrock-bft/bedrock/node/types"
)

// realNet is four Cores with real signatures over a network that delivers at once.
type realNet struct {
	t     *testing.T
	keys  []types.PrivateKey
	cores []*Core
	final []uint64
	queue []func()
	now   uint64
	tick  []uint64
}

func newRealNet(t *testing.T, s types.Scheme) *realNet {
	n := &realNet{t: t, final: make([]uint64, 4), tick: make([]uint64, 4), now: 1}
	e := types.Epoch{Number: 1, Scheme: s.ID(), MaxBytes: 1 << 20, MaxGas: 1}
	for i := range 4 {
		secret := types.SumHash([]byte{byte(i)})
		secret[0] &= 0x3f
		k, err := s.PrivateKey(secret[:])
		if err != nil {
			t.Fatal(err)
		}
		n.keys = append(n.keys, k)
		e.Validators = append(e.Validators, types.Validator{ConsensusKey: k.Public(), Possession: k.Possession(), NetworkKey: fakePeer(i), Power: 1})
	}
	root := fakeRoot(e)
	for i := range 4 {
		core, effects, err := New(n.at(), Config{Genesis: fakeGenesis, Scheme: s, Timing: DevnetTiming(), NetworkKey: fakePeer(i),
			ConsensusKey: n.keys[i].Public()}, Start{Epoch: e, Root: root, Tip: root, SigningAllowed: true})
		if err != nil {
			t.Fatal(err)
		}
		n.cores = append(n.cores, core)
		n.queue = append(n.queue, func() { n.carryOut(i, effects) }, func() { n.step(i, WorkWaiting{Waiting: true}) })
	}
	return n
}

func (n *realNet) at() Now { return Now{MonoMs: n.now, WallMs: 5000 + n.now} }

func (n *realNet) step(i int, ev Event) { n.carryOut(i, n.cores[i].Step(n.at(), ev)) }

func (n *realNet) later(i int, ev Event) { n.queue = append(n.queue, func() { n.step(i, ev) }) }

func (n *realNet) carryOut(i int, effects []Effect) {
	for _, x := range effects {
		switch x := x.(type) {
		case Sign:
			m := n.sign(i, x.Message)
			for k := range 4 {
				from := fakePeer(i)
				if k == i {
					from = Peer{}
				}
				n.later(k, Received{From: from, Message: m})
			}
		case Multicast:
			for k := range 4 {
				if k != i {
					n.later(k, Received{From: fakePeer(i), Message: x.Message})
				}
			}
		case BuildBlock:
			b := &types.Block{Payload: [][]byte{fmt.Appendf(nil, "tx %d", x.View)}}
			b.Header = types.Header{Genesis: fakeGenesis, Epoch: 1, View: x.View, Height: x.Height, Parent: x.Parent, Proposer: x.Proposer,
				TimestampMs: max(x.MinTimestampMs, n.at().WallMs), PayloadRoot: types.ListRoot(b.Payload), EvidenceRoot: types.ListRoot(nil)}
			n.later(i, BlockBuilt{Kind: x.Kind, View: x.View, Block: b})
		case VerifyBlock:
			n.later(i, BlockVerified{ID: x.Block.ID(), Valid: true})
		case ExecuteBlock:
			id := x.Block.ID()
			n.later(i, BlockExecuted{ID: id, Success: true, StateRoot: id, ReceiptsRoot: types.ListRoot(nil)})
		case Finalize:
			n.final[i] = x.Blocks[len(x.Blocks)-1].Outcome.Height
		case WakeAt:
			n.tick[i] = x.MonoMs
		case ReportPeer, Alarm, StopSigning:
			n.t.Fatalf("node %d: %+v", i, x)
		}
	}
}

func (n *realNet) sign(i int, m types.Message) types.Message {
	d := types.Domain{Genesis: fakeGenesis, Epoch: 1}
	switch {
	case m.Proposal != nil:
		p := *m.Proposal
		p.Signature = n.keys[i].Sign(types.ProposalID{Kind: p.Kind, View: p.View, Block: p.BlockID}.SignBytes(d))
		m.Proposal = &p
	case m.Prepare != nil:
		p := *m.Prepare
		p.Signature = n.keys[i].Sign(p.Vote.SignBytes(d))
		m.Prepare = &p
	case m.Commit != nil:
		p := *m.Commit
		p.Signature = n.keys[i].Sign(p.Vote.SignBytes(d))
		m.Commit = &p
	case m.Timeout != nil:
		p := *m.Timeout
		p.Signature = n.keys[i].Sign(p.Vote.SignBytes(d))
		m.Timeout = &p
	}
	return m
}

// runTo delivers until all nodes have that height final.
func (n *realNet) runTo(height uint64) {
	for done := 0; done < 4; {
		if len(n.queue) == 0 { // nothing under way: the first timer
			n.now++
			for i, at := range n.tick {
				if at <= n.now {
					n.later(i, Tick{})
				}
			}
			continue
		}
		f := n.queue[0]
		n.queue = n.queue[1:]
		f()
		done = 0
		for _, h := range n.final {
			if h >= height {
				done++
			}
		}
	}
}

func TestRealSchemes(t *testing.T) {
	for _, s := range []types.Scheme{types.Ed25519{}, types.BLS12381{}} {
		t.Run(s.Name(), func(t *testing.T) {
			n := newRealNet(t, s)
			n.runTo(6)
			c := n.cores[0]
			// A view fails, so that a TC is among what is held.
			n.now += 20_000
			for i := range 4 {
				n.later(i, Tick{})
			}
			n.runTo(n.final[0] + 2)
			checkNewest(t, c, n.keys[2].Public(), s)
			if c.Newest(1, fakePeer(3), n.keys[2].Public()) != nil || c.Newest(1, fakePeer(9), nil) != nil {
				t.Error("signatures of a key with another identity")
			}
		})
	}
}

// checkNewest verifies everything that is given of validator 2's signatures.
func checkNewest(t *testing.T, c *Core, key []byte, s types.Scheme) {
	t.Helper()
	kinds := map[string]int{}
	for _, m := range c.Newest(1, fakePeer(2), key) {
		ok := true
		switch {
		case m.Proposal != nil:
			kinds["proposal"]++
			p := m.Proposal
			ok = c.set.VerifyVote(2, types.ProposalID{Kind: p.Kind, View: p.View, Block: p.BlockID}, p.Signature)
		case m.Prepare != nil:
			kinds["prepare"]++
			ok = c.set.VerifyVote(2, m.Prepare.Vote, m.Prepare.Signature)
		case m.Commit != nil:
			kinds["commit"]++
			ok = c.set.VerifyVote(2, m.Commit.Vote, m.Commit.Signature)
		case m.Timeout != nil:
			kinds["timeout"]++
			ok = c.set.VerifyVote(2, m.Timeout.Vote, m.Timeout.Signature)
		case m.QC != nil:
			kinds["QC"]++
			ok = c.set.VerifyQC(m.QC, c.rootID()) == nil
		case m.CC != nil:
			kinds["CC"]++
			ok = c.set.VerifyCC(m.CC) == nil
		case m.TC != nil:
			kinds["TC"]++
			ok = c.set.VerifyTC(m.TC, c.rootID()) == nil
		}
		if !ok {
			t.Errorf("given a signature that does not verify: %+v", m)
		}
	}
	if kinds["proposal"] == 0 || kinds["prepare"] == 0 || kinds["commit"] == 0 || kinds["timeout"] == 0 {
		t.Errorf("%s: newest signatures: %v", s.Name(), kinds)
	}
}

func BenchmarkBlockEd25519(b *testing.B) {
	n := newRealNet(&testing.T{}, types.Ed25519{})
	n.runTo(2)
	b.ResetTimer()
	start := n.final[0]
	for i := 0; i < b.N; i++ {
		n.runTo(start + uint64(i) + 1)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/4, "us/block/node")
}
