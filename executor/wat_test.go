package executor

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"
	"sync"
	"testing"

	wasmtime "github.com/bytecodealliance/wasmtime-go/v44"
	"google.golang.org/protobuf/proto"

	executorv1 "github.com/bedrock-bft/bedrock/proto/bedrock/executor/v1"

	"github.com/bedrock-bft/bedrock/executor/memstate"
	"github.com/bedrock-bft/bedrock/executor/state"
)

// watModule is a module of the whole contract as text. Its parts can be replaced
// or left out, so that a test says only what is odd about its own.
type watModule struct {
	imports  string            // default: the five
	exports  map[string]string // body of an export by name; "-" leaves it out
	answer   []byte            // lies at answerAt; default of every answering export
	requests []byte            // lies at requestsAt, for imports
	extra    string            // further definitions
}

// Where things lie in a test module's memory.
const (
	answerAt   = 4096
	requestsAt = 32768
	roomAt     = 65536
	allocAt    = 131072
)

const fiveImports = `
  (import "bedrock" "state_read" (func $state_read (param i32 i32 i32 i32) (result i32)))
  (import "bedrock" "state_write" (func $state_write (param i32 i32)))
  (import "bedrock" "emit_event" (func $emit_event (param i32 i32)))
  (import "bedrock" "consume_gas" (func $consume_gas (param i32 i32) (result i32)))
  (import "bedrock" "block_metadata" (func $block_metadata (param i32 i32) (result i32)))`

func (w watModule) text() string {
	var b strings.Builder
	imports := w.imports
	if imports == "" {
		imports = fiveImports
	}
	b.WriteString("(module" + imports + "\n")
	body := func(name, standard string) string {
		if own, ok := w.exports[name]; ok {
			return own
		}
		return standard
	}
	if memory := body("memory", `(memory (export "memory") 8 16384)`); memory != "-" {
		b.WriteString(memory)
	}
	answering := fmt.Sprintf("(i64.const %d)", uint64(answerAt)<<32|uint64(len(w.answer)))
	for _, entry := range []struct{ name, signature, standard string }{
		{"alloc", "(param i32) (result i32)", fmt.Sprintf("(i32.const %d)", allocAt)},
		{"abi_version", "(result i32)", "(i32.const 1)"},
		{"genesis", "(param i32 i32) (result i64)", answering},
		{"verify", "(param i32 i32) (result i64)", answering},
		{"check", "(param i32 i32) (result i64)", answering},
		{"execute", "(param i32 i32) (result i64)", answering},
		{"query", "(param i32 i32) (result i64)", answering},
	} {
		if code := body(entry.name, entry.standard); code != "-" {
			fmt.Fprintf(&b, "(func $%s (export %q) %s %s)\n", entry.name, entry.name, entry.signature, strings.ReplaceAll(code, "ANSWER", answering))
		}
	}
	if body("memory", "") != "-" {
		fmt.Fprintf(&b, "(data (i32.const %d) \"%s\")\n(data (i32.const %d) \"%s\")\n", answerAt, watBytes(w.answer), requestsAt, watBytes(w.requests))
	}
	b.WriteString(w.extra + ")")
	return b.String()
}

func watBytes(b []byte) string {
	var text strings.Builder
	for _, c := range b {
		fmt.Fprintf(&text, "\\%02x", c)
	}
	return text.String()
}

func (w watModule) wasm(t testing.TB) []byte {
	t.Helper()
	wasm, err := wasmtime.Wat2Wasm(w.text())
	if err != nil {
		t.Fatalf("%v\n%s", err, w.text())
	}
	return wasm
}

// sharedEngine serves most tests; each engine reserves address space.
var sharedEngine = sync.OnceValues(func() (*Engine, error) { return NewEngine(Options{ExecuteInstances: 4}) })

func testEngine(t testing.TB) *Engine {
	t.Helper()
	engine, err := sharedEngine()
	if err != nil {
		t.Fatal(err)
	}
	return engine
}

func load(t testing.TB, engine *Engine, w watModule) *Module {
	t.Helper()
	module, err := engine.Load(w.wasm(t))
	if err != nil {
		t.Fatal(err)
	}
	return module
}

// testChain is a state of height 4 with a parent block.
type testChain struct {
	base     *memstate.State
	overlays *state.Overlays
	view     *state.View
}

var (
	parentID   = state.BlockID{4}
	blockID    = state.BlockID{5}
	parentRoot = [32]byte{0xaa, 0xbb}
)

func newChain(t testing.TB) *testChain {
	t.Helper()
	base := memstate.New()
	set := &state.WriteSet{
		Block: parentID, After: state.Ref{Height: 4},
		Values: []state.ValueWrite{{Address: state.Address{1}, Key: []byte("key"), Value: []byte("value")}},
		Pages:  []state.PageWrite{{Path: state.Path{}, Page: []byte("root page")}},
	}
	if err := base.Apply(set); err != nil {
		t.Fatal(err)
	}
	overlays := state.NewOverlays(base, parentID, state.Ref{Root: parentRoot, Height: 4, TreeVersion: 4}, nil)
	view, err := overlays.View(parentID)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(view.Close)
	return &testChain{base: base, overlays: overlays, view: view}
}

// blockFor is a block of height 5 for the module.
func blockFor(m *Module, transactions ...[]byte) *Block {
	hash := m.Hash()
	return &Block{
		ID: blockID, Parent: parentID,
		Context: &executorv1.Context{
			GenesisHash: make([]byte, 32), Epoch: 1, Height: 5, View: 9, TimestampMs: 1000, ProposerIdentity: make([]byte, 32),
			GasLimit: 100, Engine: EngineOne, ExecutorHash: hash[:],
		},
		Transactions: transactions,
	}
}

func (c *testChain) execute(t testing.TB, m *Module, transactions ...[]byte) (*Result, error) {
	t.Helper()
	return m.Execute(context.Background(), c.view, blockFor(m, transactions...))
}

// response encodes an ExecutionResponse whose receipts fit the transactions.
func response(t testing.TB, change func(*executorv1.ExecutionResponse), transactions ...[]byte) []byte {
	t.Helper()
	r := &executorv1.ExecutionResponse{NewStateRoot: make([]byte, 32), GasUsed: 7}
	r.NewStateRoot[0] = 0x77
	for _, transaction := range transactions {
		hash := sha256.Sum256(transaction)
		r.Receipts = append(r.Receipts, &executorv1.Receipt{TxHash: hash[:], GasUsed: 3})
	}
	if change != nil {
		change(r)
	}
	encoded, err := proto.MarshalOptions{Deterministic: true}.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

// Encoders of the imports' requests.

func listOf(entries ...[]byte) []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(entries)))
	for _, entry := range entries {
		b = append(b, entry...)
	}
	return b
}

func readValue(address state.Address) []byte { return append([]byte{0}, address[:]...) }

func readPage(version uint64, path ...byte) []byte {
	return append(binary.LittleEndian.AppendUint64([]byte{1}, version), path...)
}

func writeValue(flag byte, address state.Address, key, value string) []byte {
	b := append([]byte{0, flag}, address[:]...)
	b = append(binary.LittleEndian.AppendUint16(b, uint16(len(key))), key...)
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(value))), value...)
}

func writePage(path []byte, page string) []byte {
	b := append([]byte{1}, path...)
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(page))), page...)
}

func writeStale(version uint64, path ...byte) []byte {
	return append(binary.LittleEndian.AppendUint64([]byte{2}, version), path...)
}

func eventOf(transaction uint32, kind string, attributes ...string) []byte {
	b := binary.LittleEndian.AppendUint32(nil, transaction)
	b = append(binary.LittleEndian.AppendUint16(b, uint16(len(kind))), kind...)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(attributes)/2))
	for i := 0; i < len(attributes); i += 2 {
		b = append(binary.LittleEndian.AppendUint16(b, uint16(len(attributes[i]))), attributes[i]...)
		b = append(binary.LittleEndian.AppendUint32(b, uint32(len(attributes[i+1]))), attributes[i+1]...)
	}
	return b
}

func amounts(list ...uint64) []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(list)))
	for _, amount := range list {
		b = binary.LittleEndian.AppendUint64(b, amount)
	}
	return b
}

// calling is code that calls an import with the module's request.
func calling(name string, request []byte) string {
	arguments := fmt.Sprintf("(i32.const %d) (i32.const %d)", requestsAt, len(request))
	switch name {
	case "state_read":
		return fmt.Sprintf("(drop (call $state_read %s (i32.const %d) (i32.const 65536)))", arguments, roomAt)
	case "consume_gas":
		return fmt.Sprintf("(drop (call $consume_gas %s))", arguments)
	case "block_metadata":
		return fmt.Sprintf("(drop (call $block_metadata (i32.const %d) (i32.const 65536)))", roomAt)
	}
	return fmt.Sprintf("(call $%s %s)", name, arguments)
}
