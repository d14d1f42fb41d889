package consensus

import (
	"flag"
	"fmt"
	"testing"
	"time"
)

var (
	twinsAll     = flag.Int("twins.views", 2, "views of which all scenarios with twins are run; of three there are half a million")
	twinsQuorums = flag.Int("twins.quorums", 0, "the same, of partitions that leave a quorum together; of four views there are millions")
	twinsSamples = flag.Int("twins.samples", 400, "scenarios drawn of each kind of larger ones")
)

// twinSearch goes through scenarios, each up to its first violation.
type twinSearch struct {
	views      int
	parts      []cells
	scenarios  int
	rounds     int
	slowest    int // rounds after the partitions until everybody committed again
	violations []string
}

// all runs every scenario of so many views.
func (s *twinSearch) all(newest bool) {
	for l := range uint32(4) {
		group, ok := leastLeader(renamings(), l)
		if !ok {
			continue
		}
		w := newTwinWorld(twinScenario{n: 4, twins: []int{0}, newest: newest})
		w.lead(l)
		w.begin()
		s.extend(w, group)
	}
}

// extend goes on with every partition of the next view and every leader of the one after:
// who leads that matters already, by optimistic proposals.
func (s *twinSearch) extend(w *twinWorld, group []renaming) {
	for _, c := range s.parts {
		left, ok := leastCells(group, c)
		if !ok {
			continue
		}
		if len(w.rounds)+1 == s.views {
			s.finish(w, c)
			continue
		}
		for l := range uint32(4) {
			rest, ok := leastLeader(left, l)
			if !ok {
				continue
			}
			f := w.fork()
			f.lead(l)
			s.play(f, c)
			if f.err != nil {
				s.violated(f)
			} else {
				s.extend(f, rest)
			}
		}
	}
}

func (s *twinSearch) play(w *twinWorld, c cells) {
	w.round(c)
	s.rounds++
}

// finish plays the last partition, and then the view in which all hear each other.
func (s *twinSearch) finish(w *twinWorld, last cells) {
	f := w.fork()
	f.lead(1, 2, 0, 3)
	s.play(f, last)
	s.heal(f, 6)
	s.scenarios++
}

// heal lets everybody hear everybody until all have committed what was proposed since,
// which takes at most so many views.
func (s *twinSearch) heal(w *twinWorld, atMost int) {
	since := uint64(len(w.rounds))
	for k := 1; w.err == nil; k++ {
		s.play(w, make(cells, len(w.nodes)))
		if w.committedSince(since) {
			s.slowest = max(s.slowest, k)
			break
		}
		if k == atMost {
			w.fail("nothing new is final everywhere %d views after the last partition", k)
		}
	}
	if w.err != nil {
		s.violated(w)
	}
}

// committedSince reports whether every honest instance has committed a block of a view
// above that.
func (w *twinWorld) committedSince(view uint64) bool {
	for i, n := range w.nodes {
		if w.honest(i) && (len(n.finals) == 0 || n.finals[len(n.finals)-1].Block.Header.View <= view) {
			return false
		}
	}
	return true
}

func (s *twinSearch) violated(w *twinWorld) {
	if len(s.violations) < 10 {
		s.violations = append(s.violations, fmt.Sprintf("%v (n %d, powers %v, twins %v, leaders %v, partitions %v)",
			w.err, w.n, w.powers, w.twins, w.leaders, w.rounds))
	}
}

// TestTwinsAgree runs every scenario of a few views in which one of four validators is
// two: all leaders, all partitions, in two orders of delivery. Nobody commits what
// contradicts another, no honest validator contradicts itself, and all go on once they
// hear each other.
func TestTwinsAgree(t *testing.T) {
	for _, space := range []struct {
		name  string
		views int
		parts []cells
	}{
		{"all partitions", *twinsAll, distinct(partitions(5))},
		{"partitions with a quorum", *twinsQuorums, withQuorum(distinct(partitions(5)))},
	} {
		for _, newest := range []bool{false, true} {
			if space.views == 0 || newest && space.views > 3 {
				continue // not asked for; of four views, hours
			}
			s, from := twinSearch{views: space.views, parts: space.parts}, time.Now()
			s.all(newest)
			for _, v := range s.violations {
				t.Error(v)
			}
			t.Logf("twins, exhaustive: %s, newest first %v: %d views, %d scenarios, %d rounds, slowest to commit after the last partition: %d views, violations %d, %v",
				space.name, newest, s.views, s.scenarios, s.rounds, s.slowest, len(s.violations), time.Since(from).Round(time.Second))
		}
	}
}

// TestOneScenarioStandsForAllOfOtherNames renames every scenario of one view: of what that
// makes of it, one is run.
func TestOneScenarioStandsForAllOfOtherNames(t *testing.T) {
	runs, kept := map[string]int{}, 0
	name := func(l uint32, c cells) string { return fmt.Sprint(l, c) }
	for l := range uint32(4) {
		group, ok := leastLeader(renamings(), l)
		for _, c := range distinct(partitions(5)) {
			if !ok {
				continue
			}
			if _, ok := leastCells(group, c); ok {
				kept++
				for _, r := range renamings() {
					runs[name(r.leader(l), r.cells(c))] = kept
				}
			}
		}
	}
	if all := 4 * len(distinct(partitions(5))); len(runs) != all || all != 4*(52-5) || kept != 35 {
		t.Errorf("%d scenarios stand for %d of %d", kept, len(runs), all)
	}
}
