package consensus

import (
	"flag"
	"testing"
)

var seeds = flag.Int("sim.seeds", 20, "seeds of each simulated scenario")
var firstSeed = flag.Int64("sim.seed", 1, "first seed")

// scenarios are what is simulated; every one must agree always and go on after the
// network healed.
func scenarios() map[string]plan {
	return map[string]plan{
		"calm":              {n: 4, maxDelay: 10, until: 3000, load: true},
		"lossy":             {n: 4, maxDelay: 10, loss: 0.2, duplicate: 0.3, healAt: 4000, until: 12_000},
		"crashes":           {n: 4, maxDelay: 10, loss: 0.05, crash: 0.01, healAt: 4000, until: 12_000, load: true},
		"byzantine":         {n: 4, byzantine: true, maxDelay: 15, loss: 0.1, duplicate: 0.2, healAt: 3000, until: 12_000},
		"byzantine crashes": {n: 4, byzantine: true, maxDelay: 15, loss: 0.05, crash: 0.005, healAt: 3000, until: 12_000},
		"hidden QC":         {n: 4, byzantine: true, hide: true, maxDelay: 45, loss: 0.1, healAt: 2000, until: 14_000, load: true},
		"seven":             {n: 7, byzantine: true, maxDelay: 15, loss: 0.1, crash: 0.002, healAt: 2000, until: 9_000},
		"slow execution":    {n: 4, maxDelay: 10, slowExec: 300, loss: 0.1, healAt: 2000, until: 9_000, load: true},
		"epochs":            {n: 4, epochs: true, maxDelay: 10, loss: 0.1, crash: 0.004, healAt: 4000, until: 16_000, load: true},
		"epochs, byzantine": {n: 4, epochs: true, byzantine: true, maxDelay: 10, loss: 0.05, crash: 0.002, healAt: 3000, until: 16_000},
	}
}

func TestSimulation(t *testing.T) {
	for name, p := range scenarios() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			total := uint64(0)
			for k := range *seeds {
				p := p
				p.seed = *firstSeed + int64(k)
				w := newWorld(p)
				var atHeal uint64
				w.after(p.healAt, func() { atHeal = w.lowest() })
				if err := w.run(); err != nil {
					t.Fatal(err)
				}
				if w.lowest() < atHeal+5 {
					t.Fatalf("%s, seed %d: final height %d when healed, %d at the end", name, p.seed, atHeal, w.lowest())
				}
				total += w.lowest()
			}
			t.Logf("%d seeds, mean final height %d", *seeds, total/uint64(*seeds))
		})
	}
}

// TestNoHonestViewIsLost counts the views with an honest leader, after the network
// healed, that certified nothing: none, also against the validator that hides QCs.
func TestNoHonestViewIsLost(t *testing.T) {
	p := plan{n: 4, byzantine: true, hide: true, maxDelay: 45, loss: 0.1, healAt: 1000, until: 20_000, load: true}
	lost, views := 0, 0
	for k := range *seeds {
		p.seed = *firstSeed + int64(k)
		w := newWorld(p)
		if err := w.run(); err != nil {
			t.Fatal(err)
		}
		l, v := w.lost()
		lost, views = lost+l, views+v
	}
	if lost > 0 || views < 10**seeds {
		t.Errorf("%d of %d views with an honest leader lost", lost, views)
	}
}
