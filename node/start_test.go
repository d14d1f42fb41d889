package node

import (
	"path/filepath"
	"testing"

	"github.com/bedrock-bft/bedrock/executor/state"
	"github.com/bedrock-bft/bedrock/node/genesis"
	"github.com/bedrock-bft/bedrock/node/storage"
	"github.com/bedrock-bft/bedrock/node/storage/votelog"
	"github.com/bedrock-bft/bedrock/node/types"
)

func TestPositionWithAVoteLogOfAnotherEpoch(t *testing.T) {
	g, hash := &genesis.Genesis{}, types.SumHash([]byte("position"))
	store, err := storage.Open(filepath.Join(t.TempDir(), "db"), storage.Options{Genesis: hash, VoteLogSynced: 900, AllowUnsafeFileSystem: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	outcome := g.Outcome(types.Hash{})
	outcome.Block = hash
	writes := &state.WriteSet{Block: state.BlockID(outcome.Block), After: state.Ref{Root: outcome.StateRoot}}
	if err := store.CommitGenesis(storage.Genesis{Outcome: outcome, Writes: writes, Epoch: g.Epoch()}); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name   string
		epoch  uint64
		safety bool
	}{
		{"an empty vote log", 0, false},
		{"of the store's epoch", 1, true},
		{"a lost chain volume, later epoch", 3, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			start, err := position(g, store, &votelog.Recovered{State: types.SafetyState{Epoch: tc.epoch}})
			if err != nil {
				t.Fatal(err)
			}
			if start.Epoch.Number != 1 || (start.Safety != nil) != tc.safety {
				t.Errorf("starts in epoch %d with safety state %v, want epoch 1, with one: %v", start.Epoch.Number, start.Safety, tc.safety)
			}
		})
	}
}
