package sim

import (
	"flag"
	"log/slog"
	"os"
	"sync"
	"testing"
)

var (
	seedFlag  = flag.Uint64("seed", 0, "run this seed alone, with the nodes' logs")
	seedsFlag = flag.Uint64("seeds", 24, "how many seeds to run")
	nodesFlag = flag.Int("nodes", 4, "how many nodes they have")
)

// Nothing that must hold is violated, whatever the seed lets go wrong, and faults come.
func TestSeeds(t *testing.T) {
	if *seedFlag != 0 {
		log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
		plan := Draw(*seedFlag, *nodesFlag)
		result, err := run(plan, log)
		t.Logf("%+v\n%+v", plan, result)
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	var mu sync.Mutex
	var sum Result
	t.Run("all", func(t *testing.T) {
		const parts = 4
		for part := range uint64(parts) {
			t.Run("", func(t *testing.T) {
				t.Parallel()
				for seed := 1 + part; seed <= *seedsFlag; seed += parts {
					r, err := Run(Draw(seed, *nodesFlag))
					if err != nil {
						t.Errorf("%v\n%+v", err, Draw(seed, *nodesFlag))
					}
					mu.Lock()
					sum.Add(&r)
					mu.Unlock()
				}
			})
		}
	})
	t.Logf("%d seeds: %+v", *seedsFlag, sum)
	if *seedsFlag >= 20 && (sum.Crashes == 0 || sum.Partitions == 0 || sum.Lost == 0 || sum.Epochs == 0 || sum.Height < 20**seedsFlag) {
		t.Errorf("hardly anything happened: %+v", sum)
	}
}

func TestAPlanIsChecked(t *testing.T) {
	for _, p := range []Plan{{Nodes: 0, Heal: 1}, {Nodes: MaxNodes + 1, Heal: 1}, {Nodes: 4}, {Nodes: 4, Heal: 1, Loss: 1}} {
		if _, err := Run(p); err == nil {
			t.Errorf("it ran: %+v", p)
		}
	}
}
