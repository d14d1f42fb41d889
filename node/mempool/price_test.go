package mempool

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReplacement(t *testing.T) {
	f := newFixture(t, nil)
	f.ledger.balance["a"] = 20
	f.mustAdd(tx("a", 0, 100), tx("a", 1, 100))
	sub := f.Subscribe()
	f.mustAdd(tx("a", 0, 110)) // the replaced one's cost does not count
	if f.Has(tx("a", 0, 100).hash()) || f.Stats().Txs != 2 {
		t.Error("the replaced one is still there")
	}
	if got := names(f.build(BuildLimits{})); got != "a0 a1" {
		t.Errorf("built %s", got)
	}
	want := []Event{{Hash: tx("a", 0, 100).hash(), Reason: ReasonReplaced}, {Hash: tx("a", 0, 110).hash(), Added: true}}
	if d := cmp.Diff(want, []Event{<-sub.Events(), <-sub.Events()}); d != "" {
		t.Error(d)
	}
	sub.Cancel()
}

func TestFullPool(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.Limits.Txs = 4 })
	f.mustAdd(tx("a", 0, 10), tx("a", 1, 10), tx("b", 0, 5), tx("c", 0, 20))
	if s := f.Stats(); s.MinGasPrice != 6 {
		t.Errorf("lowest price that gets in: %d, want 6", s.MinGasPrice)
	}
	for _, price := range []uint64{4, 5} {
		if r := f.add(tx("d", 0, price))[0]; r.Reason != ReasonPoolFull || r.MinGasPrice != 6 || !strings.Contains(r.Text, "6") {
			t.Errorf("price %d: %+v", price, r)
		}
	}
	f.mustAdd(tx("d", 0, 6))
	if f.Has(tx("b", 0, 5).hash()) || f.Stats().Txs != 4 {
		t.Error("the cheapest is still there")
	}
	// The own tail is the cheapest: nothing is gained by evicting it.
	if r := f.add(tx("d", 1, 6))[0]; r.Reason != ReasonPoolFull || f.Stats().Txs != 4 || !f.Has(tx("d", 0, 6).hash()) {
		t.Errorf("behind the cheapest: %+v", r)
	}
}

// TestLargeTransactionEvictsAllOrNothing offers one that would need more room than
// what is cheaper than it.
func TestLargeTransactionEvictsAllOrNothing(t *testing.T) {
	size := len(tx("a", 0, 1).bytes())
	f := newFixture(t, func(c *Config) { c.Limits.Bytes = 4 * size })
	f.mustAdd(tx("a", 0, 1), tx("b", 0, 2), tx("c", 0, 9), tx("c", 1, 9))
	big := tx("d", 0, 5)
	big.pad = 3*size - len(big.bytes())
	if r := f.add(big)[0]; r.Reason != ReasonPoolFull {
		t.Errorf("%+v", r)
	}
	if got := names(f.build(BuildLimits{})); got != "c0 c1 b0 a0" {
		t.Errorf("a refused one changed the pool: %s", got)
	}
	big.pad -= size
	f.mustAdd(big)
	if got := names(f.build(BuildLimits{})); got != "c0 c1 d0" {
		t.Errorf("the pool holds %s", got)
	}
}
