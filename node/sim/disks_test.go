package sim

import (
	"testing"
	"time"
)

// calmPlan is one in which nothing goes wrong but what a test adds.
func calmPlan(seed uint64, nodes int) Plan {
	return Plan{Seed: seed, Nodes: nodes, Faulty: 8 * time.Second, Delay: 15 * time.Millisecond, SlowRun: 5 * time.Millisecond,
		SlowDisk: 2 * time.Millisecond, Epochs: seed%2 == 0, Heal: 15 * time.Second}
}

// Each fault of a disk comes, is noticed, and breaks nothing.
func TestFaultsOfDisks(t *testing.T) {
	comes(t, []coming{
		{"slots wear out", func(p *Plan) { p.WearSlots, p.Crash = 0.3, true }, func(r Result) bool { return r.Noticed > 0 }},
		{"segments wear out", func(p *Plan) { p.WearSegments, p.Crash, p.CrashAll = 0.6, true, true }, func(r Result) bool { return r.Noticed > 0 }},
		{"syncs fail", func(p *Plan) { p.FailSync, p.Crash = true, true }, func(r Result) bool { return r.SyncsFailed > 0 }},
		{"disks are full", func(p *Plan) { p.FullDisk = true }, func(r Result) bool { return r.FullEnds > 0 }},
		{"heights are damaged", func(p *Plan) { p.DamageChain, p.CrashAll = 0.1, true }, func(r Result) bool { return r.Noticed > 0 && r.ChainsLost > 0 }},
		{"the chain volume is lost", func(p *Plan) { p.LoseChain, p.Crash = true, true }, func(r Result) bool { return r.ChainsLost > 0 }},
		{"the signer volume is lost", func(p *Plan) { p.LoseSigner, p.Crash = true, true }, func(r Result) bool { return r.SignersLost > 0 }},
		{"both copies are damaged", func(p *Plan) { p.DamageBoth = true }, func(r Result) bool { return r.Foreign > 0 }},
		{"the signer volume is rolled back", func(p *Plan) { p.RollBack = true }, func(r Result) bool { return r.Foreign > 0 }},
		{"the signer volume is copied", func(p *Plan) { p.CloneVolume = true }, func(r Result) bool { return r.Clones > 0 && r.Foreign > 0 }},
		{"the key is copied", func(p *Plan) { p.CloneKey, p.Crash = true, true }, func(r Result) bool { return r.Clones > 0 }},
	})
}

// Clocks that are wrong, links that clog and partitions by power break nothing either.
func TestFaultsOfClocksAndLinks(t *testing.T) {
	comes(t, []coming{
		{"clocks jump within what blocks may be ahead", func(p *Plan) { p.ClockJump = 400 * time.Millisecond }, func(r Result) bool { return r.ClockJumps > 4 }},
		{"clocks jump far", func(p *Plan) { p.ClockJump, p.Heal = 6*time.Second, p.Heal+18*time.Second }, func(r Result) bool { return r.ClockJumps > 4 }},
		{"clocks drift", func(p *Plan) { p.ClockDrift, p.ClockJump = 100_000, 3*time.Second }, func(r Result) bool { return r.ClockJumps > 4 }},
		{"links clog", func(p *Plan) { p.Clog = 20_000 }, func(r Result) bool { return r.Clogged > 100 }},
		{"links clog until messages are lost", func(p *Plan) { p.Clog = 1_000 }, func(r Result) bool { return r.Lost > 10 }},
		{"partitions", func(p *Plan) { p.Partition, p.Unequal = true, true }, func(r Result) bool { return r.Partitions > 0 }},
	})
}

// coming is a fault and whether a run had it.
type coming struct {
	name string
	set  func(*Plan)
	came func(r Result) bool
}

func comes(t *testing.T, faults []coming) {
	for _, tc := range faults {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			came := 0
			for seed := uint64(1); seed <= 4; seed++ {
				p := calmPlan(seed, 4)
				tc.set(&p)
				r, err := Run(p)
				if err != nil {
					t.Fatalf("%v\n%+v", err, p)
				}
				if tc.came(r) {
					came++
				}
			}
			if came == 0 {
				t.Error("it did not come")
			}
			t.Logf("%s: in %d runs of 4", tc.name, came)
		})
	}
}
