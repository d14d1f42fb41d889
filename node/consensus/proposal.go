package consensus

import "github.com/bedrock-bft/bedrock/node/types"

// proposalState is what the leader of one view proposed.
type proposalState struct {
	view       uint64
	optimistic *types.Proposal
	main       *types.Proposal // normal or fallback
}

func (c *Core) proposalsOf(view uint64) *proposalState {
	for _, p := range c.proposals {
		if p.view == view {
			return p
		}
	}
	return nil
}

// onProposal takes a proposal: its signature first, then its certificates, which
// count on their own, then what it says.
func (c *Core) onProposal(from Peer, p *types.Proposal) {
	if p.View == 0 || p.Proposer != c.set.Leader(p.View) || !shapely(p) {
		c.report(from, "proposal of the wrong leader or form")
		return
	}
	if p.Block != nil {
		c.bodyOf(p.Block)
	}
	if p.View < c.view || c.repeats(p) {
		return
	}
	id := types.ProposalID{Kind: p.Kind, View: p.View, Block: p.BlockID}
	if from != (Peer{}) && !c.set.VerifyVote(p.Proposer, id, p.Signature) {
		c.report(from, "invalid signature of a proposal")
		return
	}
	c.hear(p.Proposer)
	if c.equivocates(p) {
		return
	}
	if p.TC != nil && !c.onTC(p.TC, from, inProposal) {
		return
	}
	if p.QC != nil && !c.onQC(p.QC, from, inProposal) {
		return
	}
	if p.View < c.view || p.View >= c.view+proposalWindow {
		return
	}
	if p.Block != nil && !c.fits(p) {
		c.report(from, "proposal whose block does not fit it")
		return
	}
	c.remember(from, p)
}

// shapely checks a proposal's form: which parts each kind has.
func shapely(p *types.Proposal) bool {
	if p.Block != nil && p.Block.ID() != p.BlockID || p.BlockID.IsZero() {
		return false
	}
	switch p.Kind {
	case types.KindProposeOptimistic:
		return p.QC == nil && p.TC == nil && p.Block != nil
	case types.KindProposeNormal:
		return p.QC != nil && p.TC == nil && p.QC.Epoch == p.Epoch && p.QC.View+1 == p.View
	case types.KindProposeFallback:
		return p.QC != nil && p.TC != nil && p.QC.Epoch == p.Epoch && p.TC.Epoch == p.Epoch &&
			p.QC.View < p.View && p.TC.View < p.View
	}
	return false
}

// fits checks a proposal's block against what carries it.
func (c *Core) fits(p *types.Proposal) bool {
	h := &p.Block.Header
	if h.Genesis != c.cfg.Genesis || h.Epoch != p.Epoch || h.View != p.View || h.Proposer != p.Proposer {
		return false
	}
	return p.QC == nil || h.Parent == p.QC.Block && h.Height == p.QC.Height+1
}

// bodyOf gives a body to a node that waits for it, whoever sent it: the id binds it.
func (c *Core) bodyOf(b *types.Block) {
	if n := c.nodes[b.ID()]; n != nil && n.block == nil && n != c.tip {
		c.addBlock(b)
	}
}

func (p *proposalState) of(kind types.Kind) *types.Proposal {
	if kind == types.KindProposeOptimistic {
		return p.optimistic
	}
	return p.main
}

// repeats reports a proposal that is known already.
func (c *Core) repeats(p *types.Proposal) bool {
	s := c.proposalsOf(p.View)
	if s == nil {
		return false
	}
	old := s.of(p.Kind)
	return old != nil && old.BlockID == p.BlockID && old.Kind == p.Kind
}

// equivocates reports, and accuses of, a second proposal of one class and view.
func (c *Core) equivocates(p *types.Proposal) bool {
	s := c.proposalsOf(p.View)
	if s == nil {
		return false
	}
	old := s.of(p.Kind)
	if old == nil {
		return false
	}
	if old.BlockID != p.BlockID {
		c.accuse(types.EvidenceProposals, p.Proposer, p.View,
			types.EvidenceMessage{Proposal: &types.ProposalID{Kind: old.Kind, View: old.View, Block: old.BlockID}, Signature: old.Signature},
			types.EvidenceMessage{Proposal: &types.ProposalID{Kind: p.Kind, View: p.View, Block: p.BlockID}, Signature: p.Signature})
	}
	return true
}

// noteLed keeps, of each validator, the newest proposal of each class by its id.
func (c *Core) noteLed(p *types.Proposal) {
	short := *p
	short.Block, short.QC, short.TC = nil, nil, nil
	l := &c.led[p.Proposer]
	if p.Kind == types.KindProposeOptimistic {
		if l.optimistic == nil || l.optimistic.View < p.View {
			l.optimistic = &short
		}
	} else if l.main == nil || l.main.View < p.View {
		l.main = &short
	}
}

// remember keeps a proposal for its view.
func (c *Core) remember(from Peer, p *types.Proposal) {
	s := c.proposalsOf(p.View)
	if s == nil {
		s = &proposalState{view: p.View}
		c.proposals = append(c.proposals, s)
	}
	if p.Kind == types.KindProposeOptimistic {
		s.optimistic = p
	} else {
		s.main = p
	}
	c.noteLed(p)
	if p.Block != nil {
		c.addBlock(p.Block)
		return
	}
	if n := c.named(p.BlockID, p.View, p.QC.Height+1); n != nil && n.block == nil {
		leader := Peer(c.set.Epoch.Validators[p.Proposer].NetworkKey)
		n.fetchFrom = []Peer{leader}
		if from != leader && from != (Peer{}) {
			n.fetchFrom = append(n.fetchFrom, from)
		}
	}
}
