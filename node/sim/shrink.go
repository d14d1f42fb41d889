package sim

import (
	"errors"
	"time"
)

// leastFaulty is how short Shrink makes the time in which faults come.
const leastFaulty = time.Second

// Shrunk is what Shrink found.
type Shrunk struct {
	Plan   Plan
	Err    error  // of the plan
	Faults uint64 // single ones that come in it
	Runs   int    // that it took
}

// Shrink looks for a smaller plan that violates the same rule as p does: without whole
// kinds of fault, with less time for them, and then without single faults, halves of them
// first (Zeller's ddmin). It ends after so many runs at most. A plan that violates nothing
// comes back as it is, with no error.
func Shrink(p Plan, runs int) Shrunk {
	result, err := Run(p)
	s := shrinker{left: runs - 1, found: Shrunk{Plan: p, Err: err, Faults: result.Faults, Runs: 1}, rule: ruleOf(err)}
	if err == nil {
		return s.found
	}
	s.kinds()
	s.time()
	s.kinds()
	s.single()
	return s.found
}

// ruleOf names what an error violates; what is no violation (a panic of a task, a
// deadlock) is one rule.
func ruleOf(err error) string {
	var v *Violation
	if errors.As(err, &v) {
		return v.Rule
	}
	return ""
}

type shrinker struct {
	left  int
	rule  string
	found Shrunk
}

// try takes a plan for the found one when it violates the same.
func (s *shrinker) try(p Plan) bool {
	if s.left == 0 {
		return false
	}
	s.left--
	s.found.Runs++
	result, err := Run(p)
	if err == nil || ruleOf(err) != s.rule {
		return false
	}
	s.found.Plan, s.found.Err, s.found.Faults = p, err, result.Faults
	if p.Keep != nil {
		s.found.Faults = uint64(len(p.Keep))
	}
	return true
}

// kinds drops kinds of fault until each that is left is needed.
func (s *shrinker) kinds() {
	for again := true; again; {
		again = false
		for _, kind := range faults {
			if p := s.found.Plan.without(kind.name); !p.equal(s.found.Plan) && s.try(p) {
				again = true
			}
		}
	}
}

// time halves the time in which faults come.
func (s *shrinker) time() {
	for {
		p := s.found.Plan
		p.Faulty = max(p.Faulty/2, leastFaulty)
		if p.Faulty == s.found.Plan.Faulty || !s.try(p) {
			return
		}
	}
}

// single drops single faults: all, then halves, quarters, ... of what is left.
func (s *shrinker) single() {
	keep := make([]uint64, s.found.Faults)
	for i := range keep {
		keep[i] = uint64(i)
	}
	if was := s.found.Plan.Keep; was != nil {
		keep = was
	}
	for parts := 1; len(keep) > 0 && parts <= len(keep) && s.left > 0; {
		smaller := false
		for i := range parts {
			from, to := i*len(keep)/parts, (i+1)*len(keep)/parts
			p := s.found.Plan
			p.Keep = append(append([]uint64{}, keep[:from]...), keep[to:]...) // not nil, which keeps all
			if s.try(p) {
				keep, smaller = p.Keep, true
				break
			}
		}
		switch {
		case smaller:
			parts = max(parts-1, 1)
		case parts == len(keep):
			return
		default:
			parts = min(2*parts, len(keep))
		}
	}
}
