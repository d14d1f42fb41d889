package plan

import (
	"slices"

	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/controllers/chain"
)

// Met says whether the chain already is as an operation would make it: then it need
// not be sent (again). // rule: chain-over-API
func Met(op ledger.Operation, set *chain.Set) bool {
	if set == nil || !set.Ledger {
		return false
	}
	switch o := op.(type) {
	case ledger.Join:
		return set.Find(ledger.ValidatorName(o.Identity)) != nil
	case ledger.Delegate:
		m := set.Find(o.Validator)
		return m == nil || m.Row.Delegate == o.Delegate
	case ledger.Ready:
		m := set.Find(o.Validator)
		return m == nil || m.Row.Ready || m.Row.Status == ledger.StatusActive
	case ledger.Leave:
		m := set.Find(o.Validator)
		return m == nil || m.Row.Status == ledger.StatusLeft
	case ledger.Weigh:
		for _, w := range o.Weights {
			m := set.Find(w.Validator)
			if m != nil && (m.Row.Power != w.Power || m.Row.Status != ledger.StatusActive) {
				return false
			}
		}
		return true
	}
	return false
}

// StillWanted says whether the spec still asks for what an operation does. Where the
// chain's word is not known nothing is given up.
func StillWanted(in *MembershipInput, op ledger.Operation) bool {
	weigh, ok := op.(ledger.Weigh)
	if !ok || in.Set == nil || !in.Set.Ledger {
		return true
	}
	for _, w := range weigh.Weights {
		if !slices.ContainsFunc(in.Wanted, func(s Subject) bool {
			m := in.find(&s)
			return m != nil && m.Name == w.Validator && s.Power == w.Power
		}) {
			return false
		}
	}
	return true
}

// Does says whether an operation is what the action would have done.
func (a *Action) Does(op ledger.Operation) bool {
	weigh, ok := op.(ledger.Weigh)
	return ok && a.Kind == Weigh && len(weigh.Weights) == 1 && weigh.Weights[0] == ledger.Weight{Validator: a.Member.Name, Power: a.Power} && weigh.Flags == a.Flags
}

// Unsafe says why what was signed may not be sent now; empty: it may. It was planned when
// it was stored, and an operator may have stood still since. // rule: leave-only-by-scale
func Unsafe(in *MembershipInput, op ledger.Operation) string {
	powers := map[ledger.ID]uint64{}
	switch o := op.(type) {
	case ledger.Leave:
		powers[o.Validator] = 0
	case ledger.Weigh:
		for _, w := range o.Weights {
			powers[w.Validator] = w.Power
		}
	}
	for name, to := range powers {
		m := in.Set.Find(name)
		if m == nil || m.Index < 0 && to == 0 {
			continue // outside the set: nothing is lost
		}
		if a, waits := changing(in); waits {
			return a.Verdict.Message
		}
		if !in.Final {
			return "the chain does not go on"
		}
		if !in.after(m, to) {
			return "those that vote would be no quorum after it"
		}
	}
	return ""
}

// Fate is what becomes of a stored submission.
type Fate int

// Fates of a submission.
const (
	// Send the stored bytes, once more if need be.
	Send Fate = iota
	// Hold: it is on its way, or executed and not seen yet.
	Hold
	// Drop: it has done what it was for, or never will.
	Drop
)

// FateOf decides by what a node knows of the transaction: nil, it knows none.
func FateOf(met bool, execution *chain.Execution) (Fate, string) {
	switch {
	case met:
		return Drop, ""
	case execution == nil:
		return Send, ""
	case execution.Pending:
		return Hold, ""
	case execution.Final && execution.Code != 0:
		return Drop, ledger.CodeName(execution.Code) + ": " + execution.Log
	}
	return Hold, ""
}

// Refused decides by a pool's refusal: what the ledger refuses now it may never take,
// so that the bytes are given up and the next look plans anew; a full pool is tried
// again with the same bytes.
func Refused(v *chain.Verdict) (Fate, string) {
	if v.Admitted {
		return Hold, ""
	}
	if v.Code == 0 {
		return Hold, v.Reason + ": " + v.Text
	}
	return Drop, ledger.CodeName(v.Code) + ": " + v.Text
}
