package diagnose

import (
	"cmp"
	"slices"
	"time"

	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/controllers/chain"
)

// Bounds of what counts as seen and as final in time. // rule: seen, finality-probe
const (
	recentHeights   = 8
	enoughWitnesses = 2
	absentTimers    = 3
	finalTimers     = 8
	freeFailedViews = 2
)

// Account is what one node said, or that it did not answer.
type Account struct {
	Node   string // pod or endpoint
	Status *chain.Status
	Set    *chain.Set
	Err    error
}

// witness says whether a node's account counts for others.
func (a *Account) witness() bool { return a.Status != nil && a.Set != nil && !a.Status.Syncing }

// Presence is whether a validator is seen to vote.
type Presence string

// Values of Presence.
const (
	Voting  Presence = "voting"
	Missing Presence = "missing"
	Unknown Presence = "unknown"
)

// Validator is a member of the set, by the accounts of the nodes.
type Validator struct {
	Name     ledger.ID `json:"name"`
	Identity ledger.ID `json:"identity"`
	Moniker  string    `json:"moniker"`
	Power    uint64    `json:"power"`
	Presence Presence  `json:"presence"`
	// LastVote is the newest height of which a node saw its vote.
	LastVote uint64 `json:"lastVote"`
	// NotSeenBy and SeenBy are the nodes that say so, itself excepted.
	NotSeenBy []string `json:"notSeenBy,omitempty"`
	SeenBy    []string `json:"seenBy,omitempty"`
}

// validators puts the accounts of the set of the newest epoch together.
func validators(accounts []Account, progress bool) (set *chain.Set, out []Validator) {
	for i := range accounts {
		a := &accounts[i]
		if a.Set != nil && (set == nil || a.Set.Epoch > set.Epoch || a.Set.Epoch == set.Epoch && a.Set.Height > set.Height) {
			set = a.Set
		}
	}
	if set == nil {
		return nil, nil
	}
	for i := range set.Members {
		m := &set.Members[i]
		v := Validator{Name: m.Name, Identity: m.Identity, Moniker: m.Moniker, Power: m.Power}
		for j := range accounts {
			v.hear(&accounts[j], progress)
		}
		v.Presence = v.presence()
		out = append(out, v)
	}
	return set, out
}

// hear adds one node's account of a validator.
func (v *Validator) hear(a *Account, progress bool) {
	if !a.witness() {
		return
	}
	m := a.Set.ByIdentity(v.Identity)
	if m == nil {
		return
	}
	v.LastVote = max(v.LastVote, m.Seen.VoteHeight)
	if a.Status.Identity == v.Identity {
		return
	}
	if sees(a.Status, m.Seen, progress) {
		v.SeenBy = append(v.SeenBy, a.Node)
	} else {
		v.NotSeenBy = append(v.NotSeenBy, a.Node)
	}
}

// sees: a vote on a recent height; where no height becomes final that says nothing of
// now, and the connection counts as well.
func sees(s *chain.Status, seen chain.Seen, progress bool) bool {
	recent := seen.VoteHeight > 0 && seen.VoteHeight+recentHeights > s.FinalHeight
	gone := !seen.Connected && seen.ConnectionAge >= absentTimers*timer(s)
	if progress && s.OldestWaiting > 0 {
		return recent
	}
	return !gone && (recent || s.FinalHeight == 0)
}

func (v *Validator) presence() Presence {
	switch {
	case len(v.NotSeenBy) >= enoughWitnesses && len(v.SeenBy) == 0:
		return Missing
	case len(v.SeenBy) > 0 && len(v.NotSeenBy) == 0, len(v.SeenBy) >= enoughWitnesses:
		return Voting
	}
	return Unknown
}

func timer(s *chain.Status) time.Duration { return max(s.ViewTimer, s.BaseTimer, time.Second) }

// newest is the account with the highest final height.
func newest(accounts []Account) *Account {
	var best *Account
	for i := range accounts {
		a := &accounts[i]
		if a.Status == nil {
			continue
		}
		if best == nil || cmp.Or(cmp.Compare(a.Status.FinalHeight, best.Status.FinalHeight), cmp.Compare(best.Status.CommitAge, a.Status.CommitAge)) > 0 {
			best = a
		}
	}
	return best
}

// progresses says whether a node reports finality in time, or nothing to do.
func progresses(s *chain.Status) bool {
	if s.FailedViews > freeFailedViews {
		return false
	}
	return s.OldestWaiting == 0 || s.CommitAge <= finalTimers*timer(s)
}

func sorted(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}
