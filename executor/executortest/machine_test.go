package executortest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	executorv1 "github.com/bedrock-bft/bedrock/proto/bedrock/executor/v1"

	"github.com/bedrock-bft/bedrock/executor"
	"github.com/bedrock-bft/bedrock/executor/memstate"
	"github.com/bedrock-bft/bedrock/executor/receipts"
	"github.com/bedrock-bft/bedrock/executor/state"
)

// machine is the module after its genesis.
func machine(t *testing.T) (*executor.Module, *state.View) {
	t.Helper()
	return variant(t, Variant{Version: 1})
}

func variant(t *testing.T, v Variant) (*executor.Module, *state.View) {
	t.Helper()
	wasm, err := Make(v)
	if err != nil {
		t.Fatal(err)
	}
	engine, err := executor.NewEngine(executor.Options{})
	if err != nil {
		t.Fatal(err)
	}
	module, err := engine.Load(wasm)
	if err != nil {
		t.Fatal(err)
	}
	genesis, err := module.Genesis(context.Background(), &executorv1.GenesisRequest{GenesisHash: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	set := genesis.Overlay.WriteSet()
	overlays := state.NewOverlays(memstate.New(), set.Block, set.After, nil)
	view, err := overlays.View(set.Block)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(view.Close)
	return module, view
}

func blockOf(m *executor.Module, transactions ...[]byte) *executor.Block {
	hash := m.Hash()
	return &executor.Block{ID: state.BlockID{1}, Transactions: transactions, Context: &executorv1.Context{
		GenesisHash: make([]byte, 32), Height: 1, Epoch: 1, GasLimit: 1_000_000, Engine: executor.EngineOne, ExecutorHash: hash[:],
	}}
}

func TestMachine(t *testing.T) {
	m, view := machine(t)
	var transactions [][]byte
	for _, length := range []int{0, 1, 54, 55, 56, 63, 64, 65, 119, 120, 128, 300, 20_000} {
		transactions = append(transactions, bytes.Repeat([]byte("a"), length))
	}
	result, err := m.Execute(context.Background(), view, blockOf(m, transactions...))
	if err != nil || !result.Success {
		t.Fatalf("got %+v, %v", result, err)
	}
	var want []receipts.Receipt
	for _, transaction := range transactions {
		want = append(want, receipts.Receipt{TxHash: sha256.Sum256(transaction), GasUsed: 1, EventsRoot: receipts.NoneRoot})
	}
	if diff := cmp.Diff(want, result.Receipts); diff != "" {
		t.Errorf("receipts (-want +got):\n%s", diff)
	}
	verdicts, err := m.Verify(context.Background(), [32]byte{}, append(transactions, []byte{OpRefused}, []byte{OpPoison}))
	if err != nil {
		t.Fatal(err)
	}
	for i, transaction := range transactions {
		hash := sha256.Sum256(transaction)
		if diff := cmp.Diff(executor.Verdict{GasLimit: GasLimit, Sender: hash[:]}, verdicts[i]); diff != "" {
			t.Errorf("verdict %d (-want +got):\n%s", i, diff)
		}
	}
	if got := []uint32{verdicts[len(transactions)].Code, verdicts[len(transactions)+1].Code}; got[0] != 1 || got[1] != executor.VerdictTrapped {
		t.Errorf("refused and poisoned: got codes %v", got)
	}
	checked, err := m.Check(context.Background(), view, blockOf(m).Context, []*executorv1.CheckItem{{Transaction: []byte("a"), QueuedCost: make([]byte, 16)}, {}})
	if err != nil || len(checked) != 2 {
		t.Fatalf("check: got %v, %v", checked, err)
	}
	one, none := sha256.Sum256([]byte("a")), sha256.Sum256(nil)
	for i, sender := range [][]byte{one[:], none[:]} {
		if v := checked[i]; !bytes.Equal(v.GetSender(), sender) || v.GetCode() != 0 || v.GetGasLimit() != GasLimit || v.GetGasPrice() != 1 || len(v.GetMaxCost()) != 16 {
			t.Errorf("check %d: got %v", i, v)
		}
	}
}

func TestMachineMisbehaves(t *testing.T) {
	m, view := machine(t)
	for _, op := range []byte{OpLoop, OpTrap, OpMemory, OpStack} {
		result, err := m.Execute(context.Background(), view, blockOf(m, []byte("fine"), []byte{op, 1}))
		if err != nil || result.Success || result.ReceiptsRoot != receipts.NoneRoot || result.StateRoot != view.Ref().Root {
			t.Errorf("%c: got %+v, %v, want a failed block", op, result, err)
		}
	}
}

func TestMachineChangesEpochs(t *testing.T) {
	m, view := machine(t)
	want := &executorv1.EpochParams{ExecutorHash: bytes.Repeat([]byte{7}, 32), Engine: 3, MaxBlockBytes: 1 << 20, MaxBlockGas: 5}
	for i := range 4 {
		want.Validators = append(want.Validators, &executorv1.Validator{ConsensusKey: bytes.Repeat([]byte{byte(i)}, 32), NetworkKey: bytes.Repeat([]byte{byte(i + 9)}, 32), Power: 1})
	}
	change, err := EpochTransaction(want)
	if err != nil {
		t.Fatal(err)
	}
	result, err := m.Execute(context.Background(), view, blockOf(m, []byte("before"), change, []byte("after")))
	if err != nil || !result.Success || len(result.Receipts) != 3 {
		t.Fatalf("got %+v, %v", result, err)
	}
	if diff := cmp.Diff(want, result.EpochChange, protocmp.Transform()); diff != "" {
		t.Errorf("epoch change (-want +got):\n%s", diff)
	}
}

func TestVariants(t *testing.T) {
	plain, _ := machine(t)
	m, view := variant(t, Variant{Version: 9, MigratesUntil: 300})
	if m.Hash() == plain.Hash() {
		t.Error("a variant has the hash of the plain machine")
	}
	if answer, err := m.Query(context.Background(), view, blockOf(m).Context, "", nil, false); err != nil || answer.Code != 9 {
		t.Errorf("query: %v, %v", answer, err)
	}
	for height, migrates := range map[uint64]bool{299: true, 300: false} {
		at := blockOf(m).Context
		at.Height = height
		checked, err := m.Check(context.Background(), view, at, []*executorv1.CheckItem{{Transaction: []byte("a")}, {Transaction: []byte("b")}})
		if err != nil || len(checked) != 2 || (checked[0].Code == executor.CodeMigrating) != migrates || (checked[1].Code == executor.CodeMigrating) != migrates {
			t.Errorf("check at %d: %v, %v", height, checked, err)
		}
	}
	result, err := m.Execute(context.Background(), view, blockOf(m, []byte("a"), []byte{OpEpoch, 1}))
	if err != nil || !result.Success || !result.MoreWork || !result.EvidenceWaits || len(result.Receipts) != 2 || result.Receipts[0].Code != executor.CodeMigrating || result.EpochChange != nil {
		t.Errorf("a block of the migration: %+v, %v", result, err)
	}
	m, view = variant(t, Variant{Version: 1, Traps: true})
	if result, err := m.Execute(context.Background(), view, blockOf(m)); err != nil || result.Success {
		t.Errorf("an empty block: %+v, %v, want it failed", result, err)
	}
	if _, err := Make(Variant{}); err == nil {
		t.Error("version 0 was made")
	}
}
