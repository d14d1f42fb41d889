package byzantine

import (
	"flag"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/bedrock-bft/bedrock/node/sim"
)

var (
	seedFlag    = flag.Uint64("seed", 1, "the first seed")
	seedsFlag   = flag.Uint64("seeds", 12, "how many seeds to run; 1 with -v: with the nodes' logs")
	nodesFlag   = flag.Int("nodes", 4, "how many validators they have")
	conductFlag = flag.String("conduct", "", "what every Byzantine validator does; empty: drawn")
	faultsFlag  = flag.Bool("faults", true, "draw benign faults too")
)

// planned is what one seed of a campaign runs.
func planned(seed uint64) (Setup, sim.Plan) {
	p, s := sim.Draw(seed, *nodesFlag), Draw(seed, *nodesFlag)
	if *conductFlag != "" {
		s = Same(*conductFlag, *nodesFlag)
	}
	if !*faultsFlag {
		p.Loss, p.Duplicate, p.Partition, p.Crash, p.CrashAll = 0, 0, false, false, false
	}
	return s, p
}

// Nothing that must hold is violated, whatever up to a third do.
func TestCampaign(t *testing.T) {
	var mu sync.Mutex
	sum, all := newReport(), sim.Result{}
	log := slog.New(slog.DiscardHandler)
	if *seedsFlag == 1 && testing.Verbose() {
		log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	begin := time.Now()
	t.Run("all", func(t *testing.T) {
		const parts = 4
		for part := range uint64(parts) {
			t.Run("", func(t *testing.T) {
				t.Parallel()
				for seed := *seedFlag + part; seed < *seedFlag+*seedsFlag; seed += parts {
					s, p := planned(seed)
					p, report, err := s.On(p)
					if err != nil {
						t.Error(err)
						return
					}
					r, err := sim.RunLogged(p, log)
					if err != nil {
						t.Errorf("%v\nconduct: %v\nplan: %+v\nafter %s", err, s, p, time.Since(begin))
					}
					mu.Lock()
					sum.add(report)
					all.Virtual, all.Switches, all.Messages = all.Virtual+r.Virtual, all.Switches+r.Switches, all.Messages+r.Messages
					all.Height, all.Crashes, all.Epochs, all.Evidence = all.Height+r.Height, all.Crashes+r.Crashes, all.Epochs+r.Epochs, all.Evidence+r.Evidence
					all.Healed = max(all.Healed, r.Healed)
					mu.Unlock()
				}
			})
		}
	})
	t.Logf("%d seeds: %+v\nevidence %v, views %+v", *seedsFlag, all, sum.Evidence, sum.Views)
	for _, name := range sorted(sum.Did) {
		t.Logf("  %-24s %d", name, sum.Did[name])
	}
	for _, reason := range sorted(sum.Penalised) {
		t.Logf("  penalised %4d times: %s", sum.Penalised[reason], reason)
	}
}
