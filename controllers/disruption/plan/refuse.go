package plan

import (
	"fmt"
	"strings"
	"time"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/verdict"
)

// comesBack bounds how long a restarted validator may take before the rollout names it.
const comesBack = 10 * time.Minute

// refuse says why a validator gets no token now, or should not keep an unused one: the
// chain of questions, in order.
func (in *Input) refuse(l *Ledger, f *Validator) Refusal {
	for _, question := range []func(*Input, *Ledger, *Validator) Refusal{
		aBudget, aPod, anIdentity, itsTurnToRestart, finality, theSameSet,
	} {
		if r := question(in, l, f); !r.OK() {
			return r
		}
	}
	c := NewCount(&in.View, l, in.Fleet)
	return c.Decide(f.member(&in.View), in.Policy, f.explicit(l))
}

func aBudget(_ *Input, _ *Ledger, f *Validator) Refusal {
	if f.Foreign != "" {
		return Refusal{"ForeignDisruptionBudget", fmt.Sprintf("PodDisruptionBudget %s selects its pod too, and the API server then refuses every eviction: delete it, or narrow its selector", f.Foreign), false}
	}
	if f.Budget == BudgetTaken {
		return Refusal{v1alpha1.ReasonNameTaken, fmt.Sprintf("PodDisruptionBudget %s is not the operator's: delete it, and one is made that is", f.Name), false}
	}
	if f.Budget == BudgetNone {
		return Refusal{v1alpha1.ReasonWaiting, "its PodDisruptionBudget is being made", false}
	}
	return Refusal{}
}

func aPod(_ *Input, _ *Ledger, f *Validator) Refusal {
	if f.PodState != PodRunning && f.PodState != PodPending {
		return Refusal{"PodNotRunning", "there is no pod to evict", false}
	}
	return Refusal{}
}

func anIdentity(_ *Input, _ *Ledger, f *Validator) Refusal {
	if !f.known() {
		return Refusal{"IdentityUnknown", "its identity is not known, and so not its power: wait until its condition Identified is True", false}
	}
	return Refusal{}
}

// itsTurnToRestart: full nodes first, then one validator at a time, the next when the
// last one's votes are seen.
func itsTurnToRestart(in *Input, l *Ledger, f *Validator) Refusal {
	if f.Ask == nil || f.Ask.Kind != Rollout {
		return Refusal{}
	}
	if w := in.FullNodesWait; w != "" && !f.Ask.Repair {
		return Refusal{"FullNodesFirst", w, true}
	}
	for _, t := range l.Tokens {
		if t.Kind == Rollout && t.Validator != f.Name {
			return Refusal{"OneAtATime", t.Validator + " restarts first, and must be seen voting", true}
		}
	}
	return Refusal{}
}

// finality asks two nodes other than v. Where a person lets the chain halt, it is not
// asked. // rule: finality-probe
func finality(in *Input, l *Ledger, f *Validator) Refusal {
	m := f.member(&in.View)
	if m == nil {
		return Refusal{}
	}
	if in.View.Undrainable(m) != "" && (in.Policy.Halt || f.explicit(l)) {
		return Refusal{}
	}
	if !in.View.Finalises(m.Identity) {
		return Refusal{v1alpha1.ReasonChainHalted, "two nodes other than it do not say that the chain finalises or is idle: `kubectl bedrock why` tells more", true}
	}
	return Refusal{}
}

// theSameSet: what may be down of the present set may be too much of the next one, which
// somebody leaves or enters, or in which powers are others.
func theSameSet(in *Input, l *Ledger, f *Validator) Refusal {
	m, t := f.member(&in.View), l.Token(f.Name)
	if m == nil || m.Presence == Missing || t != nil && t.Again {
		return Refusal{} // it is down already, and counted so by whoever changes the set
	}
	if in.View.Changes {
		return Refusal{"SetChanges", "the chain's set changes with the next epoch: what may be down is counted anew then", true}
	}
	if in.Leaving != "" {
		return Refusal{"SetChanges", in.Leaving + " is on its way to the chain: what may be down is counted anew after it", true}
	}
	return Refusal{}
}

// Verdicts are the conditions that a step ends with.
type Verdicts struct {
	Missing    map[string]verdict.Verdict // by validator
	Disruption map[string]verdict.Verdict
	Network    []verdict.Verdict
}

func verdicts(s *Step, in *Input, refused map[string]Refusal) Verdicts {
	out := Verdicts{Missing: map[string]verdict.Verdict{}, Disruption: map[string]verdict.Verdict{}}
	for i := range in.Fleet {
		f := &in.Fleet[i]
		out.Missing[f.Name] = missing(in, f)
		out.Disruption[f.Name] = disruption(s, in, f, refused)
	}
	out.Network = []verdict.Verdict{disruptable(s, in), rollout(s, in)}
	return out
}

func disruption(s *Step, in *Input, f *Validator, refused map[string]Refusal) verdict.Verdict {
	kind := v1alpha1.ValidatorDisruption
	if t := s.Ledger.Token(f.Name); t != nil {
		switch t.State {
		case Used:
			return verdict.True(kind, "Used", "its pod was evicted at "+clock(t.Since)+" ("+t.Reason+"); waits for its pod")
		case Returning:
			return verdict.True(kind, "Returning", "its pod is back ("+t.Reason+"); waits until two other nodes see its votes")
		}
		if r := aBudget(in, &s.Ledger, f); f.Budget == BudgetTaken {
			return verdict.False(kind, r.Reason, r.Message)
		}
		if m := f.member(&in.View); m != nil && in.shared() && !m.Leased {
			return awaitingLease(in.NoLeases)
		}
		return verdict.True(kind, reasonGranted, "its pod may be evicted since "+clock(t.Since)+" ("+t.Reason+")")
	}
	if r, ok := refused[f.Name]; ok {
		return verdict.False(kind, r.Reason, r.Message)
	}
	if s.Ledger.request(f.Name) != nil {
		return verdict.False(kind, v1alpha1.ReasonWaiting, "its request is next")
	}
	return verdict.False(kind, "NotRequested", "no disruption is asked for")
}

// awaitingLease: who takes the lease is the owner, or this operator, its delegate.
// rule: maintain
func awaitingLease(byOwner bool) verdict.Verdict {
	text := "other operators run validators of this chain: its lease is on its way to the chain, then its pod may be evicted"
	if byOwner {
		text = "other operators run validators of this chain: take a lease for it (bedrock tx validator maintain), then its pod may be evicted"
	}
	return verdict.False(v1alpha1.ValidatorDisruption, "AwaitingLease", text)
}

// reasonGranted is the reason of an unused token.
const reasonGranted = "Granted"

func clock(t time.Time) string { return t.UTC().Format("15:04") }

// disruptable says whether some validator that is up could get a token now.
func disruptable(s *Step, in *Input) verdict.Verdict {
	kind, v := v1alpha1.NetworkDisruptable, &in.View
	if in.Paused {
		return verdict.False(kind, v1alpha1.ReasonPaused, "reconciliation is Paused: no token is granted")
	}
	if v.Total == 0 {
		return verdict.Unknown(kind, "ChainUnknown", "no node of the chain tells its validator set: nothing is granted until two do")
	}
	c := NewCount(v, &s.Ledger, in.Fleet)
	var first Refusal
	for i := range v.Members {
		m := &v.Members[i]
		if _, down := c.down[m.ID]; down {
			continue
		}
		r := c.Decide(m, in.Policy, false)
		if r.OK() && !v.Finalises(m.Identity) && v.Undrainable(m) == "" {
			r = Refusal{v1alpha1.ReasonChainHalted, "two nodes do not say that the chain finalises or is idle", true}
		}
		if r.OK() {
			if in.DrainsNotSeen {
				return verdict.True(kind, v1alpha1.ReasonDrainsNotSeen, "a token could be granted, but the operator may not read nodes, so it sees no cordon: ask by `kubectl bedrock disrupt`, or grant it the nodes role")
			}
			return verdict.True(kind, v1alpha1.ReasonReady, "a token could be granted now")
		}
		if first.OK() || r.Reason == v1alpha1.ReasonUndrainable {
			first = r
		}
	}
	if first.OK() {
		first = c.exhausted(v.Members[0].ID, "")
	}
	return verdict.False(kind, first.Reason, first.Message)
}

// rollout says how far a new image or configuration is.
func rollout(s *Step, in *Input) verdict.Verdict {
	kind := v1alpha1.NetworkRollout
	for _, t := range s.Ledger.Tokens {
		if t.Kind != Rollout || t.State == Granted {
			continue
		}
		if f := in.find(t.Validator); f != nil && f.Trouble != "" {
			return verdict.False(kind, "RolloutPaused", fmt.Sprintf("%s was restarted at %s (%s) and does not come up: %s. No other one is restarted: mend the cause, or go back to the image before", t.Validator, clock(t.Since), t.Reason, f.Trouble))
		}
		if in.Now.Sub(t.Since) >= comesBack {
			return verdict.False(kind, "RolloutPaused", fmt.Sprintf("%s was restarted at %s (%s) and its votes were not seen since: look at its pod, or go back to the image before", t.Validator, clock(t.Since), t.Reason))
		}
	}
	if in.FullNodesWait != "" {
		return verdict.False(kind, "FullNodesFirst", in.FullNodesWait)
	}
	var left []string
	for i := range in.Fleet {
		f := &in.Fleet[i]
		if t := s.Ledger.Token(f.Name); f.Outdated != "" || t != nil && t.Kind == Rollout {
			left = append(left, f.Name)
		}
	}
	if len(left) > 0 {
		return verdict.False(kind, "RollingOut", "one by one: "+strings.Join(left, ", "))
	}
	return verdict.True(kind, v1alpha1.ReasonReady, "every validator runs the wanted image and configuration")
}

// Failed are the verdicts where the API server refused a write: what would be granted is
// not, since nothing says that its budget is open.
func (v Verdicts) Failed(why error) Verdicts {
	for name, d := range v.Disruption {
		if d.OK() && d.Reason == reasonGranted {
			v.Disruption[name] = verdict.False(d.Type, "BudgetNotOpened", fmt.Sprintf("it may go, and the API server refuses what lets it: %v", why))
		}
	}
	return v
}

// Unreadable are the verdicts where the ledger cannot be read. // rule: token-ledger
func Unreadable(in *Input, why error) Verdicts {
	text := fmt.Sprintf("%v: nothing is granted and every budget is closed. Restore it, or delete it: it is made anew, and everybody counts as down until their votes are seen", why)
	out := Verdicts{Missing: map[string]verdict.Verdict{}, Disruption: map[string]verdict.Verdict{}}
	for _, f := range in.Fleet {
		out.Disruption[f.Name] = verdict.Unknown(v1alpha1.ValidatorDisruption, v1alpha1.ReasonLedgerUnreadable, text)
	}
	out.Network = []verdict.Verdict{
		verdict.False(v1alpha1.NetworkDisruptable, v1alpha1.ReasonLedgerUnreadable, text),
		verdict.Unknown(v1alpha1.NetworkRollout, v1alpha1.ReasonLedgerUnreadable, text),
	}
	return out
}
