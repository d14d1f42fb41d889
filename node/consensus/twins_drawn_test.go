package consensus

import (
	"math/rand"
	"strings"
	"testing"
	"time"
)

// twoOfSeven is a scenario of seven validators, two of which are two.
func twoOfSeven(seed int64) (twinScenario, *rand.Rand) {
	rnd := rand.New(rand.NewSource(seed))
	return twinScenario{n: 7, twins: []int{0, 1}, shuffle: seed, loss: 0.2 * float64(rnd.Intn(5))}, rnd
}

// unequal draws powers, and twins of at most a third.
func unequal(seed int64) (twinScenario, *rand.Rand) {
	s, rnd := twoOfSeven(seed)
	s.n, s.powers, s.twins = 4+rnd.Intn(4), map[int]uint64{}, nil
	total := uint64(0)
	for i := range s.n {
		s.powers[i] = 1 + uint64(rnd.Intn(6))
		total += s.powers[i]
	}
	left := total / 3
	for _, i := range rnd.Perm(s.n) {
		if s.powers[i] <= left {
			left -= s.powers[i]
			s.twins = append(s.twins, i)
		}
	}
	return s, rnd
}

// live reports whether the twins have less than a third.
func (s *twinScenario) live() bool {
	var total, bad uint64
	for i := range s.n {
		total += max(1, s.powers[i])
	}
	for _, i := range s.twins {
		bad += max(1, s.powers[i])
	}
	return 3*bad < total
}

// sample plays a scenario with random leaders, every other of them a twin, and random
// partitions.
func (s *twinSearch) sample(t twinScenario, rnd *rand.Rand) {
	w := newTwinWorld(t)
	leaders := make([]uint32, 3+rnd.Intn(5))
	for v := range leaders {
		leaders[v] = uint32(rnd.Intn(t.n))
		if len(t.twins) > 0 && rnd.Intn(2) == 0 {
			leaders[v] = uint32(t.twins[rnd.Intn(len(t.twins))])
		}
	}
	views := len(leaders)
	for _, l := range rnd.Perm(t.n) {
		leaders = append(leaders, uint32(l))
	}
	w.lead(leaders...)
	w.begin()
	for range views {
		c := make(cells, t.instances())
		for i := range c {
			c[i] = int8(max(0, rnd.Intn(5)-2)) // a large one, and up to two small
		}
		s.play(w, c)
	}
	s.scenarios++
	if t.live() {
		s.heal(w, t.n+2)
	} else if w.err != nil {
		s.violated(w)
	}
}

// TestMoreTwinsAgree draws scenarios with two twins of seven, and with unequal powers and
// twins of at most a third, in any order of delivery and with losses.
func TestMoreTwinsAgree(t *testing.T) {
	for name, draw := range map[string]func(int64) (twinScenario, *rand.Rand){"two of seven": twoOfSeven, "unequal powers": unequal} {
		s, from := twinSearch{}, time.Now()
		for k := range *twinsSamples {
			if s.sample(draw(*firstSeed + int64(k))); len(s.violations) > 0 {
				t.Errorf("seed %d: %s: %s", *firstSeed+int64(k), name, s.violations[0])
				break
			}
		}
		t.Logf("twins, drawn: %s, seeds from %d: %d scenarios, %d rounds, slowest to commit after the last partition: %d views, violations %d, %v",
			name, *firstSeed, s.scenarios, s.rounds, s.slowest, len(s.violations), time.Since(from).Round(time.Second))
	}
}

// TestTooManyTwins shows that a conflict would be seen: two twins of four are one more than
// there may be. Rules that are off are seen too (test/mutants/protocol-twins.txt).
func TestTooManyTwins(t *testing.T) {
	for seed := int64(1); seed <= 4000; seed++ {
		drawn, rnd := twoOfSeven(seed)
		drawn.n, drawn.blind = 4, true
		s := twinSearch{}
		if s.sample(drawn, rnd); len(s.violations) > 0 {
			if !strings.Contains(s.violations[0], "CONFLICT") {
				t.Fatalf("seed %d: %s", seed, s.violations[0])
			}
			t.Logf("seed %d: %s", seed, s.violations[0])
			return
		}
	}
	t.Error("4000 scenarios with two twins of four, and no conflict")
}
