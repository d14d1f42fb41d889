package sim

import (
	"fmt"

	"github.com/bedrock-bft/bedrock/node/engine"
	"github.com/bedrock-bft/bedrock/node/signer"
	"github.com/bedrock-bft/bedrock/node/types"
)

// watchedSigner is a node's signer. Its rules stand behind those of consensus, which asks
// for nothing that they refuse: a refusal hides that one of these is broken.
type watchedSigner struct {
	n *node
	*signer.Signer
}

var _ engine.Signer = watchedSigner{}

// Recorded implements engine.Signer.
func (s watchedSigner) Recorded(state types.SafetyState) {
	s.Signer.Recorded(state)
	for _, why := range s.Suspended() {
		s.n.w.checks.violated(s.n, "its signer is suspended: %s", why)
	}
}

// Sign implements engine.Signer.
func (s watchedSigner) Sign(epoch *types.Epoch, m types.Message) (types.Message, error) {
	signed, err := s.Signer.Sign(epoch, m)
	if err != nil {
		s.n.w.checks.violated(s.n, "its signer refuses what consensus asks for: %v", err)
	}
	return signed, err
}

// promises are what nodes have written down of their votes, and sent.
type promises struct {
	synced map[int]types.SafetyState // by node: the last that its vote log says is synced
	epoch  map[int]uint64            // by node, the last that it signed in
	voted  map[int]uint64            // by node, the highest height that it voted for
}

func newPromises() promises {
	return promises{synced: map[int]types.SafetyState{}, epoch: map[int]uint64{}, voted: map[int]uint64{}}
}

// forget says that a node's signer volume is another one now.
func (c *checks) forget(n *node) {
	delete(c.promises.synced, n.index)
	delete(c.promises.epoch, n.index)
}

// recorded hears what a node's vote log has synced.
func (c *checks) recorded(n *node, now *types.SafetyState) {
	was := c.promises.synced[n.index]
	c.recovered(n, now)
	if now.Epoch != was.Epoch {
		was = types.SafetyState{}
	}
	switch { // rule: vote-once, commit-vote
	case now.VotedView > was.VotedView && now.VotedView <= was.TimeoutView:
		c.violated(n, "it records a prepare vote of view %d after a timeout of view %d", now.VotedView, was.TimeoutView)
	case commitView(now) > commitView(&was) && commitView(now) <= was.TimeoutView:
		c.violated(n, "it records a commit vote of view %d after a timeout of view %d", commitView(now), was.TimeoutView)
	case commitView(now) > now.Lock.View:
		c.violated(n, "it records a commit vote of view %d above its lock of view %d", commitView(now), now.Lock.View)
	}
}

// recovered hears what a node's vote log holds: no less than what it had synced. A write
// that did not return may have added to that.
func (c *checks) recovered(n *node, now *types.SafetyState) {
	was := c.promises.synced[n.index]
	if what := fellBack(&was, now); what != "" {
		c.violated(n, "its persisted %s went back: it was\n%+v\nand is\n%+v", what, was, *now)
	}
	c.promises.synced[n.index] = *now
}

// fellBack names what is lower, or another, than it was; empty: nothing is.
func fellBack(was, now *types.SafetyState) string {
	switch {
	case now.Epoch > was.Epoch:
		return ""
	case now.Epoch < was.Epoch:
		return "epoch"
	case now.VotedView < was.VotedView || now.VotedView == was.VotedView && now.VotedBlock != was.VotedBlock:
		return "prepare vote"
	case commitView(now) < commitView(was) || was.Commit != nil && commitView(now) == commitView(was) && *now.Commit != *was.Commit:
		return "commit vote"
	case now.TimeoutView < was.TimeoutView:
		return "timeout"
	case now.Lock.View < was.Lock.View:
		return "lock"
	case now.OptimisticView < was.OptimisticView || now.ProposedView < was.ProposedView:
		return "proposal"
	}
	return ""
}

func commitView(s *types.SafetyState) uint64 {
	if s.Commit == nil {
		return 0
	}
	return s.Commit.View
}

// promised holds a message that a node signed itself, and had not sent before, against
// what its vote log has synced. // rule: persist-first
func (c *checks) promised(n *node, m *types.Message) {
	s := c.promises.synced[n.index]
	if m.Epoch() < c.promises.epoch[n.index] { // rule: epoch-no-return
		c.violated(n, "it signs in epoch %d after epoch %d", m.Epoch(), c.promises.epoch[n.index])
	}
	c.promises.epoch[n.index] = m.Epoch()
	switch {
	case m.Prepare != nil:
		c.voted[n.index] = max(c.voted[n.index], m.Prepare.Vote.Height)
	case m.Commit != nil:
		c.voted[n.index] = max(c.voted[n.index], m.Commit.Vote.Height)
	}
	if why := unsynced(&s, m); why != "" {
		c.violated(n, "what it sends is not in its vote log: %s of view %d and epoch %d, recorded is\n%+v", why, m.View(), m.Epoch(), s)
	}
}

// unsynced names a message that a vote log's state does not account for; empty: it does.
// One of an older epoch may have been written together with the next one's beginning.
func unsynced(s *types.SafetyState, m *types.Message) string {
	if m.Epoch() < s.Epoch {
		return ""
	}
	same := m.Epoch() == s.Epoch
	switch {
	case m.Proposal != nil && m.Proposal.Kind == types.KindProposeOptimistic:
		return unless(same && m.View() <= s.OptimisticView, "an optimistic proposal")
	case m.Proposal != nil:
		return unless(same && m.View() <= s.ProposedView, "a proposal")
	case m.Prepare != nil:
		return unless(same && (m.View() < s.VotedView || m.View() == s.VotedView && m.Prepare.Vote.Block == s.VotedBlock), "a prepare vote")
	case m.Commit != nil:
		return unless(same && (m.View() < commitView(s) || s.Commit != nil && m.Commit.Vote == *s.Commit), "a commit vote")
	case m.Timeout != nil:
		return unless(same && m.View() <= s.TimeoutView && m.Timeout.Vote.HighView <= s.Lock.View, "a timeout")
	}
	return ""
}

func unless(fine bool, what string) string {
	if fine {
		return ""
	}
	return what
}

// signing says whether every honest validator of the newest set has voted for a block
// above a height: one whose signing is held back for good follows as well as any.
func (c *checks) signing(above uint64) bool {
	for _, i := range c.newest() {
		if c.promises.voted[i] <= above {
			return false
		}
	}
	return true
}

// silent names those that have not.
func (c *checks) silent(above uint64) string {
	text := ""
	for _, i := range c.newest() {
		if c.promises.voted[i] <= above {
			text += fmt.Sprintf("node %d voted for height %d last\n", i, c.promises.voted[i])
		}
	}
	return text
}

// newest are the honest nodes of the newest set.
func (c *checks) newest() []int {
	var out []int
	set := c.sets[c.last]
	for v := range set.Epoch.Validators {
		// One whose identity was set aside signs no more.
		if i, ok := c.nodeOf(c.last, uint32(v)); ok && !c.faulty(i) && c.w.nodes[i].id == set.Epoch.Validators[v].NetworkKey {
			out = append(out, i)
		}
	}
	return out
}

// nodeOf is the node of a validator, of twins the first: a set's order is not the nodes'.
func (c *checks) nodeOf(epoch uint64, validator uint32) (int, bool) {
	set := c.sets[epoch]
	if set == nil || int(validator) >= set.Len() {
		return 0, false
	}
	i, ok := c.w.net.index[set.Epoch.Validators[validator].NetworkKey]
	return i, ok
}
