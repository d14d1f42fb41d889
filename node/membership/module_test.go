package membership

import (
	"bytes"
	"testing"

	"github.com/bedrock-bft/bedrock/client/ledger"
)

func TestModuleReadyIsSaidWhenItHolds(t *testing.T) {
	executor := ledger.ID{5}
	scheduled := func(ready ...ledger.ID) *ledger.Upgrade {
		return &ledger.Upgrade{Executor: executor, Engine: 3, NotBefore: 2000, NotAfter: 3000, Ready: ready}
	}
	for _, tc := range []struct {
		name    string
		status  ledger.Status
		upgrade Upgrade
		due     bool
	}{
		{"able", ledger.StatusActive, Upgrade{Scheduled: scheduled(), Able: true}, true},
		{"able, others are ready", ledger.StatusActive, Upgrade{Scheduled: scheduled(ledger.ID{1}), Able: true}, true},
		{"known", ledger.StatusActive, Upgrade{Scheduled: scheduled(ledger.ID{1}, name), Able: true}, false},
		{"nothing scheduled", ledger.StatusActive, Upgrade{Able: true}, false},
		{"looked at by nobody yet", ledger.StatusActive, Upgrade{Scheduled: scheduled()}, false},
		{"not able", ledger.StatusActive, Upgrade{Scheduled: scheduled(), Why: "no peer has it"}, false},
		{"window over", ledger.StatusActive, Upgrade{Scheduled: &ledger.Upgrade{Executor: executor, Engine: 3, NotAfter: 1000}, Able: true}, false},
		{"a candidate", ledger.StatusCandidate, Upgrade{Scheduled: scheduled(), Able: true}, false},
		{"jailed", ledger.StatusJailed, Upgrade{Scheduled: scheduled(), Able: true}, false},
		{"left", ledger.StatusLeft, Upgrade{Scheduled: scheduled(), Able: true}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newChain(candidate(tc.status, true, identity))
			duty := ModuleReady{Upgrade: func() Upgrade { return tc.upgrade }}
			if err := c.service(t, duty).round(t.Context()); err != nil {
				t.Fatal(err)
			}
			if !tc.due {
				if len(c.submitted) != 0 {
					t.Fatalf("submitted %+v", c.submitted[0].Body)
				}
				return
			}
			want := ledger.ModuleReady{Validator: name, Identity: identity, Executor: executor, Engine: 3}
			if len(c.submitted) != 1 || c.submitted[0].Body.Operation != ledger.Operation(want) || c.submitted[0].Body.Nonce != ledger.FeeFree {
				t.Fatalf("submitted %d transactions, want %+v", len(c.submitted), want)
			}
		})
	}
}

// A module that is scheduled, then another, then the first again, is told of anew at
// once: a pool takes no transaction twice.
func TestModuleReadyOfALaterScheduleIsAnotherTransaction(t *testing.T) {
	c := newChain(candidate(ledger.StatusActive, true, identity))
	at := uint64(900)
	duty := ModuleReady{Upgrade: func() Upgrade {
		return Upgrade{Scheduled: &ledger.Upgrade{Executor: ledger.ID{5}, Engine: 3, At: at, NotAfter: 3000}, Able: true}
	}}
	s := c.service(t, duty)
	for _, next := range []uint64{900, 990, 990} {
		at = next
		if err := s.round(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	first, second, third := c.submitted[0].Encode(), c.submitted[1].Encode(), c.submitted[2].Encode()
	if bytes.Equal(first, second) || !bytes.Equal(second, third) {
		t.Errorf("valid until %d, %d and %d", c.submitted[0].Body.ValidUntil, c.submitted[1].Body.ValidUntil, c.submitted[2].Body.ValidUntil)
	}
}
