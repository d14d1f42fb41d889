package spec

import "slices"

// ExploreFence visits every state within the bound, nearest first, and gives their
// number, and of the first violation its name and the shortest way there. whole is
// false if it stopped at so many states.
func ExploreFence(r FenceRules, b Bound) (states int, whole bool, violation string, trace []string) {
	type step struct {
		from   int
		action string
	}
	first := firstFence()
	seen := map[Fence]struct{}{first: {}}
	queue := []Fence{first}
	way := []step{{from: -1}}
	for k := 0; k < len(queue) && violation == ""; k++ {
		if len(queue) >= b.States {
			return len(queue), false, "", nil
		}
		queue[k].next(r, b, func(action string, t Fence) {
			if violation != "" {
				return
			}
			key := t.canonical()
			if _, ok := seen[key]; ok {
				return
			}
			seen[key] = struct{}{}
			queue, way = append(queue, t), append(way, step{k, action})
			violation = t.Violation()
		})
	}
	if violation != "" {
		for k := len(way) - 1; k > 0; k = way[k].from {
			trace = append(trace, way[k].action)
		}
		slices.Reverse(trace)
	}
	return len(queue), violation == "", violation, trace
}

// orders are the ways to number the slots.
var orders = [...][slots]int8{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}}

// canonical is one state for all that differ in the slots' numbers only.
func (s *Fence) canonical() Fence {
	best := *s
	for _, to := range orders[1:] {
		if t := s.renumbered(to); t.before(&best) {
			best = t
		}
	}
	return best
}

func (s *Fence) renumbered(to [slots]int8) Fence {
	t := *s
	for i := range s.Slot {
		v := s.Slot[i]
		v.Home = to[v.Home]
		if v.Identity == 0 {
			v.Home = 0
		}
		t.Slot[to[i]], t.Proc[to[i]] = v, s.Proc[i]
	}
	if t.Backup.Identity != 0 {
		t.Backup.Home = to[t.Backup.Home]
	}
	return t
}

// before orders states that differ in the slots' numbers.
func (s *Fence) before(t *Fence) bool {
	for i := range s.Slot {
		if a, b := s.Slot[i].rank(s.Proc[i]), t.Slot[i].rank(t.Proc[i]); a != b {
			return a < b
		}
	}
	return s.Backup.Home < t.Backup.Home
}

// rank is a number for each volume and process on it.
func (v *Volume) rank(p Process) int {
	n := 0
	for _, d := range []int8{v.Identity, v.Home, v.Epoch, v.Vote[0], v.Vote[1]} {
		n = 8*n + int(d)
	}
	for _, f := range []bool{v.Torn, v.Keyless, p.Running, p.Echoed} {
		n *= 2
		if f {
			n++
		}
	}
	return n
}
