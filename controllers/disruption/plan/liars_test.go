package plan

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/controllers/chain"
	"github.com/bedrock-bft/bedrock/controllers/chain/chaintest"
)

// answers are what all nodes say, after one of them has changed what it says.
func (s *scene) answers(liar int, lie func(*chain.Status, *chain.Set)) []Answer {
	s.t.Helper()
	var out []Answer
	for i, at := range s.chain.Endpoints() {
		status, err := s.chain.Status(context.Background(), at)
		if err != nil {
			continue
		}
		set, err := s.chain.Set(context.Background(), at)
		if err != nil {
			s.t.Fatal(err)
		}
		if i == liar {
			lie(status, set)
		}
		out = append(out, Answer{status, set})
	}
	return out
}

// One node that tells heights of the far future holds no token back for ever, and makes
// no lease look ended: what one node alone says of them does not count.
// rule: token-back
func TestOneLiarHoldsNoTokenBack(t *testing.T) {
	const far = uint64(1) << 62
	s := newScene(t, chaintest.Options{}).token(1, Used)
	s.in.Ledger.Tokens[0].Closed = true
	s.in.Fleet[1].PodUID = "b"
	lie := func(status *chain.Status, set *chain.Set) {
		status.Target, set.TimeMs = far, far
		for i := range set.Members {
			set.Members[i].Seen.VoteHeight = far
		}
	}
	for range 3 {
		s.in.View = NewView(s.answers(0, lie))
		step := Next(s.in)
		s.in.Ledger = step.Ledger
		s.chain.Advance(recentHeights)
	}
	if token := s.in.Ledger.Token("val-1"); token != nil {
		t.Errorf("its votes are seen by two honest nodes, and its token stays: %+v", token)
	}
	if v := s.in.View; v.Height >= far || v.TimeMs >= far {
		t.Errorf("one node alone sets height %d and time %d", v.Height, v.TimeMs)
	}
}

// A node that is asked at two addresses is one witness. rule: seen
func TestOneNodeAskedTwiceIsOneWitness(t *testing.T) {
	s := newScene(t, chaintest.Options{})
	s.stop(3)
	s.chain.Advance(9)
	all := s.answers(-1, nil)
	v := NewView([]Answer{all[0], all[0], all[0]})
	if got := v.Find(s.chain.Name(3)).Presence; got != Unknown {
		t.Errorf("missing by the word of one node: %s", got)
	}
	if v.Finalises(ledger.ID{}) {
		t.Error("the chain finalises by the word of one node")
	}
}

// The Validator of a token is deleted: the token ends with the member, and holds no
// rollout back. rule: token-back
func TestTokenOfADeletedValidatorEnds(t *testing.T) {
	s := newScene(t, chaintest.Options{Validators: 5}).token(4, Granted)
	s.in.Ledger.Tokens[0].Kind = Rollout
	s.in.Fleet = s.in.Fleet[:4]
	s.in.Ledger.Tokens[0].Member = ledger.ID{77} // it has left the chain
	for range 4 {
		step := s.next()
		s.in.Ledger = step.Ledger
		s.chain.Advance(1)
	}
	if token := s.in.Ledger.Token("val-4"); token != nil {
		t.Fatalf("its Validator is gone and has left the chain, and the token stays: %+v", token)
	}
	s.ask(0, Ask{Kind: Rollout, Reason: "rollout:b"})
	if step := s.next(); step.Ledger.Token("val-0") == nil {
		_, message := s.refused(step, 0)
		t.Errorf("the rollout does not go on: %s", message)
	}
}

// What cannot be read again is not written. rule: token-ledger
func TestALedgerTooLongIsNotWritten(t *testing.T) {
	l := Empty()
	l.Served = map[string]string{"val-1": strings.Repeat("a", maxBytes)}
	text, err := l.Encode()
	if err == nil {
		if _, err := Parse(text); err != nil {
			t.Errorf("written, and then: %v", err)
		}
	}
}

// One node that says that nothing becomes final is believed, unless two show new blocks
// that stand above its own: it is cut off then, and the others' drains go on.
// rule: finality-probe
func TestOneThatIsCutOffHoldsNothingUp(t *testing.T) {
	for _, tt := range []struct {
		name string
		lie  func(*chain.Status)
		rest func(*chain.Status)
		want bool
	}{
		{"far behind", func(s *chain.Status) { s.FinalHeight -= 5 }, nil, true},
		{"as high as the others: the chain may just have stopped", func(*chain.Status) {}, nil, false},
		{"behind, and the others' blocks are old", func(s *chain.Status) { s.FinalHeight -= 5 }, func(s *chain.Status) { s.CommitAge += time.Hour }, false},
	} {
		s := newScene(t, chaintest.Options{Validators: 7})
		all := s.answers(-1, nil)
		for i := range all {
			if i == 0 {
				tt.lie(all[i].Status)
				all[i].Status.FailedViews = 100
			} else if tt.rest != nil {
				tt.rest(all[i].Status)
			}
		}
		v := NewView(all)
		if v.Finalises(s.chain.Name(3)) != tt.want {
			t.Errorf("%s: it finalises: %v", tt.name, !tt.want)
		}
		// Who is cut off takes part in nothing, though its last votes are fresh.
		if got := v.Find(s.chain.Name(0)).Presence; (got == Unknown) != tt.want {
			t.Errorf("%s: it is %s", tt.name, got)
		}
	}
}

// While somebody leaves, what may be down is less than the present set says: 2 of 7, but 1
// of 6. rule: leave-only-by-scale
func TestNoTokenWhileTheSetChanges(t *testing.T) {
	leaves := func(_ *chain.Status, set *chain.Set) { set.Members[6].Row.Status = ledger.StatusLeft }
	for _, tt := range []struct {
		name    string
		changes func(*scene, []Answer)
	}{
		{"the ledger has it, the epoch has not", func(s *scene, all []Answer) {
			for _, a := range all {
				leaves(a.Status, a.Set)
			}
		}},
		{"signed, and on its way", func(s *scene, _ []Answer) { s.in.Leaving = "leave:val-6" }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newScene(t, chaintest.Options{Validators: 7}).drain(0)
			all := s.answers(-1, nil)
			s.in.View = NewView(all)
			if step := Next(s.in); step.Ledger.Token("val-0") == nil {
				t.Fatalf("nothing changes: %+v", step.Verdicts.Disruption["val-0"])
			}
			tt.changes(s, all)
			s.in.View = NewView(all)
			step := Next(s.in)
			if reason, _ := s.refused(step, 0); reason != "SetChanges" || step.Ledger.Token("val-0") != nil {
				t.Errorf("granted while the set becomes smaller: %s", reason)
			}
		})
	}
}
