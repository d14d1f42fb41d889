package consensus

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/bedrock-bft/bedrock/node/types"
)

// resign says which votes on record are to be signed and sent again.
// rule: restart
type resign struct{ prepare, commit, timeout bool }

// restore makes the state that a process starts with. // rule: restart
func (c *Core) restore(s Start) error {
	set, err := types.NewValidatorSet(c.cfg.Genesis, s.Epoch, c.cfg.Scheme)
	if err != nil {
		return err
	}
	var before *types.ValidatorSet
	if s.Previous != nil {
		if before, err = types.NewValidatorSet(c.cfg.Genesis, *s.Previous, c.cfg.Scheme); err != nil {
			return err
		}
	}
	if err := checkStart(&s); err != nil {
		return err
	}
	if s.Tip.Outcome.Height == s.Root.Outcome.Height {
		s.Tip.View = 0 // whatever view it was certified in, in its own epoch. rule: epoch-enter
	}
	c.begin(set, before, s.Tip)
	c.root = s.Root
	c.history.RootOutcome = &c.root.Outcome
	c.moreWork = c.onTrial()
	c.hasFinal = s.Tip.Outcome.Height > s.Root.Outcome.Height
	c.wasMember = before != nil && c.member(before) >= 0
	c.tipChange = s.TipChange
	if s.TipChange != nil {
		c.tip.change, c.tip.end = s.TipChange, c.tip
	}
	for _, o := range s.Outcomes {
		c.recorded[o.Block] = o.Outcome
		c.recordedAt = append(c.recordedAt, o)
	}
	c.safety = c.firstState()
	if s.Safety != nil {
		c.safety = *s.Safety
		c.eff.lock = s.Safety.Lock.View
	}
	c.restoreBlocks(s.Blocks)
	if q := c.safety.Lock; q.View > 0 {
		c.lockNode(&q)
	}
	c.resume()
	if cc := s.Tip.Certificate; cc != nil && cc.Epoch == set.Epoch.Number {
		c.committed(cc, byItself)
	}
	c.resign = c.onRecord()
	return nil
}

// onRecord says which votes on record still matter. // rule: restart
func (c *Core) onRecord() resign {
	r := &c.safety
	return resign{
		prepare: r.VotedView == c.view && r.VotedHeight > c.tip.height,
		commit:  r.Commit != nil && r.Commit.Height > c.tip.height,
		timeout: r.TimeoutView >= c.view,
	}
}

func checkStart(s *Start) error {
	root, tip := &s.Root.Outcome, &s.Tip.Outcome
	switch {
	case s.Root.View != 0 || root.Block.IsZero():
		return errors.New("the epoch's root is not given")
	case s.Epoch.Number > 1 && s.Root.Certificate == nil && !s.Recovered:
		return fmt.Errorf("epoch %d without the certificate that began it", s.Epoch.Number)
	case root.NextEpoch != s.Epoch.Digest():
		return fmt.Errorf("the root's outcome names another epoch than epoch %d as given", s.Epoch.Number)
	case tip.Height < root.Height || tip.Height == root.Height && tip.Block != root.Block:
		return fmt.Errorf("last final height %d is below the epoch's root at %d", tip.Height, root.Height)
	case s.Safety != nil && s.Safety.Epoch != s.Epoch.Number:
		return fmt.Errorf("vote log of epoch %d, started in epoch %d", s.Safety.Epoch, s.Epoch.Number)
	case s.Safety != nil && s.Safety.Lock.View == 0 && s.Safety.Lock.Block != root.Block:
		return errors.New("the vote log's lock names another root than the epoch's")
	}
	return nil
}

// begin sets up what belongs to one epoch.
func (c *Core) begin(set, before *types.ValidatorSet, tip Final) {
	c.set, c.root = set, tip
	c.history = types.EpochHistory{Present: &set.Epoch, RootOutcome: &c.root.Outcome}
	if before != nil {
		c.history.Previous = &before.Epoch
	}
	c.self = c.member(set)
	c.tip = finalNode(tip)
	c.nodes = map[types.Hash]*node{c.tip.id: c.tip}
	c.order = []*node{c.tip}
	n := set.Len()
	c.prepares = make([]ring[types.SignedPrepare], n)
	c.commits = make([]ring[types.SignedCommit], n)
	c.timeouts = make([]ring[types.SignedTimeout], n)
	c.heard = make([]uint64, n)
	c.led = make([]proposalState, n)
	c.faults = make(map[fault]bool)
	c.peers = make(map[Peer]*peerState)
	c.recorded, c.recordedAt = make(map[types.Hash]types.Hash), nil
	c.epochCert, c.tipChange, c.preparing = nil, nil, false
	c.highestCC, c.pendingCC, c.highTC = nil, nil, nil
	c.proposals, c.built, c.optBlock, c.asked = nil, nil, nil, askedBuild{}
	c.own, c.resign, c.resend = ownMessages{}, resign{}, resendState{}
	c.executing, c.moreWork, c.passed = types.Hash{}, c.onTrial(), 0
	c.due, c.learnedAt, c.alarmed, c.wakeAt, c.maxTimeout = dueTimeout{}, 0, alarmKey{}, 0, 0
}

// member is this node's index in a set that pairs its two keys, or -1.
// rule: instance-match
func (c *Core) member(set *types.ValidatorSet) int {
	return memberOf(&set.Epoch, c.cfg.NetworkKey, c.cfg.ConsensusKey)
}

// resume enters the view that the SafetyState leads to. // rule: restart
func (c *Core) resume() {
	s := &c.safety
	c.view = max(s.Lock.View+1, s.VotedView, s.TimeoutView)
	if s.EntryQC != nil {
		c.view = max(c.view, s.EntryQC.View+1)
	}
	if s.EntryTC != nil {
		c.view = max(c.view, s.EntryTC.View+1)
		c.highTC = s.EntryTC
	}
	c.enteredAt = c.now.MonoMs
	for i := range c.heard {
		c.heard[i] = c.view
	}
	c.resend.next = c.now.MonoMs + c.cfg.Timing.ResendMs
	c.eff.emit(EnteredView{Epoch: s.Epoch, View: c.view, Leader: c.set.Leader(c.view), ByTC: s.EntryTC != nil})
}

// restoreBlocks puts the vote log's bodies back into the tree.
func (c *Core) restoreBlocks(blocks []*types.Block) {
	sorted := slices.Clone(blocks)
	slices.SortFunc(sorted, func(a, b *types.Block) int {
		if d := int64(a.Header.View) - int64(b.Header.View); d != 0 {
			return int(max(-1, min(1, d)))
		}
		x, y := a.ID(), b.ID()
		return bytes.Compare(x[:], y[:])
	})
	for _, b := range sorted {
		if n := c.addBlock(b); n != nil {
			n.logged, n.verdict = true, verdictValid // it was voted for
		}
	}
}

func (c *Core) lockNode(q *types.QC) {
	if n := c.named(q.Block, q.View, q.Height); n != nil && n != c.tip {
		n.qc, n.certifiedAt = q, max(c.now.MonoMs, 1)
		c.fetchHint(n, q)
	}
}

// tryResign signs the votes on record again as they were, the timeout with the
// present lock. A prepare vote whose body the log lost waits until it is in the log
// again. // rule: restart
func (c *Core) tryResign() bool {
	if c.resign == (resign{}) || c.mayNotSign() {
		return false
	}
	s := &c.safety
	fired := false
	if c.resign.prepare {
		n := c.nodes[s.VotedBlock]
		switch {
		case s.VotedView != c.view || s.VotedHeight <= c.tip.height:
			c.resign.prepare = false
		case n == nil:
			c.named(s.VotedBlock, s.VotedView, s.VotedHeight)
		case n.block != nil:
			c.resign.prepare, fired = false, true
			if !n.logged {
				n.logged = true
				c.eff.blocks = append(c.eff.blocks, n.block)
				c.eff.persist()
			}
			c.eff.sign(types.Message{Prepare: &types.SignedPrepare{Epoch: s.Epoch, Validator: uint32(c.self),
				Vote: types.Prepare{View: s.VotedView, Height: s.VotedHeight, Block: s.VotedBlock}}})
		}
	}
	if c.resign.commit {
		c.resign.commit, fired = false, true
		if s.Commit.Height > c.tip.height {
			c.eff.sign(types.Message{Commit: &types.SignedCommit{Epoch: s.Epoch, Validator: uint32(c.self), Vote: *s.Commit}})
		}
	}
	if c.resign.timeout {
		c.resign.timeout, fired = false, true
		if s.TimeoutView >= c.view {
			if s.Lock.View > c.eff.lock { // it rose while nothing was signed
				c.eff.persist()
			}
			c.signTimeout(s.TimeoutView)
		}
	}
	return fired
}
