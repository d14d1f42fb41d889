package executor

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"

	executorv1 "github.com/bedrock-bft/bedrock/proto/bedrock/executor/v1"

	"github.com/bedrock-bft/bedrock/executor/receipts"
	"github.com/bedrock-bft/bedrock/executor/state"
)

// checkFailed holds that a result is the one outcome of every failed block.
func checkFailed(t *testing.T, name string, result *Result, err error, kind TrapKind) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: got error %v, want a failed block", name, err)
		return
	}
	values, pages, stale := result.Overlay.Counts()
	got := []any{result.Success, result.StateRoot, result.ReceiptsRoot, len(result.Receipts), result.GasUsed, result.MoreWork, result.EpochChange == nil, result.Overlay.After(), values, pages, stale}
	want := []any{false, parentRoot, receipts.NoneRoot, 0, uint64(0), false, true, state.Ref{Root: parentRoot, Height: 5, TreeVersion: 4}, 0, 0, 0}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: outcome (-want +got):\n%s", name, diff)
	}
	if !strings.Contains(result.FailureReason, fmt.Sprintf("(%s)", kind)) {
		t.Errorf("%s: got reason %q, want one of kind %q", name, result.FailureReason, kind)
	}
}

// A module that loops, traps, exhausts memory, overflows the stack or breaks the
// contract gives a failed block: one outcome, whatever it wrote before.
func TestVerdicts(t *testing.T) {
	before := calling("state_write", listOf(writeValue(1, state.Address{9}, "k", "v"), writePage([]byte{0}, "page"), writeStale(4, 0)))
	written := listOf(writeValue(1, state.Address{9}, "k", "v"), writePage([]byte{0}, "page"), writeStale(4, 0))
	cases := []struct {
		name, code string
		kind       TrapKind
	}{
		{"loop", `(loop (br 0)) (unreachable)`, TrapFuel},
		{"unreachable", `(unreachable)`, TrapCode},
		{"out of bounds", `(i64.load (i32.const -8))`, TrapCode},
		{"division by zero", `(i64.div_u (i64.const 1) (i64.const 0))`, TrapCode},
		{"division overflow", `(i64.div_s (i64.const 0x8000000000000000) (i64.const -1))`, TrapCode},
		{"bad conversion", `(i64.trunc_f64_u (f64.const nan))`, TrapCode},
		{"stack overflow", `(call $deep)`, TrapStack},
		{"stack overflow by itself", `(call $execute (local.get 0) (local.get 1))`, TrapStack},
		{"memory exhausted", `(loop (br_if 0 (i32.ne (memory.grow (i32.const 1024)) (i32.const -1)))) (unreachable)`, TrapCode},
		{"answer out of bounds", `(i64.const 0xFFFFFFF000000010)`, TrapAnswer},
		{"answer too long", `(drop (memory.grow (i32.const 1024))) (i64.const 0x01000001)`, TrapAnswer},
		{"answer empty", `(i64.const 0)`, TrapAnswer},
		{"indirect call of nothing", `(call_indirect (result i64) (i32.const 0))`, TrapCode},
	}
	chain := newChain(t)
	for _, c := range cases {
		m := load(t, testEngine(t), watModule{
			requests: written,
			exports:  map[string]string{"execute": before + c.code},
			extra:    `(table 1 funcref) (func $deep (result i64) (i64.add (call $deep) (i64.const 1)))`,
		})
		result, err := chain.execute(t, m)
		checkFailed(t, c.name, result, err, c.kind)
	}
}

func TestImportViolations(t *testing.T) {
	address := state.Address{1}
	long := strings.Repeat("x", 257)
	cases := []struct {
		name, export string
		request      []byte
	}{
		{"read: no count", "state_read", []byte{1, 0}},
		{"read: more entries than bytes", "state_read", []byte{255, 255, 0, 0, 0}},
		{"read: unknown space", "state_read", listOf([]byte{2, 0, 0, 0, 0, 0, 0, 0, 0, 0})},
		{"read: cut", "state_read", listOf(readValue(address)[:20])},
		{"read: bytes behind", "state_read", append(listOf(readValue(address)), 0)},
		{"read: path too deep", "state_read", listOf(readPage(1, 65))},
		{"read: path of two encodings", "state_read", listOf(readPage(1, 1, 0x11))},
		{"write: unknown space", "state_write", listOf([]byte{3})},
		{"write: unknown flag", "state_write", listOf(writeValue(2, address, "k", "v"))},
		{"write: no key", "state_write", listOf(writeValue(1, address, "", "v"))},
		{"write: long key", "state_write", listOf(writeValue(1, address, long, "v"))},
		{"write: no value", "state_write", listOf(writeValue(1, address, "k", ""))},
		{"write: tombstone with a value", "state_write", listOf(writeValue(0, address, "k", "v"))},
		{"write: empty page", "state_write", listOf(writePage([]byte{0}, ""))},
		{"write: cut", "state_write", listOf(writePage([]byte{0}, "page"))[:12]},
		{"event: of no transaction", "emit_event", listOf(eventOf(1, "t"))},
		{"event: falling index", "emit_event", listOf(eventOf(0, "t"), eventOf(7, "t"))},
		{"event: no type", "emit_event", listOf(eventOf(0, ""))},
		{"event: type not UTF-8", "emit_event", listOf(eventOf(0, "\xff"))},
		{"event: long key", "emit_event", listOf(eventOf(0, "t", long, "v"))},
		{"gas: cut", "consume_gas", amounts(1, 2)[:15]},
	}
	chain, transaction := newChain(t), []byte("transaction")
	for _, c := range cases {
		m := load(t, testEngine(t), watModule{
			requests: c.request, answer: response(t, nil, transaction),
			exports: map[string]string{"execute": calling(c.export, c.request) + "ANSWER"},
		})
		result, err := chain.execute(t, m, transaction)
		checkFailed(t, c.name, result, err, TrapImport)
	}
}

// Lengths and places are judged before anything is copied.
func TestImportBounds(t *testing.T) {
	page := fmt.Sprintf("(memory.fill (i32.const %d) (i32.const 0) (i32.const 100))", roomAt)
	cases := []struct{ name, code string }{
		{"request out of bounds", `(call $state_write (i32.const 524280) (i32.const 100))`},
		{"request beyond 4 GiB", `(call $state_write (i32.const -4) (i32.const 8))`},
		{"request too long", `(drop (memory.grow (i32.const 1024))) (call $state_write (i32.const 0) (i32.const 16777217))`},
		{"room out of bounds", `(drop (call $block_metadata (i32.const 524280) (i32.const 1000)))`},
		{"room out of bounds for a read", page + fmt.Sprintf(`(drop (call $state_read (i32.const %d) (i32.const 4) (i32.const -1) (i32.const 100)))`, roomAt)},
		{"events too many", `(i32.store (i32.const 0) (i32.const 65537)) (drop (memory.grow (i32.const 100))) (call $emit_event (i32.const 0) (i32.const 4000000))`},
		{"keys too many", `(i32.store (i32.const 0) (i32.const 65537)) (drop (memory.grow (i32.const 100))) (drop (call $state_read (i32.const 0) (i32.const 4000000) (i32.const 0) (i32.const 0)))`},
	}
	chain := newChain(t)
	for _, c := range cases {
		m := load(t, testEngine(t), watModule{answer: response(t, nil), exports: map[string]string{"execute": c.code + "ANSWER"}})
		result, err := chain.execute(t, m)
		checkFailed(t, c.name, result, err, TrapImport)
	}
}

// An answer of state_read above 16 MiB traps, however it came to be so long.
func TestReadAnswerIsBounded(t *testing.T) {
	chain := newChain(t)
	big := state.ValueWrite{Address: state.Address{2}, Key: []byte("big"), Value: bytes.Repeat([]byte{1}, 64<<10)}
	if err := chain.base.Apply(&state.WriteSet{After: state.Ref{Height: 4}, Values: []state.ValueWrite{big}}); err != nil {
		t.Fatal(err)
	}
	for count, success := range map[int]bool{200: true, 300: false} {
		entries := make([][]byte, count)
		for i := range entries {
			entries[i] = readValue(big.Address)
		}
		request := listOf(entries...)
		m := load(t, testEngine(t), watModule{requests: request, answer: response(t, nil), exports: map[string]string{"execute": calling("state_read", request) + "ANSWER"}})
		result, err := chain.execute(t, m)
		if err != nil || result.Success != success {
			t.Errorf("%d values of 64 KiB: got %+v, %v, want success %v", count, result, err, success)
		}
	}
}

func TestMalformedAnswers(t *testing.T) {
	transaction := []byte("transaction")
	valid := response(t, nil, transaction)
	receipt := func(change func(*executorv1.Receipt)) []byte {
		return response(t, func(r *executorv1.ExecutionResponse) { change(r.Receipts[0]) }, transaction)
	}
	extra := func(fields ...byte) []byte { return append(bytes.Clone(valid), fields...) }
	cases := map[string][]byte{
		"cut":                    valid[:len(valid)-1],
		"no root":                valid[34:],
		"short root":             response(t, func(r *executorv1.ExecutionResponse) { r.NewStateRoot = r.NewStateRoot[:31] }, transaction),
		"unknown field":          extra(protowire.AppendVarint(protowire.AppendTag(nil, 9, protowire.VarintType), 1)...),
		"field doubled":          extra(protowire.AppendVarint(protowire.AppendTag(nil, 3, protowire.VarintType), 1)...),
		"fields out of order":    append(protowire.AppendVarint(protowire.AppendTag(nil, 3, protowire.VarintType), 1), valid...),
		"wrong wire type":        append(bytes.Clone(valid[:34]), protowire.AppendVarint(protowire.AppendTag(nil, 2, protowire.VarintType), 1)...),
		"flag of 2":              extra(protowire.AppendVarint(protowire.AppendTag(nil, 4, protowire.VarintType), 2)...),
		"no receipt":             response(t, nil),
		"two receipts":           response(t, nil, transaction, transaction),
		"receipt of another":     response(t, nil, []byte("another")),
		"receipt without hash":   receipt(func(r *executorv1.Receipt) { r.TxHash = nil }),
		"events not emitted":     receipt(func(r *executorv1.Receipt) { r.EventCount = 1 }),
		"log is not UTF-8":       append(bytes.Clone(valid[:34]), badLog()...),
		"code above 32 bits":     append(bytes.Clone(valid[:34]), badCode()...),
		"garbage":                []byte("\xff\xff\xff\xff\xff"),
		"group":                  extra(protowire.AppendTag(nil, 5, protowire.StartGroupType)...),
		"epoch with empty set":   response(t, func(r *executorv1.ExecutionResponse) { r.EpochChange = &executorv1.EpochParams{} }, transaction),
		"epoch of unknown field": extra(append(protowire.AppendTag(nil, 5, protowire.BytesType), 2, 0x78, 1)...),
	}
	chain := newChain(t)
	for name, answer := range cases {
		m := load(t, testEngine(t), watModule{answer: answer})
		result, err := chain.execute(t, m, transaction)
		checkFailed(t, name, result, err, TrapAnswer)
	}
}

func badLog() []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, 2, protowire.BytesType),
		append(protowire.AppendTag(nil, 5, protowire.BytesType), 1, 0xff))
}

func badCode() []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, 2, protowire.BytesType),
		protowire.AppendVarint(protowire.AppendTag(nil, 2, protowire.VarintType), 1<<32))
}

// rule: epoch-set-valid
func TestEpochChanges(t *testing.T) {
	key := func(i, size int) []byte { return bytes.Repeat([]byte{byte(i + 1)}, size) }
	set := func(powers ...uint64) *executorv1.EpochParams {
		params := &executorv1.EpochParams{ExecutorHash: make([]byte, 32), Engine: 1, MaxBlockBytes: 1 << 20, MaxBlockGas: 1000}
		for i, power := range powers {
			params.Validators = append(params.Validators, &executorv1.Validator{ConsensusKey: key(i, 32), NetworkKey: key(i+100, 32), Power: power})
		}
		return params
	}
	change := func(p *executorv1.EpochParams, f func(*executorv1.EpochParams)) *executorv1.EpochParams {
		f(p)
		return p
	}
	bls := change(set(1, 1), func(p *executorv1.EpochParams) {
		for i, v := range p.Validators {
			v.ConsensusKey, v.Possession = key(i, 96), key(i, 48)
		}
	})
	cases := map[string]struct {
		change *executorv1.EpochParams
		valid  bool
	}{
		"four":                  {set(1, 2, 3, 4), true},
		"bls":                   {bls, true},
		"largest total":         {set(1<<31, 1<<31-1), true},
		"empty":                 {set(), false},
		"no power":              {set(1, 0), false},
		"total out of range":    {set(1<<31, 1<<31), false},
		"power out of range":    {set(1<<63, 1<<63), false},
		"repeated key":          {change(set(1, 1), func(p *executorv1.EpochParams) { p.Validators[1].ConsensusKey = key(0, 32) }), false},
		"repeated identity":     {change(set(1, 1), func(p *executorv1.EpochParams) { p.Validators[1].NetworkKey = key(100, 32) }), false},
		"short key":             {change(set(1), func(p *executorv1.EpochParams) { p.Validators[0].ConsensusKey = key(0, 31) }), false},
		"two schemes":           {change(set(1, 1), func(p *executorv1.EpochParams) { p.Validators[1].ConsensusKey = key(1, 96) }), false},
		"bls without proof":     {change(set(1), func(p *executorv1.EpochParams) { p.Validators[0].ConsensusKey = key(1, 96) }), false},
		"no executor":           {change(set(1), func(p *executorv1.EpochParams) { p.ExecutorHash = nil }), false},
		"no engine":             {change(set(1), func(p *executorv1.EpochParams) { p.Engine = 0 }), false},
		"blocks of no bytes":    {change(set(1), func(p *executorv1.EpochParams) { p.MaxBlockBytes = 0 }), false},
		"blocks too large":      {change(set(1), func(p *executorv1.EpochParams) { p.MaxBlockBytes = 1 << 40 }), false},
		"blocks of no gas":      {change(set(1), func(p *executorv1.EpochParams) { p.MaxBlockGas = 0 }), false},
		"refused by the chain":  {change(set(1), func(p *executorv1.EpochParams) { p.MaxBlockGas = 666 }), false},
		"set above every limit": {set(make([]uint64, 200)...), false},
	}
	engine, err := NewEngine(Options{ExecuteInstances: 1, VerifyInstances: 1, CheckInstances: 1, QueryInstances: 1, CheckEpoch: func(p *executorv1.EpochParams) error {
		if p.MaxBlockGas == 666 {
			return errors.New("not on this chain")
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	chain := newChain(t)
	for name, c := range cases {
		m := load(t, engine, watModule{answer: response(t, func(r *executorv1.ExecutionResponse) { r.EpochChange = c.change })})
		result, err := chain.execute(t, m)
		if !c.valid {
			checkFailed(t, name, result, err, TrapAnswer)
			continue
		}
		if err != nil || !result.Success {
			t.Errorf("%s: got %+v, %v, want success", name, result, err)
			continue
		}
		if diff := cmp.Diff(c.change.String(), result.EpochChange.String()); diff != "" {
			t.Errorf("%s: (-want +got):\n%s", name, diff)
		}
	}
}
