package mempool

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/bedrock-bft/bedrock/node/types"
)

// free is a verifier and checker that costs nothing: what is left is the pool's own
// work.
type free struct {
	mu    sync.Mutex
	nonce map[string]uint64
}

// Verify implements Verifier.
func (*free) Verify(_ context.Context, _ types.Hash, txs [][]byte) ([]Verdict, error) {
	out := make([]Verdict, len(txs))
	for i, b := range txs {
		x, _ := parseTx(b)
		out[i] = Verdict{Sender: x.sender, Nonce: x.nonce, GasLimit: x.gas}
	}
	return out, nil
}

// Check implements Checker.
func (f *free) Check(_ context.Context, items []CheckItem) ([]CheckVerdict, error) {
	out := make([]CheckVerdict, len(items))
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range items {
		x, _ := parseTx(items[i].Tx)
		out[i] = CheckVerdict{Sender: x.sender, AccountNonce: f.nonce[x.sender], GasPrice: x.price, MaxCost: Amount{Lo: x.cost}}
	}
	return out, nil
}

// BenchmarkAddBuild adds 100,000 transactions of 10,000 senders, as gossip brings
// them, and builds blocks of 5,000 until all are taken. It reports microseconds a
// transaction.
func BenchmarkAddBuild(b *testing.B) {
	const count, senders, block = 100_000, 10_000, 5_000
	var batches [][][]byte
	for i := range count {
		if i%256 == 0 {
			batches = append(batches, nil)
		}
		x := testTx{sender: fmt.Sprintf("sender-%026d", i%senders), nonce: uint64(i / senders), price: uint64(1 + i%97), gas: 100, pad: 140}
		batches[len(batches)-1] = append(batches[len(batches)-1], x.bytes())
	}
	var add, build float64
	for b.Loop() {
		state := &free{nonce: map[string]uint64{}}
		p, err := New(Config{Verifier: state, Checker: state, Executor: types.Hash{1}})
		if err != nil {
			b.Fatal(err)
		}
		begin := b.Elapsed()
		places, done := make(chan struct{}, 16), make(chan error, len(batches))
		for _, batch := range batches {
			places <- struct{}{}
			go func() {
				_, err := p.AddBatch(b.Context(), batch, Local)
				<-places
				done <- err
			}()
		}
		for range batches {
			if err := <-done; err != nil {
				b.Fatal(err)
			}
		}
		if s := p.Stats(); s.Txs != count {
			b.Fatalf("%d of %d came in: %+v", s.Txs, count, s)
		}
		middle := b.Elapsed()
		flight := make(map[types.Hash]bool, count)
		for p.Stats().Txs > 0 {
			txs := p.Build(BuildLimits{MaxBytes: 1 << 30, MaxGas: 1 << 40, MaxTxs: block, Exclude: func(h types.Hash) bool { return flight[h] }})
			if len(txs) == 0 {
				b.Fatalf("nothing to propose: %+v", p.Stats())
			}
			state.mu.Lock()
			for _, tx := range txs {
				flight[types.TxHash(tx)] = true
				x, _ := parseTx(tx)
				state.nonce[x.sender] = x.nonce + 1
			}
			state.mu.Unlock()
			if len(flight) == 4*block { // four blocks are final
				results := make([]TxResult, 0, len(flight))
				for h := range flight {
					results = append(results, TxResult{Hash: h, Code: 1})
				}
				p.Committed(CommitInfo{Height: p.book.height + 1, Executed: results})
				clear(flight)
			}
		}
		end := b.Elapsed()
		add += (middle - begin).Seconds()
		build += (end - middle).Seconds()
		p.Close()
	}
	b.ReportMetric(add*1e6/count/float64(b.N), "µs-add/tx")
	b.ReportMetric(build*1e6/count/float64(b.N), "µs-build-commit/tx")
	b.ReportMetric(0, "ns/op")
}
