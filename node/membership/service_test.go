package membership

import (
	"context"
	"crypto/ed25519"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/bedrock-bft/bedrock/client/ledger"
)

// chain answers as a node does; what is submitted is kept.
type chain struct {
	rows      map[string]Row
	submitted []*ledger.Transaction
	refuse    string
	faults    int // queries that fail first
	notSynced string
}

func (c *chain) query(_ context.Context, path string) (Row, error) {
	if c.faults > 0 {
		c.faults--
		return Row{}, errors.New("busy")
	}
	row, ok := c.rows[path]
	if !ok {
		return Row{Absent: true, Height: 1000}, nil
	}
	return row, nil
}

func (c *chain) submit(_ context.Context, tx []byte) (bool, string, error) {
	t, err := ledger.Decode(tx)
	if err != nil {
		return false, "", err
	}
	c.submitted = append(c.submitted, t)
	return c.refuse == "", c.refuse, nil
}

var (
	key      = ed25519.NewKeyFromSeed(make([]byte, 32))
	identity = ledger.ID(key.Public().(ed25519.PublicKey))
	name     = ledger.ValidatorName(identity)
	genesis  = [32]byte{7}
)

// candidate is a validator's row, status as given.
func candidate(status ledger.Status, ready bool, of ledger.ID) Row {
	return rotated(status, ready, of, 0)
}

// rotated is the row of a validator that was rotated at a time, 0: never.
func rotated(status ledger.Status, ready bool, of ledger.ID, at byte) Row {
	row := []byte{byte(status), 0}
	if ready {
		row[1] = 1
	}
	row = append(row, of[:]...)
	row = append(row, make([]byte, 32+32+8+8+8)...)       // owner, delegate, power, lease, since
	row = append(row, at, 0, 0, 0, 0, 0, 0, 0)            // time of rotation
	row = append(row, make([]byte, 8)...)                 // epoch of jailing
	row = append(row, make([]byte, 4+4)...)               // consensus key, possession
	row = append(append(row, 1, 0, 0, 0), []byte("m")...) // moniker
	return Row{Value: row, Height: 1000}
}

func newChain(validator Row) *chain {
	return &chain{rows: map[string]Row{
		"key_holder/" + identity.String(): {Value: name[:], Height: 1000},
		"validator/" + name.String():      validator,
	}}
}

func (c *chain) service(t *testing.T, duties ...Duty) *Service {
	t.Helper()
	s, err := New(Config{Genesis: genesis, Identity: key, Query: c.query, Submit: c.submit, NotSynced: func() string { return c.notSynced },
		Duties: duties, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestACandidateSaysReadyUntilTheLedgerShowsIt(t *testing.T) {
	c := newChain(candidate(ledger.StatusCandidate, false, identity))
	s := c.service(t, Ready{})
	for range 2 {
		if err := s.round(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if len(c.submitted) != 2 {
		t.Fatalf("%d submissions in two rounds, want 2", len(c.submitted))
	}
	tx := c.submitted[0]
	op, ok := tx.Body.Operation.(ledger.Ready)
	if !ok || op.Validator != name || op.Identity != identity || tx.Body.Payer != identity || tx.Body.Nonce != ledger.FeeFree ||
		tx.Body.GasPrice != 0 || tx.Body.Genesis != genesis || tx.Body.ValidUntil <= 1000 {
		t.Errorf("submitted %+v", tx.Body)
	}
	if !ed25519.Verify(identity[:], tx.Body.Encode(), tx.Signature[:]) {
		t.Error("it is not signed with the network identity")
	}
	if string(c.submitted[1].Encode()) != string(tx.Encode()) {
		t.Error("a repeat at the same height is another transaction")
	}
	c.rows["validator/"+name.String()] = candidate(ledger.StatusCandidate, true, identity)
	if err := s.round(t.Context()); err != nil || len(c.submitted) != 2 {
		t.Errorf("after the ledger shows it: %d submissions, error %v", len(c.submitted), err)
	}
}

func TestAJailedValidatorThatWasRotatedSaysReady(t *testing.T) {
	c := newChain(rotated(ledger.StatusJailed, false, identity, 1))
	if err := c.service(t, Ready{}).round(t.Context()); err != nil || len(c.submitted) != 1 {
		t.Errorf("submitted %d, error %v", len(c.submitted), err)
	}
}

func TestWhoHasNothingToTellTheLedger(t *testing.T) {
	for _, tc := range []struct {
		name  string
		chain *chain
	}{
		{"an identity that no validator has", &chain{}},
		{"an executor without the queries", &chain{rows: map[string]Row{"key_holder/" + identity.String(): {Code: 30}}}},
		{"an executor with another query of that name", &chain{rows: map[string]Row{"key_holder/" + identity.String(): {Value: []byte("7")}}}},
		{"a validator in the set", newChain(candidate(ledger.StatusActive, true, identity))},
		{"a jailed validator with its old keys", newChain(rotated(ledger.StatusJailed, false, identity, 0))},
		{"a jailed validator that said so", newChain(rotated(ledger.StatusJailed, true, identity, 1))},
		{"a validator that left", newChain(candidate(ledger.StatusLeft, false, identity))},
		{"an identity that was rotated away", newChain(candidate(ledger.StatusCandidate, false, ledger.ID{9}))},
		{"a node that is not synced", func() *chain {
			c := newChain(candidate(ledger.StatusCandidate, false, identity))
			c.notSynced = "height 5 of 9"
			return c
		}()},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if err := tc.chain.service(t, Ready{}).round(t.Context()); err != nil || len(tc.chain.submitted) > 0 {
				t.Errorf("submitted %d, error %v", len(tc.chain.submitted), err)
			}
		})
	}
}

// failing is a duty that cannot say what is due.
type failing struct{}

func (failing) Name() string { return "failing" }
func (failing) Due(context.Context, *Self) (Statement, error) {
	return Statement{}, errors.New("no module store")
}

func TestOneDutyThatFailsKeepsNoOtherFromBeingDone(t *testing.T) {
	c := newChain(candidate(ledger.StatusCandidate, false, identity))
	err := c.service(t, failing{}, Ready{}).round(t.Context())
	if err == nil || !strings.Contains(err.Error(), "failing: no module store") || len(c.submitted) != 1 {
		t.Errorf("error %v, %d submissions", err, len(c.submitted))
	}
}

func TestRunGoesOnAfterFaultsAndEndsWithItsContext(t *testing.T) {
	c := newChain(candidate(ledger.StatusCandidate, false, identity))
	c.faults, c.refuse = 2, "the pool is full"
	s := c.service(t, Ready{})
	tick := make(chan time.Time)
	s.cfg.Tick = tick
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { s.Run(ctx); close(done) }()
	for range 4 {
		tick <- time.Time{}
	}
	cancel()
	<-done
	if len(c.submitted) == 0 {
		t.Error("nothing was submitted after the fault was over")
	}
}

func TestSynced(t *testing.T) {
	for _, tc := range []struct {
		name string
		view SyncView
		ok   bool
	}{
		{"at the tip", SyncView{Height: 100, Target: 101, Peers: 3, Age: time.Second, MostAge: time.Minute}, true},
		{"alone", SyncView{Height: 100, Target: 100, MostAge: time.Minute}, false},
		{"block sync runs", SyncView{Height: 100, Target: 100, Peers: 1, Syncing: true, MostAge: time.Minute}, false},
		{"heard of nothing for long", SyncView{Height: 100, Target: 100, Peers: 1, Age: time.Hour, MostAge: time.Minute}, false},
		{"behind a certificate", SyncView{Height: 100, Target: 120, Peers: 1, MostAge: time.Minute}, false},
	} {
		if why, ok := Synced(tc.view); ok != tc.ok || (why == "") != ok {
			t.Errorf("%s: %v, %q", tc.name, ok, why)
		}
	}
}
