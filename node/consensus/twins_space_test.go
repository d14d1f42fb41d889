package consensus

import "slices"

// The space of scenarios with four validators of one power, of which one is two: for each
// view a leader and a partition of the five instances.
//
// Which of the four is the twin makes no difference but for the names, so it is the first.
// Nor do the names of the other three, nor which half of the twin is called the first: of
// all scenarios that such a renaming makes of each other one is run. (They differ in the
// order of delivery within a cell and in who leads after the partitions, of which no
// scenario here is about; the samples draw both.) And halves that are alone with each
// other are as good as alone, since they do not talk.

// renaming says what each instance is called.
type renaming []int8

// renamings of four validators whose first has its second half last.
func renamings() []renaming {
	var all []renaming
	for _, r := range [][3]int8{{1, 2, 3}, {1, 3, 2}, {2, 1, 3}, {2, 3, 1}, {3, 1, 2}, {3, 2, 1}} {
		all = append(all, renaming{0, r[0], r[1], r[2], 4}, renaming{4, r[0], r[1], r[2], 0})
	}
	return all
}

func (r renaming) leader(l uint32) uint32 {
	if l == 0 {
		return 0 // both halves
	}
	return uint32(r[l])
}

// cells renames a partition, with cells numbered as they come.
func (r renaming) cells(c cells) cells {
	renamed := make(cells, len(c))
	for i, cell := range c {
		renamed[r[i]] = cell
	}
	return renamed.numbered()
}

func (c cells) numbered() cells {
	names := map[int8]int8{}
	for i, cell := range c {
		if _, ok := names[cell]; !ok {
			names[cell] = int8(len(names))
		}
		c[i] = names[cell]
	}
	return c
}

// partitions are all of so many instances.
func partitions(n int) []cells {
	var all []cells
	var extend func(c cells, used int8)
	extend = func(c cells, used int8) {
		if len(c) == n {
			all = append(all, slices.Clone(c))
			return
		}
		for cell := int8(0); cell <= used; cell++ {
			extend(append(c, cell), max(used, cell+1))
		}
	}
	extend(nil, 0)
	return all
}

// distinct leaves out the partitions in which the halves are alone together.
func distinct(all []cells) []cells {
	return slices.DeleteFunc(all, func(c cells) bool {
		alone := c[0] == c[4]
		for i := 1; i < 4; i++ {
			alone = alone && c[i] != c[0]
		}
		return alone
	})
}

// least keeps the renamings that leave a choice as it is, and reports whether none makes
// a lesser one of it: then another scenario stands for this one.
func least[T any](group []renaming, choice T, rename func(renaming, T) T, compare func(a, b T) int) (same []renaming, ok bool) {
	for _, r := range group {
		switch d := compare(rename(r, choice), choice); {
		case d < 0:
			return nil, false
		case d == 0:
			same = append(same, r)
		}
	}
	return same, true
}

func leastLeader(group []renaming, l uint32) ([]renaming, bool) {
	return least(group, l, renaming.leader, func(a, b uint32) int { return int(a) - int(b) })
}

func leastCells(group []renaming, c cells) ([]renaming, bool) {
	return least(group, c, renaming.cells, func(a, b cells) int { return slices.Compare(a, b) })
}

// withQuorum leaves those in which some cell has three validators.
func withQuorum(all []cells) []cells {
	return slices.DeleteFunc(slices.Clone(all), func(c cells) bool {
		members := map[int8]map[int]bool{}
		most := 0
		for i, cell := range c {
			if members[cell] == nil {
				members[cell] = map[int]bool{}
			}
			members[cell][i%4] = true // the halves are instances 0 and 4
			most = max(most, len(members[cell]))
		}
		return most < 3
	})
}
