package executor

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bedrock-bft/bedrock/executor/receipts"
	"github.com/bedrock-bft/bedrock/executor/state"
)

// corpusExtra is what the bodies of the corpus call.
const corpusExtra = `
  (type $unary (func (param i32) (result i32)))
  (table 2 funcref) (elem (i32.const 0) $double $depth)
  (func $double (param i32) (result i32) (i32.shl (local.get 0) (i32.const 1)))
  (func $depth (param i32) (result i32)
    (if (result i32) (local.get 0) (then (i32.add (call $depth (i32.sub (local.get 0) (i32.const 1))) (i32.const 1))) (else (i32.const 0))))
  (func $pair (param i32) (result i32 i32) (local.get 0) (i32.popcnt (local.get 0)))`

func corpus(t *testing.T) map[string]watModule {
	t.Helper()
	files, err := filepath.Glob("testdata/corpus/*.wat")
	if err != nil || len(files) == 0 {
		t.Fatalf("corpus: %v, %v", files, err)
	}
	modules := make(map[string]watModule, len(files))
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".wat")
		modules[name] = watModule{
			requests: listOf(readValue(state.Address{1})), answer: response(t, nil),
			exports: map[string]string{"execute": string(body)}, extra: corpusExtra,
		}
	}
	return modules
}

// generators are engines that differ in nothing that an execution may observe.
func generators(t *testing.T) map[string]*Engine {
	t.Helper()
	engines := make(map[string]*Engine)
	for name, options := range map[string]Options{
		"optimised":   {},
		"unoptimised": {NoOptimization: true},
		"pulley":      {Target: "pulley64"},
	} {
		options.ExecuteInstances, options.VerifyInstances, options.CheckInstances, options.QueryInstances = 1, 1, 1, 1
		engine, err := NewEngine(options)
		if err != nil {
			t.Fatal(err)
		}
		engines[name] = engine
	}
	return engines
}

// The fuel of the corpus is pinned for each engine number.
func TestCorpusFuel(t *testing.T) {
	pinned := make(map[string]string)
	file, err := os.Open("testdata/corpus/fuel.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		engine, rest, _ := strings.Cut(lines.Text(), " ")
		name, fuel, _ := strings.Cut(rest, " ")
		pinned[engine+" "+name] = fuel
	}
	chain, engines := newChain(t), generators(t)
	got := make(map[string]string)
	for name, module := range corpus(t) {
		for generator, engine := range engines {
			result, err := chain.execute(t, load(t, engine, module))
			if err != nil || !result.Success {
				t.Fatalf("%s, %s: got %+v, %v", name, generator, result, err)
			}
			key, fuel := fmt.Sprintf("%d %s", EngineOne, name), fmt.Sprint(result.Usage.Fuel)
			if before := got[key]; before != "" && before != fuel {
				t.Errorf("%s: fuel %s and %s by code generator (%s)", name, before, fuel, generator)
			}
			got[key] = fuel
		}
	}
	if diff := cmp.Diff(pinned, got); diff != "" {
		t.Errorf("fuel of the corpus: another figure is another engine (-pinned +got):\n%s", diff)
	}
}

// hashed leaves out what is in no hash.
func hashed(r *Result) any {
	return []any{r.StateRoot, r.ReceiptsRoot, r.Receipts, r.GasUsed, r.MoreWork, r.EpochChange == nil, r.Success, digest(r.Overlay.WriteSet()), r.Usage.Fuel}
}

// digest is SHA-256 over all of a write set.
func digest(set *state.WriteSet) string {
	h := sha256.New()
	fmt.Fprintf(h, "%x %v %d %d %d\n", set.Block, set.After, len(set.Values), len(set.Pages), len(set.Stale))
	for _, v := range set.Values {
		fmt.Fprintf(h, "%x %v %x %x\n", v.Address, v.Tombstone, v.Key, v.Value)
	}
	for _, p := range set.Pages {
		fmt.Fprintf(h, "%v %x\n", p.Path, p.Page)
	}
	for _, id := range set.Stale {
		fmt.Fprintf(h, "%d %v\n", id.Version, id.Path)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// The same blocks of the canonical module give the same in every run and with
// every code generator, fuel included.
func TestDeterminism(t *testing.T) {
	var first []any
	for name, engine := range generators(t) {
		l := newLedger(t, canonical(t, engine), 20, 40)
		rng := rand.New(rand.NewPCG(1, 2))
		tip, _ := l.overlays.Committed()
		var got []any
		for range 3 {
			transactions := l.transfers(rng, 30)
			verdicts, err := l.module.Verify(context.Background(), ledgerGenesis, transactions[:4])
			if err != nil {
				t.Fatal(err)
			}
			once, again := l.execute(t, tip, transactions), l.execute(t, tip, transactions)
			if diff := cmp.Diff(hashed(once), hashed(again)); diff != "" {
				t.Fatalf("%s: the second run differs:\n%s", name, diff)
			}
			got = append(got, verdicts, hashed(once))
			tip = l.add(t, once)
		}
		if first == nil {
			first = got
		}
		if diff := cmp.Diff(first, got); diff != "" {
			t.Errorf("%s differs:\n%s", name, diff)
		}
	}
}

// Failed blocks are equal everywhere too: stack, fuel and memory limits trap at
// other points in each code generator, with one outcome.
func TestFailedBlocksAreEqual(t *testing.T) {
	chain := newChain(t)
	for generator, engine := range generators(t) {
		for name, code := range map[string]string{
			"stack":  `(call $execute (local.get 0) (local.get 1))`,
			"memory": `(loop (br_if 0 (i32.ne (memory.grow (i32.const 1024)) (i32.const -1)))) (unreachable)`,
		} {
			result, err := chain.execute(t, load(t, engine, watModule{exports: map[string]string{"execute": code}}))
			if err != nil || result.Success || result.ReceiptsRoot != receipts.NoneRoot || result.StateRoot != parentRoot {
				t.Errorf("%s, %s: got %+v, %v", generator, name, result, err)
			}
		}
	}
}

func TestUnknownEngine(t *testing.T) {
	if _, err := NewEngine(Options{Number: 2}); !errors.Is(err, ErrNoEngine) || !strings.Contains(err.Error(), "engine number 2") {
		t.Errorf("got %v", err)
	}
	if fuel := (FuelLimits{}).of(1<<61, [2]uint64{1 << 40, 1 << 40}); fuel != 1<<62 {
		t.Errorf("saturated fuel: got %d", fuel)
	}
	if fuel := (FuelLimits{}).of(5, [2]uint64{2, 3}, [2]uint64{4, 10}); fuel != 51 {
		t.Errorf("fuel: got %d, want 51", fuel)
	}
	var refused *RefusedError
	if _, err := testEngine(t).Load(nil); !errors.As(err, &refused) {
		t.Errorf("load of nothing: got %v", err)
	}
}
