package genesis

import (
	"bytes"
	"fmt"

	"github.com/bedrock-bft/bedrock/node/types"
)

// Epoch is the first epoch as genesis names it: 1, or of a recovery genesis the one
// after the epoch that it continues.
func (g *Genesis) Epoch() types.Epoch {
	scheme, _ := ParseScheme(g.Scheme) // checked by Parse
	e := types.Epoch{
		Number:       1,
		Scheme:       scheme,
		Validators:   make([]types.Validator, len(g.Validators)),
		ExecutorHash: g.ExecutorHash,
		Engine:       g.Engine,
		MaxBytes:     g.Block.MaxBytes,
		MaxGas:       g.Block.MaxGas,
	}
	if g.Continues != nil {
		e.Number = g.Continues.Epoch + 1
	}
	for i := range g.Validators {
		v := &g.Validators[i]
		e.Validators[i] = types.Validator{
			ConsensusKey: bytes.Clone(v.ConsensusKey),
			NetworkKey:   [32]byte(v.NetworkKey),
			Power:        v.Power,
			Possession:   bytes.Clone(v.Possession),
		}
	}
	return e
}

// Outcome is the outcome of height 0, with the state root that the executor's
// genesis call gave.
func (g *Genesis) Outcome(stateRoot types.Hash) types.Outcome {
	epoch := g.Epoch()
	return types.Outcome{
		Height:       0,
		Block:        g.hash,
		StateRoot:    stateRoot,
		ReceiptsRoot: types.ListRoot(nil),
		NextEpoch:    epoch.Digest(),
		FailedRun:    types.NoFailedRun,
	}
}

// Moniker is the name that genesis gives a network identity; empty for others.
func (g *Genesis) Moniker(networkKey [32]byte) string {
	for i := range g.Validators {
		if bytes.Equal(g.Validators[i].NetworkKey, networkKey[:]) {
			return g.Validators[i].Moniker
		}
	}
	return ""
}

// checkConsensusKey checks the key and, with bls12381, its proof of possession.
func (v *Validator) checkConsensusKey(id types.SchemeID) error {
	scheme, err := types.SchemeByID(id)
	if err != nil {
		return err
	}
	if err := scheme.CheckKey(v.ConsensusKey, v.Possession); err != nil {
		return fmt.Errorf("consensus_key under scheme %s: %w", scheme.Name(), err)
	}
	return nil
}
