package sim

import (
	"testing"

	"github.com/bedrock-bft/bedrock/node/engine"
	"github.com/bedrock-bft/bedrock/node/p2p"
	"github.com/bedrock-bft/bedrock/node/types"
	"github.com/bedrock-bft/bedrock/node/wire"
)

// liar shows some of the others what its node signs, some something else, signed too,
// and some both. Its node is honest and knows nothing of that.
type liar struct {
	engine.Transport
	w *World
	n *Node
}

func (l liar) MulticastVotes(data []byte) error { return l.lie(p2p.ChannelVotes, data) }

func (l liar) MulticastBlock(data []byte) error { return l.lie(p2p.ChannelBlocks, data) }

func (l liar) lie(c p2p.Channel, data []byte) error {
	other, ok := l.other(data)
	for i := range l.w.Plan().Nodes {
		if ok && i%3 != 0 {
			l.n.Send(i, c, other)
		}
		if !ok || i%3 != 1 {
			l.n.Send(i, c, data)
		}
	}
	return nil
}

// other is the second message of what was sent; false: there is none.
func (l liar) other(data []byte) ([]byte, bool) {
	m, err := wire.DecodeMessage(data)
	if err != nil {
		return nil, false
	}
	self := uint32(l.n.Validator())
	sign := func(s types.Signable) []byte { return l.n.Sign(m.Epoch(), s) }
	switch {
	case m.Proposal != nil && m.Proposal.Block != nil && m.Proposal.Proposer == self:
		p := *m.Proposal
		block := types.Block{Header: p.Block.Header, Payload: p.Block.Payload, Evidence: p.Block.Evidence}
		block.Header.TimestampMs++
		p.Block, p.BlockID = &block, block.ID()
		p.Signature = sign(types.ProposalID{Kind: p.Kind, View: p.View, Block: p.BlockID})
		m = types.Message{Proposal: &p}
	case m.Prepare != nil && m.Prepare.Validator == self:
		v := *m.Prepare
		v.Vote.Block[0] ^= 1
		v.Signature = sign(v.Vote)
		m = types.Message{Prepare: &v}
	case m.Commit != nil && m.Commit.Validator == self:
		v := *m.Commit
		v.Vote.Outcome[0] ^= 1
		v.Signature = sign(v.Vote)
		m = types.Message{Commit: &v}
	default:
		return nil, false
	}
	return wire.EncodeMessage(&m), true
}

// One of four that says two things of everything is found out, breaks nothing and stops
// nobody.
func TestOneThatSignsTwice(t *testing.T) {
	found := 0
	for seed := uint64(1); seed <= 8; seed++ {
		p := shortened(Draw(seed, 4))
		p.Conduct = func(w *World) Hooks {
			return Hooks{
				Faulty: func(n int) bool { return n == 3 },
				Transport: func(n *Node, t engine.Transport) engine.Transport {
					if n.Index() == 3 {
						return liar{t, w, n}
					}
					return t
				},
				Accused: func(int, *types.Evidence) { found++ },
			}
		}
		if _, err := Run(p); err != nil {
			t.Fatal(err)
		}
	}
	if found == 0 {
		t.Error("nobody published evidence")
	}
}
