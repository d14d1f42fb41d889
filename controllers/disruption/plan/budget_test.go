package plan

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/bedrock-bft/bedrock/controllers/chain/chaintest"
)

var noon = time.Date(2026, 1, 2, 12, 3, 0, 0, time.UTC)

// scene is a chain and our validators on it, all running under closed budgets.
type scene struct {
	t     *testing.T
	chain *chaintest.Chain
	in    Input
}

func newScene(t *testing.T, opt chaintest.Options) *scene {
	t.Helper()
	s := &scene{t: t, chain: chaintest.New(opt), in: Input{Now: noon, Ledger: Empty()}}
	for i, at := range s.chain.Endpoints() {
		s.in.Fleet = append(s.in.Fleet, Validator{Name: "val-" + string(rune('0'+i)), ID: s.chain.Name(i),
			PodUID: "a", PodState: PodRunning, Budget: BudgetClosed})
		_ = at
	}
	s.chain.Advance(10)
	return s
}

// look reads the chain through the nodes that answer.
func (s *scene) look() *scene {
	var answers []Answer
	for _, at := range s.chain.Endpoints() {
		status, err := s.chain.Status(context.Background(), at)
		if err != nil {
			continue
		}
		set, err := s.chain.Set(context.Background(), at)
		if err != nil {
			s.t.Fatal(err)
		}
		answers = append(answers, Answer{status, set})
	}
	s.in.View = NewView(answers)
	return s
}

func (s *scene) ask(i int, a Ask) *scene {
	s.in.Fleet[i].Ask = &a
	return s
}

func (s *scene) drain(i int) *scene {
	return s.ask(i, Ask{Kind: Drain, Reason: "drain:node-" + s.in.Fleet[i].Name})
}

func (s *scene) token(i int, state State) *scene {
	s.in.Ledger.Tokens = append(s.in.Ledger.Tokens, Token{Validator: s.in.Fleet[i].Name, Member: s.chain.Name(i), Pod: "a", Kind: Drain, Since: noon, State: state})
	return s
}

func (s *scene) next() Step { return Next(s.look().in) }

// refused is the reason and message of a validator's condition.
func (s *scene) refused(step Step, i int) (string, string) {
	v := step.Verdicts.Disruption[s.in.Fleet[i].Name]
	return v.Reason, v.Message
}

func TestBudget(t *testing.T) {
	fourteen := "14 of 40 would be down, 13 allowed; val-3 draining since 12:03"
	for _, tt := range []struct {
		name    string
		powers  []uint64
		set     func(*scene)
		asks    int
		reserve bool
		reason  string
		message string
	}{
		{"one of four", []uint64{1, 1, 1, 1}, func(*scene) {}, 0, true, "Granted", ""},
		{"the second of four", []uint64{1, 1, 1, 1}, func(s *scene) { s.token(3, Used) }, 0, true, "PowerBudgetExhausted", "2 of 4 would be down, 1 allowed; val-3 draining since 12:03"},
		{"powers 12 and 7", []uint64{12, 7, 7, 7, 7}, func(s *scene) { s.token(3, Used) }, 1, true, "PowerBudgetExhausted", fourteen},
		{"power 12 alone", []uint64{12, 7, 7, 7, 7}, func(*scene) {}, 0, true, "Granted", ""},
		{"one of seven keeps one in reserve", []uint64{1, 1, 1, 1, 1, 1, 1}, func(s *scene) { s.token(3, Used) }, 0, true, "PowerBudgetExhausted", "2 of 7 would be down, 2 allowed, and a power of 1 is kept in reserve; val-3 draining since 12:03"},
		{"two of seven without reserve", []uint64{1, 1, 1, 1, 1, 1, 1}, func(s *scene) { s.token(3, Used) }, 0, false, "Granted", ""},
		{"one is missing", []uint64{1, 1, 1, 1}, func(s *scene) { s.stop(3); s.chain.Advance(9) }, 0, true, "PowerBudgetExhausted", "2 of 4 would be down, 1 allowed; val-3 missing"},
		{"the missing one itself costs nothing", []uint64{1, 1, 1, 1}, func(s *scene) { s.stop(3); s.chain.Advance(9) }, 3, true, "Granted", ""},
		{"a pod is gone, though its votes are fresh", []uint64{1, 1, 1, 1}, func(s *scene) { s.in.Fleet[2].PodState = PodGoing }, 0, true, "PowerBudgetExhausted", "2 of 4 would be down, 1 allowed; val-2 has no running pod"},
		{"undrainable by number", []uint64{1, 1, 1}, func(*scene) {}, 0, true, "Undrainable", "the set has 3 validators"},
		{"undrainable by power", []uint64{9, 4, 4, 4, 4}, func(*scene) {}, 0, true, "Undrainable", "its power is 9 of 25"},
		{"beside an undrainable one", []uint64{9, 4, 4, 4, 4}, func(*scene) {}, 1, true, "Granted", ""},
		{"the chain is halted", []uint64{1, 1, 1, 1}, func(s *scene) { s.stop(2); s.stop(3); s.chain.Advance(12) }, 0, true, "ChainHalted", "two nodes"},
		{"another budget", []uint64{1, 1, 1, 1}, func(s *scene) { s.in.Fleet[0].Foreign = "theirs" }, 0, true, "ForeignDisruptionBudget", "theirs"},
		{"no identity", []uint64{1, 1, 1, 1}, func(s *scene) { s.in.Fleet[0].ID = [32]byte{} }, 0, true, "IdentityUnknown", "Identified"},
		{"a jailed one is outside", []uint64{1, 1, 1, 1, 1}, func(s *scene) { s.token(3, Used); s.chain.Jail(s.chain.Name(0)) }, 0, true, "Granted", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newScene(t, chaintest.Options{Powers: tt.powers})
			s.in.Policy.Reserve = tt.reserve
			tt.set(s)
			reason, message := s.refused(s.drain(tt.asks).next(), tt.asks)
			if reason != tt.reason || !strings.Contains(message, tt.message) {
				t.Errorf("%s: %s\nwant %s: %s", reason, message, tt.reason, tt.message)
			}
		})
	}
}

func (s *scene) stop(i int) { s.chain.Node(s.chain.Endpoints()[i]).Stop() }

func TestLedgerGarbled(t *testing.T) {
	good := newScene(t, chaintest.Options{}).token(1, Granted).in.Ledger
	text, err := good.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Parse(text); err != nil {
		t.Fatalf("its own text: %v", err)
	}
	for _, bad := range []string{"", "{}", "null", text[:len(text)-3], text + "{}", strings.Replace(text, `"version":1`, `"version":2`, 1),
		strings.Replace(text, `"state":"Granted"`, `"state":"Gone"`, 1), strings.Replace(text, `"kind"`, `"knid"`, 1),
		strings.Replace(text, `"tokens":[`, `"tokens":[`+text[strings.Index(text, "[")+1:strings.LastIndex(text, "]")]+",", 1)} {
		if _, err := Parse(bad); err == nil {
			t.Errorf("%.80s parses", bad)
		}
	}
}
