package mempool

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/bedrock-bft/bedrock/node/task"
	"github.com/bedrock-bft/bedrock/node/types"
)

func (f *fixture) suspect(txs ...testTx) {
	f.t.Helper()
	var raw [][]byte
	for _, x := range txs {
		raw = append(raw, x.bytes())
	}
	f.Suspect(raw)
	f.flush()
}

// TestPoisonIsFoundByHalves puts one poison among many: it goes, the others come
// back, and the sandbox runs about as often as halving needs.
func TestPoisonIsFoundByHalves(t *testing.T) {
	const count = 1000
	for _, at := range []int{0, 1, 499, 500, 731, count - 1} {
		f := newFixture(t, nil)
		var txs []testTx
		for i := range count {
			x := tx(fmt.Sprint("s", i, "/"), 0, 1)
			x.poison = i == at
			txs = append(txs, x)
		}
		f.mustAdd(txs...)
		f.suspect(txs...)
		if s := f.Stats(); s.Suspects != 0 || s.Txs != count-1 || f.Has(txs[at].hash()) {
			t.Errorf("poison at %d: %+v", at, s)
		}
		if f.ledger.runs > 14 {
			t.Errorf("poison at %d: %d runs in the sandbox", at, f.ledger.runs)
		}
		if r := f.add(txs[at])[0]; r.Reason != ReasonPoison {
			t.Errorf("the poison again: %+v", r)
		}
		if got := len(f.build(BuildLimits{})); got != count-1 {
			t.Errorf("built %d", got)
		}
		f.clock.advance(f.cfg.Limits.RefuseFor + time.Second)
		f.sweep()
		if r := f.add(txs[at])[0]; r.Status != Accepted {
			t.Errorf("the poison much later: %+v", r)
		}
	}
}

// TestPoisonBehindItsSendersOthers hides the poison behind a good transaction of the
// same sender, without which its nonce is not reached.
func TestPoisonBehindItsSendersOthers(t *testing.T) {
	f := newFixture(t, nil)
	poison := tx("a", 1, 1)
	poison.poison = true
	txs := []testTx{tx("b", 0, 1), tx("a", 0, 1), poison, tx("a", 2, 1), tx("c", 0, 1)}
	f.mustAdd(txs...)
	f.suspect(txs...)
	if f.Has(poison.hash()) {
		t.Error("the poison stays")
	}
	if got := len(f.build(BuildLimits{})); got != 3 || f.Stats().Held != 1 {
		t.Errorf("built %d; %+v", got, f.Stats())
	}
}

func TestSeveralPoisons(t *testing.T) {
	f := newFixture(t, nil)
	var txs []testTx
	for i := range 64 {
		x := tx(fmt.Sprint("s", i, "/"), 0, 1)
		x.poison = i%20 == 7
		txs = append(txs, x)
	}
	f.mustAdd(txs...)
	f.suspect(txs...)
	if s := f.Stats(); s.Suspects != 0 || s.Txs != 61 {
		t.Errorf("%+v", s)
	}
}

func TestSuspectsAreNotProposed(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.Sandbox = nil })
	f.mustAdd(tx("a", 0, 1), tx("a", 1, 1), tx("b", 0, 1))
	f.Suspect([][]byte{tx("a", 0, 1).bytes(), tx("late", 0, 1).bytes()})
	f.mustAdd(tx("late", 0, 1))
	if got := names(f.build(BuildLimits{})); got != "b0" {
		t.Errorf("built %s", got)
	}
	if s := f.Stats(); s.Suspects != 2 {
		t.Errorf("%+v", s)
	}
	f.Committed(CommitInfo{Height: 11, Executed: f.ledger.execute(tx("a", 0, 1))})
	if s := f.Stats(); s.Suspects != 1 {
		t.Errorf("after one was executed: %+v", s)
	}
}

func TestLateSuspectsAreTried(t *testing.T) {
	f := newFixture(t, nil)
	poison := tx("b", 0, 1)
	poison.poison = true
	f.suspect(tx("a", 0, 1), poison)
	f.mustAdd(tx("a", 0, 1), poison)
	f.flush()
	if !f.Has(tx("a", 0, 1).hash()) || f.Has(poison.hash()) || f.Stats().Suspects != 0 {
		t.Errorf("%+v", f.Stats())
	}
}

func TestVerdictsAreKeptByModule(t *testing.T) {
	v := NewVerdicts(64)
	a, b := types.Hash{1}, types.Hash{2}
	v.Put(a, types.Hash{9}, Verdict{GasLimit: 5})
	v.Put(a, types.Hash{8}, Verdict{Code: 3})
	if got, ok := v.Get(a, types.Hash{9}); !ok || got.GasLimit != 5 {
		t.Errorf("got %+v, %v", got, ok)
	}
	if _, ok := v.Get(b, types.Hash{9}); ok {
		t.Error("a verdict of another module")
	}
	if got := v.Missing(a, []types.Hash{{9}, {7}, {8}}); len(got) != 1 || got[0] != 1 {
		t.Errorf("missing %v", got)
	}
	for i := range 1000 {
		v.Put(a, types.Hash{10, byte(i), byte(i >> 8)}, Verdict{Code: 3})
	}
	if _, ok := v.Get(a, types.Hash{9}); !ok {
		t.Error("refused ones displaced a good one")
	}
	if n := len(v.refused.now) + len(v.refused.old); n > 8 {
		t.Errorf("%d refused ones are kept", n)
	}
}

func TestVerifyAllAsksForWhatIsMissing(t *testing.T) {
	l, v := newLedger(), NewVerdicts(4096)
	var txs [][]byte
	for i := range 700 {
		x := tx("a", uint64(i), 1)
		x.broken = i == 650
		txs = append(txs, x.bytes())
	}
	if _, err := VerifyAll(t.Context(), task.Runtime{}, l, v, types.Hash{}, txs[:300], 2); err != nil || l.verified != 300 {
		t.Fatalf("%v, %d verified", err, l.verified)
	}
	got, err := VerifyAll(t.Context(), task.Runtime{}, l, v, types.Hash{}, txs, 2)
	if err != nil || l.verified != 700 {
		t.Fatalf("%v, %d verified", err, l.verified)
	}
	for i := range got {
		if (got[i].Code != 0) != (i == 650) || (got[i].Code == 0 && got[i].Nonce != uint64(i)) {
			t.Fatalf("verdict %d: %+v", i, got[i])
		}
	}
	l.fault = errFault
	if _, err := VerifyAll(t.Context(), task.Runtime{}, l, NewVerdicts(1), types.Hash{}, txs, 2); err == nil {
		t.Error("a host fault gave verdicts")
	}
}

// What a proposer has others verify is bounded by the block's gas and a batch a worker,
// and by the first refusal. // rule: verify-before-vote
func TestVerifyBlockEndsWhereTheBlockIsRefused(t *testing.T) {
	txs := make([][]byte, 4000)
	for i := range txs {
		x := tx("a", uint64(i), 1)
		x.broken = i == 3999
		txs[i] = x.bytes()
	}
	for _, tc := range []struct {
		name          string
		maxGas        uint64
		txs           [][]byte
		remembered    int // verdicts at hand
		least, most   int // verified
		refusalAnyway bool
	}{
		{"all of it", 399_900, txs[:3999], 0, 3999, 3999, false},
		{"gas one short", 399_899, txs[:3999], 0, 3999, 3999, true},
		{"gas for 300", 30_000, txs, 0, 301, 2*batchTxs + 301, true},
		{"gas for 300, of which 200 are known", 30_000, txs, 200, 101, 2*batchTxs + 301, true},
		{"the first is refused", 1 << 40, slices.Concat(txs[3999:], txs[:3999]), 0, 1, batchTxs, true},
	} {
		l, v := newLedger(), NewVerdicts(16384)
		if tc.remembered > 0 {
			if _, err := VerifyAll(t.Context(), task.Runtime{}, l, v, types.Hash{}, tc.txs[:tc.remembered], 1); err != nil {
				t.Fatal(err)
			}
			l.verified = 0
		}
		gas, refusal, err := VerifyBlock(t.Context(), task.Runtime{}, l, v, types.Hash{}, tc.maxGas, tc.txs, 1)
		if err != nil || (refusal != "") != tc.refusalAnyway || l.verified < tc.least || l.verified > tc.most {
			t.Errorf("%s: refused %q, error %v, %d verified, want %d to %d", tc.name, refusal, err, l.verified, tc.least, tc.most)
		}
		if refusal == "" && (len(gas) != len(tc.txs) || gas[7] != 100) {
			t.Errorf("%s: %d gas limits", tc.name, len(gas))
		}
	}
}

// A module that fails every block is no transaction's fault: none is dropped, and all
// come back once the module is gone. // rule: epoch-revert
func TestBrokenModuleConvictsNobody(t *testing.T) {
	f := newFixture(t, nil)
	txs := []testTx{tx("a", 0, 1), tx("a", 1, 1), tx("b", 0, 1), tx("c", 0, 1)}
	f.mustAdd(txs...)
	f.set(func(l *ledger) { l.broken = true })
	for range 3 {
		f.suspect(txs...)
		f.commit(CommitInfo{})
		if s := f.Stats(); s.Txs != len(txs) || s.Suspects != len(txs) {
			t.Fatalf("under the broken module: %+v", s)
		}
	}
	f.set(func(l *ledger) { l.broken = false })
	f.commit(CommitInfo{Executor: types.Hash{2}})
	if got := len(f.build(BuildLimits{})); got != len(txs) {
		t.Errorf("%d of %d may be proposed after it: %+v", got, len(txs), f.Stats())
	}
}
