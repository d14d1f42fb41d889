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
