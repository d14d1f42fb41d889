package mempool

import (
	"context"
	"fmt"
	"testing"

	"github.com/bedrock-bft/bedrock/node/types"
)

// free is a verifier and checker that costs nothing: what is left is the pool's own
// work.
type free struct{}

// Verify implements Verifier.
func (free) Verify(_ context.Context, _ types.Hash, txs [][]byte) ([]Verdict, error) {
	out := make([]Verdict, len(txs))
	for i, b := range txs {
		x, _ := parseTx(b)
		out[i] = Verdict{Sender: x.sender, Nonce: x.nonce, GasLimit: x.gas}
	}
	return out, nil
}

// Check implements Checker.
func (free) Check(_ context.Context, items []CheckItem) ([]CheckVerdict, error) {
	out := make([]CheckVerdict, len(items))
	for i := range items {
		x, _ := parseTx(items[i].Tx)
		out[i] = CheckVerdict{Sender: x.sender, GasPrice: x.price, MaxCost: Amount{Lo: x.cost}}
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
		p, err := New(Config{Verifier: free{}, Checker: free{}, Executor: types.Hash{1}})
		if err != nil {
			b.Fatal(err)
		}
		begin := b.Elapsed()
		done := make(chan error, len(batches))
		for _, batch := range batches {
			go func() {
				_, err := p.AddBatch(b.Context(), batch, Local)
				done <- err
			}()
			if len(p.incoming) > 4096 {
				if err := <-done; err != nil {
					b.Fatal(err)
				}
				done <- nil
			}
		}
		for range batches {
			if err := <-done; err != nil {
				b.Fatal(err)
			}
		}
		middle := b.Elapsed()
		flight := make(map[types.Hash]bool, count)
		for taken := 0; taken < p.Stats().Txs; {
			txs := p.Build(BuildLimits{MaxBytes: 1 << 30, MaxGas: 1 << 40, MaxTxs: block, Exclude: func(h types.Hash) bool { return flight[h] }})
			if len(txs) == 0 {
				b.Fatalf("%d of %d taken", taken, p.Stats().Txs)
			}
			for _, tx := range txs {
				flight[types.TxHash(tx)] = true
			}
			taken += len(txs)
			if taken%(4*block) == 0 { // four blocks are final
				results := make([]TxResult, 0, len(flight))
				for h := range flight {
					results = append(results, TxResult{Hash: h, Code: 1})
				}
				p.Committed(CommitInfo{Height: p.book.height + 1, Executed: results})
				taken -= len(flight)
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
