package executor

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bedrock-bft/bedrock/executor/memstate"
	"github.com/bedrock-bft/bedrock/executor/state"
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

// spent is wall time, the process' processor time and its page faults of one part.
type spent struct {
	wall, cpu time.Duration
	faults    int64
}

func (s *spent) measure(b *testing.B, part func()) {
	b.Helper()
	wall := time.Now()
	cpu, faults := processorTime(b)
	part()
	cpuAfter, faultsAfter := processorTime(b)
	s.wall, s.cpu, s.faults = s.wall+time.Since(wall), s.cpu+cpuAfter-cpu, s.faults+faultsAfter-faults
}

// processorTime is what the process has used so far, and its page faults.
func processorTime(b *testing.B) (time.Duration, int64) {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), usage.Minflt
}

func (s *spent) report(b *testing.B, name string, count int) {
	b.ReportMetric(float64(s.wall.Nanoseconds())/1000/float64(count), name+"-us/tx")
	b.ReportMetric(float64(s.cpu.Nanoseconds())/1000/float64(count), name+"-cpu-us/tx")
	b.ReportMetric(float64(s.faults)/float64(count), name+"-faults/tx")
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
	wasm, err := Canonical()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := engine.Load(wasm); err != nil {
			b.Fatal(err)
		}
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

// BenchmarkHostCalls is what one call of each import costs by the length of its
// list: ns/entry, the crossing included.
func BenchmarkHostCalls(b *testing.B) {
	engine, err := NewEngine(Options{})
	if err != nil {
		b.Fatal(err)
	}
	engine.limits.WriteBytes = 1 << 50 // one call is written over and over
	base := memstate.New()
	set := &state.WriteSet{After: state.Ref{Root: parentRoot, Height: 4, TreeVersion: 4}}
	for i := range 2_000 {
		address := state.Address{byte(i), byte(i >> 8)}
		set.Values = append(set.Values, state.ValueWrite{Address: address, Key: address[:], Value: make([]byte, 24)})
		set.Pages = append(set.Pages, state.PageWrite{Path: pathOf(i), Page: make([]byte, 800)})
	}
	if err := base.Apply(set); err != nil {
		b.Fatal(err)
	}
	view, err := state.NewOverlays(base, parentID, set.After, state.NewCache(16<<20, 16<<20)).View(parentID)
	if err != nil {
		b.Fatal(err)
	}
	defer view.Close()
	for _, count := range []int{1, 100, 2_000} {
		for name, request := range hostCallRequests(set, count) {
			b.Run(fmt.Sprintf("%s/entries=%d", name, count), func(b *testing.B) {
				benchmarkHostCall(b, engine, view, strings.SplitN(name, "-", 2)[0], request, count)
			})
		}
	}
}

func pathOf(i int) state.Path { return state.Path{Len: 4, Bits: [32]byte{byte(i), byte(i >> 8)}} }

func hostCallRequests(set *state.WriteSet, count int) map[string][]byte {
	entries := map[string][][]byte{}
	for i := range count {
		id := pathOf(i)
		for name, entry := range map[string][]byte{
			"state_read-values":  readValue(set.Values[i].Address),
			"state_read-pages":   readPage(4, id.Append(nil)...),
			"state_write-values": writeValue(1, set.Values[i].Address, string(set.Values[i].Key), string(set.Values[i].Value)),
			"state_write-pages":  writePage(id.Append(nil), string(set.Pages[i].Page)),
			"consume_gas":        make([]byte, 8),
		} {
			entries[name] = append(entries[name], entry)
		}
	}
	requests := make(map[string][]byte, len(entries))
	for name, list := range entries {
		requests[name] = listOf(list...)
	}
	return requests
}

// benchmarkHostCall calls an import b.N times in one instance.
func benchmarkHostCall(b *testing.B, engine *Engine, reader Reader, name string, request []byte, count int) {
	const answer, room, requestAt, capacity = 64, 1 << 20, 16 << 20, 15 << 20
	code := fmt.Sprintf("(call $%s (local.get 0) (local.get 1))", name)
	switch name {
	case "state_read":
		code = fmt.Sprintf("(drop (call $state_read (local.get 0) (local.get 1) (i32.const %d) (i32.const %d)))", room, capacity)
	case "consume_gas":
		code = "(drop (call $consume_gas (local.get 0) (local.get 1)))"
	}
	m := load(b, engine, watModule{exports: map[string]string{
		"memory": `(memory (export "memory") 512)`,
		"alloc":  fmt.Sprintf("(i32.const %d)", requestAt),
		"execute": fmt.Sprintf(`(local $i i32) (loop $again %s
		  (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const %d)))) (i64.const %d)`, code, b.N, answer<<32),
	}})
	host := &call{reader: reader, overlay: state.NewOverlay(blockID, parentID, state.Ref{Height: 5}), metadata: []byte{}, gasLeft: 1}
	b.ResetTimer()
	if err := m.run(host, "execute", request, 1<<60, func([]byte) error { return nil }); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(count), "ns/entry")
}
