package executor

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// BenchmarkBlock is a block of 10,000 transfers, state and pages in memory: one
// core for each call. Its metrics are microseconds a transaction.
func BenchmarkBlock(b *testing.B) {
	engine, err := NewEngine(Options{VerifyInstances: 1})
	if err != nil {
		b.Fatal(err)
	}
	module := canonical(b, engine)
	for _, accounts := range []int{10_000, 1_000_000} {
		b.Run(fmt.Sprintf("accounts=%d", accounts), func(b *testing.B) {
			l := newLedger(b, module, 10_000, accounts)
			benchmarkBlock(b, l, 10_000)
		})
	}
}

func benchmarkBlock(b *testing.B, l *ledger, count int) {
	var verify, execute, host, commit time.Duration
	var verifyCount, executeFuel, gas uint64
	rng := rand.New(rand.NewPCG(1, 2))
	tip, _ := l.overlays.Committed()
	calls, memory := 0, 0
	b.ResetTimer()
	for range b.N {
		b.StopTimer()
		transactions := l.transfers(rng, count)
		b.StartTimer()
		start := time.Now()
		verdicts, err := l.module.Verify(context.Background(), ledgerGenesis, transactions)
		if err != nil || verdicts[0].Code != 0 {
			b.Fatalf("verify: %v %+v", err, verdicts)
		}
		verified := time.Now()
		result := l.execute(b, tip, transactions)
		executed := time.Now()
		tip = l.add(b, result)
		l.commit(b, tip)
		commit += time.Since(executed)
		verify, execute = verify+verified.Sub(start), execute+executed.Sub(verified)
		host += result.Usage.HostTime
		calls, memory = result.Usage.HostCalls, result.Usage.MemoryBytes
		executeFuel, gas = executeFuel+result.Usage.Fuel, gas+result.GasUsed
		for i := range result.Receipts {
			if result.Receipts[i].Code != 0 {
				b.Fatalf("receipt %d: %+v", i, result.Receipts[i])
			}
		}
		verifyCount += uint64(count)
	}
	a := float64(verifyCount)
	b.ReportMetric(float64(verify.Microseconds())/a, "verify-us/tx")
	b.ReportMetric(float64(execute.Microseconds())/a, "execute-us/tx")
	b.ReportMetric(float64(host.Microseconds())/a, "host-us/tx")
	b.ReportMetric(float64((verify+execute).Microseconds())/a, "both-us/tx")
	b.ReportMetric(float64(commit.Microseconds())/a, "memcommit-us/tx")
	b.ReportMetric(float64(executeFuel)/a, "fuel/tx")
	b.ReportMetric(float64(executeFuel)/float64(gas), "fuel/gas")
	b.ReportMetric(float64(calls), "hostcalls")
	b.ReportMetric(float64(memory)/(1<<20), "MiB")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkLoad compiles the canonical module; BenchmarkStart runs the cheapest
// call of it.
func BenchmarkLoad(b *testing.B) {
	engine, err := NewEngine(Options{})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		canonical(b, engine)
	}
}

func BenchmarkStart(b *testing.B) {
	engine, err := NewEngine(Options{VerifyInstances: 1})
	if err != nil {
		b.Fatal(err)
	}
	module := canonical(b, engine)
	for b.Loop() {
		if _, err := engine.accept(module); err != nil {
			b.Fatal(err)
		}
	}
}
