package consensus

import "github.com/bedrock-bft/bedrock/node/types"

// tryCommitVote votes for the outcome of the highest certified block on the lock's
// chain that was executed here. // rule: commit-vote
func (c *Core) tryCommitVote() bool {
	if c.mayNotSign() {
		return false
	}
	floor := c.safety.TimeoutView
	if v := c.safety.Commit; v != nil {
		floor = max(floor, v.View)
	}
	if c.safety.Lock.View <= floor {
		return false
	}
	line, _ := c.chain(c.nodes0(c.safety.Lock.Block))
	for _, n := range line {
		if n.qc == nil {
			continue
		}
		if n.qc.View <= floor {
			return false
		}
		if n.executed {
			c.castCommit(n)
			return true
		}
	}
	return false
}

// nodes0 is the node of id, or the last final block.
func (c *Core) nodes0(id types.Hash) *node {
	if n := c.nodes[id]; n != nil {
		return n
	}
	return c.tip
}

func (c *Core) castCommit(n *node) {
	outcome := n.outcome.Hash()
	v := types.Commit{View: n.qc.View, Height: n.height, Block: n.id, Outcome: outcome}
	c.safety.Commit = &v
	c.record(v.View, v.Height, v.Block, outcome)
	c.eff.persist() // with the lock, which is of this view or a later one
	c.eff.sign(types.Message{Commit: &types.SignedCommit{Epoch: c.safety.Epoch, Validator: uint32(c.self), Vote: v}})
}

// tryFinalize carries out the highest CC: the block that its outcome names and its
// ancestors are final, and nothing above, once own execution gave that outcome.
// rule: commit
func (c *Core) tryFinalize() bool {
	cc := c.pendingCC
	if cc == nil || c.stopped != "" {
		return false
	}
	o := &cc.Outcome // above the last final height: who moves that looks at it
	line, whole := c.chain(c.nodes0(o.Block))
	if len(line) == 0 || !whole || !line[0].executed {
		return false
	}
	n := line[0]
	if n.outcome.Hash() != o.Hash() {
		c.diverged("a quorum certified another outcome", n, *o)
		return true
	}
	// A vote that the quorum did not wait for is cast all the same: it shows to
	// others that this validator follows. // rule: commit-vote, seen
	c.tryCommitVote()
	f := Finalize{Certificate: cc}
	for i := len(line) - 1; i >= 0; i-- {
		a := line[i]
		f.Blocks = append(f.Blocks, FinalBlock{Block: a.block, Outcome: a.outcome})
		c.record(a.view, a.height, a.id, a.outcome.Hash())
	}
	c.eff.emit(f)
	c.tipChange, c.hasFinal, c.pendingCC = n.change, true, nil
	c.cut(n)
	c.own.forget(c.tip.height)
	return true
}

// alarmKey is the block that the divergence alarm was raised for last.
type alarmKey struct {
	view  uint64
	block types.Hash
}

// checkDivergence raises the alarm when a weak quorum's commit votes on a block
// name one outcome unlike ours, or all have voted and no outcome has a quorum.
// rule: divergence-alarm
func (c *Core) checkDivergence(own types.Commit) {
	key := alarmKey{own.View, own.Block}
	if c.alarmed == key {
		return
	}
	on := func(v *types.SignedCommit) bool { return v.Vote.Block == own.Block && v.Vote.Height == own.Height }
	slots, _, all := tally(c, c.commits, own.View, on)
	power := make(map[types.Hash]uint64)
	var order []types.Hash
	for i := range c.commits {
		if s := c.commits[i].get(own.View); s != nil && on(s.vote) {
			if power[s.vote.Vote.Outcome] == 0 {
				order = append(order, s.vote.Vote.Outcome)
			}
			power[s.vote.Vote.Outcome] += c.set.Power(i)
		}
	}
	if len(slots) == 0 {
		return
	}
	split := all == c.set.TotalPower()
	for _, o := range order {
		v := own
		v.Outcome = o
		if c.set.IsQuorum(power[o]) {
			split = false
		}
		if o == own.Outcome || !c.set.IsWeakQuorum(power[o]) {
			continue
		}
		like := func(s *types.SignedCommit) bool { return s.Vote == v }
		group, signers, _ := tally(c, c.commits, own.View, like)
		verifyTogether(c, group, signers, v, commitSignature)
		if _, _, p := tally(c, c.commits, own.View, like); c.set.IsWeakQuorum(p) {
			c.suspect(key, "a weak quorum names another outcome")
			return
		}
	}
	if split {
		c.suspect(key, "all validators voted and no outcome has a quorum")
	}
}

func (c *Core) suspect(key alarmKey, why string) {
	c.alarmed = key
	c.eff.emit(Alarm{Kind: AlarmDivergenceSuspected, Epoch: c.set.Epoch.Number, View: key.view, Block: key.block, Detail: why})
}
