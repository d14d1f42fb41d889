package byzantine

import (
	"flag"
	"testing"
	"time"

	"github.com/bedrock-bft/bedrock/node/sim"
)

var viewsFlag = flag.Int("views", 100, "how many honest-led views are judged under the adaptive adversary")

// calmDelay is half of the devnet's settle: what it is meant for.
const calmDelay = 49 * time.Millisecond

// adversary runs seeds under the adaptive adversary until so many honest-led views after
// the healing are judged.
func adversary(t *testing.T, nodes, least int, settleMs uint64) (sum *Report) {
	t.Helper()
	sum = newReport()
	for seed := *seedFlag; sum.Views.Honest < least; seed++ {
		p := sim.Draw(seed, nodes)
		p.Faulty, p.SlowRun, p.SlowDisk, p.Epochs, p.Unequal = min(p.Faulty, 3*time.Second), 5*time.Millisecond, 2*time.Millisecond, false, false
		p.Crash, p.CrashAll, p.Calm, p.Watch, p.Heal = false, false, calmDelay, min(5*time.Minute, time.Duration(least)*time.Second), 20*time.Second
		s := Same(hidden, nodes)
		s.SettleMs = settleMs
		p, report, err := s.On(p)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := sim.Run(p); err != nil {
			t.Fatal(err)
		}
		sum.add(report)
		t.Logf("seed %d: %+v", seed, sum.Views)
	}
	t.Logf("%d nodes, settle %d ms: %+v, certificates shown %d times", nodes, settleMs, sum.Views, sum.Did[hidden+": shown"])
	return sum
}

// nodesOf are the sizes that are tried: that of the flag, when views are many.
func nodesOf() []int {
	if *viewsFlag > 1000 {
		return []int{*nodesFlag}
	}
	return []int{4, 7}
}

// At most one honest-led view in a thousand is lost while a certificate is kept hidden,
// and finality never stops.
func TestAHiddenCertificateCostsNoView(t *testing.T) {
	for _, nodes := range nodesOf() {
		sum := adversary(t, nodes, *viewsFlag, 0)
		if sum.Views.Lost > *viewsFlag/1000 {
			t.Errorf("%d nodes: %d of %d honest-led views were lost, at most one in 1,000 may be: %v", nodes, sum.Views.Lost, sum.Views.Honest, sum.Views.LostViews)
		}
		if sum.Did[hidden+": shown"] == 0 || sum.Views.ByTimeout == 0 {
			t.Errorf("%d nodes: no certificate was hidden: %+v", nodes, sum)
		}
	}
}

// Without the wait for settle the same adversary costs views: the instrument sees it.
func TestWithoutSettleAHiddenCertificateCostsViews(t *testing.T) {
	if sum := adversary(t, 4, *viewsFlag, 1); sum.Views.Lost == 0 {
		t.Errorf("none of %d honest-led views was lost with a settle of 1 ms", sum.Views.Honest)
	}
}
