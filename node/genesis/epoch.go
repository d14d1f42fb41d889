package genesis

import (
	"bytes"
	"fmt"

	"github.com/bedrock-bft/bedrock/node/types"
)

// Epoch is epoch 1 as genesis names it.
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

// checkConsensusKey checks the key's form and, for bls12381, its possession.
func (v *Validator) checkConsensusKey(scheme types.SchemeID) error {
	want := map[types.SchemeID]int{types.SchemeEd25519: 32, types.SchemeBLS12381: 96}[scheme]
	if len(v.ConsensusKey) != want {
		return fmt.Errorf("consensus_key of %d bytes, want %d for scheme %s", len(v.ConsensusKey), want, SchemeName(scheme))
	}
	if scheme == types.SchemeEd25519 && len(v.Possession) != 0 {
		return fmt.Errorf("possession is given: scheme %s has none, leave it empty", SchemeName(scheme))
	}
	return nil
}
