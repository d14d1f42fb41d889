package consensus

import (
	"slices"

	"github.com/bedrock-bft/bedrock/node/types"
)

// source is how a certificate came to be known; see enter.
type source uint8

const (
	byVotes    source = iota // assembled here from votes
	inProposal               // justified a proposal
	inTimeout                // reported by a timeout or a TC
	byItself                 // sent on its own
)

// knownQC reports whether a QC of that view on that block has been verified.
func (c *Core) knownQC(view uint64, block types.Hash) bool {
	l := &c.safety.Lock
	if l.View == view && l.Block == block {
		return true
	}
	n := c.nodes[block]
	return n != nil && n.qc != nil && n.qc.View == view
}

// onQC takes a QC from a peer; false if it is invalid.
func (c *Core) onQC(q *types.QC, from Peer, by source) bool {
	if c.knownQC(q.View, q.Block) {
		return true
	}
	if q.View != 0 && q.View <= c.safety.Lock.View && c.nodes[q.Block] == nil && by != inProposal {
		return true // neither raises the lock nor concerns a block that we hold
	}
	if err := c.set.VerifyQC(q, c.rootID()); err != nil {
		c.report(from, err.Error())
		return false
	}
	if q.Commit != nil && q.View > 0 {
		c.committed(q.Commit, by)
	}
	c.certified(q, by)
	return true
}

func (c *Core) rootID() types.Root {
	return types.Root{Height: c.root.Outcome.Height, Block: c.root.Outcome.Block}
}

// certified takes a valid QC: it may become the lock and may lead into its view's
// successor.
func (c *Core) certified(q *types.QC, by source) {
	if q.View == 0 {
		return // the root, which is where we started
	}
	if n := c.named(q.Block, q.View, q.Height); n != nil && n != c.tip && n.qc == nil {
		n.qc = q
		if n.certifiedAt == 0 {
			n.certifiedAt = c.now.MonoMs
		}
		c.fetchHint(n, q)
	}
	// rule: lock
	if q.View > c.safety.Lock.View {
		c.safety.Lock = *q
	}
	c.enter(q.View+1, q, nil, by) // rule: enter-view
}

// onCC takes a CC from a peer; false if it is invalid.
func (c *Core) onCC(cc *types.CC, from Peer, by source) bool {
	if c.highestCC != nil && c.highestCC.View >= cc.View {
		return true
	}
	if err := c.set.VerifyCC(cc); err != nil {
		c.report(from, err.Error())
		return false
	}
	c.committed(cc, by)
	return true
}

// committed takes a valid CC: the highest is carried out as soon as it can be.
func (c *Core) committed(cc *types.CC, by source) {
	if c.highestCC == nil || cc.View > c.highestCC.View {
		c.highestCC = cc
	}
	if cc.Outcome.EndsEpoch() && c.epochCert == nil {
		c.epochCert = cc // rule: epoch-certificate
	}
	switch o := &cc.Outcome; {
	case o.Height > c.tip.height:
		if c.pendingCC == nil || cc.View > c.pendingCC.View {
			c.pendingCC = cc
		}
		if n := c.named(o.Block, cc.View, o.Height); n != nil {
			c.fetchHint(n, &types.QC{Commit: cc})
		}
	case o.Height == c.tip.height && o.Hash() != c.tip.outcome.Hash():
		c.eff.emit(Alarm{Kind: AlarmConflict, Epoch: cc.Epoch, View: cc.View, Block: o.Block,
			Detail: "a certificate names another outcome at the last final height"})
		c.diverged("a quorum certified another outcome at the last final height", c.tip, *o)
	}
	// A CC is a QC wherever a QC is asked for.
	c.certified(&types.QC{Epoch: cc.Epoch, View: cc.View, Height: cc.Height, Block: cc.Block, Commit: cc}, by)
}

// onTC takes a TC from a peer; false if it is invalid.
func (c *Core) onTC(t *types.TC, from Peer, by source) bool {
	c.stale(from, t.View)
	if t.View+1 < c.view || c.highTC != nil && c.highTC.View >= t.View && by != inProposal {
		return true
	}
	if c.highTC != nil && c.highTC.View == t.View && sameTC(c.highTC, t) {
		return true
	}
	if err := c.set.VerifyTC(t, c.rootID()); err != nil {
		c.report(from, err.Error())
		return false
	}
	c.timedOut(t, by)
	return true
}

func sameTC(a, b *types.TC) bool {
	return a == b || a.High.View == b.High.View && a.High.Block == b.High.Block &&
		slices.EqualFunc(a.Groups, b.Groups, func(x, y types.TimeoutGroup) bool {
			return x.HighView == y.HighView && slices.Equal(x.Sigs.Signers, y.Sigs.Signers) &&
				slices.Equal(x.Sigs.Signature, y.Sigs.Signature)
		})
}

// timedOut takes a valid TC.
func (c *Core) timedOut(t *types.TC, by source) {
	c.certified(&t.High, inTimeout)
	if c.highTC == nil || t.View > c.highTC.View {
		c.highTC = t
	}
	c.enter(t.View+1, nil, t, by) // rule: enter-view
}

// assembleTC makes a TC when a quorum's timeouts of a view are in.
func (c *Core) assembleTC(view uint64) {
	if view+1 < c.view || c.highTC != nil && c.highTC.View >= view {
		return
	}
	for {
		slots, _, power := tally(c, c.timeouts, view, func(*types.SignedTimeout) bool { return true })
		if !c.set.IsQuorum(power) {
			return
		}
		// Check the signatures, group by group: each group signed one message.
		for _, high := range reported(slots) {
			like := func(t *types.SignedTimeout) bool { return t.Vote.HighView == high }
			group, signers, _ := tally(c, c.timeouts, view, like)
			verifyTogether(c, group, signers, types.Timeout{View: view, HighView: high}, timeoutSignature)
		}
		slots, _, power = tally(c, c.timeouts, view, func(*types.SignedTimeout) bool { return true })
		if !c.set.IsQuorum(power) {
			return
		}
		groups := reported(slots)
		top := groups[len(groups)-1]
		high, dropped := c.certificateOf(view, top)
		if dropped {
			continue // count again without them
		}
		t := &types.TC{Epoch: c.set.Epoch.Number, View: view, High: *high}
		for _, h := range groups {
			group, signers, _ := tally(c, c.timeouts, view, func(t *types.SignedTimeout) bool { return t.Vote.HighView == h })
			a := aggregate(c, group, signers, timeoutSignature)
			if a == nil {
				return
			}
			t.Groups = append(t.Groups, types.TimeoutGroup{HighView: h, Sigs: *a})
		}
		c.timedOut(t, byVotes)
		return
	}
}

// reported lists the views that timeouts report, rising.
func reported(slots []*slot[types.SignedTimeout]) []uint64 {
	var views []uint64
	for _, s := range slots {
		if !slices.Contains(views, s.vote.Vote.HighView) {
			views = append(views, s.vote.Vote.HighView)
		}
	}
	slices.Sort(views)
	return views
}

// certificateOf finds the QC of the view that some timeouts of view report. A
// timeout whose QC is invalid is none, and is dropped.
func (c *Core) certificateOf(view, high uint64) (q *types.QC, dropped bool) {
	if c.safety.Lock.View == high {
		lock := c.safety.Lock
		return &lock, false
	}
	for i := range c.timeouts {
		s := c.timeouts[i].get(view)
		if s == nil || s.vote.Vote.HighView != high {
			continue
		}
		if err := c.set.VerifyQC(&s.vote.High, c.rootID()); err != nil {
			c.reportValidator(i, "timeout: "+err.Error())
			s.vote, dropped = nil, true
			continue
		}
		high := s.vote.High
		return &high, dropped
	}
	return nil, dropped
}
