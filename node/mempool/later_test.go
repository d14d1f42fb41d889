package mempool

import (
	"testing"
	"time"

	"github.com/bedrock-bft/bedrock/node/types"
)

// set changes the test ledger.
func (f *fixture) set(edit func(*ledger)) {
	f.ledger.mu.Lock()
	defer f.ledger.mu.Unlock()
	edit(f.ledger)
}

// checkedAgain waits until the ledger was asked anew and the pool came to rest.
func (f *fixture) checkedAgain(before int) {
	f.t.Helper()
	f.until("the pool asks again", func() bool {
		f.ledger.mu.Lock()
		asked := f.ledger.checks > before
		f.ledger.mu.Unlock()
		f.mu.Lock()
		defer f.mu.Unlock()
		return asked && f.running == 0
	})
}

func (f *fixture) until(what string, ok func() bool) {
	f.t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); {
		if time.Now().After(end) {
			f.t.Fatalf("never: %s; %+v", what, f.Stats())
		}
		<-time.After(time.Millisecond)
	}
}

func (f *fixture) checks() int {
	f.ledger.mu.Lock()
	defer f.ledger.mu.Unlock()
	return f.ledger.checks
}

// While the state is migrated nothing is proposed and nothing lost: neither what was
// in the pool, nor what is offered meanwhile.
func TestMigrationHoldsBack(t *testing.T) {
	f := newFixture(t, nil)
	f.mustAdd(tx("a", 0, 1), tx("a", 1, 1), tx("b", 0, 2))
	f.set(func(l *ledger) { l.migrates = true })
	before := f.checks()
	f.Committed(CommitInfo{Height: 11, Executor: types.Hash{2}, RecheckAll: true})
	f.checkedAgain(before)
	for range 3 { // blocks of the migration
		before = f.checks()
		f.Committed(CommitInfo{Height: f.height() + 1})
		f.checkedAgain(before)
		if got := names(f.build(BuildLimits{})); got != "" || f.Stats().Txs != 3 {
			t.Fatalf("while it is migrated %q may be proposed, %+v", got, f.Stats())
		}
	}
	late := tx("c", 0, 9)
	for _, again := range []bool{false, true} {
		if r := f.add(late)[0]; r.Status != Held || r.Reason != ReasonMigrating {
			t.Fatalf("offered meanwhile (again: %v): %+v", again, r)
		}
	}
	if f.Get(late.hash()) == nil {
		t.Error("what waits is not found")
	}
	f.set(func(l *ledger) { l.migrates = false })
	f.commit(CommitInfo{})
	if got := names(f.build(BuildLimits{})); got != "c0 b0 a0 a1" {
		t.Errorf("after the migration: %q, %+v", got, f.Stats())
	}
	if len(f.pending) != 0 || len(f.fromPeer) != 0 {
		t.Errorf("%d still pending", len(f.pending))
	}
}

// What waits for the end of a migration is bounded in number and time.
func TestMigrationWaitIsBounded(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.Limits.Pending = 2 })
	f.set(func(l *ledger) { l.migrates = true })
	f.add(tx("a", 0, 1))
	f.add(tx("b", 0, 1))
	if r := f.add(tx("c", 0, 1))[0]; r.Status != Rejected || r.Reason != ReasonBusy {
		t.Errorf("beyond the bound: %+v", r)
	}
	f.clock.advance(f.cfg.Limits.TTL + time.Second)
	f.Committed(CommitInfo{Height: 11})
	f.until("what waited too long goes", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return len(f.pending) == 0 && len(f.later) == 0
	})
}

// A module that is not at hand yet must not leave transactions unproposed for good:
// they are checked again as soon as it is.
func TestFaultOfTheRecheckIsMadeUpFor(t *testing.T) {
	f := newFixture(t, nil)
	f.mustAdd(tx("a", 0, 1), tx("b", 0, 2))
	f.set(func(l *ledger) { l.fault = errFault })
	f.Committed(CommitInfo{Height: 11, Executor: types.Hash{2}})
	f.until("the recheck fails", func() bool {
		f.ledger.mu.Lock()
		failed := f.ledger.faults > 0
		f.ledger.mu.Unlock()
		f.mu.Lock()
		defer f.mu.Unlock()
		return failed && f.running == 0 && f.dirty.len() == 2
	})
	if got := names(f.build(BuildLimits{})); got != "" {
		t.Fatalf("%q may be proposed unverified", got)
	}
	select {
	case <-f.Notify():
	default:
	}
	f.set(func(l *ledger) { l.fault = nil })
	f.until("both may be proposed again", func() bool { return names(f.build(BuildLimits{})) == "b0 a0" })
	f.until("who builds is told", func() bool {
		select {
		case <-f.Notify():
			return true
		default:
			return false
		}
	})
}
