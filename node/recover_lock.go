package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/bedrock-bft/bedrock/node/engine"
	"github.com/bedrock-bft/bedrock/node/genesis"
	"github.com/bedrock-bft/bedrock/node/signer"
	"github.com/bedrock-bft/bedrock/node/storage"
	"github.com/bedrock-bft/bedrock/node/storage/votelog"
	"github.com/bedrock-bft/bedrock/node/types"
)

// ending is where a chain was continued by a recovery genesis.
type ending struct {
	*genesis.Continues
	block types.Hash // the last one that is continued; zero: it is not known
	ends  bool       // it ends its epoch: what stands above it there is void
}

// lockedPast reports whether a survivor has locked what may be final elsewhere and is not
// of the branch that ends here. above says whether its lock extends that branch's end for
// certain. // rule: recovery-genesis
func (e *ending) lockedPast(lock *types.QC, above func() bool) bool {
	switch {
	case e.Covers(lock):
		return false
	case lock.Epoch == e.Epoch && lock.View == 0: // the end of the epoch before, certified
		return lock.Block != e.block
	}
	return !e.ends || lock.Epoch+1 != e.Epoch || !above()
}

// forgotten is what to do with a survivor whose votes a recovery genesis does not keep.
const forgotten = "make it from this node; where the others go on without what it knows, this identity signs nothing any more: give the node an empty signer volume, and rotate to its new identity"

// checkLock refuses a recovery that may forget what this instance has locked: the one that
// ended the chain for which it signed last. Once it has signed under the recovered chain
// there is nothing left of that. // rule: recovery-genesis
func (n *Node) checkLock() error {
	if n.genesis.Continues == nil || n.signer == nil {
		return nil
	}
	state := &n.recovered.State
	taken, err := n.signer.Continued()
	if err != nil || taken == n.genesis.Hash() && state.Epoch > n.genesis.Continues.Epoch {
		return err
	}
	g, err := n.endedBy(taken, state.Epoch)
	if err != nil {
		return fmt.Errorf("recover: %w", err)
	}
	e, err := n.endingOf(g)
	if err != nil {
		return fmt.Errorf("recover: %w", err)
	}
	if state.Epoch > e.Epoch {
		return fmt.Errorf("the recovery genesis %s continues epoch %d, and this node has signed in epoch %d: %s", g.Hash(), e.Epoch, state.Epoch, forgotten)
	}
	lock := &state.Lock
	if e.lockedPast(lock, func() bool { return n.certified(e.Height) || extends(&n.recovered, e.block) }) {
		return fmt.Errorf("the recovery genesis %s continues height %d from a lock of view %d in epoch %d, and this node has locked height %d of view %d in epoch %d, which may be final elsewhere: %s",
			g.Hash(), e.Height, e.LockView, e.LockEpoch, lock.Height, lock.View, lock.Epoch, forgotten)
	}
	return nil
}

// endedBy is the recovery genesis that ended the chain for which an instance signed last,
// as far as the documents are kept here. taken is the recovery that it took last (zero:
// none), epoch its vote log's. Where the one that it took is not of this line, or nothing
// was signed under it, that is the first recovery that such an epoch was before.
func (n *Node) endedBy(taken types.Hash, epoch uint64) (*genesis.Genesis, error) {
	ended, later := n.genesis, taken != n.genesis.Hash() // later: than what was taken
	g := n.genesis
	for range maxContinued {
		if later || epoch <= g.Continues.Epoch {
			ended = g
		}
		if g.Continues.GenesisHash == taken {
			later = false
		}
		raw, err := n.store.Document(g.Continues.GenesisHash)
		if errors.Is(err, storage.ErrNotFound) {
			break
		}
		if err != nil {
			return nil, err
		}
		before, err := genesis.Parse(raw)
		if err != nil {
			return nil, fmt.Errorf("the kept genesis document %s: %w", g.Continues.GenesisHash, err)
		}
		if before.Continues == nil {
			break
		}
		g = before
	}
	return ended, nil
}

// endingOf is where a chain of this database's line was continued.
func (n *Node) endingOf(g *genesis.Genesis) (*ending, error) {
	e := &ending{Continues: g.Continues}
	stopped, err := n.store.Stopped(e.Height)
	if err == nil && g == n.genesis && n.store.Continued() { // not yet
		stopped, err = n.store.Outcome(e.Height)
	}
	if err != nil {
		return nil, err
	}
	if stopped != nil && stopped.Height == e.Height {
		e.block, e.ends = stopped.Block, stopped.EndsEpoch()
	}
	return e, nil
}

// certified reports whether the database has a certificate of that very height.
func (n *Node) certified(height uint64) bool {
	cc, err := n.store.Certificate(height)
	return err == nil && cc.Outcome.Height == height
}

// signsUnder refuses a vote log that tells nothing of a genesis: another recovery was
// taken with it.
func signsUnder(dir string, g *genesis.Genesis, state *types.SafetyState) error {
	taken, err := signer.ContinuedOn(dir)
	if err != nil || state.Epoch == 0 {
		return err
	}
	if g.Continues == nil && taken.IsZero() || g.Continues != nil && taken == g.Hash() {
		return nil
	}
	return fmt.Errorf("the vote log in %s is not of the chain of genesis %s (it was used last under the recovery %s): it does not tell what was locked there, make the recovery genesis on another survivor", dir, g.Hash(), taken)
}

// lockedAbove reports whether a survivor has locked what its database does not hold yet.
func lockedAbove(lock *types.QC, tip *types.Header, ends bool) bool {
	if lock.Epoch != tip.Epoch {
		return lock.Epoch > tip.Epoch && lock.View > 0
	}
	return lock.View > tip.View && !ends // above its own final block, which ends the epoch
}

// lockOf is the place that no other survivor's lock may be above: the maker's own lock,
// or what it has seen final if that is above it.
func lockOf(g *genesis.Genesis, store *storage.Store, lock *types.QC, epoch *types.Epoch, tip *types.Header, outcome *types.Outcome) (number, view uint64, err error) {
	final := types.QC{Epoch: tip.Epoch, View: tip.View}
	if tip.Height == g.Root() {
		final = types.QC{Epoch: epoch.Number}
	} else if outcome.EndsEpoch() {
		switch cc, err := store.Certificate(tip.Height); {
		case err == nil && cc.Outcome.Height == tip.Height:
			final = types.QC{Epoch: epoch.Number}
		case err != nil && !errors.Is(err, storage.ErrNotFound):
			return 0, 0, err
		}
	}
	if lock.Epoch > final.Epoch || lock.Epoch == final.Epoch && lock.View > final.View {
		final = *lock
	}
	return final.Epoch, final.View, nil
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
			return nil, fmt.Errorf("the vote log lacks block %s below its lock at height %d: continue from another survivor with that lock, or name the signer folders of others as --bodies: one that voted for it has it", id, lock.Height)
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
