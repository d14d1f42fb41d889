package modules_test

import (
	"bytes"
	"context"
	"os"
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

// block is the first block on a ledger, as of an epoch.
func block(t *testing.T, m *executor.Module, number uint64) *executor.Result {
	t.Helper()
	hash := m.Hash()
	ctx := context.Background()
	identity := bytes.Repeat([]byte{0x77}, 32)
	epoch := &executorv1.EpochParams{
		Validators:   []*executorv1.Validator{{ConsensusKey: bytes.Repeat([]byte{1}, 32), NetworkKey: identity, Power: 1}},
		ExecutorHash: hash[:], Engine: executor.EngineOne, MaxBlockBytes: 16 << 20, MaxBlockGas: 1_000_000_000,
	}
	made, err := m.Genesis(ctx, &executorv1.GenesisRequest{GenesisHash: make([]byte, 32), ChainId: "test", Epoch: epoch, AppState: []byte("{}")})
	if err != nil {
		t.Fatal(err)
	}
	set, base := made.Overlay.WriteSet(), memstate.New()
	if err := base.Apply(set); err != nil {
		t.Fatal(err)
	}
	view, err := state.NewOverlays(base, set.Block, set.After, nil).View(set.Block)
	if err != nil {
		t.Fatal(err)
	}
	defer view.Close()
	result, err := m.Execute(ctx, view, &executor.Block{ID: state.BlockID{2}, Parent: set.Block, Context: &executorv1.Context{
		GenesisHash: make([]byte, 32), Epoch: number, Height: 1, View: 1, ProposerIdentity: identity, GasLimit: epoch.MaxBlockGas,
		Engine: executor.EngineOne, ExecutorHash: hash[:],
	}})
	if err != nil {
		t.Fatal(err)
	}
	return result
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
	want := block(t, canonical, 1).StateRoot
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
		first, later := block(t, m, 1), block(t, m, 2)
		if first.Success != tc.first || later.Success != tc.later {
			t.Errorf("%s: a block of epoch 1 succeeds %t, want %t (%s); one of epoch 2 %t, want %t (%s)", tc.name,
				first.Success, tc.first, first.FailureReason, later.Success, tc.later, later.FailureReason)
		}
		if first.Success && first.StateRoot != want {
			t.Errorf("%s: state root %x, the canonical module's is %x", tc.name, first.StateRoot, want)
		}
	}
}
