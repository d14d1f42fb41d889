package consensus

import (
	"fmt"

	"github.com/bedrock-bft/bedrock/node/types"
)

// checkSigned checks what an honest node signs: it is on record before (persist
// first, the block with it), nothing was signed that it contradicts, and it is of
// no epoch that the node has left.
func (n *simNode) checkSigned(m types.Message) {
	if n.byzantine() {
		return
	}
	w, s := n.w, n.disk.safety
	if s == nil || m.Epoch() != s.Epoch {
		w.fail("node %d signs for epoch %d without a record of it", n.i, m.Epoch())
		return
	}
	once := func(class string, view uint64, what string) {
		key := fmt.Sprintf("%d %s %d/%d", n.i, class, m.Epoch(), view)
		if was, ok := w.signed[key]; ok && was != what {
			w.fail("node %d signed twice: %s", n.i, key)
		}
		w.signed[key] = what
	}
	recorded := true
	switch {
	case m.Proposal != nil && m.Proposal.Kind == types.KindProposeOptimistic:
		recorded = s.OptimisticView >= m.Proposal.View
		once("optimistic", m.Proposal.View, m.Proposal.BlockID.String())
	case m.Proposal != nil:
		recorded = s.ProposedView >= m.Proposal.View
		once("proposal", m.Proposal.View, m.Proposal.BlockID.String())
	case m.Prepare != nil:
		v := m.Prepare.Vote
		recorded = s.VotedView == v.View && s.VotedBlock == v.Block && n.disk.blocks[v.Block] != nil
		once("prepare", v.View, v.Block.String())
	case m.Commit != nil:
		v := m.Commit.Vote
		recorded = s.Commit != nil && *s.Commit == v && s.Lock.View >= v.View
		once("commit", v.View, v.Block.String()+v.Outcome.String())
	case m.Timeout != nil:
		v := m.Timeout.Vote
		recorded = s.TimeoutView >= v.View && s.Lock.View >= v.HighView
		if s.Commit != nil && s.Commit.View <= v.View && v.HighView < s.Commit.View {
			w.fail("node %d: amnesia", n.i)
		}
	}
	if !recorded {
		w.fail("node %d signs what its record does not hold: %+v", n.i, m)
	}
}

// invariants are what must hold in every Core after every step.
func (c *Core) invariants() error {
	s := &c.safety
	switch {
	case s.Lock.View >= c.view:
		return fmt.Errorf("lock of view %d in view %d", s.Lock.View, c.view)
	case s.VotedView > c.view:
		return fmt.Errorf("voted in view %d, now in %d", s.VotedView, c.view)
	case s.Commit != nil && s.Commit.View > s.Lock.View:
		return fmt.Errorf("commit vote of view %d above the lock's %d", s.Commit.View, s.Lock.View)
	case s.Epoch != c.set.Epoch.Number:
		return fmt.Errorf("safety state of epoch %d in epoch %d", s.Epoch, c.set.Epoch.Number)
	case len(c.nodes) != len(c.order):
		return fmt.Errorf("%d nodes, %d in order", len(c.nodes), len(c.order))
	case c.nodes[c.tip.id] != c.tip:
		return fmt.Errorf("the last final block is not in the tree")
	case c.highTC != nil && c.highTC.View >= c.view:
		return fmt.Errorf("TC of view %d in view %d", c.highTC.View, c.view)
	}
	for _, n := range c.order {
		if n == nil || c.nodes[n.id] != n {
			return fmt.Errorf("order and tree differ")
		}
		if n != c.tip && n.height <= c.tip.height {
			return fmt.Errorf("a block of height %d at or below the last final %d", n.height, c.tip.height)
		}
	}
	return nil
}
