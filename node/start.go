package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/bedrock-bft/bedrock/executor"
	"github.com/bedrock-bft/bedrock/executor/state"
	"github.com/bedrock-bft/bedrock/node/consensus"
	"github.com/bedrock-bft/bedrock/node/genesis"
	"github.com/bedrock-bft/bedrock/node/storage"
	"github.com/bedrock-bft/bedrock/node/storage/votelog"
	"github.com/bedrock-bft/bedrock/node/types"
	"github.com/bedrock-bft/bedrock/node/wiring"
	executorv1 "github.com/bedrock-bft/bedrock/proto/bedrock/executor/v1"
)

// stoppedFile remembers a divergence on the chain volume: a restart does not
// lift it, rebuilding that volume does. // rule: commit
const stoppedFile = "DIVERGED"

// makeGenesis executes genesis into an empty database.
func makeGenesis(ctx context.Context, g *genesis.Genesis, modules ModuleSource, store *storage.Store) error {
	if g.Continues != nil {
		return fmt.Errorf("the chain volume is empty and the recovery genesis continues height %d: put the chain volume of a survivor in its place (chain volumes carry no marks)", g.Continues.Height)
	}
	epoch := g.Epoch()
	module, err := modules.Module(ctx, epoch.ExecutorHash, epoch.Engine)
	if err != nil {
		return fmt.Errorf("executor of genesis: %w", err)
	}
	request := &executorv1.GenesisRequest{ChainId: g.ChainID, TimestampMs: g.TimeMs, AppState: g.AppState, Epoch: epochParams(&epoch)}
	hash := g.Hash()
	request.GenesisHash = hash[:]
	result, err := module.Genesis(ctx, request)
	if err != nil {
		return fmt.Errorf("execute genesis: %w", err)
	}
	if err := store.CommitGenesis(storage.Genesis{Outcome: g.Outcome(result.StateRoot), Writes: result.Overlay.WriteSet(), Epoch: epoch}); err != nil {
		return fmt.Errorf("store genesis: %w", err)
	}
	return nil
}

// epochParams is an epoch as the executor is told of it.
func epochParams(e *types.Epoch) *executorv1.EpochParams {
	p := &executorv1.EpochParams{ExecutorHash: e.ExecutorHash[:], Engine: e.Engine, MaxBlockBytes: e.MaxBytes, MaxBlockGas: e.MaxGas}
	for i := range e.Validators {
		v := &e.Validators[i]
		p.Validators = append(p.Validators, &executorv1.Validator{ConsensusKey: v.ConsensusKey, NetworkKey: v.NetworkKey[:], Power: v.Power, Possession: v.Possession})
	}
	return p
}

// position is where the chain stands on this disk; see wiring.Position.
func position(g *genesis.Genesis, store *storage.Store, recovered *votelog.Recovered) (consensus.Start, error) {
	return wiring.Position(chainOf(g), storePort{store}, recovered)
}

// newestEpoch is the stored tip and the epoch of the block after it.
func newestEpoch(g *genesis.Genesis, store *storage.Store) (*types.Header, *types.Epoch, error) {
	return wiring.Newest(chainOf(g), storePort{store})
}

func chainOf(g *genesis.Genesis) wiring.Chain {
	return wiring.Chain{First: g.Epoch().Number, Root: g.Root(), TimeMs: g.TimeMs}
}

// checkTip has the module of the tip's epoch verify the stored state against its
// root, as far as one read goes: how a page is hashed is the module's own. A state
// machine without queries by raw key tells nothing here; what does not verify then
// shows in the first execution. // rule: host-fault
func (n *Node) checkTip(ctx context.Context) error {
	height := n.store.Tip()
	epoch, header, err := backend{n}.at(height)
	if err != nil {
		return err
	}
	module, err := n.modules.Module(ctx, epoch.ExecutorHash, epoch.Engine)
	if err != nil {
		n.log.Info("the state is not checked: the executor of the tip's epoch is not at hand", "height", height, "error", err)
		return nil
	}
	_, ref := n.execution.overlays.Committed()
	view, err := n.execution.overlays.ViewAt(ref)
	if err != nil {
		return fmt.Errorf("check the state of height %d: %w", height, err)
	}
	defer view.Close()
	_, err = module.Query(ctx, view, blockContext(epoch, header, nil), "key", []byte{0}, true)
	var fault *executor.HostFault
	switch {
	case errors.Is(err, executor.ErrUnverifiable):
		return fmt.Errorf("%w: height %d: %w", storage.ErrDamaged, height, err)
	case errors.As(err, &fault):
		return fmt.Errorf("check the state of height %d: %w", height, err)
	}
	return nil
}

// readStopped reads why this node stopped signing, empty if it did not.
func readStopped(dataDir string) (string, error) {
	b, err := os.ReadFile(filepath.Join(dataDir, stoppedFile))
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	return string(b), err
}

// writeStopped makes a stop of signing durable.
func writeStopped(dataDir string, stop *consensus.StopSigning) error {
	text := fmt.Sprintf("%s: block %s, own outcome %s, certified outcome %s\n", stop.Reason, stop.Block, stop.Own.Hash(), stop.Theirs.Hash())
	path := filepath.Join(dataDir, stoppedFile)
	file, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("remember the stop of signing: %w", err)
	}
	_, err = file.WriteString(text)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("remember the stop of signing: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("remember the stop of signing: %w", err)
	}
	dir, err := os.Open(dataDir)
	if err != nil {
		return fmt.Errorf("remember the stop of signing: %w", err)
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// openOverlays begins with the state that the database has.
func openOverlays(store *storage.Store, cacheBytes int64) (*state.Overlays, error) {
	outcome, err := store.Outcome(store.Tip())
	if err != nil {
		return nil, fmt.Errorf("read the tip's outcome: %w", err)
	}
	ref, err := store.StateRef(store.Tip())
	if err != nil {
		return nil, fmt.Errorf("read the tip's state: %w", err)
	}
	// Pages are about four times the bytes of the rows that they stand over.
	cache := state.NewCache(int(cacheBytes)/4*3, int(cacheBytes)/4)
	return state.NewOverlays(store, state.BlockID(outcome.Block), ref, cache), nil
}
