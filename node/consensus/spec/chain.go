package spec

// Bounds of the chain's model: what ChainState can hold. ChainBound says how much of
// that is explored.
const (
	chainEpochs = 3
	chainViews  = 3                // of an epoch
	chainBlocks = 2*chainViews + 1 // of an epoch: the root, and two a view
)

// Powers of an epoch's set: those of the honest three, then the Byzantine one's.
type Powers [honest + 1]int

func (p Powers) total() int { return p[0] + p[1] + p[2] + p[3] }

// Fate is what executing a block gives.
type Fate int8

// Fates of a block. A failed one changes nothing.
const (
	Plain  Fate = iota
	Change      // ends the epoch; the next has another executor
	Failed
)

// ChainBlock is a block of one epoch.
type ChainBlock struct {
	Parent int8 // in its epoch, 0: the root; -1: not proposed yet
	Fate   Fate
}

// EpochVotes is what one honest validator signed in one epoch, as in Validator.
type EpochVotes struct {
	Vote    [chainViews + 1]int8
	Timeout [chainViews + 1]int8
	Commit  [chainViews + 1]int8
}

// Safety is an honest validator's SafetyState.
type Safety struct {
	Epoch int8
	Voted int8
	Left  int8
	Lock  int8 // a block of its epoch
}

// ChainState is all that bears on agreement across epochs: blocks and their fates, the
// votes of the honest three, and where each of them is. The Byzantine one signs whatever
// helps.
type ChainState struct {
	Blocks [chainEpochs + 1][chainBlocks]ChainBlock
	Ends   [chainEpochs + 1]int8 // the block by which the epoch was left; 0: not yet
	Signed [chainEpochs + 1][honest]EpochVotes
	Safety [honest]Safety
	Lost   [honest]bool // started again; matters with RunInMemory only
	Split  bool         // two honest outcomes of one block
}

// ChainRules switches rules off. The zero value is the protocol.
type ChainRules struct {
	AtLeast       bool // a quorum is 3p >= 2t
	OtherSet      bool // certificates may be checked against the set of the epoch before
	OwnOutcome    bool // epoch-end: a descendant has an outcome of its own
	MayReturn     bool // epoch-no-return
	TwoWrites     bool // epoch-enter: views are zeroed in a record of their own
	RunInMemory   bool // epoch-revert: the failed run is counted in memory, not from the parent's outcome
	RunAfterGood  bool // epoch-revert: a failed block counts after a good one too
	RevertsRevert bool // epoch-revert: an epoch made so may be reverted
}

// ChainBound is how far the chain is explored.
type ChainBound struct {
	Powers [chainEpochs + 1]Powers // of each epoch, from 1
	Epochs int8
	Views  int8
	Run    int8 // failed blocks that revert an epoch which changed the executor
}

// firstChain is epoch 1, before anything happened.
func firstChain() ChainState {
	var s ChainState
	for e := range s.Blocks {
		for b := 1; b < chainBlocks; b++ {
			s.Blocks[e][b].Parent = -1
		}
	}
	for i := range s.Safety {
		s.Safety[i].Epoch = 1
	}
	return s
}

// Outcome is what bears on the chain of a block's outcome.
type Outcome struct {
	Block int8 // the block that it is of: the epoch's end, for that one's descendants
	Run   int8 // the failed run; -1: past the first good block, or not counted
	Ends  bool // it names a next epoch
}

// NextOutcome is a block's outcome, from its parent's, its fate, whether failed runs
// count in its epoch, and at which length they revert it. // rule: epoch-end, epoch-revert
func NextOutcome(parent Outcome, block int8, fate Fate, counted bool, limit int8) Outcome {
	if parent.Ends {
		return parent
	}
	o := Outcome{Block: block, Run: -1, Ends: fate == Change}
	if fate == Failed && counted && parent.Run >= 0 {
		o.Run = parent.Run + 1
		o.Ends = o.Run == limit
	}
	return o
}

// outcome is that of block b of epoch e.
func (s *ChainState) outcome(e, b int8, r ChainRules, bound ChainBound) Outcome {
	if b == 0 {
		return Outcome{}
	}
	x := s.Blocks[e][b]
	parent := s.outcome(e, x.Parent, r, bound)
	if r.OwnOutcome && parent.Ends {
		return Outcome{Block: b, Run: -1}
	}
	if r.RunAfterGood && parent.Run < 0 {
		parent.Run = 0
	}
	return NextOutcome(parent, b, x.Fate, s.counted(e, r, bound), bound.Run)
}

// counted reports whether failed runs count in epoch e: one that changed the executor,
// and not by a revert. // rule: epoch-revert
func (s *ChainState) counted(e int8, r ChainRules, bound ChainBound) bool {
	return e > 1 && (r.RevertsRevert || s.Blocks[e-1][s.Ends[e-1]].Fate == Change)
}

// quorum reports whether those honest, with the Byzantine one, are a quorum of epoch e.
func (b ChainBound) quorum(e int8, who [honest]bool, r ChainRules) bool {
	in := func(p Powers) bool {
		power := p[honest]
		for i, voted := range who {
			if voted {
				power += p[i]
			}
		}
		return 3*power > 2*p.total() || r.AtLeast && 3*power == 2*p.total()
	}
	return in(b.Powers[e]) || r.OtherSet && e > 1 && in(b.Powers[e-1])
}

// member reports whether validator i may vote in epoch e.
func (b ChainBound) member(i int, e int8, r ChainRules) bool {
	return b.Powers[e][i] > 0 || r.OtherSet && e > 1 && b.Powers[e-1][i] > 0
}

func (s *ChainState) certified(e, block int8, r ChainRules, bound ChainBound) bool {
	if block == 0 {
		return true
	}
	var who [honest]bool
	for i := range who {
		who[i] = s.Signed[e][i].Vote[viewOf(block)]&bit(block) != 0
	}
	return bound.quorum(e, who, r)
}

func (s *ChainState) committed(e, block int8, r ChainRules, bound ChainBound) bool {
	var who [honest]bool
	for i := range who {
		who[i] = s.Signed[e][i].Commit[viewOf(block)] == block
	}
	return bound.quorum(e, who, r)
}

// lowestTC is as State's: the least view that a TC of view can report; -1: there is none.
func (s *ChainState) lowestTC(e, view int8, r ChainRules, bound ChainBound) int8 {
	for high := int8(0); high < view; high++ {
		var who [honest]bool
		for i := range who {
			t := s.Signed[e][i].Timeout[view]
			who[i] = t > 0 && t-1 <= high
		}
		if bound.quorum(e, who, r) {
			return high
		}
	}
	return -1
}

// Violation names the invariant that the state breaks; empty: none.
func (s *ChainState) Violation(r ChainRules, bound ChainBound) string {
	if s.Split {
		return "honest validators have two outcomes of one block"
	}
	var last, lastEpoch int8 // the highest final block so far
	for e := int8(1); e <= bound.Epochs; e++ {
		for v := int8(1); v <= bound.Views; v++ {
			if s.certified(e, 2*v-1, r, bound) && s.certified(e, 2*v, r, bound) {
				return "two blocks are certified in one view"
			}
		}
		for b := int8(1); b <= 2*bound.Views; b++ {
			if !s.committed(e, b, r, bound) {
				continue
			}
			o := s.outcome(e, b, r, bound)
			if o.Ends && s.Blocks[e][o.Block].Fate == Failed {
				if why := s.badRevert(e, o.Block); why != "" {
					return why
				}
			}
			switch {
			case lastEpoch == 0 || s.below(lastEpoch, last, e, o.Block):
				last, lastEpoch = o.Block, e
			case !s.below(e, o.Block, lastEpoch, last):
				return "two chains are final"
			}
		}
	}
	return ""
}

// badRevert reports why a revert at block of epoch e should not be.
func (s *ChainState) badRevert(e, block int8) string {
	if e == 1 || s.Blocks[e-1][s.Ends[e-1]].Fate != Change {
		return "an epoch is reverted that did not change the executor, or by a revert"
	}
	for b := block; b > 0; b = s.Blocks[e][b].Parent {
		if s.Blocks[e][b].Fate != Failed {
			return "an epoch is reverted in spite of a good block"
		}
	}
	return ""
}

// below reports whether block a of epoch d is b of epoch e, or its ancestor.
func (s *ChainState) below(d, a, e, b int8) bool {
	for e > d {
		e, b = e-1, s.Ends[e-1]
	}
	for b > a {
		b = s.Blocks[e][b].Parent
	}
	return d == e && a == b
}
