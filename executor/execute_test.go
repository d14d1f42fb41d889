package executor

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	executorv1 "github.com/bedrock-bft/bedrock/proto/bedrock/executor/v1"

	"github.com/bedrock-bft/bedrock/executor/internal/sandbox"
	"github.com/bedrock-bft/bedrock/executor/receipts"
	"github.com/bedrock-bft/bedrock/executor/state"
)

func TestExecuteGathersEverything(t *testing.T) {
	first, second := []byte("first"), []byte("second")
	events := listOf(eventOf(0, "sent", "to", "you", "note", ""), eventOf(0, "again"))
	writes := listOf(
		writeValue(1, state.Address{9}, "nine", "old"), writeValue(1, state.Address{9}, "nine", "new"),
		writeValue(0, state.Address{1}, "key", ""), writePage([]byte{0}, "new root"), writePage([]byte{3, 0x12, 0x30}, "deep"), writeStale(4, 0))
	answer := response(t, func(r *executorv1.ExecutionResponse) {
		r.Receipts[0].EventCount = 2
		r.Receipts[1].Code, r.Receipts[1].Log = 5, "no money"
		r.MoreWork = true
	}, first, second)
	emit := fmt.Sprintf("(call $emit_event (i32.const %d) (i32.const %d))", requestsAt+len(writes), len(events))
	m := load(t, testEngine(t), watModule{
		answer: answer, requests: append(slices.Clone(writes), events...),
		exports: map[string]string{"execute": calling("state_write", writes) + emit + "ANSWER"},
	})
	chain := newChain(t)
	result, err := chain.execute(t, m, first, second)
	if err != nil || !result.Success {
		t.Fatalf("got %+v, %v", result, err)
	}
	sent := []receipts.Event{{Type: "sent", Attributes: []receipts.Attribute{{Key: "to", Value: []byte("you")}, {Key: "note", Value: []byte{}}}}, {Type: "again", Attributes: []receipts.Attribute{}}}
	want := []receipts.Receipt{
		{TxHash: sha256.Sum256(first), GasUsed: 3, Events: sent, EventsRoot: receipts.EventsRoot(sent)},
		{TxHash: sha256.Sum256(second), GasUsed: 3, Code: 5, Log: "no money", EventsRoot: receipts.NoneRoot},
	}
	if diff := cmp.Diff(want, result.Receipts); diff != "" {
		t.Errorf("receipts (-want +got):\n%s", diff)
	}
	after := state.Ref{Root: [32]byte{0x77}, Height: 5, TreeVersion: 5}
	wantSet := &state.WriteSet{
		Block: blockID, After: after,
		Values: []state.ValueWrite{{Address: state.Address{1}, Tombstone: true, Key: []byte("key")}, {Address: state.Address{9}, Key: []byte("nine"), Value: []byte("new")}},
		Pages:  []state.PageWrite{{Path: state.Path{}, Page: []byte("new root")}, {Path: state.Path{Len: 3, Bits: [32]byte{0x12, 0x30}}, Page: []byte("deep")}},
		Stale:  []state.PageID{{Version: 4}},
	}
	if diff := cmp.Diff(wantSet, result.Overlay.WriteSet()); diff != "" {
		t.Errorf("writes (-want +got):\n%s", diff)
	}
	if result.StateRoot != after.Root || result.ReceiptsRoot != receipts.Root(want) || result.GasUsed != 7 || !result.MoreWork {
		t.Errorf("result: got %+v", result)
	}
	if result.Usage.HostCalls != 2 || result.Usage.Fuel == 0 || result.Usage.MemoryBytes != 8<<16 {
		t.Errorf("usage: got %+v", result.Usage)
	}
}

// The module itself compares what it was answered, byte by byte.
func TestImportAnswers(t *testing.T) {
	request := listOf(readValue(state.Address{1}), readValue(state.Address{2}), readPage(4, 0), readPage(3, 0))
	want := slices.Concat(binary.LittleEndian.AppendUint32(nil, 4),
		binary.LittleEndian.AppendUint32(nil, 10), []byte("\x03\x00keyvalue"),
		binary.LittleEndian.AppendUint32(nil, absent),
		binary.LittleEndian.AppendUint32(nil, 9), []byte("root page"),
		binary.LittleEndian.AppendUint32(nil, absent))
	// The module asks with too little room first, then grows its buffer.
	code := fmt.Sprintf(`(if (i32.ne (call $state_read (i32.const %[1]d) (i32.const %[2]d) (i32.const %[3]d) (i32.const 3)) (i32.const %[4]d)) (then (unreachable)))
	  (if (i32.load (i32.const %[3]d)) (then (unreachable)))
	  (if (i32.ne (call $state_read (i32.const %[1]d) (i32.const %[2]d) (i32.const %[3]d) (i32.const %[4]d)) (i32.const %[4]d)) (then (unreachable)))
	  (if (i32.ne (call $state_read (i32.const %[1]d) (i32.const %[2]d) (i32.const %[5]d) (i32.const 1000)) (i32.const %[4]d)) (then (unreachable)))
	  %[6]s %[7]s ANSWER`, requestsAt, len(request), roomAt, len(want), roomAt+5000, same(roomAt, want), same(roomAt+5000, want))
	m := load(t, testEngine(t), watModule{requests: request, answer: response(t, nil), exports: map[string]string{"execute": code}})
	chain := newChain(t)
	result, err := chain.execute(t, m)
	if err != nil || !result.Success {
		t.Fatalf("got %+v, %v", result, err)
	}
}

// same is code that traps unless the bytes stand at the address.
func same(at int, want []byte) string {
	code := ""
	for i, b := range want {
		code += fmt.Sprintf("(if (i32.ne (i32.load8_u (i32.const %d)) (i32.const %d)) (then (unreachable)))\n", at+i, b)
	}
	return code
}

func TestConsumeGas(t *testing.T) {
	cases := []struct {
		first, second []uint64
		fitted, then  int
	}{
		{[]uint64{10, 20, 70}, []uint64{0, 1}, 3, 1},
		{[]uint64{60, 60, 1}, []uint64{40, 1}, 1, 1},
		{[]uint64{101}, []uint64{100}, 0, 1},
		{[]uint64{1<<64 - 1, 1}, []uint64{99, 1, 1}, 0, 2},
		{nil, []uint64{100, 0, 0}, 0, 3},
	}
	chain := newChain(t)
	for _, c := range cases {
		first, second := amounts(c.first...), amounts(c.second...)
		code := fmt.Sprintf(`(if (i32.ne (call $consume_gas (i32.const %d) (i32.const %d)) (i32.const %d)) (then (unreachable)))
		  (if (i32.ne (call $consume_gas (i32.const %d) (i32.const %d)) (i32.const %d)) (then (unreachable))) ANSWER`,
			requestsAt, len(first), c.fitted, requestsAt+len(first), len(second), c.then)
		m := load(t, testEngine(t), watModule{requests: append(first, second...), answer: response(t, nil), exports: map[string]string{"execute": code}})
		if result, err := chain.execute(t, m); err != nil || !result.Success {
			t.Errorf("%v then %v of 100: got %+v, %v, want %d and %d to fit", c.first, c.second, result, err, c.fitted, c.then)
		}
	}
}

func TestBlockMetadata(t *testing.T) {
	chain := newChain(t)
	plain := load(t, testEngine(t), watModule{answer: response(t, nil)})
	want, err := marshal(nil, blockFor(plain).Context)
	if err != nil {
		t.Fatal(err)
	}
	want = want[:len(want)-34] // the hash differs by module
	code := fmt.Sprintf(`(drop (call $block_metadata (i32.const %d) (i32.const 1000))) %s ANSWER`, roomAt, same(roomAt, want))
	m := load(t, testEngine(t), watModule{answer: response(t, nil), exports: map[string]string{"execute": code}})
	if result, err := chain.execute(t, m); err != nil || !result.Success {
		t.Errorf("got %+v, %v", result, err)
	}
}

// Reads see the state that the call names, never what the same call wrote.
func TestReadsDoNotSeeOwnWrites(t *testing.T) {
	write := listOf(writeValue(1, state.Address{2}, "k", "v"), writePage([]byte{0}, "mine"))
	read := listOf(readValue(state.Address{2}), readPage(5, 0))
	want := slices.Concat(binary.LittleEndian.AppendUint32(nil, 2), binary.LittleEndian.AppendUint32(nil, absent), binary.LittleEndian.AppendUint32(nil, absent))
	code := fmt.Sprintf(`%s (drop (call $state_read (i32.const %d) (i32.const %d) (i32.const %d) (i32.const 1000))) %s ANSWER`,
		calling("state_write", write), requestsAt+len(write), len(read), roomAt, same(roomAt, want))
	m := load(t, testEngine(t), watModule{requests: append(slices.Clone(write), read...), answer: response(t, nil), exports: map[string]string{"execute": code}})
	if result, err := newChain(t).execute(t, m); err != nil || !result.Success {
		t.Errorf("got %+v, %v", result, err)
	}
}

// rule: host-fault
func TestInjectedFaultIsNoOutcome(t *testing.T) {
	disk := errors.New("disk on fire")
	values, pages := listOf(readValue(state.Address{1})), listOf(readPage(4, 0))
	cases := map[string]string{
		"values":            calling("state_read", values) + "ANSWER",
		"values then trap":  calling("state_read", values) + "(unreachable)",
		"values in a loop":  "(loop " + calling("state_read", values) + "(br 0)) ANSWER",
		"pages":             fmt.Sprintf("(drop (call $state_read (i32.const %d) (i32.const %d) (i32.const %d) (i32.const 1000))) ANSWER", requestsAt+len(values), len(pages), roomAt),
		"page not verified": fmt.Sprintf("(i64.const 0x%x)", unverifiable),
	}
	for name, code := range cases {
		m := load(t, testEngine(t), watModule{requests: append(slices.Clone(values), pages...), answer: response(t, nil), exports: map[string]string{"execute": code}})
		chain := newChain(t)
		attempts := 0
		chain.base.SetFault(func() error { attempts++; return disk })
		result, err := chain.execute(t, m)
		var fault *HostFault
		if result != nil || !errors.As(err, &fault) {
			t.Errorf("%s: got %+v, %v, want a host fault", name, result, err)
			continue
		}
		want := disk
		if name == "page not verified" {
			want, attempts = ErrUnverifiable, 2
		}
		if !errors.Is(err, want) || attempts != 2 {
			t.Errorf("%s: got %v after %d attempts, want %v after 2", name, err, attempts, want)
		}
	}
}

func TestFaultThatPassesIsRetried(t *testing.T) {
	request := listOf(readValue(state.Address{1}))
	m := load(t, testEngine(t), watModule{requests: request, answer: response(t, nil), exports: map[string]string{"execute": calling("state_read", request) + "ANSWER"}})
	chain := newChain(t)
	failures := 1
	chain.base.SetFault(func() error {
		if failures--; failures >= 0 {
			return errors.New("once")
		}
		return nil
	})
	if result, err := chain.execute(t, m); err != nil || !result.Success {
		t.Errorf("got %+v, %v, want success in the second attempt", result, err)
	}
}

// panicking is a reader whose reads panic.
type panicking struct{ *state.View }

func (panicking) ReadValues([]state.Row, []state.Address) error { panic("broken invariant") }

func TestPanicAndCancellationAreFaults(t *testing.T) {
	request := listOf(readValue(state.Address{1}))
	m := load(t, testEngine(t), watModule{requests: request, answer: response(t, nil), exports: map[string]string{"execute": calling("state_read", request) + "ANSWER"}})
	chain := newChain(t)
	if result, err := m.Execute(context.Background(), panicking{chain.view}, blockFor(m)); result != nil || !errors.Is(err, sandbox.ErrPanic) {
		t.Errorf("panic: got %+v, %v", result, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	chain.base.SetFault(func() error { cancel(); return nil })
	twiceRead := load(t, testEngine(t), watModule{requests: request, answer: response(t, nil), exports: map[string]string{"execute": calling("state_read", request) + calling("state_read", request) + "ANSWER"}})
	var fault *HostFault
	if result, err := twiceRead.Execute(ctx, chain.view, blockFor(twiceRead)); result != nil || !errors.As(err, &fault) || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled while it runs: got %+v, %v", result, err)
	}
	chain.base.SetFault(nil)
	if result, err := m.Execute(ctx, chain.view, blockFor(m)); result != nil || !errors.As(err, &fault) {
		t.Errorf("cancelled before it runs: got %+v, %v", result, err)
	}
}

// Who counts faults hears of those that a second attempt mended, too, and of no
// caller's cancellation. // rule: host-fault
func TestHostFaultsAreHeardOf(t *testing.T) {
	var heard []string
	engine, err := NewEngine(Options{ExecuteInstances: 1, VerifyInstances: 1, CheckInstances: 1, QueryInstances: 1,
		OnHostFault: func(export string, err error) { heard = append(heard, export) }})
	if err != nil {
		t.Fatal(err)
	}
	request := listOf(readValue(state.Address{1}))
	m := load(t, engine, watModule{requests: request, answer: response(t, nil), exports: map[string]string{"execute": calling("state_read", request) + "ANSWER"}})
	chain := newChain(t)
	failures := 1
	chain.base.SetFault(func() error {
		if failures--; failures >= 0 {
			return errors.New("once")
		}
		return nil
	})
	if result, err := chain.execute(t, m); err != nil || !result.Success {
		t.Fatalf("got %+v, %v, want success in the second attempt", result, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	chain.base.SetFault(func() error { cancel(); return context.Canceled })
	if _, err := m.Execute(ctx, chain.view, blockFor(m)); err == nil {
		t.Fatal("a cancelled execution gave a result")
	}
	if !slices.Equal(heard, []string{"execute"}) {
		t.Errorf("heard of faults in %v, want one in execute", heard)
	}
}

func TestExecuteRefusesWhatDoesNotFit(t *testing.T) {
	m := load(t, testEngine(t), watModule{answer: response(t, nil)})
	chain := newChain(t)
	cases := map[string]func(*Block){
		"height":       func(b *Block) { b.Context.Height = 6 },
		"module":       func(b *Block) { b.Context.ExecutorHash = make([]byte, 32) },
		"engine":       func(b *Block) { b.Context.Engine = 2 },
		"hashes":       func(b *Block) { b.TxHashes = make([][32]byte, 1) },
		"no context":   func(b *Block) { b.Context = nil },
		"transactions": func(b *Block) { b.Transactions = make([][]byte, 65_537) },
	}
	for name, change := range cases {
		block := blockFor(m)
		change(block)
		var input *InputError
		if result, err := m.Execute(context.Background(), chain.view, block); result != nil || !errors.As(err, &input) {
			t.Errorf("%s: got %+v, %v, want an input error", name, result, err)
		}
	}
	rehearsed := blockFor(m)
	rehearsed.Rehearsed, rehearsed.Context.ExecutorHash, rehearsed.Context.Engine = true, make([]byte, 32), 2
	if result, err := m.Execute(context.Background(), chain.view, rehearsed); err != nil || !result.Success {
		t.Errorf("a block that another module executed: got %+v, %v", result, err)
	}
}

// A simulation gives what executing gives, and takes no place of a block.
func TestSimulate(t *testing.T) {
	request := listOf(readValue(state.Address{1}))
	engine, err := NewEngine(Options{ExecuteInstances: 1, VerifyInstances: 1, CheckInstances: 1, QueryInstances: 1})
	if err != nil {
		t.Fatal(err)
	}
	m := load(t, engine, watModule{requests: request, answer: response(t, nil), exports: map[string]string{"execute": calling("state_read", request) + "ANSWER"}})
	chain := newChain(t)
	want, err := chain.execute(t, m)
	if err != nil {
		t.Fatal(err)
	}
	engine.execute <- struct{}{} // all places of blocks are taken
	got, err := m.Simulate(context.Background(), chain.view, blockFor(m))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(hashed(want), hashed(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestManyExecutionsAtOnce(t *testing.T) {
	request := listOf(readValue(state.Address{1}), readPage(4, 0))
	m := load(t, testEngine(t), watModule{requests: request, answer: response(t, nil), exports: map[string]string{"execute": calling("state_read", request) + "ANSWER"}})
	chain := newChain(t)
	first, err := chain.execute(t, m)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				result, err := chain.execute(t, m)
				if err != nil || result.StateRoot != first.StateRoot || result.Usage.Fuel != first.Usage.Fuel {
					t.Errorf("got %+v, %v", result, err)
					return
				}
			}
		})
	}
	all.Wait()
}
