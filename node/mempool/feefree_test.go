package mempool

import "testing"

// unpaid is a fee-free transaction: its lane is one validator's and operation's, its
// nonce 0 for ever.
func unpaid(lane string, salt byte) testTx {
	x := tx(lane, 0, FeeFreePrice)
	x.cost, x.salt = 0, salt
	return x
}

// executeFree applies fee-free transactions: no nonce is used.
func (f *fixture) executeFree(code uint32, txs ...testTx) []TxResult {
	var out []TxResult
	for _, x := range txs {
		out = append(out, TxResult{Hash: x.hash(), Sender: x.sender, Nonce: x.nonce, Code: code})
	}
	return out
}

func TestFeeFreeTransactionsComeAgainWithNonceZero(t *testing.T) {
	f := newFixture(t, nil)
	f.mustAdd(unpaid("v1/ready", 1))
	f.commit(CommitInfo{Executed: f.executeFree(0, unpaid("v1/ready", 1))})
	if f.Has(unpaid("v1/ready", 1).hash()) {
		t.Error("what was executed is still there")
	}
	f.mustAdd(unpaid("v1/ready", 2)) // nonce 0 is not used up
	f.commit(CommitInfo{Executed: f.executeFree(1, unpaid("v1/ready", 2))})
	f.mustAdd(unpaid("v1/ready", 2)) // one that was skipped may come again as it is
}

func TestAnotherNodesFeeFreeTransactionUsesUpNothing(t *testing.T) {
	f := newFixture(t, nil)
	f.mustAdd(unpaid("v1/maintain", 1))
	f.commit(CommitInfo{Executed: f.executeFree(0, unpaid("v1/maintain", 7))}) // of the same lane, never in this pool
	if !f.Has(unpaid("v1/maintain", 1).hash()) {
		t.Error("it went without being checked: the state may still want it")
	}
	if got := names(f.build(BuildLimits{})); got != "v1/maintain0" {
		t.Errorf("built %q", got)
	}
}

func TestThePoolHoldsOneFeeFreeTransactionAValidatorAndOperation(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.Limits.Txs = 2 })
	f.mustAdd(tx("a", 0, 50), unpaid("v1/ready", 1))
	if r := f.add(unpaid("v1/ready", 2))[0]; r.Status != Rejected || r.Reason != ReasonUnderpriced || r.MinGasPrice != 0 {
		t.Errorf("a second one: %+v", r)
	}
	if r := f.add(tx("b", 0, 40))[0]; r.Reason != ReasonPoolFull {
		t.Errorf("a lower price than all: %+v", r)
	}
	f.mustAdd(unpaid("v2/ready", 1)) // they push out what pays, never the other way round
	f.add(tx("c", 0, FeeFreePrice-1))
	if got := names(f.build(BuildLimits{})); got != "v1/ready0 v2/ready0" {
		t.Errorf("the pool holds %q", got)
	}
}

func TestBlocksTakeFeeFreeTransactionsFirst(t *testing.T) {
	f := newFixture(t, nil)
	f.mustAdd(tx("a", 0, FeeFreePrice-1), unpaid("v1/ready", 1), tx("a", 1, 3), unpaid("v2/rotate", 1))
	if got := names(f.build(BuildLimits{})); got != "v1/ready0 v2/rotate0 a0 a1" {
		t.Errorf("built %q", got)
	}
	if got := names(f.build(BuildLimits{MaxTxs: 2})); got != "v1/ready0 v2/rotate0" {
		t.Errorf("two: built %q", got)
	}
}
