package chaintest_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"testing"
	"time"

	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/controllers/chain"
	"github.com/bedrock-bft/bedrock/controllers/chain/chaintest"
)

var ctx = context.Background()

const first = chain.Endpoint("http://val-0:7601")

// send submits a transaction, makes a height, and answers what became of it.
func send(t *testing.T, c *chaintest.Chain, tx []byte, err error) *chain.Execution {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	v, err := c.Submit(ctx, first, tx)
	if err != nil || !v.Admitted {
		t.Fatalf("submit: %+v, %v", v, err)
	}
	c.Advance(1)
	e, err := c.Transaction(ctx, first, v.Hash)
	if err != nil || !e.Final {
		t.Fatalf("transaction: %+v, %v", e, err)
	}
	return e
}

func set(t *testing.T, c *chaintest.Chain) *chain.Set {
	t.Helper()
	s, err := c.Set(ctx, first)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A network grows by one, has one taken over, leased and gone, by the rules that the
// ledger has.
func TestWholeLife(t *testing.T) {
	c := chaintest.New(chaintest.Options{})
	owner := c.Owner(9)
	c.AddNode("http://val-4:7601", "val-4").SetSynced(false)
	admin := chain.AdminEndpoint{URL: "https://val-4:7602", Keys: []ledger.ID{c.Node("http://val-4:7601").Identity()}}

	ownerKey, _ := chain.KeyID(owner.Public().(ed25519.PublicKey))
	consent, err := c.ConsentToJoin(ctx, admin, ownerKey)
	if err != nil {
		t.Fatal(err)
	}
	tx, err := chain.Join(owner, c.Genesis(), consent.Join("val-4"), chain.Fee{GasPrice: 1})
	if e := send(t, c, tx, err); e.Code != 0 {
		t.Fatalf("join: %+v", e)
	}
	s := set(t, c)
	if len(s.Members) != 4 || len(s.Outside) != 1 || s.Outside[0].Row.Status != ledger.StatusCandidate {
		t.Fatalf("after the join: %+v", s)
	}
	fifth := s.Outside[0].Name
	weigh := func(nonce, power uint64) ([]byte, error) {
		op := ledger.Weigh{Weights: []ledger.Weight{{Validator: fifth, Power: power}}}
		return chain.WeighWith(owner, c.Genesis(), op, chain.Fee{Nonce: nonce, GasPrice: 1}, c.AuthorityKeys()...)
	}
	tx, err = weigh(1, 10)
	if e := send(t, c, tx, err); ledger.CodeName(e.Code) != "not_ready" {
		t.Errorf("weighed before it is ready: %+v", e)
	}
	if _, err := c.SignReady(ctx, admin, fifth); err == nil {
		t.Error("a node that syncs says that it is ready")
	}
	c.Node("http://val-4:7601").SetSynced(true)
	tx, err = c.SignReady(ctx, admin, fifth)
	send(t, c, tx, err)
	tx, err = weigh(2, 10)
	send(t, c, tx, err)
	c.Advance(1)
	if s = set(t, c); s.Epoch != 2 || len(s.Members) != 5 || s.TotalPower != 50 || s.Find(fifth).Seen.VoteHeight != c.Height() {
		t.Fatalf("after the newcomer: %+v", s)
	}
	takeOver(t, c)
	tx, err = chain.Leave(c.Delegate(), c.Genesis(), ledger.Leave{Validator: c.Name(3), Expected: s.Find(c.Name(3)).Identity}, 0)
	send(t, c, tx, err)
	if s = set(t, c); len(s.Members) != 4 || s.Find(c.Name(3)) != nil {
		t.Errorf("after the leave: %+v", s)
	}
	if m, err := c.Validator(ctx, first, c.Name(3)); err != nil || m.Row.Status != ledger.StatusLeft {
		t.Errorf("the one that left: %+v, %v", m, err)
	}
}

// takeOver rotates val-1, whose node is gone, to a new instance; the same again is
// stale, and a third of the power in the window is too much.
func takeOver(t *testing.T, c *chaintest.Chain) {
	t.Helper()
	old := c.Node("http://val-1:7601").Identity()
	c.RemoveNode("http://val-1:7601")
	c.Advance(9)
	if m := set(t, c).Find(c.Name(1)); m.Seen.Connected || m.Seen.VoteHeight+8 >= c.Height() {
		t.Errorf("val-1 is gone, and seen as %+v", m.Seen)
	}
	n := c.AddNode("http://val-1:7601", "val-1-new")
	rotate := func(validator, expected ledger.ID) ([]byte, error) {
		consent, err := c.ConsentToRotate(ctx, chain.AdminEndpoint{URL: "http://val-1:7602"}, validator, expected, c.Height()+100)
		if err != nil {
			return nil, err
		}
		return chain.Rotate(c.Delegate(), c.Genesis(), consent.Rotate(validator, expected), consent.ValidUntil)
	}
	tx, err := rotate(c.Name(1), old)
	send(t, c, tx, err)
	c.Advance(1)
	if m := set(t, c).Find(c.Name(1)); m.Identity != n.Identity() || m.Seen.VoteHeight != c.Height() {
		t.Errorf("after the rotation: %+v", m)
	}
	for _, old := range []ledger.ID{old, n.Identity()} {
		if name, err := c.Holder(ctx, first, old[:]); err != nil || name != c.Name(1) {
			t.Errorf("holder of %s: %s, %v", old, name, err)
		}
	}
	if v, err := c.Submit(ctx, first, tx); err != nil || !v.Duplicate {
		t.Errorf("the same bytes again: %+v, %v", v, err)
	}
	tx, err = rotate(c.Name(1), old)
	if err != nil {
		t.Fatal(err)
	}
	if v, err := c.Submit(ctx, first, tx); err != nil || v.Admitted || ledger.CodeName(v.Code) != "stale" {
		t.Errorf("rotated again from the old identity: %+v, %v", v, err)
	}
	n.Foreign()
	tx, err = rotate(c.Name(2), c.Node("http://val-2:7601").Identity())
	if err != nil {
		t.Fatal(err)
	}
	if v, err := c.Submit(ctx, first, tx); err != nil || ledger.CodeName(v.Code) != "rotation_limit" {
		t.Errorf("20 of 50 in the window: %+v, %v", v, err)
	}
}

// Without a quorum nothing becomes final; ages and failed views say so.
func TestHaltedAndIdle(t *testing.T) {
	c := chaintest.New(chaintest.Options{Powers: []uint64{12, 7, 7, 7, 7}})
	c.Advance(3)
	c.Node("http://val-3:7601").Stop()
	c.Node("http://val-4:7601").Mute(true)
	if made := c.Advance(5); made != 0 || c.Height() != 3 {
		t.Errorf("26 of 40 made %d heights", made)
	}
	s, err := c.Status(ctx, first)
	if err != nil || s.FailedViews != 5 || s.CommitAge != 5*time.Second {
		t.Errorf("halted: %+v, %v", s, err)
	}
	if _, err := c.Status(ctx, "http://val-3:7601"); !errors.Is(err, chain.ErrUnreachable) {
		t.Errorf("a stopped node: %v", err)
	}
	c.Node("http://val-4:7601").Mute(false)
	c.Advance(1)
	c.Elapse(10 * time.Minute)
	if s, err = c.Status(ctx, first); err != nil || s.FailedViews != 0 || s.CommitAge != 10*time.Minute || s.OldestWaiting != 0 {
		t.Errorf("idle: %+v, %v", s, err)
	}
	for _, m := range set(t, c).Members {
		if stopped := m.Name == c.Name(3); m.Seen.Connected == stopped || m.Seen.ConnectionAge < 10*time.Minute {
			t.Errorf("%s: %+v", m.Moniker, m.Seen)
		}
	}
}

// Leases hold to a third; faults at submission leave what they should.
func TestLeasesAndFaults(t *testing.T) {
	c := chaintest.New(chaintest.Options{Powers: []uint64{12, 7, 7, 7, 7}})
	c.Advance(1)
	end := set(t, c).TimeMs + 60_000
	lease := func(i int) ([]byte, error) {
		return chain.Maintain(c.Delegate(), c.Genesis(), ledger.Maintain{Validator: c.Name(i), End: end}, 0)
	}
	tx, err := lease(1)
	send(t, c, tx, err)
	tx, err = lease(2)
	if err != nil {
		t.Fatal(err)
	}
	if v, err := c.Submit(ctx, first, tx); err != nil || ledger.CodeName(v.Code) != "maintenance_limit" {
		t.Errorf("14 of 40: %+v, %v", v, err)
	}
	broken := errors.New("killed here")
	c.OnSubmitted = func(chain.Endpoint, []byte) error { return broken }
	give, err := chain.Maintain(c.Delegate(), c.Genesis(), ledger.Maintain{Validator: c.Name(1), ExpectedEnd: end}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Submit(ctx, first, give); !errors.Is(err, broken) {
		t.Errorf("the answer was to be lost: %v", err)
	}
	c.OnSubmitted = nil
	c.Advance(1)
	if m := set(t, c).Find(c.Name(1)); m.Row.LeaseEnd >= end {
		t.Errorf("the lease was given back: %+v", m.Row)
	}
}
