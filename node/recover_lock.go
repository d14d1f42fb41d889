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

// stop is the block at which a chain is continued.
type stop struct {
	header *types.Header
	ends   bool // it ends its epoch: what stands above it there is void
}

// lockedPast reports whether a survivor has locked what may be final elsewhere and is not
// of the branch that ends here. Views tell, not heights: whatever was certified in a later
// view than a final block extends that block, so a lock of no later view is of this branch
// or of one that never became final, however high it stands. above says whether the lock
// extends the block. // rule: recovery-genesis
func (s *stop) lockedPast(lock *types.QC, above func() bool) bool {
	switch {
	case lock.Epoch != s.header.Epoch:
		return lock.Epoch > s.header.Epoch && lock.View > 0
	case lock.View <= s.header.View:
		return false
	}
	return !s.ends || !above()
}

// extends reports whether the bodies in a vote log lead from its lock down to a block.
func extends(recovered *votelog.Recovered, block types.Hash) bool {
	bodies := bodiesOf(recovered)
	id := recovered.State.Lock.Block
	for range len(bodies) + 1 {
		if id == block {
			return true
		}
		b := bodies[id]
		if b == nil {
			return false
		}
		id = b.Header.Parent
	}
	return false
}

func bodiesOf(recovered *votelog.Recovered) map[types.Hash]*types.Block {
	bodies := map[types.Hash]*types.Block{}
	for _, b := range recovered.Blocks {
		bodies[b.ID()] = b
	}
	return bodies
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
	bodies := bodiesOf(recovered)
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
