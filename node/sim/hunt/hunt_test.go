package hunt

import (
	"flag"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/bedrock-bft/bedrock/node/sim"
)

var (
	profileFlag = flag.String("profile", "", "the one profile to hunt with; else all of them")
	seedsFlag   = flag.Uint64("seeds", 1, "how many seeds")
	firstFlag   = flag.Uint64("first", 1, "the first seed")
)

// profile is what goes wrong in the runs of a campaign and what must hold in them.
type profile struct {
	plan func(seed uint64) sim.Plan
	// fine reports errors of a run that are none here.
	fine func(text string) bool
	// sum holds what must be true of all runs together; nil: nothing more.
	sum func(t *testing.T, runs []sim.Result)
}

// hunt runs seeds side by side until the first that fails, by number, and gives it.
func hunt(p *profile, first, seeds uint64) (runs []sim.Result, seed uint64, err error) {
	var mu sync.Mutex
	var next atomic.Uint64
	next.Store(first)
	found := ^uint64(0)
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for {
				n := next.Add(1) - 1
				mu.Lock()
				over := n >= first+seeds || n > found
				mu.Unlock()
				if over {
					return
				}
				r, failed := sim.Run(p.plan(n))
				mu.Lock()
				runs = append(runs, r)
				if failed != nil && (p.fine == nil || !p.fine(failed.Error())) && n < found {
					found, seed, err = n, n, failed
				}
				mu.Unlock()
			}
		}()
	}
	wg.Wait()
	return runs, seed, err
}

// Each profile's campaign finds nothing in the tree, and something in each mutant.
func TestHunt(t *testing.T) {
	all := profiles()
	names := slices.Sorted(maps.Keys(all))
	if *profileFlag != "" {
		names = []string{*profileFlag}
	}
	for _, name := range names {
		p, ok := all[name]
		if !ok {
			t.Fatalf("there is no profile %q: %s", name, strings.Join(slices.Sorted(maps.Keys(all)), ", "))
		}
		runs, _, err := hunt(&p, *firstFlag, *seedsFlag)
		if err != nil {
			t.Errorf("%s: after %d runs: %v", name, len(runs), err)
			continue
		}
		if p.sum != nil {
			p.sum(t, runs)
		}
		t.Logf("%s: %d runs", name, len(runs))
	}
}
