package membership

import (
	"context"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/bedrock-bft/bedrock/client/ledger"
)

func TestModuleReadyIsSaidWhenItHolds(t *testing.T) {
	executor := ledger.ID{5}
	scheduled := func(ready ...ledger.ID) *ledger.Upgrade {
		return &ledger.Upgrade{Executor: executor, Engine: 3, NotBefore: 2000, NotAfter: 3000, Ready: ready}
	}
	said := binary.LittleEndian.AppendUint32(append([]byte(nil), executor[:]...), 3)
	for _, tc := range []struct {
		name    string
		status  ledger.Status
		upgrade Upgrade
		row     []byte // of module_ready/<validator>
		due     bool
	}{
		{"able", ledger.StatusActive, Upgrade{Scheduled: scheduled(), Able: true}, nil, true},
		{"able, others are ready", ledger.StatusActive, Upgrade{Scheduled: scheduled(ledger.ID{1}), Able: true}, nil, true},
		{"said for an earlier schedule", ledger.StatusActive, Upgrade{Scheduled: scheduled(), Able: true}, said, true},
		{"known", ledger.StatusActive, Upgrade{Scheduled: scheduled(ledger.ID{1}, name), Able: true}, nil, false},
		{"nothing scheduled", ledger.StatusActive, Upgrade{Able: true}, nil, false},
		{"not able", ledger.StatusActive, Upgrade{Scheduled: scheduled(), Why: "no peer has it"}, nil, false},
		{"window over", ledger.StatusActive, Upgrade{Scheduled: &ledger.Upgrade{Executor: executor, Engine: 3, NotAfter: 1000}, Able: true}, nil, false},
		{"a candidate", ledger.StatusCandidate, Upgrade{Scheduled: scheduled(), Able: true}, nil, true},
		{"a candidate that said so", ledger.StatusCandidate, Upgrade{Scheduled: scheduled(), Able: true}, said, false},
		{"a candidate that said another", ledger.StatusCandidate, Upgrade{Scheduled: scheduled(), Able: true}, append([]byte{9}, said[1:]...), true},
		{"jailed", ledger.StatusJailed, Upgrade{Scheduled: scheduled(), Able: true}, nil, false},
		{"left", ledger.StatusLeft, Upgrade{Scheduled: scheduled(), Able: true}, nil, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newChain(candidate(tc.status, true, identity))
			if tc.row != nil {
				c.rows["module_ready/"+name.String()] = Row{Value: tc.row, Height: 1000}
			}
			duty := ModuleReady{Upgrade: func() Upgrade { return tc.upgrade }, Query: c.query}
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

func TestModuleReadyOfACandidateWithoutAnAnswer(t *testing.T) {
	c := newChain(candidate(ledger.StatusCandidate, true, identity))
	fault := errors.New("busy")
	duty := ModuleReady{
		Upgrade: func() Upgrade { return Upgrade{Scheduled: &ledger.Upgrade{NotAfter: 3000}, Able: true} },
		Query:   func(context.Context, string) (Row, error) { return Row{}, fault },
	}
	if err := c.service(t, duty).round(t.Context()); !errors.Is(err, fault) || len(c.submitted) != 0 {
		t.Errorf("error %v, %d submissions", err, len(c.submitted))
	}
}
