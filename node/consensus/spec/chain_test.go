package spec

import "testing"

// chainPowers are the sets of the epochs: a faulty third exactly, with one that changes
// hands; less than a third; and two whose honest quorums have nobody in common.
func chainPowers() map[string][chainEpochs + 1]Powers {
	return map[string][chainEpochs + 1]Powers{
		"a third":    {1: {2, 1, 1, 2}, 2: {1, 1, 2, 2}, 3: {0, 2, 1, 1}},
		"less":       {1: {3, 2, 2, 3}, 2: {5, 1, 1, 3}, 3: {1, 1, 1, 1}},
		"all change": {1: {3, 0, 0, 1}, 2: {0, 1, 2, 1}, 3: {2, 1, 0, 1}},
	}
}

// TestTheChainAgreesOverEpochs visits every state of two epochs of one view, and walks
// through three of up to three views, with unequal powers, failed blocks and reverts.
func TestTheChainAgreesOverEpochs(t *testing.T) {
	walks := 2000
	if *long {
		walks = 50_000
	}
	for name, powers := range chainPowers() {
		epochs := int8(2)
		if *long && name != "less" { // where that has tens of millions of states
			epochs = chainEpochs
		}
		states, violation := ExploreChain(ChainRules{}, ChainBound{Powers: powers, Epochs: epochs, Views: 1, Run: 1}, 1<<23)
		if violation != "" || states < 400 || states >= 1<<23 {
			t.Errorf("%s: %d states: %q", name, states, violation)
		}
		total, reverted := 0, 0
		for _, b := range []ChainBound{{Views: 2, Run: 1}, {Views: 3, Run: 2}} {
			b.Powers, b.Epochs = powers, chainEpochs
			steps, furthest, reverts, violation := WalkChain(ChainRules{}, b, 1, walks)
			if violation != "" || furthest < chainEpochs {
				t.Errorf("%s, %d views: epoch %d after %d steps: %q", name, b.Views, furthest, steps, violation)
			}
			total, reverted = total+steps, reverted+reverts
		}
		if reverted < 10 {
			t.Errorf("%s: %d epochs reverted", name, reverted)
		}
		t.Logf("%s: %d states, %d steps, %d epochs reverted", name, states, total, reverted)
	}
}

// TestEachChainRuleIsNeeded switches the rules of epochs off one by one.
func TestEachChainRuleIsNeeded(t *testing.T) {
	for name, c := range map[string]struct {
		rules  ChainRules
		powers string
	}{
		"a quorum of two thirds exactly":         {ChainRules{AtLeast: true}, "a third"},
		"counted by the set of the epoch before": {ChainRules{OtherSet: true}, "all change"},
		"a descendant's own outcome":             {ChainRules{OwnOutcome: true}, "less"},
		"back into an epoch that was left":       {ChainRules{MayReturn: true}, "less"},
		"an epoch entered by two writes":         {ChainRules{TwoWrites: true}, "less"},
		"the failed run counted in memory":       {ChainRules{RunInMemory: true}, "less"},
		"failed blocks count after a good one":   {ChainRules{RunAfterGood: true}, "less"},
		"an epoch made by a revert is reverted":  {ChainRules{RevertsRevert: true}, "less"},
	} {
		bound := ChainBound{Powers: chainPowers()[c.powers], Epochs: chainEpochs, Views: 2, Run: 1}
		steps, _, _, violation := WalkChain(c.rules, bound, 1, 20_000)
		if violation == "" {
			t.Errorf("%s: nothing found in %d steps", name, steps)
			continue
		}
		t.Logf("%s: %s, after %d steps", name, violation, steps)
	}
}
