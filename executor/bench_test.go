package executor

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"syscall"
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
			rng := rand.New(rand.NewPCG(1, 2))
			l.measure(b, b.N, func() [][]byte { return l.transfers(rng, 10_000) })
		})
	}
}

// spent is wall time and the process' processor time of one part.
type spent struct {
	wall, cpu time.Duration
}

func (s *spent) measure(b *testing.B, part func()) {
	b.Helper()
	wall, cpu := time.Now(), processorTime(b)
	part()
	s.wall, s.cpu = s.wall+time.Since(wall), s.cpu+processorTime(b)-cpu
}

func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func (s *spent) report(b *testing.B, name string, count int) {
	b.ReportMetric(float64(s.wall.Nanoseconds())/1000/float64(count), name+"-us/tx")
	b.ReportMetric(float64(s.cpu.Nanoseconds())/1000/float64(count), name+"-cpu-us/tx")
}

// measure verifies, executes and commits that many blocks in turn.
func (l *ledger) measure(b *testing.B, blocks int, next func() [][]byte) {
	var verify, execute, commit spent
	var host time.Duration
	var fuel, gas uint64
	tip, _ := l.overlays.Committed()
	var result *Result
	total := 0
	for range blocks {
		transactions := next()
		total += len(transactions)
		runtime.GC()
		verify.measure(b, func() {
			verdicts, err := l.module.Verify(context.Background(), l.genesis, transactions)
			if err != nil || verdicts[0].Code != 0 {
				b.Fatalf("verify: %v %+v", err, verdicts)
			}
		})
		execute.measure(b, func() { result = l.execute(b, tip, transactions) })
		commit.measure(b, func() {
			tip = l.add(b, result)
			l.commit(b, tip)
		})
		host += result.Usage.HostTime
		fuel, gas = fuel+result.Usage.Fuel, gas+result.GasUsed
		for i := range result.Receipts {
			if result.Receipts[i].Code != 0 {
				b.Fatalf("receipt %d: %+v", i, result.Receipts[i])
			}
		}
	}
	verify.report(b, "verify", total)
	execute.report(b, "execute", total)
	commit.report(b, "memcommit", total)
	b.ReportMetric(float64(host.Nanoseconds())/1000/float64(total), "host-us/tx")
	b.ReportMetric(float64(fuel)/float64(total), "fuel/tx")
	b.ReportMetric(float64(fuel)/float64(gas), "fuel/gas")
	b.ReportMetric(float64(result.Usage.HostCalls), "hostcalls")
	b.ReportMetric(float64(result.Usage.MemoryBytes)/(1<<20), "MiB")
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
