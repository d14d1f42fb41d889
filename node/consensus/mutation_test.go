package consensus

import "testing"

// TestMutationsAreCaught switches fatal rules off one by one: some walk must end in
// two quorums that commit different chains.
func TestMutationsAreCaught(t *testing.T) {
	for _, m := range []struct {
		broken mutation
		walks  int
	}{
		{twoVotesAView, 4000},
		{forgetVote, 4000},
		{forgetTimeout, 4000},
		{forgetLock, 4000},
		{optimisticOnOlder, 4000},
		{fallbackBelowTC, 4000},
		{fallbackOlderTC, 4000},
		{weakTC, 4000},
		{commitAfterTimeout, 4000},
		{staleLockReported, 4000},
	} {
		t.Run(string(m.broken), func(t *testing.T) {
			for k := range m.walks {
				if err := newWalk(int64(k+1), m.broken).run(250); err != nil {
					t.Logf("caught after %d walks: %v", k+1, err)
					return
				}
			}
			t.Fatalf("not caught by %d walks", m.walks)
		})
	}
}

// TestEpochMutationIsCaught gives descendants of an epoch's end an outcome of their
// own: nodes must end in a conflict, or with blocks above the end final.
func TestEpochMutationIsCaught(t *testing.T) {
	for seed := range int64(40) {
		p := scenarios()["epochs"]
		p.seed, p.broken = seed, descendantOwnOutcome
		w := newWorld(p)
		if err := w.run(); err != nil {
			t.Logf("caught after %d seeds: %v", seed+1, err)
			return
		}
		for _, n := range w.nodes {
			for h, change := range n.disk.changes {
				if change != nil && uint64(len(n.disk.finals)) > h && n.disk.finals[h].Block.Header.Epoch != change.Number {
					t.Logf("caught after %d seeds: a block above the end at %d is final", seed+1, h)
					return
				}
			}
		}
	}
	t.Fatal("not caught by 40 seeds")
}
