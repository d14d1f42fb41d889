package spec

import "math/rand"

// Next calls visit with every state that one action leads to.
func (s *State) Next(r Rules, views int8, visit func(State)) {
	for i := range s.Validators {
		for v := int8(1); v <= views; v++ {
			s.votes(i, v, r, visit)
			s.timeouts(i, v, r, visit)
			s.commits(i, v, r, visit)
		}
		// Learns of a QC that can be made. // rule: lock
		for b := int8(1); b <= 2*views; b++ {
			if s.certified(b) && viewOf(b) > viewOf(s.Validators[i].Lock) {
				t := *s
				t.Validators[i].Lock = b
				visit(t)
			}
		}
	}
}

// votes casts a prepare vote in view v, on any block that a rule allows.
func (s *State) votes(i int, v int8, r Rules, visit func(State)) {
	me := &s.Validators[i]
	if me.Voted >= v && !r.TwoVotes || me.Left >= v {
		return // rule: vote-once
	}
	for b := 2*v - 1; b <= 2*v; b++ {
		if b == 2*v && s.Parent[b-1] < 0 || me.Vote[v]&bit(b) != 0 {
			continue // the first of two alike comes first
		}
		for parent := int8(0); parent < 2*v-1; parent++ {
			if s.Parent[b] >= 0 && s.Parent[b] != parent || !s.certified(parent) || !s.justified(v, parent, r) {
				continue
			}
			t := *s
			t.Parent[b] = parent
			m := &t.Validators[i]
			m.Vote[v] |= bit(b)
			m.Voted = max(m.Voted, v)
			if viewOf(parent) > viewOf(m.Lock) {
				m.Lock = parent
			}
			visit(t)
		}
	}
}

// justified applies the voting rules: directly on QC(v-1), or by fallback with
// TC(v-1) on a QC of at least its highest. // rule: vote-optimistic, vote-normal, vote-fallback
func (s *State) justified(v, parent int8, r Rules) bool {
	if viewOf(parent) == v-1 || r.DirectOnOlder {
		return true
	}
	for w := v - 1; w > 0; w-- {
		if low := s.lowestTC(w, r); low >= 0 && (viewOf(parent) >= low || r.FallbackBelow) {
			return true
		}
		if !r.FallbackOlderTC {
			break
		}
	}
	return false
}

// timeouts gives up view v, with the lock. // rule: timeout
func (s *State) timeouts(i int, v int8, r Rules, visit func(State)) {
	me := &s.Validators[i]
	if me.Left >= v && !r.ForgetTimeout || me.Timeout[v] != 0 || viewOf(me.Lock) >= v {
		return
	}
	low := viewOf(me.Lock)
	if r.StaleLock || r.ForgetLock {
		low = 0
	}
	for high := low; high <= viewOf(me.Lock); high++ {
		t := *s
		t.Validators[i].Timeout[v] = high + 1
		t.Validators[i].Left = v
		if r.ForgetTimeout {
			t.Validators[i].Left = 0
		}
		visit(t)
	}
}

// commits casts a commit vote of view v. // rule: commit-vote
func (s *State) commits(i int, v int8, r Rules, visit func(State)) {
	me := &s.Validators[i]
	if me.Left >= v && !r.CommitAfter {
		return
	}
	for w := v; w <= Views; w++ {
		if me.Commit[w] != 0 {
			return // views only rise
		}
	}
	for b := 2*v - 1; b <= 2*v; b++ {
		if !s.certified(b) {
			continue
		}
		t := *s
		m := &t.Validators[i]
		m.Commit[v] = b
		if viewOf(b) > viewOf(m.Lock) && !r.CommitWithoutLock {
			m.Lock = b
		}
		visit(t)
	}
}

// Explore visits every state that can be reached within so many views, at most
// limit, and gives their number and the first violation.
func Explore(r Rules, views int8, limit int) (states int, violation string) {
	start := Initial()
	seen := map[State]struct{}{start: {}}
	queue := []State{start}
	for len(queue) > 0 && len(seen) < limit && violation == "" {
		s := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		s.Next(r, views, func(t State) {
			t.canonical()
			if _, ok := seen[t]; ok || violation != "" {
				return
			}
			seen[t] = struct{}{}
			violation = t.Violation()
			queue = append(queue, t)
		})
	}
	return len(seen), violation
}

// Walk takes random steps, again and again from the start, and gives how many it
// took and the first violation.
func Walk(r Rules, views int8, seed int64, walks int) (steps int, violation string) {
	rnd := rand.New(rand.NewSource(seed))
	for range walks {
		s := Initial()
		for {
			var next []State
			s.Next(r, views, func(t State) { next = append(next, t) })
			if len(next) == 0 {
				break
			}
			s = next[rnd.Intn(len(next))]
			steps++
			if violation = s.Violation(); violation != "" {
				return steps, violation
			}
		}
	}
	return steps, ""
}
