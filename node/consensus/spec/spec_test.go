package spec

import "testing"

// TestTheProtocolAgrees visits every state of two views, and walks through four.
func TestTheProtocolAgrees(t *testing.T) {
	states, violation := Explore(Rules{}, 2, 1<<24)
	if violation != "" || states < 10_000 {
		t.Fatalf("%d states: %s", states, violation)
	}
	steps, violation := Walk(Rules{}, Views, 1, 6000)
	if violation != "" {
		t.Fatalf("after %d steps: %s", steps, violation)
	}
	t.Logf("%d states of two views, %d steps through four", states, steps)
}

// TestEachRuleIsNeeded switches the rules off one by one.
func TestEachRuleIsNeeded(t *testing.T) {
	for name, r := range map[string]Rules{
		"two votes a view":            {TwoVotes: true},
		"timeout_view forgotten":      {ForgetTimeout: true},
		"lock forgotten":              {ForgetLock: true},
		"stale lock reported":         {StaleLock: true},
		"direct vote on an older QC":  {DirectOnOlder: true},
		"fallback below the TC":       {FallbackBelow: true},
		"fallback with an older TC":   {FallbackOlderTC: true},
		"TC of a weak quorum":         {WeakTC: true},
		"commit vote after a timeout": {CommitAfter: true},
		"commit vote without a lock":  {CommitWithoutLock: true},
	} {
		steps, violation := Walk(r, Views, 1, 60_000)
		if violation == "" {
			t.Errorf("%s: nothing found in %d steps", name, steps)
			continue
		}
		t.Logf("%s: %s, after %d steps", name, violation, steps)
	}
}
