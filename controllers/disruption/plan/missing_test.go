package plan

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bedrock-bft/bedrock/controllers/chain"
	"github.com/bedrock-bft/bedrock/controllers/chain/chaintest"
)

// dead are the answers of the others about val-3, which voted last 20 seconds before its
// condition Missing became True, five minutes ago.
func dead(t *testing.T) (*scene, []Answer) {
	t.Helper()
	s := newScene(t, chaintest.Options{})
	s.stop(3)
	s.chain.Advance(300)
	all := s.answers(-1, nil)
	for _, a := range all {
		m := seenOf(s, a)
		m.VoteAge = 5*time.Minute + 20*time.Second
		m.ConnectionAge = m.VoteAge
	}
	return s, all
}

func seenOf(s *scene, a Answer) *chain.Seen { return &a.Set.Find(s.chain.Name(3)).Seen }

// A moment in which too few can be asked begins the time of a missing validator anew only
// where it may have voted meanwhile. rule: seen
func TestAMomentWithoutWitnesses(t *testing.T) {
	since := noon.Add(-5 * time.Minute)
	told := Told{Missing: true, Since: since, Heard: noon.Add(-time.Minute)}
	held := told
	held.Unasked = true
	stale := told
	stale.Heard = noon.Add(-heldFor)
	one := func(_ *scene, all []Answer) []Answer { return all[:1] }
	nobody := func(*scene, []Answer) []Answer { return nil }
	voted := func(s *scene, a Answer) {
		m := seenOf(s, a)
		m.VoteHeight, m.VoteAge = a.Status.FinalHeight-20, time.Minute
	}
	for _, tt := range []struct {
		name   string
		told   Told
		change func(*scene, []Answer) []Answer
		status metav1.ConditionStatus
		reason string
	}{
		{"no vote for the first time", Told{}, nil, metav1.ConditionTrue, "VotesNotSeen"},
		{"still none", told, nil, metav1.ConditionTrue, "VotesNotSeen"},
		{"two of them noted a vote since, and all say that it is missing", told, func(s *scene, all []Answer) []Answer {
			voted(s, all[1])
			voted(s, all[2])
			return all
		}, metav1.ConditionUnknown, "MissingAgain"},
		{"one noted a vote since, one remembers none, and one started since", told, func(s *scene, all []Answer) []Answer {
			*seenOf(s, all[0]) = chain.Seen{ConnectionAge: time.Minute}
			voted(s, all[2])
			return all
		}, metav1.ConditionUnknown, "MissingAgain"},
		{"one says that it noted a vote since, and two remember none", told, func(s *scene, all []Answer) []Answer {
			voted(s, all[2])
			return all
		}, metav1.ConditionTrue, "VotesNotSeen"},
		{"one of them fetched blocks, and noted an old vote by that", told, func(s *scene, all []Answer) []Answer {
			seenOf(s, all[2]).VoteAge = time.Minute
			return all
		}, metav1.ConditionTrue, "VotesNotSeen"},
		{"its last vote was noted just after it was found missing", told, func(s *scene, all []Answer) []Answer {
			seenOf(s, all[2]).VoteHeight++
			seenOf(s, all[2]).VoteAge = 5*time.Minute - time.Second
			return all
		}, metav1.ConditionTrue, "VotesNotSeen"},
		{"one witness, and nothing was told yet", Told{}, one, metav1.ConditionUnknown, "TooFewWitnesses"},
		{"one witness for a moment", told, one, metav1.ConditionTrue, "WitnessesUnasked"},
		{"nobody for a moment", told, nobody, metav1.ConditionTrue, "WitnessesUnasked"},
		{"one witness for too long", stale, one, metav1.ConditionUnknown, "TooFewWitnesses"},
		{"nobody for too long", stale, nobody, metav1.ConditionUnknown, "ChainUnknown"},
		{"one witness, which noted a vote since", told, func(s *scene, all []Answer) []Answer {
			voted(s, all[0])
			return all[:1]
		}, metav1.ConditionUnknown, "TooFewWitnesses"},
		{"the witnesses are back and noted nothing", held, nil, metav1.ConditionTrue, "VotesNotSeen"},
		{"one of three is back that started since", held, func(s *scene, all []Answer) []Answer {
			*seenOf(s, all[0]) = chain.Seen{ConnectionAge: time.Minute}
			return all
		}, metav1.ConditionTrue, "VotesNotSeen"},
		{"two are back that started since: they remember nothing", held, func(s *scene, all []Answer) []Answer {
			*seenOf(s, all[0]), *seenOf(s, all[1]) = chain.Seen{ConnectionAge: time.Minute}, chain.Seen{ConnectionAge: time.Minute}
			return all
		}, metav1.ConditionUnknown, "MissingAgain"},
		{"one of them noted a vote since", held, func(s *scene, all []Answer) []Answer {
			voted(s, all[2])
			return all
		}, metav1.ConditionUnknown, "MissingAgain"},
		{"on an idle chain one was connected to it since", held, func(s *scene, all []Answer) []Answer {
			seenOf(s, all[2]).ConnectionAge = time.Minute
			return all
		}, metav1.ConditionUnknown, "MissingAgain"},
		{"and so for a moment", told, func(s *scene, all []Answer) []Answer {
			seenOf(s, all[0]).Connected = true
			return all[:1]
		}, metav1.ConditionUnknown, "TooFewWitnesses"},
		{"where work waits a connection is no vote", held, func(s *scene, all []Answer) []Answer {
			seenOf(s, all[2]).ConnectionAge, all[2].Status.OldestWaiting = time.Minute, time.Second
			return all
		}, metav1.ConditionTrue, "VotesNotSeen"},
		{"its votes are seen", held, func(s *scene, all []Answer) []Answer {
			for _, a := range all {
				*seenOf(s, a) = chain.Seen{VoteHeight: a.Status.FinalHeight, Connected: true}
			}
			return all
		}, metav1.ConditionFalse, "VotesSeen"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, all := dead(t)
			if tt.change != nil {
				all = tt.change(s, all)
			}
			s.in.View, s.in.Fleet[3].Told = NewView(all), tt.told
			if v := Next(s.in).Verdicts.Missing["val-3"]; v.Status != tt.status || v.Reason != tt.reason {
				t.Errorf("%s %s: %s\nwant %s %s", v.Status, v.Reason, v.Message, tt.status, tt.reason)
			}
		})
	}
}

// Ages count back from when nodes answered, which may be long after the pass began: a
// vote that was noted before is not taken for a later one, nor a later one for an earlier.
func TestAgesCountFromTheAnswer(t *testing.T) {
	s, all := dead(t)
	s.in.View = NewView(all)
	for _, tt := range []struct {
		asked         time.Duration
		after, before int
	}{{0, 0, 3}, {15 * time.Second, 0, 3}, {25 * time.Second, 3, 0}} {
		after, before := s.in.View.notes(s.in.View.Find(s.chain.Name(3)).Identity, noon.Add(tt.asked), noon.Add(-5*time.Minute))
		if after != tt.after || before != tt.before {
			t.Errorf("asked after %s: %d noted something since and %d remember, want %d and %d", tt.asked, after, before, tt.after, tt.before)
		}
	}
}
