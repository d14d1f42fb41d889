package consensus

import "github.com/bedrock-bft/bedrock/node/types"

// tryExecute asks for the next execution, one at a time, in chain order: the
// lock's chain first, then what is final by a certificate, then what this
// validator votes for. // rule: execution-lag
func (c *Core) tryExecute() {
	if !c.executing.IsZero() || c.stopped != "" {
		return
	}
	targets := []types.Hash{c.safety.Lock.Block, {}, c.safety.VotedBlock}
	if c.pendingCC != nil {
		targets[1] = c.pendingCC.Outcome.Block
	}
	for _, id := range targets {
		n, p := c.nextToExecute(c.nodes[id])
		if n == nil {
			continue
		}
		c.executing = n.id
		c.eff.emit(ExecuteBlock{Block: n.block, Parent: p.outcome})
		return
	}
}

// nextToExecute finds the lowest block of n's chain that was not executed, and its
// parent. What is neither certified nor found valid here is not executed, save
// below something certified: a QC proves that honest validators verified it.
func (c *Core) nextToExecute(n *node) (next, parent *node) {
	if n == nil {
		return nil, nil
	}
	line, whole := c.chain(n)
	if !whole {
		return nil, nil
	}
	trusted := false
	for _, a := range line {
		trusted = trusted || a.qc != nil || a.verdict == verdictValid || a.logged || c.isPending(a)
		if !trusted {
			continue
		}
		if p := c.parent(a); !a.executed && p.executed {
			return a, p
		}
	}
	return nil, nil
}

func (c *Core) isPending(n *node) bool {
	return c.pendingCC != nil && c.pendingCC.Outcome.Block == n.id
}

// settleExecuted gives descendants of the epoch's end their outcome: they run
// nothing. // rule: epoch-end
func (c *Core) settleExecuted() bool {
	var settled []*node
	for _, n := range c.order {
		if n.executed || n.block == nil || n == c.tip {
			continue
		}
		p := c.parent(n)
		if p == nil || !p.executed || p.end == nil || n.height != p.height+1 {
			continue
		}
		n.executed, n.end, n.outcome = true, p.end, p.end.outcome
		settled = append(settled, n)
	}
	for _, n := range settled {
		c.assembleCC(n.view, n.id)
	}
	return len(settled) > 0
}

func (c *Core) blockExecuted(e BlockExecuted) {
	if e.ID != c.executing {
		return // not asked for, or not needed any more
	}
	c.executing = types.Hash{}
	n := c.nodes[e.ID]
	if n == nil || n.executed {
		return // dropped meanwhile, or stored by block sync
	}
	n.outcome, n.change = c.history.NextOutcome(&c.parent(n).outcome, n.height, n.id, types.ExecutionResult{
		Success: e.Success, StateRoot: e.StateRoot, ReceiptsRoot: e.ReceiptsRoot, Change: e.Change})
	n.executed = true
	if n.change != nil {
		n.end = n // rule: epoch-end
	}
	c.moreWork = e.MoreWork || n.outcome.FailedRun != types.NoFailedRun
	// rule: same-outcome
	if was, ok := c.recorded[n.id]; ok && was != n.outcome.Hash() {
		c.diverged("the block was executed with another outcome before", n, types.Outcome{})
		return
	}
	c.assembleCC(n.view, n.id)
}

// onTrial reports whether the epoch's executor has yet to show, by a final block that
// it executes, that it is not to be reverted. Empty blocks serve: whoever waits for it
// should not wait for traffic. // rule: epoch-revert, idle
func (c *Core) onTrial() bool {
	return c.history.OnTrial() && (c.tip.id == c.root.Outcome.Block || c.tip.outcome.FailedRun != types.NoFailedRun)
}

// diverged stops signing for good. // rule: commit
func (c *Core) diverged(why string, n *node, theirs types.Outcome) {
	if c.stopped != "" {
		return
	}
	c.stopped = "state divergence: " + why
	c.eff.emit(StopSigning{Reason: c.stopped, Block: n.id, Own: n.outcome, Theirs: theirs})
}

// record notes an outcome for the vote log's next record, once.
// rule: same-outcome
func (c *Core) record(view, height uint64, block, outcome types.Hash) {
	if _, ok := c.recorded[block]; ok {
		return
	}
	c.recorded[block] = outcome
	c.recordedAt = append(c.recordedAt, types.SignedOutcome{View: view, Height: height, Block: block, Outcome: outcome})
	c.eff.record = append(c.eff.record, types.SignedOutcome{View: view, Height: height, Block: block, Outcome: outcome})
}

// forgetRecorded drops what the database holds for good.
func (c *Core) forgetRecorded() {
	keep := c.recordedAt[:0]
	for _, o := range c.recordedAt {
		if o.Height > c.synced {
			keep = append(keep, o)
			continue
		}
		delete(c.recorded, o.Block)
	}
	c.recordedAt = keep
	// What a follower would record goes to nobody; drop it all the same.
	pending := c.eff.record[:0]
	for _, o := range c.eff.record {
		if o.Height > c.synced {
			pending = append(pending, o)
		}
	}
	c.eff.record = pending
}
