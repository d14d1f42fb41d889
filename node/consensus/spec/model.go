package spec

import "slices"

// Views is how many views the model knows; view 0 is the root.
const Views = 4

// honest is the number of honest validators; with the Byzantine one they are four,
// so two of them and the Byzantine make a quorum.
const honest = 3

// blocks counts the root and two blocks a view: block 2v-1 and 2v are of view v.
const blocks = 2*Views + 1

func viewOf(block int8) int8 { return (block + 1) / 2 }

// bit is a block's in its view's votes.
func bit(block int8) int8 { return 2 - block%2 }

// Validator is an honest validator's state.
type Validator struct {
	Vote    [Views + 1]int8 // by view: a bit for each of its two blocks prepared
	Timeout [Views + 1]int8 // by view: the view reported, plus 1; 0: none
	Commit  [Views + 1]int8 // by view: the block committed; 0: none
	Lock    int8            // block
	Voted   int8            // voted_view
	Left    int8            // timeout_view
}

// State is all that is known: the validators, and each block's parent (-1: not
// proposed yet).
type State struct {
	Parent     [blocks]int8
	Validators [honest]Validator
}

// Rules switches rules off. The zero value is the protocol.
type Rules struct {
	TwoVotes          bool // vote-once
	ForgetTimeout     bool // timeout_view is not durable
	ForgetLock        bool // the lock is not durable
	StaleLock         bool // a timeout reports any older certificate
	DirectOnOlder     bool // vote-optimistic and vote-normal on an older QC
	FallbackBelow     bool // vote-fallback below the TC's highest
	FallbackOlderTC   bool // vote-fallback with a TC of an older view
	WeakTC            bool // a TC of a weak quorum
	CommitAfter       bool // commit-vote after a timeout of its view
	CommitWithoutLock bool // commit-vote does not raise the lock
}

// Initial is the state before anything happened.
func Initial() State {
	var s State
	for b := 1; b < blocks; b++ {
		s.Parent[b] = -1
	}
	return s
}

// canonical sorts the validators: their names do not matter.
func (s *State) canonical() {
	slices.SortFunc(s.Validators[:], func(a, b Validator) int {
		for _, d := range []int{slices.Compare(a.Vote[:], b.Vote[:]), slices.Compare(a.Timeout[:], b.Timeout[:]),
			slices.Compare(a.Commit[:], b.Commit[:]), int(a.Lock - b.Lock), int(a.Voted - b.Voted)} {
			if d != 0 {
				return d
			}
		}
		return int(a.Left - b.Left)
	})
}

// certified reports whether a QC on block can be made: two honest votes and the
// Byzantine's. The root is its own.
func (s *State) certified(block int8) bool {
	if block == 0 {
		return true
	}
	n := 0
	for i := range s.Validators {
		if s.Validators[i].Vote[viewOf(block)]&bit(block) != 0 {
			n++
		}
	}
	return n >= 2
}

func (s *State) committed(block int8) bool {
	n := 0
	for i := range s.Validators {
		if s.Validators[i].Commit[viewOf(block)] == block {
			n++
		}
	}
	return n >= 2
}

// lowestTC is the least view that a TC of view can report as its highest; -1 if
// there is none. View 0 needs none.
func (s *State) lowestTC(view int8, r Rules) int8 {
	var highs []int8
	for i := range s.Validators {
		if t := s.Validators[i].Timeout[view]; t > 0 {
			highs = append(highs, t-1)
		}
	}
	slices.Sort(highs)
	need := 2
	if r.WeakTC {
		need = 1
	}
	if len(highs) < need {
		return -1
	}
	return highs[need-1]
}

// Violation names the invariant that the state breaks; empty: none.
func (s *State) Violation() string {
	for v := int8(1); v <= Views; v++ {
		if s.certified(2*v-1) && s.certified(2*v) {
			return "two blocks are certified in one view"
		}
	}
	var done []int8
	for b := int8(1); b < blocks; b++ {
		if s.committed(b) {
			done = append(done, b)
		}
	}
	for i, a := range done {
		for _, b := range done[i+1:] {
			if !s.above(b, a) {
				return "two chains are committed"
			}
		}
	}
	return ""
}

// above reports whether a is b or its descendant.
func (s *State) above(a, b int8) bool {
	for a > b {
		a = s.Parent[a]
	}
	return a == b
}
