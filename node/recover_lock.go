package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/bedrock-bft/bedrock/node/engine"
	"github.com/bedrock-bft/bedrock/node/storage"
	"github.com/bedrock-bft/bedrock/node/storage/votelog"
	"github.com/bedrock-bft/bedrock/node/types"
)

// lockedAbove reports whether a survivor has locked a block above its last final one: a
// certificate that made it final may have been lost with others' volumes. What stands
// above the end of an epoch is void.
func lockedAbove(lock *types.QC, tip *types.Outcome, epoch uint64) bool {
	return lock.Height > tip.Height && (!tip.EndsEpoch() || lock.Epoch != epoch)
}

// extendToLock executes the blocks up to a survivor's lock and stores them, without a
// certificate: the recovery genesis, which the authority signs, stands for it. Offline,
// on the home's chain volume. // rule: recovery-genesis
func extendToLock(ctx context.Context, o *RecoveryOptions, recovered *votelog.Recovered) (err error) {
	n := &Node{opt: Options{Home: o.Home, Config: o.Config}, cfg: o.Config, log: slog.New(slog.DiscardHandler), started: time.Now(), clock: newClock(), recovered: *recovered}
	defer func() { err = errors.Join(err, n.Close()) }()
	for _, step := range []func(context.Context) error{n.openGenesis, n.openMetrics, n.openStore, n.openExecution} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	history, tip, err := n.history()
	if err != nil {
		return err
	}
	set, err := types.NewValidatorSet(n.genesis.Hash(), *history.Present, n.scheme)
	if err != nil {
		return err
	}
	lock := &recovered.State.Lock
	if err := set.VerifyQC(lock, types.Root{Height: history.RootOutcome.Height, Block: history.RootOutcome.Block}); err != nil {
		return fmt.Errorf("the lock of the vote log: %w", err)
	}
	line, err := lockedLine(recovered, lock, tip.Block)
	if err != nil {
		return err
	}
	finals, err := n.executeLine(ctx, history, *tip, line, recovered)
	if err != nil {
		return err
	}
	if err := n.store.CommitLocked(finals); err != nil {
		return err
	}
	_, err = n.store.Sync()
	return err
}

// history is what the outcome of the block above the stored tip is made from, and the
// tip's own.
func (n *Node) history() (types.EpochHistory, *types.Outcome, error) {
	start, err := position(n.genesis, n.store, nil)
	if err != nil {
		return types.EpochHistory{}, nil, err
	}
	h := types.EpochHistory{Present: &start.Epoch, Previous: start.Previous, RootOutcome: &start.Root.Outcome}
	if start.TipChange != nil {
		h = types.EpochHistory{Present: start.TipChange, Previous: &start.Epoch, RootOutcome: &start.Tip.Outcome}
	}
	return h, &start.Tip.Outcome, nil
}

// lockedLine are the blocks from above the tip up to the lock, from the vote log.
func lockedLine(recovered *votelog.Recovered, lock *types.QC, tip types.Hash) ([]*types.Block, error) {
	bodies := map[types.Hash]*types.Block{}
	for _, b := range recovered.Blocks {
		bodies[b.ID()] = b
	}
	var line []*types.Block
	for id := lock.Block; id != tip; {
		b := bodies[id]
		if b == nil || len(line) > len(recovered.Blocks) {
			return nil, fmt.Errorf("the vote log lacks block %s below its lock at height %d: continue from another survivor with that lock", id, lock.Height)
		}
		line = append(line, b)
		id = b.Header.Parent
	}
	slices.Reverse(line)
	return line, nil
}

// executeLine runs blocks in order, up to one that ends the epoch, and holds their
// outcomes against those that the vote log recorded.
func (n *Node) executeLine(ctx context.Context, history types.EpochHistory, parent types.Outcome, line []*types.Block, recovered *votelog.Recovered) ([]storage.Final, error) {
	recorded := map[types.Hash]types.Hash{}
	for _, o := range recovered.Outcomes {
		recorded[o.Block] = o.Outcome
	}
	var blocks []engine.FinalBlock
	for _, b := range line {
		x, err := n.execution.Execute(ctx, history.Present, b, &parent)
		if err != nil {
			return nil, fmt.Errorf("execute height %d: %w", b.Header.Height, err)
		}
		outcome, change := history.NextOutcome(&parent, b.Header.Height, b.ID(), types.ExecutionResult{
			Success: x.Success, StateRoot: x.StateRoot, ReceiptsRoot: x.ReceiptsRoot, Change: x.Change})
		if was, ok := recorded[outcome.Block]; ok && was != outcome.Hash() { // rule: same-outcome
			return nil, fmt.Errorf("height %d has outcome %s now, and the vote log recorded %s", outcome.Height, outcome.Hash(), was)
		}
		blocks = append(blocks, engine.FinalBlock{Block: b, Outcome: outcome, Execution: x, Change: change})
		if parent = outcome; outcome.EndsEpoch() {
			break
		}
	}
	return finalsOf(blocks), nil
}
