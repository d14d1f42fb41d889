package plan

import (
	"fmt"
	"slices"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/controllers/chain"
	"github.com/bedrock-bft/bedrock/controllers/verdict"
)

// tolerant is how many validators tolerate a fault: the ledger takes a change to
// fewer only where the transaction allows it.
const tolerant = 4

// Subject is a Validator of the network, with what is known of its node.
type Subject struct {
	Name  string
	Power uint64
	// Identities of its instances; the active one's is last.
	Identities []ledger.ID
	// Genesis is the identity that the genesis gave it, zero if it gave none.
	Genesis ledger.ID
	// Synced: its node answers with the active identity and has synced.
	Synced bool
	// Reachable: two nodes of the set are connected to it.
	Reachable bool
	// WhyNot says what of the two is lacking.
	WhyNot string
}

// active is the identity of the active instance.
func (s *Subject) active() ledger.ID {
	if len(s.Identities) == 0 {
		return ledger.ID{}
	}
	return s.Identities[len(s.Identities)-1]
}

// MembershipInput is what the membership step knows.
type MembershipInput struct {
	Wanted  []Subject // in the order in which newcomers come
	Leaving []Subject // Validators that are there and not wanted any more
	Set     *chain.Set
	Told    bool               // two nodes tell a set
	Live    map[ledger.ID]bool // members of the set, by name
	Final   bool               // the chain goes on, by two nodes' report
	// Operator is the operator's key on the chain, zero if it is not known.
	Operator ledger.ID
	// OwnerElsewhere: the ceremony named an owner that is not the operator.
	OwnerElsewhere bool
}

// Kind is what is to be done.
type Kind string

// Kinds of actions; all but Forget are operations of the ledger.
const (
	None     Kind = ""
	Join     Kind = "join"
	Delegate Kind = "delegate"
	Ready    Kind = "ready"
	Weigh    Kind = "weigh"
	Leave    Kind = "leave"
	// Forget deletes the Validator: the chain has let it go.
	Forget Kind = "forget"
)

// Action is one change, or none and why.
type Action struct {
	Kind      Kind
	Validator string        // its Validator's name
	Member    *chain.Member // on the chain; nil for Join
	Power     uint64        // of Weigh
	Flags     ledger.Flags
	Verdict   verdict.Verdict // the condition MembershipCurrent
}

// Purpose names what a submission is for.
func (a *Action) Purpose() string { return string(a.Kind) + ":" + a.Validator }

func wait(reason, format string, args ...any) Action {
	return Action{Verdict: verdict.False(v1alpha1.NetworkMembership, reason, fmt.Sprintf(format, args...))}
}

func act(kind Kind, s *Subject, m *chain.Member, reason, format string, args ...any) Action {
	a := wait(reason, format, args...)
	a.Kind, a.Validator, a.Member = kind, s.Name, m
	return a
}

// Membership decides the next change of who validates: at most one at a time, the dead
// leave first, then powers, then newcomers one by one. // rule: leave-only-by-scale
func Membership(in *MembershipInput) Action {
	for _, step := range []func(*MembershipInput) (Action, bool){readable, forget, changing, leave, powers, newcomers} {
		if a, decided := step(in); decided {
			return a
		}
	}
	return Action{Verdict: verdict.True(v1alpha1.NetworkMembership, "SetIsTheSpecs", fmt.Sprintf("the chain's set has the %d validators of the spec", len(in.Wanted)))}
}

// readable: without the chain's word nothing is changed. // rule: chain-over-API
func readable(in *MembershipInput) (Action, bool) {
	switch {
	case in.Set == nil || !in.Told:
		return Action{Verdict: verdict.Unknown(v1alpha1.NetworkMembership, "ChainNotRead", "no two nodes that are synced have told their set: membership is read from the chain before anything is planned")}, true
	case !in.Set.Ledger:
		if len(in.Set.Members) == len(in.Wanted) && len(in.Leaving) == 0 {
			return Action{Verdict: verdict.True(v1alpha1.NetworkMembership, "SetIsTheSpecs", fmt.Sprintf("the chain's set has %d validators, as the spec", len(in.Wanted)))}, true
		}
		return wait("ExecutorKeepsNoValidators", "the chain's executor keeps no validators: its set of %d cannot be changed from here; set the count back to it", len(in.Set.Members)), true
	}
	return Action{}, false
}

// find is the validator on the chain that a subject is: by any of its identities, by
// the name that its first one gave, or by the one that genesis gave it.
func (in *MembershipInput) find(s *Subject) *chain.Member {
	for _, list := range [][]chain.Member{in.Set.Members, in.Set.Outside} {
		for i := range list {
			m := &list[i]
			if s.Genesis != (ledger.ID{}) && m.Name == ledger.ValidatorName(s.Genesis) {
				return m
			}
			for _, id := range s.Identities {
				if m.Identity == id || m.Row.Identity == id || m.Name == ledger.ValidatorName(id) {
					return m
				}
			}
		}
	}
	return nil
}

// forget: what the chain has let go, or never had, is deleted. // rule: leave-only-by-scale
func forget(in *MembershipInput) (Action, bool) {
	for i := range in.Leaving {
		s := &in.Leaving[i]
		if in.find(s) == nil {
			return act(Forget, s, nil, "Leaving", "%s is not on the chain any more: its Validator goes", s.Name), true
		}
	}
	return Action{}, false
}

// changing: while the next epoch's set is another, the next change waits for it.
func changing(in *MembershipInput) (Action, bool) {
	for i := range in.Set.Members {
		m := &in.Set.Members[i]
		if m.Row.Status != ledger.StatusActive || m.Row.Power != m.Power || m.Row.Identity != m.Identity {
			return wait("EpochChanges", "a change of %s takes effect with the next epoch", m.Moniker), true
		}
	}
	for i := range in.Set.Outside {
		if m := &in.Set.Outside[i]; m.Row.Status == ledger.StatusActive {
			return wait("EpochChanges", "%s enters with the next epoch", m.Moniker), true
		}
	}
	return Action{}, false
}

// after says whether the live power is a quorum once member m has power to (0: gone).
// A newcomer counts as dead, unless the set is too small for that.
func (in *MembershipInput) after(m *chain.Member, to uint64) bool {
	var total, live uint64
	for i := range in.Set.Members {
		o := &in.Set.Members[i]
		power := o.Power
		if o.Name == m.Name {
			power = to
		}
		total += power
		if in.Live[o.Name] {
			live += power
		}
	}
	if m.Index >= 0 {
		return quorum(live, total)
	}
	if !quorum(total, total+to) {
		live += to // 1 to 2, or 2 to 3: the newcomer has to be one of the quorum
	}
	return quorum(live, total+to)
}

func quorum(live, total uint64) bool { return 3*live > 2*total }

// leave: the dead first. // rule: leave-only-by-scale
func leave(in *MembershipInput) (Action, bool) {
	type leaver struct {
		s *Subject
		m *chain.Member
	}
	var all []leaver
	for i := range in.Leaving {
		all = append(all, leaver{&in.Leaving[i], in.find(&in.Leaving[i])})
	}
	if len(all) == 0 {
		return Action{}, false
	}
	if !in.Final {
		return wait(v1alpha1.ReasonChainHalted, "%s waits to leave: the chain does not go on", all[0].s.Name), true
	}
	rank := func(l leaver) int {
		switch {
		case l.m.Index < 0:
			return 0 // outside the set: nothing is lost
		case !in.Live[l.m.Name]:
			return 1
		}
		return 2
	}
	slices.SortStableFunc(all, func(a, b leaver) int { return rank(a) - rank(b) })
	for _, l := range all {
		if l.m.Index >= 0 && !in.after(l.m, 0) {
			continue
		}
		return in.letGo(l.s, l.m), true
	}
	return wait("WouldLoseQuorum", "%s waits to leave: without it those that vote would be no quorum of the rest; bring back those that do not vote first", all[0].s.Name), true
}

func (in *MembershipInput) letGo(s *Subject, m *chain.Member) Action {
	switch {
	case in.Operator == (ledger.ID{}):
		return wait(v1alpha1.ReasonKeyMissing, "%s waits to leave: the operator's key is missing", s.Name)
	case m.Row.Delegate == in.Operator:
		a := act(Leave, s, m, "Leaving", "%s leaves the set", s.Name)
		if len(in.Wanted) < tolerant {
			a.Flags = ledger.AllowFewer // the spec asks for it
		}
		return a
	case m.Row.Owner == ledger.AddressOf(in.Operator[:]):
		return act(Delegate, s, m, "Delegating", "the operator becomes the delegate of %s", s.Name)
	}
	return wait("NotDelegate", "%s waits to leave: its delegate on the chain is not this operator (%s); its owner lets it leave or names the delegate (bedrock tx validator delegate)", s.Name, in.Operator)
}

// powers: a member whose power is not the spec's is weighed.
func powers(in *MembershipInput) (Action, bool) {
	var held string
	for i := range in.Wanted {
		s := &in.Wanted[i]
		m := in.find(s)
		if m == nil || m.Index < 0 || m.Power == s.Power {
			continue
		}
		if !in.Final {
			return wait(v1alpha1.ReasonChainHalted, "%s waits to be weighed: the chain does not go on", s.Name), true
		}
		if !in.after(m, s.Power) {
			held = s.Name
			continue
		}
		a := act(Weigh, s, m, "Weighing", "%s gets power %d", s.Name, s.Power)
		a.Power = s.Power
		return a, true
	}
	if held != "" {
		return wait("WouldLoseQuorum", "%s waits to be weighed: those that vote would be no quorum; bring back those that do not vote first", held), true
	}
	return Action{}, false
}
