package plan

import (
	"slices"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/controllers/chain"
)

// newcomers: candidate, delegated, ready, weighed; the next is weighed once the last
// one's votes are seen. One that cannot go on does not hold the others.
// rule: leave-only-by-scale
func newcomers(in *MembershipInput) (Action, bool) {
	unseen := in.unseenNewcomer()
	var waiting *Action
	for i := range in.Wanted {
		s := &in.Wanted[i]
		m := in.find(s)
		if m != nil && m.Index >= 0 {
			if a := in.mismatch(s, m); a != nil && waiting == nil {
				waiting = a
			}
			continue
		}
		a := in.newcomer(s, m, unseen)
		if a.Kind != None {
			return a, true
		}
		if waiting == nil {
			waiting = &a
		}
	}
	if waiting != nil {
		return *waiting, true
	}
	return Action{}, false
}

// unseenNewcomer is the member that came last, if its votes are not seen.
func (in *MembershipInput) unseenNewcomer() *chain.Member {
	var last *chain.Member
	for i := range in.Set.Members {
		if m := &in.Set.Members[i]; m.Row.Since > 0 && (last == nil || m.Row.Since > last.Row.Since) {
			last = m
		}
	}
	if last == nil || in.Live[last.Name] {
		return nil
	}
	return last
}

// mismatch: the chain names an identity that no volume of the validator has. New keys
// are never made for it here: takeover decides. // rule: ceremony
func (in *MembershipInput) mismatch(s *Subject, m *chain.Member) *Action {
	if len(s.Identities) == 0 || slices.Contains(s.Identities, m.Identity) {
		return nil
	}
	a := wait(v1alpha1.ReasonKeyMissing, "the chain names the identity %s for %s, and its signer volume has %s: bring the volume back, or ask for a takeover (kubectl bedrock takeover %s)", m.Identity, s.Name, s.active(), s.Name)
	return &a
}

// newcomer is the next step of one that is not in the set.
func (in *MembershipInput) newcomer(s *Subject, m *chain.Member, unseen *chain.Member) Action {
	switch {
	case len(s.Identities) == 0:
		return wait("AwaitingIdentity", "%s has no identity yet", s.Name)
	case m != nil && !slices.Contains(s.Identities, m.Identity):
		return *in.mismatch(s, m)
	case m != nil && m.Row.Status == ledger.StatusJailed:
		return wait("Jailed", "%s is jailed for conflicting votes: it needs a new instance (kubectl bedrock takeover %s) before it is weighed again", s.Name, s.Name)
	case !in.Final:
		return wait(v1alpha1.ReasonChainHalted, "%s waits to join: the chain does not go on", s.Name)
	case in.Operator == (ledger.ID{}):
		return wait(v1alpha1.ReasonKeyMissing, "%s waits to join: the operator's key is missing", s.Name)
	case m == nil && in.OwnerElsewhere:
		return wait(v1alpha1.ReasonAwaitingAuthority, "%s waits to be joined by the owner that genesis.ceremony names: with its identity's consent (bedrock identity consent), bedrock tx validator join", s.Name)
	case m == nil && !s.Synced:
		return wait("Syncing", "%s joins once its node has synced: %s", s.Name, s.WhyNot)
	case m == nil:
		return act(Join, s, nil, "Joining", "%s becomes a candidate", s.Name)
	case m.Row.Delegate != in.Operator && m.Row.Owner == ledger.AddressOf(in.Operator[:]):
		return act(Delegate, s, m, "Delegating", "the operator becomes the delegate of %s", s.Name)
	case !m.Row.Ready && !s.Synced:
		return wait("Syncing", "%s is a candidate; it is ready once its node has synced: %s", s.Name, s.WhyNot)
	case !m.Row.Ready:
		return act(Ready, s, m, "Readying", "the node of %s says that it is ready", s.Name)
	case !s.Synced || !s.Reachable:
		return wait("Unreachable", "%s is ready but gets no power while it is out of reach: %s", s.Name, s.WhyNot)
	case unseen != nil:
		return wait("AwaitingVotes", "%s is weighed once the votes of %s are seen", s.Name, unseen.Moniker)
	case !in.after(m, s.Power):
		return wait("WouldLoseQuorum", "%s waits to be weighed: with it those that vote would be no quorum; bring back those that do not vote first", s.Name)
	}
	a := act(Weigh, s, m, "Weighing", "%s gets power %d", s.Name, s.Power)
	a.Power = s.Power
	return a
}
