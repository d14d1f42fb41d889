package plan

import (
	"fmt"
	"time"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/controllers/chain"
	"github.com/bedrock-bft/bedrock/controllers/verdict"
)

const (
	// SeenWithin is on how many of the last final heights a vote counts. // rule: seen
	SeenWithin = 8
	// idleTimers is for how many view timers a validator of an idle chain may be
	// unconnected.
	idleTimers = 3
	// haltTimers is after how many view timers without a final height a chain with
	// work counts as halted.
	haltTimers = 5
)

// View is what one node says.
type View struct {
	Validator string // whose node it is
	Status    *chain.Status
	Set       *chain.Set // nil: it was asked for its status alone
}

// Tells says whether a node tells the set: one that fetches blocks tells one of long ago,
// in which who joined since is not.
func (v *View) Tells() bool { return v.Set != nil && (v.Status == nil || !v.Status.Syncing) }

// Told says whether two nodes tell the set, as far as there are two. // rule: chain-over-API
func Told(views []View) bool {
	told, set := 0, Newest(views)
	for i := range views {
		if views[i].Tells() {
			told++
		}
	}
	return set != nil && told >= enough(len(set.Members))
}

// Newest is the set of the view with the highest epoch and height, nil if there is none.
func Newest(views []View) *chain.Set {
	var best *chain.Set
	for i := range views {
		s := views[i].Set
		if views[i].Tells() && (best == nil || s.Epoch > best.Epoch || s.Epoch == best.Epoch && s.Height > best.Height) {
			best = s
		}
	}
	return best
}

// enough is how many nodes' word is needed where so many could be asked: two, as far
// as there are two.
func enough(possible int) int { return max(1, min(2, possible)) }

// Finality is the condition Finalizing: two nodes' own report. An idle chain, on which
// nothing waits, is well. // rule: finality-probe
func Finality(views []View, validators int) verdict.Verdict {
	need := enough(validators)
	answered, well, fresh, waiting := 0, 0, 0, false
	for i := range views {
		s := views[i].Status
		if s == nil {
			continue
		}
		answered++
		if Final(s) {
			well++
		}
		if s.FinalHeight == 0 && s.CommitAge <= haltTimers*max(s.ViewTimer, s.BaseTimer) {
			fresh++
		}
		waiting = waiting || s.OldestWaiting > 0
	}
	switch {
	case answered < need:
		return verdict.Unknown(v1alpha1.NetworkFinalizing, "NodesDoNotAnswer", fmt.Sprintf("fewer than %d nodes answer: it is not known whether the chain goes on; look at the pods and at the operator's way to them", need))
	case well >= need && !quorumThere(views, validators):
		return verdict.False(v1alpha1.NetworkFinalizing, v1alpha1.ReasonChainHalted, "nothing waits, but a third of the power or more is out of the others' reach: without it no block becomes final (kubectl bedrock why)")
	case well >= need:
		return verdict.True(v1alpha1.NetworkFinalizing, "FinalOrIdle", fmt.Sprintf("%d nodes or more report that blocks become final, or that nothing waits", need))
	}
	if fresh >= need {
		return verdict.False(v1alpha1.NetworkFinalizing, "Starting", "the nodes run and no block is final yet")
	}
	what := "views fail and nothing waits yet"
	if waiting {
		what = "transactions wait"
	}
	return verdict.False(v1alpha1.NetworkFinalizing, v1alpha1.ReasonChainHalted, fmt.Sprintf("no block has become final for more than %d view timers and %s: more than 2/3 of the power must run and reach each other (kubectl bedrock why)", haltTimers, what))
}

// quorumThere says whether the members that two nodes have not lost could finalise: a
// chain that halted while nothing waited looks idle otherwise. What is not known counts
// as there. // rule: finality-probe
func quorumThere(views []View, validators int) bool {
	set := Newest(views)
	if set == nil {
		return true
	}
	var total, there uint64
	for i := range set.Members {
		total += set.Members[i].Power
		if !lost(&set.Members[i], views, validators) {
			there += set.Members[i].Power
		}
	}
	return total == 0 || quorum(there, total)
}

// lost says whether all nodes but a member's own, and two at least, have neither a
// connection to it nor a vote of it for some timers.
func lost(m *chain.Member, views []View, validators int) bool {
	others, without := 0, 0
	for i := range views {
		v := &views[i]
		if v.Set == nil || v.Status == nil || v.Status.Identity == m.Identity {
			continue
		}
		others++
		timers := idleTimers * max(v.Status.ViewTimer, v.Status.BaseTimer)
		o := v.Set.ByIdentity(m.Identity)
		if o != nil && !o.Seen.Connected && o.Seen.ConnectionAge >= timers && o.Seen.VoteAge >= timers {
			without++
		}
	}
	return without == others && without >= enough(validators-1)
}

// Final says whether a node reports a chain that goes on: a recent final height, or
// nothing to do. A node that has seen no height yet reports nothing.
func Final(s *chain.Status) bool {
	if s.FinalHeight == 0 {
		return false
	}
	timer := max(s.ViewTimer, s.BaseTimer, time.Millisecond)
	if s.CommitAge <= haltTimers*timer {
		return true
	}
	return s.OldestWaiting == 0 && s.FailedViews == 0 || s.OldestWaiting == 0 && s.CommitAge <= s.IdleInterval+haltTimers*timer
}

// Live says whether a member of the set is seen to vote by two nodes other than its
// own, or, where the chain is idle, to be connected to them. What is not known is not
// live. // rule: seen
func Live(m *chain.Member, views []View, validators int) bool {
	others, seen := 0, 0
	for i := range views {
		v := &views[i]
		if v.Set == nil || v.Status == nil {
			continue
		}
		own := v.Status.Identity == m.Identity
		if own && validators > 1 {
			continue
		}
		others++
		if own || sees(v, m.Identity) {
			seen++
		}
	}
	return others > 0 && seen >= enough(max(1, validators-1))
}

func sees(v *View, identity ledger.ID) bool {
	m := v.Set.ByIdentity(identity)
	if m == nil {
		return false
	}
	if m.Seen.VoteHeight > 0 && m.Seen.VoteHeight+SeenWithin >= v.Status.FinalHeight {
		// On a chain that stands still the last votes are old and prove nothing.
		timer := max(v.Status.ViewTimer, v.Status.BaseTimer)
		moving := v.Status.CommitAge <= haltTimers*timer+v.Status.IdleInterval
		return moving || m.Seen.Connected || m.Seen.ConnectionAge <= idleTimers*timer
	}
	return false
}
