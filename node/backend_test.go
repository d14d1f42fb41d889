package node

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/bedrock-bft/bedrock/executor/receipts"
	"github.com/bedrock-bft/bedrock/executor/state"
	"github.com/bedrock-bft/bedrock/node/genesis"
	"github.com/bedrock-bft/bedrock/node/storage"
	"github.com/bedrock-bft/bedrock/node/types"
)

// What the store has a moment before the node calls it final is not told yet: a read of
// the newest state that follows would be of the height below.
func TestNothingIsToldAboveTheFinalHeight(t *testing.T) {
	g, hash := &genesis.Genesis{}, types.SumHash([]byte("shown"))
	store, err := storage.Open(filepath.Join(t.TempDir(), "db"), storage.Options{Genesis: hash, NoVoteLog: true, AllowUnsafeFileSystem: true, BallastBytes: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	first := g.Outcome(types.Hash{})
	first.Block = hash
	if err := store.CommitGenesis(storage.Genesis{Outcome: first, Epoch: g.Epoch(),
		Writes: &state.WriteSet{Block: state.BlockID(first.Block), After: state.Ref{Root: first.StateRoot}}}); err != nil {
		t.Fatal(err)
	}
	n := &Node{store: store}
	n.observer = &observer{n: n, news: make(chan struct{})}
	b := backend{n}

	tx := []byte("transaction")
	block := &types.Block{Header: types.Header{Genesis: hash, Epoch: 1, View: 1, Height: 1, Parent: hash,
		PayloadRoot: types.ListRoot([][]byte{tx}), EvidenceRoot: types.ListRoot(nil)}, Payload: [][]byte{tx}}
	outcome := types.Outcome{Height: 1, Block: block.ID(), Parent: first.Hash()}
	if err := store.CommitLocked([]storage.Final{{Block: block, Outcome: outcome, Receipts: []receipts.Receipt{{TxHash: types.TxHash(tx)}},
		Writes: &state.WriteSet{Block: state.BlockID(outcome.Block), After: state.Ref{Height: 1}}}}); err != nil {
		t.Fatal(err)
	}

	asks := map[string]func(context.Context) error{
		"Locate":   func(ctx context.Context) error { _, _, err := b.Locate(ctx, types.TxHash(tx)); return err },
		"Block":    func(ctx context.Context) error { _, err := b.Block(ctx, 1); return err },
		"HeightOf": func(ctx context.Context) error { _, err := b.HeightOf(ctx, block.ID()); return err },
		"Outcome":  func(ctx context.Context) error { _, err := b.Outcome(ctx, 1); return err },
		"Receipts": func(ctx context.Context) error { _, err := b.Receipts(ctx, 1); return err },
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for name, ask := range asks {
		if err := ask(over); !errors.Is(err, context.Canceled) {
			t.Errorf("%s tells of height 1 while the final height is %d: %v", name, b.FinalHeight(), err)
		}
	}
	n.observer.final.Store(1)
	for name, ask := range asks {
		if err := ask(over); err != nil {
			t.Errorf("%s does not tell of the final height: %v", name, err)
		}
	}
}
