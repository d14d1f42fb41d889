package plan

import (
	"slices"
	"time"

	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/controllers/chain"
)

// Bounds of what counts as seen and as finalising. // rule: seen, finality-probe
const (
	// recentHeights are the last final heights on which a vote must have been seen.
	recentHeights = 8
	// enoughWitnesses must agree, none of them the validator itself.
	enoughWitnesses = 2
	// idleTimers without a connection make a validator of an idle chain missing.
	idleTimers = 3
	// finalTimers bound the age of the newest final height while work waits.
	finalTimers = 8
	// freeFailedViews in a row say nothing: leaders that are down.
	freeFailedViews = 2
)

// Answer is what one node said of itself and of the set.
type Answer struct {
	Status *chain.Status
	Set    *chain.Set
}

// Presence is whether a validator's votes are seen.
type Presence string

// Values of Presence.
const (
	Present Presence = "Present"
	Missing Presence = "Missing"
	// Unknown counts as missing for the budget, not for a takeover.
	Unknown Presence = "Unknown"
)

// Member is a validator of the chain's present set.
type Member struct {
	ID       ledger.ID // its name for life; its identity where the executor keeps no names
	Identity ledger.ID
	Moniker  string
	Power    uint64
	LeaseEnd uint64 // ms, block time
	Leased   bool   // in on-chain maintenance now
	Presence Presence
}

// View is the chain as several nodes tell it. A zero View knows nothing: everything
// counts as down.
type View struct {
	Members []Member
	Total   uint64
	// Height is the highest that two answers have as final or certified, and TimeMs the
	// newest block's time likewise: one node alone says what it likes.
	Height uint64
	TimeMs uint64
	Ledger bool
	// Changes: the next epoch's set is another.
	Changes bool

	answers []Answer
}

// NewView puts answers together. The set is that of the newest epoch, which its
// certificate proves; answers of nodes that sync say nothing, and a node that is asked at
// two addresses is one.
func NewView(answers []Answer) View {
	var v View
	var base *chain.Set
	var heights, times []uint64
	for _, a := range answers {
		if a.Status == nil || a.Set == nil || a.Status.Syncing || v.answered(a.Status.Identity) {
			continue
		}
		v.answers = append(v.answers, a)
		heights = append(heights, max(a.Status.FinalHeight, a.Status.Target))
		times = append(times, a.Set.TimeMs)
		if base == nil || a.Set.Epoch > base.Epoch || a.Set.Epoch == base.Epoch && a.Set.Height > base.Height {
			base = a.Set
		}
	}
	if base == nil {
		return v
	}
	v.Height, v.TimeMs = byTwo(heights), byTwo(times)
	v.Ledger = base.Ledger
	v.Changes = base.Ledger && changes(base)
	for i := range base.Members {
		m := &base.Members[i]
		one := Member{ID: m.Name, Identity: m.Identity, Moniker: m.Moniker, Power: m.Power, LeaseEnd: m.Row.LeaseEnd}
		if one.ID == (ledger.ID{}) {
			one.ID = m.Identity
		}
		one.Leased = one.LeaseEnd > v.TimeMs
		one.Presence = v.presence(m.Identity)
		v.Total += m.Power
		v.Members = append(v.Members, one)
	}
	v.doubt()
	return v
}

// doubt: who is cut off by its own word, while others go on, votes no more, though its
// last votes are still fresh.
func (v *View) doubt() {
	for _, a := range v.answers {
		m := v.Find(ledger.ID{}, a.Status.Identity)
		if m == nil || m.Presence != Present || finalises(a.Status, len(v.Members)) {
			continue
		}
		if fresh := v.fresh(a.Status.Identity); len(fresh) >= enoughWitnesses && a.Status.FinalHeight < byTwo(fresh) {
			m.Presence = Unknown
		}
	}
}

// fresh are the heights of new final blocks that nodes other than one show.
func (v *View) fresh(not ledger.ID) []uint64 {
	var out []uint64
	for _, a := range v.answers {
		if a.Status.Identity != not && finalises(a.Status, len(v.Members)) && goesOn(a.Status) {
			out = append(out, a.Status.FinalHeight)
		}
	}
	return out
}

// changes says whether the ledger's rows are of another set than the epoch's.
func changes(s *chain.Set) bool {
	for i := range s.Members {
		m := &s.Members[i]
		if m.Row.Status != ledger.StatusActive || m.Row.Power != m.Power || m.Row.Identity != m.Identity {
			return true
		}
	}
	return slices.ContainsFunc(s.Outside, func(m chain.Member) bool { return m.Row.Status == ledger.StatusActive })
}

func (v *View) answered(identity ledger.ID) bool {
	return slices.ContainsFunc(v.answers, func(a Answer) bool { return a.Status.Identity == identity })
}

// byTwo is the highest value that two have reached; that of the only one, where there is
// no other.
func byTwo(values []uint64) uint64 {
	slices.Sort(values)
	return values[max(0, len(values)-enoughWitnesses)]
}

// Told says whether two nodes tell the set, or the only one of a set of one.
func (v *View) Told() bool {
	return v.Total > 0 && len(v.answers) >= min(enoughWitnesses, len(v.Members))
}

// Find is the member of that name, or with one of those identities; nil: none.
func (v *View) Find(id ledger.ID, identities ...ledger.ID) *Member {
	for i := range v.Members {
		m := &v.Members[i]
		if id != (ledger.ID{}) && m.ID == id {
			return m
		}
		for _, one := range identities {
			if one != (ledger.ID{}) && m.Identity == one {
				return m
			}
		}
	}
	return nil
}

// presence asks the witnesses other than the validator itself. // rule: seen
func (v *View) presence(identity ledger.ID) Presence {
	present, missing := 0, 0
	for _, a := range v.answers {
		if a.Status.Identity == identity || !witness(a) {
			continue
		}
		m := a.Set.ByIdentity(identity)
		if m == nil {
			continue
		}
		if absent(a.Status, m.Seen) {
			missing++
		} else {
			present++
		}
	}
	switch {
	case missing >= enoughWitnesses && present == 0:
		return Missing
	case present >= enoughWitnesses && missing == 0:
		return Present
	}
	return Unknown
}

// witness says whether a node has itself seen a quorum vote lately: one that just
// started has seen nobody, and proves nothing by it.
func witness(a Answer) bool {
	var seen uint64
	for i := range a.Set.Members {
		if m := &a.Set.Members[i]; m.Identity == a.Status.Identity || recent(a.Status, m.Seen) {
			seen += m.Power
		}
	}
	t := a.Set.TotalPower
	return t > 0 && seen >= t-(t-1)/3
}

// recent: a vote on one of the last final heights.
func recent(s *chain.Status, seen chain.Seen) bool {
	return seen.VoteHeight > 0 && seen.VoteHeight+recentHeights > s.FinalHeight
}

func absent(s *chain.Status, seen chain.Seen) bool {
	if !recent(s, seen) {
		return true
	}
	timers := idleTimers * max(s.ViewTimer, s.BaseTimer)
	return idle(s) && !seen.Connected && seen.ConnectionAge >= timers && seen.VoteAge >= timers
}

func idle(s *chain.Status) bool { return s.OldestWaiting == 0 }

// Finalises says whether two nodes other than v report that the chain finalises, or
// that it is idle. On a chain that halted while nothing waited both look the same, but
// for the power that is missing. Who says otherwise is believed, unless two show blocks
// that are new and stand above its own: then it is cut off, and not the chain.
// rule: finality-probe
func (v *View) Finalises(not ledger.ID) bool {
	if !v.quorumThere() {
		return false
	}
	good, dissent := 0, []uint64(nil)
	fresh := v.fresh(not)
	for _, a := range v.answers {
		switch {
		case a.Status.Identity == not:
		case !finalises(a.Status, len(v.Members)):
			dissent = append(dissent, a.Status.FinalHeight)
		default:
			good++
		}
	}
	if len(dissent) > 0 && (len(fresh) < enoughWitnesses || slices.Max(dissent) >= byTwo(fresh)) {
		return false
	}
	return good >= enoughWitnesses
}

// goesOn says whether a node's newest final block is new: as old as views are long, or on
// an idle chain as its blocks are apart.
func goesOn(s *chain.Status) bool {
	age := max(finalTimers*max(s.ViewTimer, s.BaseTimer), time.Second)
	if idle(s) {
		age += s.IdleInterval
	}
	return s.FinalHeight > 0 && s.CommitAge <= age
}

// quorumThere says whether those that are not missing could finalise.
func (v *View) quorumThere() bool {
	var there uint64
	for i := range v.Members {
		if v.Members[i].Presence != Missing {
			there += v.Members[i].Power
		}
	}
	return 3*there > 2*v.Total
}

func finalises(s *chain.Status, members int) bool {
	free := uint64(max(freeFailedViews, members/3))
	if s.FailedViews > free {
		return false
	}
	return idle(s) || s.CommitAge <= max(finalTimers*max(s.ViewTimer, s.BaseTimer), time.Second)
}

// SeenAbove says whether two nodes other than v saw a vote of it above a height.
// Where the chain cannot finalise without it, a final height above says the same.
// rule: token-back
func (v *View) SeenAbove(identity ledger.ID, height uint64) bool {
	n, needed := 0, false
	if m := v.Find(ledger.ID{}, identity); m != nil {
		needed = m.Power > (v.Total-1)/3
	}
	for _, a := range v.answers {
		if needed && a.Status.FinalHeight > height {
			return true
		}
		if a.Status.Identity == identity {
			continue
		}
		if m := a.Set.ByIdentity(identity); m != nil && m.Seen.VoteHeight > height {
			n++
		}
	}
	return n >= enoughWitnesses
}

// NewestVote is the highest height of which any node saw a vote of v, as far as votes can
// be ahead of what is final: a node that tells of later ones holds no token back.
func (v *View) NewestVote(identity ledger.ID) uint64 {
	var newest uint64
	for _, a := range v.answers {
		if m := a.Set.ByIdentity(identity); m != nil {
			newest = max(newest, m.Seen.VoteHeight)
		}
	}
	return min(newest, v.Height+recentHeights)
}
