package plan

import (
	"fmt"
	"time"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/controllers/verdict"
)

// heldFor bounds for how long the word of two nodes stands while too few can be asked.
const heldFor = 3 * time.Minute

// Told is what a validator's condition Missing says as it was read.
type Told struct {
	Missing bool // it is True
	// Unasked: it is True for want of a newer word.
	Unasked bool
	Since   time.Time // whole seconds, rounded down
	// Heard is when two nodes said so last.
	Heard time.Time
}

// missing is the condition Missing. A vote since it became True begins its time anew,
// whoever looked meanwhile. A moment in which too few can be asked does not, if two nodes
// then remember its last vote and noted none since: it was missing meanwhile as well, and
// only nobody could be asked. Nothing is taken over on a word that is held.
// rule: seen, takeover
func missing(in *Input, f *Validator) verdict.Verdict {
	const kind = v1alpha1.ValidatorMissing
	m, told := f.member(&in.View), &f.Told
	presence := Unknown
	if m != nil {
		presence = m.Presence
	}
	after, before, voted := 0, 0, false
	if m != nil && told.Missing {
		since := told.Since.Add(time.Second)
		after, before = in.View.notes(m.Identity, in.asked(), since)
		voted = in.View.VotedSince(m.Identity, in.Now, since)
	}
	switch {
	case in.View.Total > 0 && m == nil:
		return verdict.False(kind, "NotInSet", "it is not in the chain's set")
	case presence == Present:
		return verdict.False(kind, "VotesSeen", "two other nodes see its votes")
	case presence == Missing && voted:
		return verdict.Unknown(kind, "MissingAgain", "two other nodes saw no vote of it on the last final heights, and a vote of it was noted after "+clock(told.Since)+": its time begins anew")
	case presence == Missing && told.Unasked && (after > 0 || before < enoughWitnesses):
		return verdict.Unknown(kind, "MissingAgain", "two other nodes saw no vote of it on the last final heights, and no two remember that there was none since "+clock(told.Since)+": its time begins anew")
	case presence == Missing:
		return verdict.True(kind, "VotesNotSeen", "two other nodes saw no vote of it on the last final heights")
	case told.Missing && after == 0 && in.Now.Sub(told.Heard) < heldFor:
		return verdict.True(kind, v1alpha1.ReasonWitnessesUnasked, fmt.Sprintf("it was missing since %s, and now no two other nodes can be asked; for up to %s that holds, and meanwhile nothing is taken over", clock(told.Since), heldFor))
	case in.View.Total == 0:
		return verdict.Unknown(kind, "ChainUnknown", "no node of the chain answers")
	}
	return verdict.Unknown(kind, "TooFewWitnesses", "no two other nodes agree whether it votes; it counts as missing for the disruption budget, not for a takeover")
}

// asked is no earlier than when nodes answered: ages that they tell count back from it.
func (in *Input) asked() time.Time {
	if in.Asked.After(in.Now) {
		return in.Asked
	}
	return in.Now
}

// VotedSince says whether a node other than a validator noted a vote of it after a time
// that nobody had noted before. Who fetches old blocks notes old votes now. asked is no
// later than when nodes were asked, so that what is in doubt is no vote. The word of one
// is nothing against two that remember its last vote from before: one that lies would keep
// a dead validator from ever being taken over.
func (v *View) VotedSince(identity ledger.ID, asked, since time.Time) bool {
	var before, after uint64
	noted, remember := 0, 0
	for _, a := range v.answers {
		m := a.Set.ByIdentity(identity)
		if m == nil || a.Status.Identity == identity {
			continue
		}
		if asked.Add(-m.Seen.VoteAge).After(since) {
			after = max(after, m.Seen.VoteHeight)
			noted++
			continue
		}
		before = max(before, m.Seen.VoteHeight)
		if m.Seen.VoteHeight > 0 {
			remember++
		}
	}
	return after > before && (noted >= enoughWitnesses || remember < enoughWitnesses)
}

// notes counts the nodes other than a validator that noted a sign of its life after a
// time, and those that remember its last vote, from before it. A node that started since
// remembers nothing.
func (v *View) notes(identity ledger.ID, asked, since time.Time) (after, before int) {
	for _, a := range v.answers {
		m := a.Set.ByIdentity(identity)
		if m == nil || a.Status.Identity == identity {
			continue
		}
		remembers := m.Seen.VoteHeight > 0
		newer := func(age time.Duration) bool { return asked.Add(-age).After(since) }
		switch {
		case remembers && newer(m.Seen.VoteAge),
			idle(a.Status) && (m.Seen.Connected || remembers && newer(m.Seen.ConnectionAge)):
			after++
		case remembers:
			before++
		}
	}
	return after, before
}
