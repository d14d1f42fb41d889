package byzantine

import (
	"github.com/bedrock-bft/bedrock/node/p2p"
	"github.com/bedrock-bft/bedrock/node/types"
)

// variant is a proposal of another block than a proposal of its own: the same, changed.
// False: the block is not at hand.
func (p *puppet) variant(m types.Message, change func(b *types.Block, q *types.Proposal)) (types.Message, bool) {
	if m.Proposal == nil || !p.own(&m) {
		return m, false
	}
	q := *m.Proposal
	block := q.Block
	if block == nil {
		block = p.k.memory.block(q.BlockID)
	}
	if block == nil {
		return m, false
	}
	b := &types.Block{Header: block.Header, Payload: block.Payload, Evidence: block.Evidence}
	q.Block = b
	change(b, &q)
	q.BlockID = b.ID()
	return p.sign(types.Message{Proposal: &q}), true
}

// roots makes a block's header match its lists.
func roots(b *types.Block) {
	b.Header.PayloadRoot, b.Header.EvidenceRoot = types.ListRoot(b.Payload), types.ListRoot(b.Evidence)
}

func later(b *types.Block, _ *types.Proposal) { b.Header.TimestampMs++ }

// doubleOptimistic makes two optimistic proposals a view.
func doubleOptimistic(p *puppet, to int, m types.Message) []types.Message {
	if m.Proposal == nil || m.Proposal.Kind != types.KindProposeOptimistic {
		return one(m)
	}
	return doubled(p, to, m)
}

// doubleProposal makes two normal or fallback proposals a view.
func doubleProposal(p *puppet, to int, m types.Message) []types.Message {
	if m.Proposal == nil || m.Proposal.Kind == types.KindProposeOptimistic {
		return one(m)
	}
	return doubled(p, to, m)
}

func doubled(p *puppet, to int, m types.Message) []types.Message {
	other, ok := p.variant(m, later)
	if !ok {
		return one(m)
	}
	return p.show(to, m, other)
}

// wrongParent proposes on an older block than it should, with that one's certificate
// and with the right one.
func wrongParent(p *puppet, to int, m types.Message) []types.Message {
	other, ok := p.variant(m, func(b *types.Block, q *types.Proposal) {
		old := p.k.stale(b.Header.Epoch, b.Header.View)
		b.Header.Parent, b.Header.Height = old.Block, old.Height+1
		if to%2 == 0 && q.QC != nil {
			q.QC = &old
		}
	})
	if !ok {
		return one(m)
	}
	p.did()
	return one(other)
}

// badJustify justifies its proposals by what does not.
func badJustify(p *puppet, to int, m types.Message) []types.Message {
	other, ok := p.variant(m, func(b *types.Block, q *types.Proposal) {
		old := p.k.stale(b.Header.Epoch, b.Header.View)
		switch to % 3 {
		case 0: // a certificate below the timeout certificate's
			q.QC = &old
		case 1: // an old timeout certificate
			if len(p.k.memory.tcs) > 0 {
				q.Kind, q.TC, q.QC = types.KindProposeFallback, p.k.memory.tcs[0], &old
			}
		case 2: // none of votes
			q.Kind, q.QC, q.TC = types.KindProposeNormal, p.hollow(b.Header.View-1, b.Header.Parent, b.Header.Height-1, b.Header.Epoch), nil
		}
	})
	if !ok {
		return one(m)
	}
	p.did()
	return one(other)
}

// badBlock proposes blocks that are wrong in one way or another.
func badBlock(p *puppet, _ int, m types.Message) []types.Message {
	how := p.rng.IntN(len(spoilt))
	other, ok := p.variant(m, func(b *types.Block, q *types.Proposal) { spoilt[how](p, b) })
	if !ok {
		return one(m)
	}
	p.did()
	if p.rng.IntN(8) == 0 {
		other.Proposal.Signature[0] ^= 1
	}
	return one(other)
}

// spoilt are ways in which a block is bad.
var spoilt = []func(p *puppet, b *types.Block){
	func(_ *puppet, b *types.Block) { b.Header.PayloadRoot[0] ^= 1 },
	func(_ *puppet, b *types.Block) { b.Header.EvidenceRoot[0] ^= 1 },
	func(_ *puppet, b *types.Block) { b.Header.Genesis[0] ^= 1 },
	func(_ *puppet, b *types.Block) { b.Header.Height++ },
	func(_ *puppet, b *types.Block) { b.Header.Proposer++ },
	func(_ *puppet, b *types.Block) { b.Header.TimestampMs += 3_600_000 },
	func(_ *puppet, b *types.Block) { b.Header.TimestampMs = 1 },
	func(_ *puppet, b *types.Block) { b.Header.View++ },
	func(_ *puppet, b *types.Block) { b.Payload = [][]byte{[]byte("no transaction")}; roots(b) },
	func(_ *puppet, b *types.Block) { b.Payload = [][]byte{make([]byte, 1<<20+1)}; roots(b) },
	func(_ *puppet, b *types.Block) { b.Evidence = [][]byte{[]byte("no evidence")}; roots(b) },
	func(p *puppet, b *types.Block) { b.Evidence = [][]byte{p.slander(b.Header.Epoch)}; roots(b) },
}

// slander is evidence against an honest validator, whose signatures are not its own.
func (p *puppet) slander(epoch uint64) []byte {
	honest := p.k.honest()
	victim := honest[p.rng.IntN(len(honest))]
	view := 1 + p.rng.Uint64N(100)
	vote := func(n byte) types.EvidenceMessage {
		v := types.Prepare{View: view, Height: view, Block: types.SumHash([]byte{n})}
		return types.EvidenceMessage{Prepare: &v, Signature: p.node.Sign(epoch, v)}
	}
	ev := types.NewEvidence(types.EvidencePrepares, epoch, uint32(victim), vote(0), vote(1))
	return ev.Encode()
}

// badEvidence puts evidence into its blocks that is none.
func badEvidence(p *puppet, _ int, m types.Message) []types.Message {
	other, ok := p.variant(m, func(b *types.Block, _ *types.Proposal) {
		b.Evidence = [][]byte{p.slander(b.Header.Epoch)}
		roots(b)
	})
	if !ok {
		return one(m)
	}
	p.did()
	return one(other)
}

// gossipEvidence slanders honest validators.
func gossipEvidence(p *puppet) {
	if s, ok := p.node.Status(); ok && p.rng.IntN(4) == 0 {
		p.did()
		p.node.Publish(p2p.TopicEvidence, p.slander(s.Consensus.Epoch))
	}
}
