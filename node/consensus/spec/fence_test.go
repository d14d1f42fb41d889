package spec

import (
	"flag"
	"strings"
	"testing"
)

var long = flag.Bool("long", false, "explore further: minutes of CPU, 4 GiB")

// fenceBounds are explored whole.
func fenceBounds() map[string]Bound {
	bounds := map[string]Bound{
		"two volumes, two faults":  {Slots: 2, Identities: 3, Views: 1, Faults: 2},
		"three volumes, one fault": {Slots: 3, Identities: 3, Views: 1, Faults: 1},
	}
	if *long {
		bounds["two volumes, two faults, two views"] = Bound{Slots: 2, Identities: 3, Views: 2, Faults: 2}
		bounds["two volumes, four faults, four identities"] = Bound{Slots: 2, Identities: 4, Views: 1, Faults: 4}
		bounds["three volumes, two faults"] = Bound{Slots: 3, Identities: 3, Views: 1, Faults: 2}
	}
	return bounds
}

// TestFenceHolds visits every state within the bounds. identity-once and key-deleted are
// redundant in it, each and together: what they guard against besides is peers that
// forgot, and the fault bound of sets that are over.
func TestFenceHolds(t *testing.T) {
	for name, b := range fenceBounds() {
		b.States = 1 << 24
		states, whole, violation, trace := ExploreFence(FenceRules{}, b)
		if !whole || violation != "" || states < 100_000 {
			t.Errorf("%s: %d states, whole %v: %s after\n%s", name, states, whole, violation, strings.Join(trace, "\n"))
			continue
		}
		t.Logf("%s: %d states", name, states)
	}
	if states, whole, _, _ := ExploreFence(FenceRules{}, Bound{Slots: 2, Identities: 2, Views: 1, States: 100}); whole || states < 100 {
		t.Errorf("stopped at %d states, whole %v", states, whole)
	}
	small := Bound{Slots: 2, Identities: 3, Views: 1, Faults: 1, States: 1 << 20}
	for name, r := range map[string]FenceRules{
		"identity-once": {Return: true},
		"key-deleted":   {KeysKept: true},
		"both":          {Return: true, KeysKept: true},
	} {
		if _, whole, violation, trace := ExploreFence(r, small); !whole || violation != "" {
			t.Errorf("without %s, whole %v: %s after\n%s", name, whole, violation, strings.Join(trace, "\n"))
		}
	}
}

// TestEachFenceRuleIsNeeded switches rules off one by one: within few steps the key
// signs twice.
func TestEachFenceRuleIsNeeded(t *testing.T) {
	for name, c := range map[string]struct {
		rules FenceRules
		steps int // the shortest way
	}{
		"identity-born: a shared identity":              {FenceRules{SharedIdentity: true}, 6},
		"instance-match: off":                           {FenceRules{AnyIdentity: true}, 6},
		"instance-match: a set that is only executed":   {FenceRules{ExecutedSet: true}, 9},
		"key-with-memory: a lost vote log starts empty": {FenceRules{LostMemory: true}, 8},
		"volume-foreign: marks not compared":            {FenceRules{AnyMarks: true}, 7},
		"volume-foreign: a false statement":             {FenceRules{FalseStatement: true}, 8},
		"own-echo: off":                                 {FenceRules{NoEcho: true}, 8},
		"own-echo: answers from later epochs count":     {FenceRules{EchoBehind: true}, 10},
		"persist-first: the vote not on the volume":     {FenceRules{NoSync: true}, 6},
		"not covered: rolled back, and nobody heard":    {FenceRules{UnheardRollback: true}, 9},
	} {
		states, _, violation, trace := ExploreFence(c.rules, Bound{Slots: 2, Identities: 3, Views: 1, Faults: 2, States: 1 << 20})
		if violation == "" || len(trace) != c.steps {
			t.Errorf("%s: %q in %d steps, want %d, %d states\n%s", name, violation, len(trace), c.steps, states, strings.Join(trace, "\n"))
			continue
		}
		t.Logf("%s: %s after %d states\n    %s", name, violation, states, strings.Join(trace, "\n    "))
	}
}
