package spec

// chainVisitor takes a state that one action leads to.
type chainVisitor func(ChainState)

// next calls visit with every state that one action leads to: only in the epoch that
// each SafetyState is of. // rule: epoch-no-return
func (s *ChainState) next(r ChainRules, bound ChainBound, visit chainVisitor) {
	for i := range s.Safety {
		s.epochMoves(i, r, bound, visit)
		if !bound.member(i, s.Safety[i].Epoch, r) {
			continue
		}
		for v := int8(1); v <= bound.Views; v++ {
			s.prepares(i, v, r, bound, visit)
			s.givesUp(i, v, bound, visit)
			s.commits(i, v, r, bound, visit)
		}
		s.learns(i, r, bound, visit)
	}
}

// prepares casts a prepare vote in view v. The first vote for a block proposes it, on
// any parent and with any fate. // rule: vote-once, vote-normal, vote-fallback
func (s *ChainState) prepares(i int, v int8, r ChainRules, bound ChainBound, visit chainVisitor) {
	me, e := s.Safety[i], s.Safety[i].Epoch
	if me.Voted >= v || me.Left >= v {
		return
	}
	for b := 2*v - 1; b <= 2*v; b++ {
		x := s.Blocks[e][b]
		if b == 2*v && s.Blocks[e][b-1].Parent < 0 {
			continue // the first of two alike comes first
		}
		for parent := int8(0); parent < 2*v-1; parent++ {
			if x.Parent >= 0 && x.Parent != parent || !s.certified(e, parent, r, bound) || !s.justified(e, v, parent, r, bound) {
				continue
			}
			fates := []Fate{Plain, Change, Failed}
			if x.Parent >= 0 {
				fates = []Fate{x.Fate}
			} else if s.outcome(e, parent, r, bound).Ends && !r.OwnOutcome {
				fates = []Fate{Plain} // runs nothing; rule: epoch-end
			}
			for _, fate := range fates {
				t := *s
				t.Blocks[e][b] = ChainBlock{Parent: parent, Fate: fate}
				t.Signed[e][i].Vote[v] |= bit(b)
				t.Safety[i].Voted = v
				t.Safety[i].raise(parent)
				visit(t)
			}
		}
	}
}

func (m *Safety) raise(block int8) {
	if viewOf(block) > viewOf(m.Lock) {
		m.Lock = block
	}
}

// justified is as State's: by QC(v-1), or with TC(v-1).
func (s *ChainState) justified(e, v, parent int8, r ChainRules, bound ChainBound) bool {
	if viewOf(parent) == v-1 {
		return true
	}
	low := s.lowestTC(e, v-1, r, bound)
	return low >= 0 && viewOf(parent) >= low
}

// givesUp times view v out, with the lock. // rule: timeout
func (s *ChainState) givesUp(i int, v int8, bound ChainBound, visit chainVisitor) {
	me, e := s.Safety[i], s.Safety[i].Epoch
	if me.Left >= v || viewOf(me.Lock) >= v || v == bound.Views { // nothing follows the last view
		return
	}
	t := *s
	t.Signed[e][i].Timeout[v] = viewOf(me.Lock) + 1
	t.Safety[i].Left = v
	visit(t)
}

// commits casts a commit vote of view v: for the block's outcome. // rule: commit-vote
func (s *ChainState) commits(i int, v int8, r ChainRules, bound ChainBound, visit chainVisitor) {
	me, e := s.Safety[i], s.Safety[i].Epoch
	if me.Left >= v {
		return
	}
	for w := v; w <= bound.Views; w++ {
		if s.Signed[e][i].Commit[w] != 0 && !(r.MayReturn || r.TwoWrites) {
			return
		}
	}
	for b := 2*v - 1; b <= 2*v; b++ {
		if s.Blocks[e][b].Parent < 0 || !s.certified(e, b, r, bound) {
			continue
		}
		t := *s
		t.Signed[e][i].Commit[v] = b
		t.Safety[i].raise(b)
		if o := s.outcome(e, b, r, bound); r.RunInMemory && s.Lost[i] && o.Ends && s.Blocks[e][o.Block].Fate == Failed {
			t.Split = true // it counted less
		}
		visit(t)
	}
}

// learns raises the lock. // rule: lock
func (s *ChainState) learns(i int, r ChainRules, bound ChainBound, visit chainVisitor) {
	me := s.Safety[i]
	for b := int8(1); b <= 2*bound.Views; b++ {
		if viewOf(b) > viewOf(me.Lock) && s.Blocks[me.Epoch][b].Parent >= 0 && s.certified(me.Epoch, b, r, bound) {
			t := *s
			t.Safety[i].Lock = b
			visit(t)
		}
	}
}

// epochMoves enters the next epoch by a certificate whose outcome names it: one write of
// the new epoch and zeroed views. // rule: epoch-certificate, epoch-enter
func (s *ChainState) epochMoves(i int, r ChainRules, bound ChainBound, visit chainVisitor) {
	e := s.Safety[i].Epoch
	if r.RunInMemory && !s.Lost[i] {
		t := *s
		t.Lost[i] = true
		visit(t)
	}
	if r.MayReturn && e > 1 {
		t := *s
		t.Safety[i] = Safety{Epoch: e - 1}
		visit(t)
	}
	for b := int8(1); b <= 2*bound.Views; b++ {
		if s.Blocks[e][b].Parent < 0 || !s.committed(e, b, r, bound) {
			continue
		}
		o := s.outcome(e, b, r, bound)
		if !o.Ends || s.Ends[e] != 0 && s.Ends[e] != o.Block { // two ends are two chains
			continue
		}
		t := *s
		t.Safety[i] = Safety{Epoch: e}
		if r.TwoWrites && t.Safety[i] != s.Safety[i] {
			visit(t)
		}
		if e < bound.Epochs {
			t.Ends[e] = o.Block
			t.Safety[i] = Safety{Epoch: e + 1}
			visit(t)
		}
	}
}
