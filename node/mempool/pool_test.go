package mempool

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bedrock-bft/bedrock/node/types"
)

// names writes a block as sender and nonce, for comparison.
func names(txs []testTx) string {
	var out []string
	for _, x := range txs {
		out = append(out, fmt.Sprintf("%s%d", x.sender, x.nonce))
	}
	return strings.Join(out, " ")
}

func tx(sender string, nonce, price uint64) testTx {
	return testTx{sender: sender, nonce: nonce, price: price, cost: 10, gas: 100}
}

func TestBadTransactionsAreRefusedWithTheReason(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.Limits.TxBytes = 1000; c.Limits.LaneTxs = 4 })
	f.ledger.balance["poor"] = 25
	f.ledger.nonce["old"] = 7
	f.mustAdd(tx("a", 0, 100), tx("a", 1, 100), tx("a", 2, 100), tx("a", 3, 100), tx("poor", 0, 5), tx("poor", 1, 5))
	broken := tx("a", 0, 100)
	broken.broken = true
	big := tx("b", 0, 1)
	big.pad = 1000
	expired := tx("b", 0, 1)
	expired.validUntil = 10
	other := tx("a", 1, 109)
	for name, c := range map[string]struct {
		tx   testTx
		want Result
	}{
		"broken copy of a good one": {broken, Result{Reason: ReasonInvalid, Code: codeBroken}},
		"too large":                 {big, Result{Reason: ReasonTooLarge}},
		"expired":                   {expired, Result{Reason: ReasonExpired}},
		"nonce used":                {tx("old", 6, 1), Result{Reason: ReasonNonceLow, NextNonce: 7}},
		"lane full":                 {tx("a", 4, 100), Result{Reason: ReasonLaneFull, NextNonce: 4}},
		"too far ahead":             {tx("b", 4, 1), Result{Reason: ReasonNonceGap}},
		"underpriced":               {other, Result{Reason: ReasonUnderpriced, MinGasPrice: 110}},
		"more than the balance":     {tx("poor", 2, 5), Result{Reason: ReasonCheck, Code: codeUnfunded}},
	} {
		r := f.add(c.tx)[0]
		if r.Status != Rejected || r.Text == "" {
			t.Errorf("%s: %+v, want a refusal with a text", name, r)
		}
		if r.Reason != c.want.Reason || (c.want.Code != 0 && r.Code != c.want.Code) ||
			(c.want.NextNonce != 0 && r.NextNonce != c.want.NextNonce) || r.MinGasPrice != c.want.MinGasPrice {
			t.Errorf("%s: %+v, want %+v", name, r, c.want)
		}
	}
	if r, err := f.Add(t.Context(), nil, Local); err != nil || r.Status != Rejected {
		t.Errorf("empty: %+v, %v", r, err)
	}
	if r, err := f.Add(t.Context(), []byte("junk"), Local); err != nil || r.Code != codeMalform {
		t.Errorf("junk: %+v, %v", r, err)
	}
	if got := names(f.build(BuildLimits{})); got != "a0 a1 a2 a3 poor0 poor1" {
		t.Errorf("the pool holds %s", got)
	}
}

func TestDuplicates(t *testing.T) {
	f := newFixture(t, nil)
	x := tx("a", 0, 1)
	r := f.add(x, x)
	if r[0].Status != Accepted || r[1].Status != Accepted {
		t.Errorf("twice in one batch: %+v: both wait for one admission", r)
	}
	if r := f.add(x); r[0].Status != Duplicate {
		t.Errorf("again: %+v", r)
	}
	if f.ledger.verified != 1 {
		t.Errorf("verified %d times", f.ledger.verified)
	}
	f.commit(CommitInfo{Executed: f.ledger.execute(x)})
	if r := f.add(x); r[0].Status != Duplicate || r[0].Reason != ReasonExecuted {
		t.Errorf("replayed: %+v", r)
	}
}

// What is final while it is checked here, as gossip brings it late, does not come in:
// a machine without nonces would execute it again.
func TestWhatIsExecutedWhileItIsCheckedStaysOut(t *testing.T) {
	f := newFixture(t, nil)
	x := tx("a", 0, 1)
	f.set(func(l *ledger) {
		l.onCheck = func() {
			f.Committed(CommitInfo{Height: 1, Executed: []TxResult{{Hash: types.TxHash(x.bytes())}}})
		}
	})
	if r := f.add(x)[0]; r.Status != Duplicate || r.Reason != ReasonExecuted {
		t.Errorf("it was taken: %+v", r)
	}
	if got := f.build(BuildLimits{}); len(got) != 0 {
		t.Errorf("it would be proposed again: %d", len(got))
	}
}

func TestBuildFollowsPriceAndNonce(t *testing.T) {
	f := newFixture(t, nil)
	f.mustAdd(tx("a", 0, 1), tx("a", 1, 50), tx("b", 0, 20), tx("b", 1, 2), tx("c", 0, 20))
	if got, want := names(f.build(BuildLimits{})), "b0 c0 b1 a0 a1"; got != want {
		t.Errorf("built %s, want %s", got, want)
	}
	one := uint64(len(tx("a", 0, 1).bytes()))
	if got, want := names(f.build(BuildLimits{MaxBytes: 2*one + 1})), "b0 c0"; got != want {
		t.Errorf("two's bytes: built %s, want %s", got, want)
	}
	if got, want := names(f.build(BuildLimits{MaxGas: 399})), "b0 c0 b1"; got != want {
		t.Errorf("three's gas: built %s, want %s", got, want)
	}
	if got, want := names(f.build(BuildLimits{MaxTxs: 1})), "b0"; got != want {
		t.Errorf("one: built %s, want %s", got, want)
	}
	flight := map[types.Hash]bool{tx("b", 0, 20).hash(): true, tx("a", 0, 1).hash(): true}
	exclude := func(h types.Hash) bool { return flight[h] }
	if got, want := names(f.build(BuildLimits{Exclude: exclude})), "a1 c0 b1"; got != want {
		t.Errorf("with a0 and b0 in flight: built %s, want %s", got, want)
	}
	flight[tx("c", 0, 20).hash()], flight[tx("b", 1, 2).hash()] = true, true
	if !f.Waiting(11, exclude) {
		t.Error("a1 waits and is not seen")
	}
	flight[tx("a", 1, 50).hash()] = true
	if f.Waiting(11, exclude) {
		t.Error("all is in flight and something waits")
	}
}

func TestValidUntil(t *testing.T) {
	f := newFixture(t, nil)
	x := tx("a", 0, 1)
	x.validUntil = 12
	f.mustAdd(x, tx("a", 1, 1), tx("b", 0, 1))
	if got := names(f.build(BuildLimits{Height: 12})); got != "a0 a1 b0" {
		t.Errorf("at its last height: %s", got)
	}
	if got := names(f.build(BuildLimits{Height: 13})); got != "b0" {
		t.Errorf("above it: %s", got)
	}
	f.commit(CommitInfo{Height: 12})
	if f.Has(x.hash()) || !f.Has(tx("a", 1, 1).hash()) || f.Stats().Held != 1 {
		t.Errorf("after its last height: %+v", f.Stats())
	}
}

func TestGapsAreHeldForATime(t *testing.T) {
	f := newFixture(t, nil)
	r := f.add(tx("a", 2, 1), tx("b", 1, 1))
	for _, x := range r {
		if x.Status != Held || x.NextNonce != 0 {
			t.Errorf("beyond a gap: %+v", x)
		}
	}
	if got := names(f.build(BuildLimits{})); got != "" {
		t.Errorf("built %s", got)
	}
	f.clock.advance(time.Second)
	if age := f.OldestWaiting(); age != 0 {
		t.Errorf("nothing can be proposed, and something has waited for %s", age)
	}
	f.mustAdd(tx("a", 0, 1))
	f.clock.advance(2 * time.Second)
	if age := f.OldestWaiting(); age != 2*time.Second {
		t.Errorf("the oldest that can be proposed has waited for %s, want 2s", age)
	}
	if f.Stats().Held != 2 {
		t.Errorf("the gap is open still: %+v", f.Stats())
	}
	f.mustAdd(tx("a", 1, 1))
	if err := f.Flush(t.Context()); err != nil { // a1 is answered before a2 joins it
		t.Fatal(err)
	}
	if got := names(f.build(BuildLimits{})); got != "a0 a1 a2" {
		t.Errorf("the gap is closed: %s", got)
	}
	f.clock.advance(11 * time.Second)
	f.sweep()
	if s := f.Stats(); s.Held != 0 || s.Txs != 3 {
		t.Errorf("held longer than it may: %+v", s)
	}
}

func TestOrderWithinABatchDoesNotMatter(t *testing.T) {
	f := newFixture(t, nil)
	for _, r := range f.add(tx("a", 2, 1), tx("a", 0, 1), tx("a", 1, 1)) {
		if r.Status != Accepted {
			t.Errorf("%+v", r)
		}
	}
	// The sum of a batch must be payable too.
	f.ledger.balance["b"] = 25
	r := f.add(tx("b", 0, 1), tx("b", 1, 1), tx("b", 2, 1))
	if r[0].Status != Accepted || r[1].Status != Accepted || r[2].Code != codeUnfunded {
		t.Errorf("%+v", r)
	}
}

func TestPeerQuota(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.Limits.PeerTxs = 2 })
	peer := Source{9}
	results, err := f.AddBatch(t.Context(), [][]byte{tx("a", 0, 1).bytes(), tx("b", 0, 1).bytes(), tx("c", 0, 1).bytes()}, peer)
	if err != nil || results[1].Status != Accepted || results[2].Reason != ReasonQuota {
		t.Errorf("%+v, %v", results, err)
	}
	f.mustAdd(tx("c", 0, 1)) // others are not held back
}

func TestOfferWaitsForNothing(t *testing.T) {
	f := newFixture(t, nil)
	var raw [][]byte
	for i := range 700 {
		raw = append(raw, tx(fmt.Sprint("s", i), 0, 1).bytes())
	}
	if err := f.Offer(append(raw, []byte("junk"), nil), Source{1}); err != nil {
		t.Fatal(err)
	}
	if err := f.Offer(raw, Source{2}); err != nil {
		t.Fatal(err)
	}
	f.flush()
	if s := f.Stats(); s.Txs != 700 || f.ledger.verified != 701 {
		t.Errorf("%+v, %d verified", s, f.ledger.verified)
	}
	f.Close()
	if err := f.Offer(raw, Source{1}); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestCommitRemovesAndChecksAgain(t *testing.T) {
	f := newFixture(t, nil)
	f.ledger.balance["a"] = 40
	f.mustAdd(tx("a", 0, 1), tx("a", 1, 1), tx("a", 2, 1), tx("a", 3, 1), tx("b", 0, 1))
	spend := tx("a", 0, 1) // final here, though the pool knows a1..a3 on top
	f.ledger.checks = 0
	f.commit(CommitInfo{Executed: f.ledger.execute(spend)})
	if f.ledger.checks != 1 {
		t.Errorf("%d checks for one touched sender that stays payable, want 1", f.ledger.checks)
	}
	if got := names(f.build(BuildLimits{})); got != "a1 a2 a3 b0" && got != "b0 a1 a2 a3" {
		t.Errorf("the pool holds %s", got)
	}
	// The balance falls by other means: what cannot be paid goes.
	f.ledger.mu.Lock()
	f.ledger.balance["a"] = 15
	f.ledger.mu.Unlock()
	f.commit(CommitInfo{Executed: []TxResult{{Hash: types.Hash{5}, Sender: "a", Nonce: 0, Code: 0}}})
	if f.Has(tx("a", 2, 1).hash()) || !f.Has(tx("a", 1, 1).hash()) || f.Stats().Txs != 2 {
		t.Errorf("unpayable ones stay: %+v", f.Stats())
	}
}

func TestForeignTransactionOfTheSameNonceDisplaces(t *testing.T) {
	f := newFixture(t, nil)
	f.mustAdd(tx("a", 0, 1), tx("a", 1, 1))
	f.commit(CommitInfo{Executed: f.ledger.execute(tx("a", 0, 77))})
	if f.Has(tx("a", 0, 1).hash()) || !f.Has(tx("a", 1, 1).hash()) {
		t.Error("the nonce has passed")
	}
}

// TestSkippedTransactionUsesNoNonce commits a block that holds a later transaction
// of a sender too early: it is skipped, and the earlier ones must survive it.
func TestSkippedTransactionUsesNoNonce(t *testing.T) {
	f := newFixture(t, nil)
	f.mustAdd(tx("a", 0, 1), tx("a", 1, 1), tx("a", 2, 1))
	f.commit(CommitInfo{Executed: f.ledger.execute(tx("a", 1, 1))})
	if got := names(f.build(BuildLimits{})); got != "a0" {
		t.Errorf("built %s, want a0", got)
	}
	if s := f.Stats(); s.Held != 1 {
		t.Errorf("a2 should wait: %+v", s)
	}
	f.mustAdd(tx("a", 1, 1))
	if got := names(f.build(BuildLimits{})); got != "a0 a1 a2" {
		t.Errorf("built %s", got)
	}
}

// TestCommitBesideACheck commits a sender's transaction while another of it is
// being checked on the state before.
func TestCommitBesideACheck(t *testing.T) {
	f := newFixture(t, nil)
	first, second := tx("a", 0, 1), tx("a", 0, 50)
	f.ledger.onCheck = func() {
		f.Committed(CommitInfo{Height: 11, Executed: f.ledger.execute(first)})
	}
	if r := f.add(second)[0]; r.Reason != ReasonNonceLow {
		t.Errorf("a used nonce got in: %+v", r)
	}
}

func TestParameterAndExecutorChange(t *testing.T) {
	f := newFixture(t, nil)
	even, odd, behind := tx("a", 0, 1), tx("b", 0, 1), tx("b", 1, 1)
	odd.salt = 1
	f.mustAdd(even, odd, behind)
	f.ledger.banned = types.Hash{2}
	next := CommitInfo{Height: 11, Executor: types.Hash{2}}
	f.Committed(next)
	f.flush()
	if got := names(f.build(BuildLimits{})); got != "a0" {
		t.Errorf("under the new executor: %s", got)
	}
	if r := f.add(odd)[0]; r.Reason != ReasonInvalid {
		t.Errorf("refused by the new executor: %+v", r)
	}
	f.ledger.mu.Lock()
	f.ledger.balance["a"] = 5
	f.ledger.mu.Unlock()
	f.commit(CommitInfo{RecheckAll: true})
	if f.Stats().Txs != 0 {
		t.Error("what cannot be paid any more stays")
	}
}

func TestTTL(t *testing.T) {
	f := newFixture(t, nil)
	f.mustAdd(tx("a", 0, 1))
	f.clock.advance(30 * time.Minute)
	f.mustAdd(tx("a", 1, 1), tx("b", 0, 1))
	f.clock.advance(31 * time.Minute)
	f.sweep()
	if f.Has(tx("a", 0, 1).hash()) || f.Stats().Txs != 1 || f.Stats().Held != 1 {
		t.Errorf("%+v", f.Stats())
	}
}

func TestHostFaultsAreErrorsNotVerdicts(t *testing.T) {
	f := newFixture(t, nil)
	f.ledger.fault = errFault
	if _, err := f.Add(t.Context(), tx("a", 0, 1).bytes(), Local); !errors.Is(err, errFault) {
		t.Errorf("got %v", err)
	}
	f.ledger.mu.Lock()
	f.ledger.fault = nil
	f.ledger.mu.Unlock()
	f.mustAdd(tx("a", 0, 1))
}

func TestAddObeysItsContextAndClose(t *testing.T) {
	f := newFixture(t, nil)
	release := make(chan struct{})
	f.ledger.onCheck = func() { <-release }
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.Add(ctx, tx("a", 0, 1).bytes(), Local); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	close(release)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Add(t.Context(), tx("a", 0, 1).bytes(), Local); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestNotifyHoldsATokenUntilItIsTaken(t *testing.T) {
	f := newFixture(t, nil)
	f.mustAdd(tx("a", 0, 1), tx("b", 0, 1))
	<-f.Notify()
	select {
	case <-f.Notify():
		t.Error("two tokens")
	default:
	}
}

type heard struct {
	mu      sync.Mutex
	batches [][][]byte
	came    chan struct{}
}

func (h *heard) BroadcastTxs(txs [][]byte) {
	h.mu.Lock()
	h.batches = append(h.batches, txs)
	h.mu.Unlock()
	h.came <- struct{}{}
}

func TestClientsTransactionsArePassedOn(t *testing.T) {
	h := &heard{came: make(chan struct{}, 10)}
	f := newFixture(t, func(c *Config) { c.Broadcaster = h })
	if _, err := f.AddBatch(t.Context(), [][]byte{tx("p", 0, 1).bytes()}, Source{1}); err != nil {
		t.Fatal(err)
	}
	f.mustAdd(tx("a", 0, 1), tx("b", 0, 1))
	<-h.came
	if len(h.batches) != 1 || len(h.batches[0]) != 2 {
		t.Errorf("heard %d batches", len(h.batches))
	}
	f.commit(CommitInfo{Executed: f.ledger.execute(tx("a", 0, 1))})
	f.clock.advance(hearAgain)
	f.sweep()
	<-h.came
	if got := h.batches[1]; len(got) != 1 || types.TxHash(got[0]) != tx("b", 0, 1).hash() {
		t.Errorf("heard again: %d", len(got))
	}
}
