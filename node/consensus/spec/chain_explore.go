package spec

import "math/rand"

// ExploreChain visits every state within the bound, at most limit, and gives their
// number and the first violation.
func ExploreChain(r ChainRules, bound ChainBound, limit int) (states int, violation string) {
	first := firstChain()
	seen := map[ChainState]struct{}{first: {}}
	queue := []ChainState{first}
	for len(queue) > 0 && len(seen) < limit && violation == "" {
		s := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		s.next(r, bound, func(t ChainState) {
			if _, ok := seen[t]; ok || violation != "" {
				return
			}
			seen[t] = struct{}{}
			violation = t.Violation(r, bound)
			queue = append(queue, t)
		})
	}
	return len(seen), violation
}

// WalkChain takes random steps, again and again from the start, and gives how many it
// took, the furthest epoch that was entered, how many epochs were reverted, and the
// first violation.
func WalkChain(r ChainRules, bound ChainBound, seed int64, walks int) (steps int, furthest int8, reverts int, violation string) {
	rnd := rand.New(rand.NewSource(seed))
	for range walks {
		s := firstChain()
		for range 200 { // the sound protocol's end on their own, long before
			var next []ChainState
			s.next(r, bound, func(t ChainState) { next = append(next, t) })
			if len(next) == 0 {
				break
			}
			s = next[rnd.Intn(len(next))]
			steps++
			if violation = s.Violation(r, bound); violation != "" {
				return steps, furthest, reverts, violation
			}
		}
		for e := int8(1); e <= bound.Epochs; e++ {
			if end := s.Ends[e]; end != 0 {
				furthest = max(furthest, e+1)
				if s.Blocks[e][end].Fate == Failed {
					reverts++
				}
			}
		}
	}
	return steps, furthest, reverts, ""
}
