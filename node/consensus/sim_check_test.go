package consensus

import (
	"fmt"

	"github.com/bedrock-bft/bedrock/node/types"
)

// checkSigned checks what an honest node of the simulation signs.
func (n *simNode) checkSigned(m types.Message) {
	if n.byzantine() {
		return
	}
	held := func(id types.Hash) bool { return n.disk.blocks[id] != nil }
	if err := checkSigned(n.i, n.disk.safety, held, n.w.signed, m); err != nil {
		n.w.fail("%v", err)
	}
}

// checkSigned checks what honest node i signs: it is on record before (persist first,
// the block with it), nothing was signed that it contradicts, and it is of no epoch
// that the node has left. Signed remembers by node, class and view.
func checkSigned(i int, s *types.SafetyState, held func(types.Hash) bool, signed map[string]string, m types.Message) error {
	if s == nil || m.Epoch() != s.Epoch {
		return fmt.Errorf("node %d signs for epoch %d without a record of it", i, m.Epoch())
	}
	var class, what string
	recorded := true
	switch {
	case m.Proposal != nil && m.Proposal.Kind == types.KindProposeOptimistic:
		recorded = s.OptimisticView >= m.Proposal.View
		class, what = "optimistic", m.Proposal.BlockID.String()
	case m.Proposal != nil:
		recorded = s.ProposedView >= m.Proposal.View
		class, what = "proposal", m.Proposal.BlockID.String()
	case m.Prepare != nil:
		v := m.Prepare.Vote
		recorded = s.VotedView == v.View && s.VotedBlock == v.Block && held(v.Block)
		class, what = "prepare", v.Block.String()
	case m.Commit != nil:
		v := m.Commit.Vote
		// One write may stand for several votes: those of lower views come with it.
		recorded = s.Commit != nil && (*s.Commit == v || s.Commit.View > v.View) && s.Lock.View >= v.View
		class, what = "commit", v.Block.String()+v.Outcome.String()
	case m.Timeout != nil:
		v := m.Timeout.Vote
		recorded = s.TimeoutView >= v.View && s.Lock.View >= v.HighView
		if s.Commit != nil && s.Commit.View <= v.View && v.HighView < s.Commit.View {
			return fmt.Errorf("node %d: amnesia", i)
		}
	}
	if !recorded {
		return fmt.Errorf("node %d signs what its record does not hold: %+v", i, m)
	}
	if class == "" { // a timeout may be signed again with a newer lock
		return nil
	}
	key := fmt.Sprintf("%d %s %d/%d", i, class, m.Epoch(), m.View())
	if was, ok := signed[key]; ok && was != what {
		return fmt.Errorf("node %d signed twice: %s", i, key)
	}
	signed[key] = what
	return nil
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
