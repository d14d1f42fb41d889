package engine

import (
	"fmt"
	"testing"
	"time"

	"github.com/bedrock-bft/bedrock/node/consensus"
	"github.com/bedrock-bft/bedrock/node/types"
	"github.com/bedrock-bft/bedrock/node/wire"
)

func TestAValidatorJoinsAndAnotherLeavesUnderLoad(t *testing.T) {
	net := newNetwork(t, 4)
	newcomer := net.instance()
	net.startAll()
	net.progress(10, 0, 1, 2, 3, 4) // the newcomer follows by certificates
	if s := newcomer.engine.Status(); s.Signing || s.Consensus.Self >= 0 {
		t.Fatalf("a node in no set: %+v", s)
	}
	net.plan("join", joins(newcomer))
	net.progress(net.nodes[0].store.Tip()+5, 0, 1, 2, 3, 4)
	net.waitEpoch(2, 0, 1, 2, 3, 4)
	waitFor(t, "the newcomer to sign without a restart", func() bool { return newcomer.engine.Status().Signing }, nil)

	net.plan("leave", leaves(net.nodes[0]))
	net.progress(net.nodes[1].store.Tip()+5, 1, 2, 3, 4)
	net.waitEpoch(3, 0, 1, 2, 3, 4)
	net.progress(net.nodes[1].store.Tip()+10, 0, 1, 2, 3, 4) // who left goes on as a full node
	if s := net.nodes[0].engine.Status(); s.Signing || s.Consensus.Self >= 0 {
		t.Errorf("the validator that left: %+v", s)
	}
	net.agree()
	net.signedOnlyWhereNamed()
}

func TestARotatedInstanceIsSilentFromTheNextEpoch(t *testing.T) {
	t.Parallel()
	net := newNetwork(t, 4)
	successor := net.instance()
	net.startAll()
	net.progress(5, 0, 1, 2, 3, 4)
	old := net.nodes[3]
	net.plan("rotate", succeeds(old, successor))
	net.progress(net.nodes[0].store.Tip()+5, 0, 1, 2, 3, 4)
	net.waitEpoch(2, 0, 1, 2, 3, 4)
	waitFor(t, "the successor to sign", func() bool { return successor.engine.Status().Signing }, nil)
	// The old process still runs, and two of the others are down: the successor's
	// votes are needed, the old one's count for nothing.
	net.progress(net.nodes[0].store.Tip()+10, 0, 1, 2, 3, 4)
	net.must(net.nodes[2].kill())
	net.progress(net.nodes[0].store.Tip()+10, 0, 1, 3, 4)
	net.agree()
	signer := old.signer
	net.signedOnlyWhereNamed()
	for _, m := range signer.signed {
		if m.Epoch() != 1 {
			t.Fatalf("the superseded instance signed %+v", m)
		}
	}
}

func TestManyEpochsOneAfterAnotherWithAValidatorCutOff(t *testing.T) {
	t.Parallel()
	const rounds = 6
	net := newNetwork(t, 5)
	net.startAll()
	net.progress(3, 0, 1, 2, 3, 4)
	away := net.nodes[4]
	present := net.nodes[0]
	for round := range rounds {
		if round%3 == 0 {
			net.must(away.kill())
		}
		old, next := present, net.instance()
		next.start()
		net.plan(fmt.Sprintf("rotate %d", round), func(e *types.Epoch) bool {
			e.MaxBytes++ // the limits change too
			e.MaxGas++
			return succeeds(old, next)(e)
		})
		net.progress(net.nodes[1].store.Tip()+2, 1, 2, 3)
		net.waitEpoch(uint64(round)+2, 1, 2, 3, next.index)
		if round%3 == 1 {
			away.start() // two epochs later
			net.progress(net.nodes[1].store.Tip()+2, 1, 2, 3, 4)
			net.waitEpoch(uint64(round)+2, 4)
			waitFor(t, "who was cut off to sign again", func() bool { return away.engine.Status().Signing }, nil)
		}
		net.must(old.kill())
		present = next
	}
	if away.engine == nil {
		away.start()
	}
	net.progress(net.nodes[1].store.Tip()+5, 1, 2, 3, 4, present.index)
	net.waitEpoch(rounds+1, 1, 2, 3, 4, present.index)
	net.agree()
	net.signedOnlyWhereNamed()
}

func TestAllRestartedInALaterEpochGoOn(t *testing.T) {
	t.Parallel()
	net := newNetwork(t, 4)
	newcomer := net.instance()
	net.startAll()
	net.progress(3, 0, 1, 2, 3, 4)
	net.plan("join", joins(newcomer))
	net.progress(net.nodes[0].store.Tip()+2, 0, 1, 2, 3, 4)
	net.waitEpoch(2, 0, 1, 2, 3, 4)
	for round := range 3 {
		for _, n := range net.nodes {
			net.must(n.kill())
		}
		if round == 1 { // one lost its chain volume, and fills it across the epochs
			net.nodes[1].store = newFakeStore(net.genesisOutcome(), net.epoch)
		}
		net.startAll()
		net.progressThrough(net.nodes[0].store.Tip()+5, 1)
	}
	net.agree()
	net.signedOnlyWhereNamed()
}

// Whoever still votes in an epoch that is over is told so, and is not counted.
// // rule: epoch-answer
func TestVotesOfAnOlderEpochAreAnsweredAndNotCounted(t *testing.T) {
	net := newNetwork(t, 4)
	successor := net.instance()
	net.startAll()
	net.progress(3, 0, 1, 2, 3, 4)
	old, judge := net.nodes[3], net.nodes[0]
	net.plan("rotate", succeeds(old, successor))
	net.progress(net.nodes[0].store.Tip()+3, 0, 1, 2, 3, 4)
	net.waitEpoch(2, 0, 1, 2, 3, 4)
	waitFor(t, "the successor to sign", func() bool { return successor.engine.Status().Signing }, nil)
	net.must(old.kill())
	endpoint := net.hub.Join(old.id)
	defer endpoint.Close()
	vote := func(epoch uint64) []byte {
		v := types.Prepare{View: 1 << 20, Height: 1 << 20, Block: types.SumHash([]byte("another"))}
		return wire.EncodeMessage(&types.Message{Prepare: &types.SignedPrepare{Epoch: epoch, Validator: 3, Vote: v,
			Signature: old.key.Sign(v.SignBytes(types.Domain{Genesis: net.genesis, Epoch: epoch}))}})
	}
	net.must(endpoint.SendVotes(judge.id, vote(1)))
	for told := false; !told; {
		select {
		case m := <-endpoint.Votes():
			message, err := wire.DecodeMessage(m.Data)
			net.must(err)
			told = m.From == judge.id && message.EpochStart != nil && message.EpochStart.Epoch.Number == 2
		case <-time.After(deadline):
			t.Fatal("a vote of an older epoch is not answered with its certificate")
		}
	}
	net.must(endpoint.SendVotes(judge.id, vote(2))) // in its old place, with its old key
	net.progress(judge.store.Tip()+5, 0, 1, 2, 4)
	net.must(judge.engine.call(t.Context(), func() {
		for _, m := range judge.engine.core.Newest(2, consensus.Peer(successor.id), successor.key.Public()) {
			if m.Prepare != nil && m.Prepare.Vote.View == 1<<20 {
				if set, err := judge.engine.sets.of(2); err == nil && set.VerifyVote(3, m.Prepare.Vote, m.Prepare.Signature) {
					t.Error("the superseded instance's vote verifies in the next epoch")
				}
			}
		}
	}))
	net.agree()
}

// signedOnlyWhereNamed ends all nodes and reads what they signed.
func (net *network) signedOnlyWhereNamed() {
	net.t.Helper()
	net.stopAll() // fails for what a signer was asked for in an epoch that does not pair its keys
	for _, n := range net.nodes {
		n.signer = nil
	}
}
