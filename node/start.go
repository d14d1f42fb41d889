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

// position is where the chain stands on this disk, as consensus starts from it. For
// reading (no vote log given) the tip needs no certificate: a survivor that was brought up
// to its lock has none for it. // rule: recovery-genesis
func position(g *genesis.Genesis, store *storage.Store, recovered *votelog.Recovered) (consensus.Start, error) {
	var start consensus.Start
	tip := store.Tip()
	final, err := storedAt(g, store, tip)
	if err == nil && recovered != nil {
		final, err = finalAt(g, store, tip)
	}
	if err != nil {
		return start, err
	}
	start.Tip = final
	first, root := g.Epoch().Number, g.Root()
	number := first
	if tip > root {
		block, err := store.Block(tip)
		if err != nil {
			return start, fmt.Errorf("read the tip's block: %w", err)
		}
		number = block.Header.Epoch
	}
	if recovered != nil {
		start.Blocks, start.Outcomes = recovered.Blocks, recovered.Outcomes
		signs, err := signsFrom(store, number, &recovered.State)
		if err != nil {
			return start, err
		}
		if signs {
			safety := recovered.State
			number, start.Safety = safety.Epoch, &safety
		}
	}
	present, err := store.EpochStart(number)
	if err != nil {
		return start, fmt.Errorf("read epoch %d: %w", number, err)
	}
	start.Epoch = present.Epoch
	if start.Recovered = number == first && root > 0; number == first {
		start.Root, err = finalAt(g, store, root)
	} else {
		start.Root, err = finalAt(g, store, present.Certificate.Outcome.Height)
		start.Root.View, start.Root.Certificate = 0, present.Certificate
		previous, perr := store.EpochStart(number - 1)
		if perr != nil {
			return start, fmt.Errorf("read epoch %d: %w", number-1, perr)
		}
		start.Previous = &previous.Epoch
	}
	if err != nil {
		return start, err
	}
	if next, err := store.EpochStart(number + 1); err == nil && final.Outcome.EndsEpoch() && tip > root {
		start.TipChange = &next.Epoch
	}
	return start, nil
}

// newestEpoch is the stored tip and the epoch of the block after it.
func newestEpoch(g *genesis.Genesis, store *storage.Store) (*types.Header, *types.Epoch, error) {
	start, err := position(g, store, nil)
	if err != nil {
		return nil, nil, err
	}
	epoch := start.Epoch
	if start.TipChange != nil {
		epoch = *start.TipChange
	}
	return &types.Header{Height: start.Tip.Outcome.Height, View: start.Tip.View, TimestampMs: start.Tip.TimestampMs}, &epoch, nil
}

// signsFrom reports whether consensus starts from the vote log's state. It does not
// where the store lies in a later epoch (nothing was signed there yet), nor where a
// lost chain volume is filled and the vote log's epoch not reached yet.
func signsFrom(store *storage.Store, tip uint64, state *types.SafetyState) (bool, error) {
	if state.Epoch < tip {
		return false, nil
	}
	_, err := store.EpochStart(state.Epoch)
	if errors.Is(err, storage.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read epoch %d: %w", state.Epoch, err)
	}
	return true, nil
}

// finalAt is a stored height as consensus needs it.
func finalAt(g *genesis.Genesis, store *storage.Store, height uint64) (consensus.Final, error) {
	final, err := storedAt(g, store, height)
	if err != nil || height == 0 || height == g.Root() {
		return final, err
	}
	final.Certificate, err = store.Certificate(height)
	if errors.Is(err, storage.ErrNotFound) {
		return consensus.Final{}, fmt.Errorf("height %d has no certificate: the database was brought up to a lock by `bedrock genesis recover`, and goes on under the recovery genesis alone; where that was called off, put a copy of another node's chain volume in this one's place: %w", height, err)
	}
	if err != nil {
		return consensus.Final{}, fmt.Errorf("read the certificate of height %d: %w", height, err)
	}
	return final, nil
}

// storedAt is that without the certificate.
func storedAt(g *genesis.Genesis, store *storage.Store, height uint64) (consensus.Final, error) {
	outcome, err := store.Outcome(height)
	if err != nil {
		return consensus.Final{}, fmt.Errorf("read outcome %d: %w", height, err)
	}
	if height == 0 {
		return consensus.Final{Outcome: *outcome, TimestampMs: g.TimeMs}, nil
	}
	block, err := store.Block(height)
	if err != nil {
		return consensus.Final{}, fmt.Errorf("read block %d: %w", height, err)
	}
	if height == g.Root() { // rule: recovery-genesis
		return consensus.Final{Outcome: *outcome, TimestampMs: block.Header.TimestampMs}, nil
	}
	return consensus.Final{View: block.Header.View, TimestampMs: block.Header.TimestampMs, Outcome: *outcome}, nil
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
