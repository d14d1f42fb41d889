package consensus

import "github.com/bedrock-bft/bedrock/node/types"

// receive takes a message: what is of another epoch is answered or asked about,
// what is of a later view makes us ask for what led there, the rest is counted.
func (c *Core) receive(from Peer, m types.Message) {
	epoch := m.Epoch()
	if m.EpochStart != nil {
		c.epochStart(from, m.EpochStart)
		return
	}
	switch {
	case epoch == 0, epoch != c.set.Epoch.Number && from == (Peer{}):
		return // of no epoch, or signed here before the epoch changed
	case epoch < c.set.Epoch.Number:
		c.answerEpoch(from, epoch) // rule: epoch-answer
		return
	case epoch > c.set.Epoch.Number:
		c.laterEpoch(from, epoch, m)
		return
	}
	switch {
	case m.Proposal != nil:
		c.onProposal(from, m.Proposal)
	case m.Prepare != nil:
		c.onPrepare(from, m.Prepare)
	case m.Commit != nil:
		c.onCommit(from, m.Commit)
	case m.Timeout != nil:
		c.onTimeout(from, m.Timeout)
	case m.QC != nil:
		c.onQC(m.QC, from, byItself)
	case m.CC != nil:
		c.onCC(m.CC, from, byItself)
	case m.TC != nil:
		c.onTC(m.TC, from, byItself)
	}
	if v := m.View(); v > c.view {
		c.ahead(from, v) // rule: catch-up
	}
}

// hear notes that a validator's signed message came over its own connection or
// was verified. // rule: silent-leader
func (c *Core) hear(validator uint32) { c.heard[validator] = max(c.heard[validator], c.view) }

func (c *Core) inSet(validator uint32, from Peer) bool {
	if int64(validator) < int64(c.set.Len()) {
		return true
	}
	c.report(from, "vote of a validator that does not exist")
	return false
}

func (c *Core) onPrepare(from Peer, p *types.SignedPrepare) {
	if !c.inSet(p.Validator, from) || p.Vote.View == 0 {
		return
	}
	if from == (Peer{}) && int(p.Validator) == c.self {
		c.own.prepare = p
	}
	switch take(c, &c.prepares[p.Validator], p, from, ballot[types.SignedPrepare]{
		view: p.Vote.View, validator: p.Validator, signature: prepareSignature,
		same:     func(a, b *types.SignedPrepare) bool { return a.Vote == b.Vote },
		signable: func(x *types.SignedPrepare) types.Signable { return x.Vote },
	}) {
	case admit:
		c.hear(p.Validator)
		c.assembleQC(p.Vote)
	case conflicts:
		old := c.prepares[p.Validator].get(p.Vote.View).vote
		c.accuse(types.EvidencePrepares, p.Validator, p.Vote.View,
			types.EvidenceMessage{Prepare: &old.Vote, Signature: old.Signature},
			types.EvidenceMessage{Prepare: &p.Vote, Signature: p.Signature})
	}
}

// assembleQC makes a QC when a quorum's prepare votes on one block are in.
func (c *Core) assembleQC(v types.Prepare) {
	if c.knownQC(v.View, v.Block) || v.Height <= c.tip.height {
		return
	}
	if c.nodes[v.Block] == nil && v.View <= c.safety.Lock.View {
		return // nothing stands on it
	}
	a := certify(c, c.prepares, v.View, v, func(p *types.SignedPrepare) bool { return p.Vote == v }, prepareSignature)
	if a != nil {
		c.certified(&types.QC{Epoch: c.set.Epoch.Number, View: v.View, Height: v.Height, Block: v.Block, Prepares: a}, byVotes)
	}
}

func (c *Core) onCommit(from Peer, v *types.SignedCommit) {
	if !c.inSet(v.Validator, from) || v.Vote.View == 0 {
		return
	}
	if from == (Peer{}) && int(v.Validator) == c.self {
		c.own.addCommit(v)
	}
	switch take(c, &c.commits[v.Validator], v, from, ballot[types.SignedCommit]{
		view: v.Vote.View, validator: v.Validator, signature: commitSignature,
		same:     func(a, b *types.SignedCommit) bool { return a.Vote == b.Vote },
		signable: func(x *types.SignedCommit) types.Signable { return x.Vote },
	}) {
	case admit:
		c.hear(v.Validator)
		c.checkAmnesia(v.Validator)
		c.assembleCC(v.Vote.View, v.Vote.Block)
	case conflicts:
		old := c.commits[v.Validator].get(v.Vote.View).vote
		c.accuse(types.EvidenceCommits, v.Validator, v.Vote.View,
			types.EvidenceMessage{Commit: &old.Vote, Signature: old.Signature},
			types.EvidenceMessage{Commit: &v.Vote, Signature: v.Signature})
	}
}

// assembleCC makes a CC when a quorum's commit votes name the outcome that own
// execution gave; only then is its preimage at hand.
func (c *Core) assembleCC(view uint64, block types.Hash) {
	n := c.nodes[block]
	if n == nil || n == c.tip || !n.executed || n.view != view {
		return
	}
	if c.pendingCC != nil && c.pendingCC.View >= view {
		return
	}
	v := types.Commit{View: view, Height: n.height, Block: block, Outcome: n.outcome.Hash()}
	a := certify(c, c.commits, view, v, func(s *types.SignedCommit) bool { return s.Vote == v }, commitSignature)
	if a == nil {
		c.checkDivergence(v)
		return
	}
	c.committed(&types.CC{Epoch: c.set.Epoch.Number, View: view, Height: n.height, Block: block,
		Outcome: n.outcome, Commits: *a}, byVotes)
}

func (c *Core) onTimeout(from Peer, t *types.SignedTimeout) {
	if !c.inSet(t.Validator, from) {
		return
	}
	if t.Vote.View == 0 || t.Vote.HighView >= t.Vote.View || t.High.View != t.Vote.HighView || t.High.Epoch != t.Epoch {
		c.report(from, "timeout that does not report a QC of an earlier view")
		return
	}
	own := from == Peer{}
	if own && int(t.Validator) == c.self {
		c.own.timeout = t
	}
	got := take(c, &c.timeouts[t.Validator], t, from, ballot[types.SignedTimeout]{
		view: t.Vote.View, validator: t.Validator, signature: timeoutSignature,
		same:     func(a, b *types.SignedTimeout) bool { return a.Vote == b.Vote },
		signable: func(x *types.SignedTimeout) types.Signable { return x.Vote },
	})
	s := c.timeouts[t.Validator].get(t.Vote.View)
	if got == conflicts && t.Vote.HighView > s.vote.Vote.HighView {
		// Sent again with a higher lock: no evidence. // rule: restart
		*s = slot[types.SignedTimeout]{vote: t, view: t.Vote.View, verified: true}
		got = admit
	}
	if !own {
		c.stale(from, t.Vote.View)
	}
	if got != admit {
		return
	}
	c.maxTimeout = max(c.maxTimeout, t.Vote.View)
	c.hear(t.Validator)
	c.checkAmnesia(t.Validator)
	// A higher lock than ours is learned at once; its signature pays for the check.
	if t.High.View > c.safety.Lock.View {
		if !s.verified && !c.set.VerifyVote(t.Validator, t.Vote, t.Signature) {
			s.vote = nil
			c.report(from, "invalid signature of a timeout")
			return
		}
		s.verified = true
		if !c.onQC(&t.High, from, inTimeout) {
			s.vote = nil
			return
		}
	}
	c.assembleTC(t.Vote.View)
}
