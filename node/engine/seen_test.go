package engine

import (
	"context"
	"testing"
	"time"

	"github.com/bedrock-bft/bedrock/node/consensus"
	"github.com/bedrock-bft/bedrock/node/types"
)

// A validator that executes a block only once a quorum has made it final is in no
// certificate, and votes all the same: the others see it. // rule: seen
func TestSlowValidatorIsSeen(t *testing.T) {
	net := newNetwork(t, 4)
	net.timing.IdleMs = 300
	slow := net.nodes[3]
	slow.executor = &fakeExecutor{self: 3, before: func(ctx context.Context, height uint64) {
		for {
			// Its engine is set once it runs; nothing is executed before.
			if cc := slow.engine.Status().Consensus.HighestCC; cc != nil && cc.Outcome.Height >= height {
				return
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(time.Millisecond):
			}
		}
	}}
	net.startAll()
	net.progress(20, 0, 1, 2)
	waitFor(t, "the slow validator's vote for the last final height", func() bool {
		for _, n := range net.nodes {
			if tip := n.store.Tip(); tip == 0 || n.observer.votedHeight(slow.id) < tip {
				return false
			}
		}
		return true
	}, nil)
	for h := uint64(1); h <= net.nodes[0].store.Tip(); h++ {
		cc, err := net.nodes[0].store.Certificate(h)
		if err != nil {
			t.Fatal(err)
		}
		if cc.Commits.Signers[0]>>3&1 == 1 {
			t.Fatalf("the certificate of height %d holds the slow validator's signature: it was not slow", h)
		}
	}
	net.agree()
}

// A vote counts over its validator's own connection only, and in an epoch that is
// known.
func TestVotesOfOthersAreNotSeen(t *testing.T) {
	net := newNetwork(t, 4)
	n := net.nodes[0]
	endpoint := net.hub.Join(n.id)
	defer endpoint.Close()
	e := n.open(endpoint, wallClock{time.Now(), &n.wall})
	other := net.nodes[2]
	vote := &types.SignedCommit{Epoch: 1, Validator: 2, Vote: types.Commit{View: 3, Height: 3}}
	e.noteVote(consensus.Peer(net.nodes[1].id), vote)
	e.noteVote(consensus.Peer(other.id), &types.SignedCommit{Epoch: 9, Validator: 2, Vote: vote.Vote})
	e.noteVote(consensus.Peer(other.id), &types.SignedCommit{Epoch: 1, Validator: 4, Vote: vote.Vote})
	if h := n.observer.votedHeight(other.id); h != 0 {
		t.Errorf("seen at height %d by what others sent", h)
	}
	e.noteVote(consensus.Peer(other.id), vote)
	if h := n.observer.votedHeight(other.id); h != 3 {
		t.Errorf("its own vote: height %d, want 3", h)
	}
}
