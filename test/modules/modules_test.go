package modules_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/bedrock-bft/bedrock/executor"
	"github.com/bedrock-bft/bedrock/executor/memstate"
	"github.com/bedrock-bft/bedrock/executor/state"
	executorv1 "github.com/bedrock-bft/bedrock/proto/bedrock/executor/v1"
	"github.com/bedrock-bft/bedrock/test/modules"
)

func read(t *testing.T, name string) []byte {
	t.Helper()
	wasm, err := os.ReadFile(modules.Build(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return wasm
}

func engine(t *testing.T) *executor.Engine {
	t.Helper()
	engine, err := executor.NewEngine(executor.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return engine
}

func TestModulesAreAcceptedAndAllDiffer(t *testing.T) {
	e := engine(t)
	wasm, err := executor.Canonical()
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]string{e.Inspect(wasm).Hash: "the canonical module"}
	for _, name := range modules.All {
		report := e.Inspect(read(t, name))
		if !report.Accepted {
			t.Errorf("%s is not accepted: %s", name, report.Reason)
		}
		if other, ok := named[report.Hash]; ok {
			t.Errorf("%s is %s", name, other)
		}
		named[report.Hash] = name
	}
}

// chain is a ledger in memory.
type chain struct {
	*testing.T
	base   *memstate.State
	id     state.BlockID
	at     state.Ref
	number uint64 // of the epoch
}

var identity = bytes.Repeat([]byte{0x77}, 32)

func address(i int) [32]byte { return sha256.Sum256(fmt.Appendf(nil, "account %d", i)) }

// genesis is a ledger of some accounts, made by a module.
func genesis(t *testing.T, m *executor.Module, accounts int) *chain {
	t.Helper()
	hash := m.Hash()
	var members []string
	for i := range accounts {
		members = append(members, fmt.Sprintf(`{"address":"%x","balance":"1000"}`, address(i)))
	}
	made, err := m.Genesis(context.Background(), &executorv1.GenesisRequest{
		GenesisHash: make([]byte, 32), ChainId: "test", AppState: fmt.Appendf(nil, `{"accounts":[%s]}`, strings.Join(members, ",")),
		Epoch: &executorv1.EpochParams{
			Validators:   []*executorv1.Validator{{ConsensusKey: bytes.Repeat([]byte{1}, 32), NetworkKey: identity, Power: 1}},
			ExecutorHash: hash[:], Engine: executor.EngineOne, MaxBlockBytes: 16 << 20, MaxBlockGas: blockGas,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	c := &chain{T: t, base: memstate.New(), number: 1}
	c.commit(made)
	return c
}

func (c *chain) commit(r *executor.Result) {
	c.Helper()
	set := r.Overlay.WriteSet()
	if err := c.base.Apply(set); err != nil {
		c.Fatal(err)
	}
	c.id, c.at = set.Block, set.After
}

const blockGas = 1_000_000_000

// context is that of the next block as a module runs it.
func (c *chain) context(m *executor.Module, gas uint64) *executorv1.Context {
	hash := m.Hash()
	return &executorv1.Context{GenesisHash: make([]byte, 32), Epoch: c.number, Height: c.at.Height + 1, View: c.at.Height + 1,
		ProposerIdentity: identity, GasLimit: gas, Engine: executor.EngineOne, ExecutorHash: hash[:]}
}

func (c *chain) view() *state.View {
	c.Helper()
	view, err := state.NewOverlays(c.base, c.id, c.at, nil).View(c.id)
	if err != nil {
		c.Fatal(err)
	}
	return view
}

// execute runs the next block and leaves it.
func (c *chain) execute(m *executor.Module, gas uint64, txs ...[]byte) *executor.Result {
	c.Helper()
	view := c.view()
	defer view.Close()
	id := state.BlockID(sha256.Sum256(fmt.Appendf(nil, "block %d", c.at.Height+1)))
	result, err := m.Execute(context.Background(), view, &executor.Block{ID: id, Parent: c.id, Context: c.context(m, gas), Transactions: txs})
	if err != nil {
		c.Fatal(err)
	}
	return result
}

// row is what a module answers for a raw key.
func (c *chain) row(m *executor.Module, key []byte) []byte {
	c.Helper()
	view := c.view()
	defer view.Close()
	answer, err := m.Query(context.Background(), view, c.context(m, blockGas), "key", key, false)
	if err != nil || answer.GetCode() != 0 {
		c.Fatalf("query of %x: %v, %v", key, answer, err)
	}
	return answer.GetValue()
}

// block is a module's first block on a ledger that the canonical module made, as of
// an epoch.
func block(t *testing.T, canonical, m *executor.Module, epoch uint64) *executor.Result {
	t.Helper()
	c := genesis(t, canonical, 1)
	c.number = epoch
	return c.execute(m, blockGas)
}

// A ledger that the canonical module made is migrated over several blocks, in which
// its transactions wait; how many blocks they are changes no state.
func TestLedgerNextMigrates(t *testing.T) {
	const accounts = 150
	e := engine(t)
	wasm, err := executor.Canonical()
	if err != nil {
		t.Fatal(err)
	}
	canonical, err := e.Load(wasm)
	if err != nil {
		t.Fatal(err)
	}
	next, err := e.Load(read(t, modules.LedgerNext))
	if err != nil {
		t.Fatal(err)
	}
	migrate := func(gas uint64) (*chain, int) {
		c := genesis(t, canonical, accounts)
		for blocks := 1; ; blocks++ {
			view := c.view()
			checked, err := next.Check(context.Background(), view, c.context(next, gas), []*executorv1.CheckItem{{Transaction: []byte("any")}})
			view.Close()
			if err != nil || checked[0].GetCode() != executor.CodeMigrating {
				t.Fatalf("check in block %d: %v, %v", blocks, checked, err)
			}
			r := c.execute(next, gas, []byte("any"))
			if !r.Success || len(r.Receipts) != 1 || r.Receipts[0].Code != executor.CodeMigrating || r.Receipts[0].GasUsed != 0 || r.GasUsed == 0 || r.GasUsed > gas {
				t.Fatalf("block %d: %+v", blocks, r)
			}
			c.commit(r)
			if !r.MoreWork {
				return c, blocks
			}
		}
	}
	many, blocks := migrate(blockGas)
	one, single := migrate(100 * blockGas)
	if single != 1 || blocks < 4 || one.at.Root != many.at.Root {
		t.Errorf("%d blocks and root %x, %d and %x: want several, one, and the same root", blocks, many.at.Root, single, one.at.Root)
	}
	t.Logf("%d accounts took %d blocks", accounts, blocks)
	if got := many.row(next, []byte{0x06}); !bytes.Equal(got, []byte{2, 0, 0, 0}) {
		t.Errorf("schema number %x", got)
	}
	for i := range accounts {
		a := address(i)
		if got := many.row(next, append([]byte{0x7f}, a[:]...)); !bytes.Equal(got, make([]byte, 8)) {
			t.Errorf("account %d: the row beside it is %x", i, got)
		}
	}
	if r := many.execute(next, blockGas, []byte("any")); !r.Success || r.MoreWork || r.Receipts[0].Code == executor.CodeMigrating {
		t.Errorf("after the migration: %+v", r)
	}
	if r := many.execute(canonical, blockGas); r.Success || !strings.Contains(r.FailureReason, "unreachable") {
		t.Errorf("a module of an older schema: %+v", r)
	}
}

func TestWhichBlocksFail(t *testing.T) {
	e := engine(t)
	wasm, err := executor.Canonical()
	if err != nil {
		t.Fatal(err)
	}
	canonical, err := e.Load(wasm)
	if err != nil {
		t.Fatal(err)
	}
	want := block(t, canonical, canonical, 1).StateRoot
	for _, tc := range []struct {
		name         string
		first, later bool
	}{
		{modules.LedgerCopy, true, true},
		{modules.LedgerTrap, false, false},
		{modules.LedgerTrapLater, true, false},
	} {
		m, err := e.Load(read(t, tc.name))
		if err != nil {
			t.Fatal(err)
		}
		first, later := block(t, canonical, m, 1), block(t, canonical, m, 2)
		if first.Success != tc.first || later.Success != tc.later {
			t.Errorf("%s: a block of epoch 1 succeeds %t, want %t (%s); one of epoch 2 %t, want %t (%s)", tc.name,
				first.Success, tc.first, first.FailureReason, later.Success, tc.later, later.FailureReason)
		}
		if first.Success && first.StateRoot != want {
			t.Errorf("%s: state root %x, the canonical module's is %x", tc.name, first.StateRoot, want)
		}
	}
}
