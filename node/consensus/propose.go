package consensus

import "github.com/bedrock-bft/bedrock/node/types"

// askedBuild is the BuildBlock that was asked for last.
type askedBuild struct {
	view    uint64 // 0: none, or answered
	parent  types.Hash
	nothing bool // the answer was: nothing to put in
	may     bool // it was allowed to be empty
}

// tryPropose makes the proposals that are this validator's to make: the main one
// of the present view, and the optimistic one of the next. // rule: propose-once
func (c *Core) tryPropose() bool {
	if c.mayNotSign() {
		return false
	}
	self := uint32(c.self)
	if c.set.Leader(c.view) == self && c.safety.ProposedView < c.view && c.safety.TimeoutView < c.view {
		if c.proposeMain() {
			return true
		}
	}
	if c.set.Leader(c.view+1) == self && c.safety.OptimisticView < c.view+1 && c.safety.ProposedView < c.view+1 {
		return c.proposeOptimistic()
	}
	return false
}

// proposeMain proposes in the present view: normally where QC(view-1) is known,
// by fallback where only TC(view-1) is.
func (c *Core) proposeMain() bool {
	lock := c.safety.Lock
	if c.parentWait() > c.now.MonoMs {
		return false
	}
	if lock.View+1 == c.view {
		return c.proposeNormal(lock)
	}
	if c.highTC == nil || c.highTC.View+1 != c.view || c.fallbackWait() > c.now.MonoMs {
		return false
	}
	// rule: propose-fallback
	b := c.blockFor(types.KindProposeFallback, c.view, lock.Block, lock.Height)
	if b == nil {
		return false
	}
	c.safety.ProposedView = c.view
	c.eff.persist()
	c.eff.sign(types.Message{Proposal: &types.Proposal{Epoch: c.safety.Epoch, Kind: types.KindProposeFallback,
		View: c.view, BlockID: b.ID(), Proposer: uint32(c.self), Block: b, QC: &lock, TC: c.highTC}})
	return true
}

// fallbackWait is until when the leader of a failed view waits for the QC of the
// view before: whoever voted for the optimistic block holds it and passes it on.
// rule: propose-fallback
func (c *Core) fallbackWait() uint64 {
	if c.safety.OptimisticView != c.view {
		return 0
	}
	for i := range c.timeouts {
		if c.timeouts[i].get(c.view-1) == nil {
			return c.enteredAt + c.cfg.Timing.SettleMs
		}
	}
	return 0
}

// parentWait is until when the leader waits for the body of the block that it proposes
// on. A certificate may be there before it; without it the leader knows no timestamp to
// rise above, and by a slow clock it would propose what nobody votes for.
// rule: propose-parent
func (c *Core) parentWait() uint64 {
	n := c.nodes[c.safety.Lock.Block]
	if n != nil && (n.block != nil || n == c.tip) {
		return 0
	}
	return c.enteredAt + c.cfg.Timing.SettleMs
}

// proposeNormal proposes a child of the block that the view before certified: the
// one that went out optimistically, by its id, if it has that parent.
// rule: propose-normal
func (c *Core) proposeNormal(lock types.QC) bool {
	p := &types.Proposal{Epoch: c.safety.Epoch, Kind: types.KindProposeNormal, View: c.view,
		Proposer: uint32(c.self), QC: &lock}
	if b := c.optBlock; b != nil && b.Header.View == c.view && b.Header.Parent == lock.Block {
		p.BlockID = b.ID()
	} else {
		b := c.blockFor(types.KindProposeNormal, c.view, lock.Block, lock.Height)
		if b == nil {
			return false
		}
		p.Block, p.BlockID = b, b.ID()
	}
	c.safety.ProposedView = c.view
	c.eff.persist()
	c.eff.sign(types.Message{Proposal: p})
	return true
}

// proposeOptimistic proposes a child of the block just voted for, for the next
// view. // rule: propose-optimistic
func (c *Core) proposeOptimistic() bool {
	s := &c.safety
	if s.VotedView != c.view || s.TimeoutView >= c.view {
		return false
	}
	b := c.blockFor(types.KindProposeOptimistic, c.view+1, s.VotedBlock, s.VotedHeight)
	if b == nil {
		return false
	}
	s.OptimisticView = c.view + 1
	c.optBlock = b
	c.eff.persist()
	c.eff.sign(types.Message{Proposal: &types.Proposal{Epoch: s.Epoch, Kind: types.KindProposeOptimistic,
		View: c.view + 1, BlockID: b.ID(), Proposer: uint32(c.self), Block: b}})
	return true
}

// blockFor gives the block built for view on parent, or asks for one if there is
// something to propose. // rule: idle
func (c *Core) blockFor(kind types.Kind, view uint64, parent types.Hash, height uint64) *types.Block {
	if b := c.built; b != nil && b.Header.View == view && b.Header.Parent == parent {
		c.built = nil
		return b
	}
	pressing := c.pressing(view)
	if !pressing && !c.waiting {
		return nil
	}
	ask := BuildBlock{Kind: kind, Epoch: c.safety.Epoch, View: view, Height: height + 1, Parent: parent,
		Proposer: uint32(c.self), MayBeEmpty: pressing}
	c.fillBuild(&ask)
	a := &c.asked
	if a.view == view && a.parent == parent && (!a.nothing || a.may == ask.MayBeEmpty) {
		return nil // asked already
	}
	c.asked = askedBuild{view: view, parent: parent, may: ask.MayBeEmpty}
	c.eff.emit(ask)
	return nil
}

// fillBuild says what the block must be like: empty where the leader lacks the
// parent's body, after the epoch's end, and where the tail is full.
func (c *Core) fillBuild(ask *BuildBlock) {
	n := c.nodes[ask.Parent]
	line, whole := []*node(nil), false
	if n != nil {
		line, whole = c.chain(n)
		ask.MinTimestampMs = n.timeMs + 1
	}
	bytes := 0
	for _, a := range line {
		if a.block != nil {
			bytes += a.block.PayloadBytes()
		}
	}
	ask.InFlight = c.inFlight(c.nodes0(ask.Parent))
	ended := n != nil && n.end != nil || c.epochCert != nil      // rule: epoch-end
	ask.Empty = !whole || ended || c.tailFull(ask.Height, bytes) // rule: bounded-tail
	ask.MayBeEmpty = ask.MayBeEmpty || ask.Empty
}

func (c *Core) blockBuilt(e BlockBuilt) {
	if e.View != c.asked.view {
		return
	}
	if e.Block == nil {
		c.asked.nothing, c.waiting = true, false
		return
	}
	if e.Block.Header.View != e.View || e.Block.Header.Parent != c.asked.parent {
		return
	}
	c.asked.view = 0
	c.built = e.Block
}

// pressing reports whether a leader proposes even an empty block: a migration
// wants one, certified blocks wait to become final, or the view is idle for long.
// rule: idle
func (c *Core) pressing(view uint64) bool {
	return c.moreWork || c.finalityLate() <= c.now.MonoMs ||
		view == c.view && c.now.MonoMs >= c.enteredAt+c.cfg.Timing.IdleMs
}

const never = ^uint64(0)

// finalityLate is since when certified blocks that are not final have waited for
// settle; never if there are none. // rule: idle
func (c *Core) finalityLate() uint64 {
	since := never
	covered := uint64(0)
	if c.pendingCC != nil {
		covered = c.pendingCC.Outcome.Height // final, once executed here
	}
	line, _ := c.chain(c.nodes0(c.safety.Lock.Block))
	for _, n := range line {
		if n.qc != nil && n.height > covered {
			since = min(since, n.certifiedAt)
		}
	}
	if since == never {
		return never
	}
	return since + c.cfg.Timing.SettleMs
}

// hasWork reports whether this validator knows of something to propose.
// rule: idle
func (c *Core) hasWork() bool {
	return c.waiting || c.moreWork || c.finalityLate() <= c.now.MonoMs
}
