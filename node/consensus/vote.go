package consensus

import "github.com/bedrock-bft/bedrock/node/types"

// Bounds of the tail above the last final block. // rule: bounded-tail
const (
	tailHeights   = 64
	tailBytes     = 64 << 20
	tailLogBytes  = 128 << 20
	maxUnexecuted = 2 // rule: execution-lag
)

// tryPrepareVote casts the one prepare vote of the present view. // rule: vote-once
func (c *Core) tryPrepareVote() bool {
	v := c.view
	if c.mayNotSign() || c.safety.TimeoutView >= v {
		return false
	}
	if c.safety.VotedView >= v {
		return false
	}
	s := c.proposalsOf(v)
	if s == nil {
		return false
	}
	for _, p := range []*types.Proposal{s.main, s.optimistic} {
		if p == nil || !c.justified(p) {
			continue
		}
		n := c.nodes[p.BlockID]
		if !c.votable(n) {
			continue
		}
		c.castPrepare(n)
		return true
	}
	return false
}

// justified applies the voting rule of the proposal's kind.
func (c *Core) justified(p *types.Proposal) bool {
	n := c.nodes[p.BlockID]
	if n == nil || n.block == nil {
		return false
	}
	v, parent, lock := c.view, n.block.Header.Parent, &c.safety.Lock
	// Below v there is no QC above v-1 (it would have led further), and one view
	// has one QC: so "parent has a QC(v-1)" is this.
	direct := lock.View+1 == v && lock.Block == parent
	switch p.Kind {
	case types.KindProposeOptimistic: // rule: vote-optimistic
		tc := c.highTC != nil && c.highTC.View+1 >= v
		return direct && c.safety.TimeoutView+1 < v && !tc
	case types.KindProposeNormal: // rule: vote-normal
		return direct
	}
	// What remains is a fallback: shapely let no other kind in. // rule: vote-fallback
	return p.TC.View+1 == v && p.QC.Block == parent && p.QC.View < v && p.QC.View >= p.TC.High.View
}

// votable applies what a vote asks of a block itself. // rule: valid-block
func (c *Core) votable(n *node) bool {
	p := c.parent(n)
	if p == nil || p != c.tip && p.block == nil || n.verdict != verdictValid || !c.validHeader(n, p) {
		return false
	}
	line, whole := c.chain(p)
	if !whole {
		return false
	}
	// rule: execution-lag
	unexecuted, bytes := 0, n.block.PayloadBytes()
	for _, a := range line {
		bytes += a.block.PayloadBytes()
		if !a.executed {
			unexecuted++
		}
	}
	if unexecuted > maxUnexecuted {
		return false
	}
	// rule: bounded-tail
	return len(n.block.Payload) == 0 || !c.tailFull(n.height, bytes)
}

func (c *Core) tailFull(height uint64, bytes int) bool {
	return height > c.tip.height+tailHeights || bytes > tailBytes || c.logBytes > tailLogBytes
}

// validHeader applies valid-block to the header, the clock included, which alone
// may differ between nodes and may change. // rule: valid-block
func (c *Core) validHeader(n, parent *node) bool {
	return c.fitsParent(n, parent) && n.timeMs <= c.latestTimestamp()
}

// fitsParent is what of valid-block is the same on every node for ever.
func (c *Core) fitsParent(n, parent *node) bool {
	h := &n.block.Header
	return h.Genesis == c.cfg.Genesis && h.Epoch == c.set.Epoch.Number && h.View > 0 &&
		h.Proposer == c.set.Leader(h.View) && h.Height == parent.height+1 && parent.view < h.View &&
		h.TimestampMs > parent.timeMs
}

// latestTimestamp is the clock plus a drift that grows with each failed view, so
// that clocks which disagree slow the chain and never stop it.
func (c *Core) latestTimestamp() uint64 {
	return c.now.WallMs + c.cfg.Timing.DriftMs*(1+c.viewsSinceLock())
}

// viewsSinceLock counts the views that failed since the lock's.
func (c *Core) viewsSinceLock() uint64 { return c.view - 1 - c.safety.Lock.View }

func (c *Core) castPrepare(n *node) {
	s := &c.safety
	s.VotedView, s.VotedBlock, s.VotedHeight = c.view, n.id, n.height
	c.eff.persist()
	if !n.logged {
		n.logged = true
		c.eff.blocks = append(c.eff.blocks, n.block) // rule: vote-durable
	}
	c.eff.sign(types.Message{Prepare: &types.SignedPrepare{Epoch: s.Epoch, Validator: uint32(c.self),
		Vote: types.Prepare{View: c.view, Height: n.height, Block: n.id}}})
}

// askVerdicts has the proposed blocks of this view and the next verified, once
// their parents are known.
func (c *Core) askVerdicts() {
	for _, s := range c.proposals {
		for _, p := range []*types.Proposal{s.main, s.optimistic} {
			if p == nil || s.view > c.view+1 {
				continue
			}
			n := c.nodes[p.BlockID]
			if n == nil || n.block == nil || n.verdict != verdictUnknown {
				continue
			}
			parent := c.parent(n)
			if parent == nil || parent != c.tip && parent.block == nil {
				continue
			}
			if !c.fitsParent(n, parent) {
				n.verdict = verdictInvalid
				continue
			}
			n.verdict = verdictAsked
			c.eff.emit(VerifyBlock{Block: n.block, InFlight: c.inFlight(parent)})
		}
	}
}

func (c *Core) blockVerified(e BlockVerified) {
	n := c.nodes[e.ID]
	if n == nil || n.verdict != verdictAsked {
		return
	}
	n.verdict = verdictInvalid
	if e.Valid {
		n.verdict = verdictValid
	}
}
