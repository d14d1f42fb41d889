package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"github.com/bedrock-bft/bedrock/executor"
	"github.com/bedrock-bft/bedrock/executor/state"
	"github.com/bedrock-bft/bedrock/node/engine"
	"github.com/bedrock-bft/bedrock/node/mempool"
	"github.com/bedrock-bft/bedrock/node/task"
	"github.com/bedrock-bft/bedrock/node/types"
	executorv1 "github.com/bedrock-bft/bedrock/proto/bedrock/executor/v1"
)

// ModuleSource gives compiled modules by hash and engine number. Errors are
// executor.ErrNoModule where the module is not to be had now, executor.ErrNoEngine
// where this program lacks the engine.
type ModuleSource interface {
	Module(ctx context.Context, hash types.Hash, engine uint32) (*executor.Module, error)
}

// execution is the executor as engine, pool and RPC use it: modules by epoch over
// one tree of overlays.
type execution struct {
	genesis  types.Hash
	modules  ModuleSource
	overlays *state.Overlays

	log *slog.Logger

	mu      sync.RWMutex
	epoch   *types.Epoch // of the next block, for check and simulation
	before  *types.Epoch // the one before it, of which blocks may still be verified
	tip     *types.Header
	missing string // the executor that this node cannot go on without, and why; empty: none
	lacking uint64 // the epoch of that
}

// SetTip implements wiring.Tip.
func (x *execution) SetTip(tip *types.Header, epoch *types.Epoch) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.epoch != nil && x.epoch.Number != epoch.Number {
		x.before = x.epoch
	}
	x.tip, x.epoch = tip, epoch
}

// Epoch implements wiring.Tip.
func (x *execution) Epoch() *types.Epoch {
	epoch, _ := x.present()
	return epoch
}

func (x *execution) present() (*types.Epoch, *types.Header) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.epoch, x.tip
}

// await gives the module of an epoch that blocks are to run on. One that is not to
// be had is asked for again and again: nothing else can follow the chain.
func (x *execution) await(ctx context.Context, epoch *types.Epoch) (*executor.Module, error) {
	for told := false; ; told = true {
		module, err := x.modules.Module(ctx, epoch.ExecutorHash, epoch.Engine)
		x.note(epoch, err)
		if err == nil || !errors.Is(err, executor.ErrNoModule) && !errors.Is(err, executor.ErrDamagedModule) {
			return module, err
		}
		if !told {
			x.log.Error("the executor of this epoch is not at hand: this node waits for it", "epoch", epoch.Number,
				"executor", epoch.ExecutorHash, "error", err, "do", "add the module: bedrock executor add FILE.wasm --admin URL")
		}
		select {
		case <-time.After(fetchAgain):
		case <-ctx.Done():
			return nil, err
		}
	}
}

// note remembers whether an epoch's executor was to be had.
func (x *execution) note(epoch *types.Epoch, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.missing != "" && x.lacking > epoch.Number {
		return // blocks of an epoch before may still come in
	}
	x.missing, x.lacking = "", epoch.Number
	if err != nil {
		x.missing = fmt.Sprintf("the executor %s of epoch %d, engine %d: %v", epoch.ExecutorHash, epoch.Number, epoch.Engine, err)
	}
}

// lacks is what note remembered.
func (x *execution) lacks() string {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.missing
}

// Execute implements engine.Executor.
func (x *execution) Execute(ctx context.Context, epoch *types.Epoch, b *types.Block, parent *types.Outcome) (*engine.Execution, error) {
	module, err := x.await(ctx, epoch)
	if err != nil {
		return nil, err
	}
	view, err := x.overlays.View(state.BlockID(b.Header.Parent))
	if errors.Is(err, state.ErrUnknownBlock) {
		return nil, fmt.Errorf("%w: %w", engine.ErrStateGone, err)
	}
	if err != nil {
		return nil, err
	}
	defer view.Close()
	if root := view.Ref().Root; root != parent.StateRoot {
		return nil, fmt.Errorf("state after block %s has root %x, its outcome says %s", b.Header.Parent, root, parent.StateRoot)
	}
	id := b.ID()
	result, err := module.Execute(ctx, view, &executor.Block{ID: id, Parent: state.BlockID(b.Header.Parent),
		Context: blockContext(epoch, &b.Header, b.Evidence), Transactions: b.Payload})
	if err != nil {
		return nil, err
	}
	if err := x.overlays.Add(result.Overlay); err != nil {
		if errors.Is(err, state.ErrUnknownBlock) {
			return nil, fmt.Errorf("%w: %w", engine.ErrStateGone, err)
		}
		return nil, err
	}
	out := &engine.Execution{Block: id, Height: b.Header.Height, Success: result.Success, Failure: result.FailureReason,
		StateRoot: result.StateRoot, ReceiptsRoot: result.ReceiptsRoot, GasUsed: result.GasUsed, MoreWork: result.MoreWork, EvidenceWaits: result.EvidenceWaits,
		Receipts: result.Receipts, Overlay: result.Overlay}
	if result.EpochChange != nil {
		out.Change = nextEpoch(epoch, result.EpochChange)
	}
	return out, nil
}

// blockContext is what a block's execution may know of it.
func blockContext(epoch *types.Epoch, h *types.Header, evidence [][]byte) *executorv1.Context {
	c := &executorv1.Context{GenesisHash: h.Genesis[:], Epoch: h.Epoch, Height: h.Height, View: h.View, TimestampMs: h.TimestampMs,
		Proposer: h.Proposer, GasLimit: epoch.MaxGas, Engine: epoch.Engine, ExecutorHash: epoch.ExecutorHash[:], Evidence: evidence}
	if int(h.Proposer) < len(epoch.Validators) {
		c.ProposerIdentity = epoch.Validators[h.Proposer].NetworkKey[:]
	}
	return c
}

// nextEpoch is the epoch that an executor's change begins.
func nextEpoch(present *types.Epoch, change *executorv1.EpochParams) *types.Epoch {
	next := &types.Epoch{Number: present.Number + 1, Scheme: present.Scheme, ExecutorHash: types.Hash(change.ExecutorHash),
		Engine: change.Engine, MaxBytes: change.MaxBlockBytes, MaxGas: change.MaxBlockGas}
	for _, v := range change.Validators {
		next.Validators = append(next.Validators, types.Validator{ConsensusKey: v.ConsensusKey, NetworkKey: [32]byte(v.NetworkKey),
			Power: v.Power, Possession: v.Possession})
	}
	return next
}

// Committed implements engine.Executor.
func (x *execution) Committed(block types.Hash) error { return x.overlays.Commit(state.BlockID(block)) }

// Drop implements engine.Executor.
func (x *execution) Drop(ids []types.Hash) {
	for _, id := range ids {
		x.overlays.Drop(state.BlockID(id))
	}
}

// Prepare implements engine.Executor: the module is brought from peers where it is
// not here. // rule: epoch-enter
func (x *execution) Prepare(ctx context.Context, epoch *types.Epoch) error {
	_, err := x.modules.Module(ctx, epoch.ExecutorHash, epoch.Engine)
	x.note(epoch, err)
	if errors.Is(err, executor.ErrNoEngine) {
		return fmt.Errorf("%w: %w", engine.ErrCannotFollow, err)
	}
	return err
}

// epochOf is the epoch, of those that blocks may be of now, whose executor has that
// hash.
func (x *execution) epochOf(hash types.Hash) *types.Epoch {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if x.before != nil && x.before.ExecutorHash == hash && x.epoch.ExecutorHash != hash {
		return x.before
	}
	return x.epoch
}

// Verify implements mempool.Verifier with the module of a hash.
func (x *execution) Verify(ctx context.Context, hash types.Hash, txs [][]byte) ([]mempool.Verdict, error) {
	module, err := x.modules.Module(ctx, hash, x.epochOf(hash).Engine)
	if err != nil {
		return nil, err
	}
	verdicts, err := module.Verify(ctx, x.genesis, txs)
	if err != nil {
		return nil, err
	}
	out := make([]mempool.Verdict, len(verdicts))
	for i, v := range verdicts {
		out[i] = mempool.Verdict{Code: v.Code, GasLimit: v.GasLimit, Sender: string(v.Sender), Nonce: v.Nonce, Log: v.Log}
	}
	return out, nil
}

// next is the module and the context of the block after the tip, as far as it is
// known, with a view of the committed state.
func (x *execution) next(ctx context.Context) (*executor.Module, *state.View, *executorv1.Context, error) {
	epoch, tip := x.present()
	module, err := x.modules.Module(ctx, epoch.ExecutorHash, epoch.Engine)
	if err != nil {
		return nil, nil, nil, err
	}
	// By height, which a commit that comes in between leaves readable.
	_, ref := x.overlays.Committed()
	view, err := x.overlays.ViewAt(ref)
	if err != nil {
		return nil, nil, nil, err
	}
	h := types.Header{Genesis: x.genesis, Epoch: epoch.Number, Height: ref.Height + 1, View: tip.View + 1, TimestampMs: tip.TimestampMs + 1}
	return module, view, blockContext(epoch, &h, nil), nil
}

// Check implements mempool.Checker.
func (x *execution) Check(ctx context.Context, items []mempool.CheckItem) ([]mempool.CheckVerdict, error) {
	module, view, at, err := x.next(ctx)
	if err != nil {
		return nil, err
	}
	defer view.Close()
	asked := make([]*executorv1.CheckItem, len(items))
	for i := range items {
		asked[i] = &executorv1.CheckItem{Transaction: items[i].Tx, QueuedCost: items[i].Queued.Bytes()}
	}
	verdicts, err := module.Check(ctx, view, at, asked)
	if err != nil {
		return nil, err
	}
	out := make([]mempool.CheckVerdict, len(verdicts))
	for i, v := range verdicts {
		cost, err := mempool.AmountFromBytes(v.MaxCost)
		if err != nil {
			return nil, fmt.Errorf("check: largest cost: %w", err)
		}
		out[i] = mempool.CheckVerdict{Code: v.Code, Later: v.Code == executor.CodeMigrating, Sender: string(v.Sender), Nonce: v.Nonce, AccountNonce: v.AccountNonce,
			GasLimit: v.GasLimit, GasPrice: v.GasPrice, MaxCost: cost, ValidUntil: v.ValidUntil, Log: v.Log}
	}
	return out, nil
}

// Try implements mempool.Sandbox: one block on the committed state, thrown away.
func (x *execution) Try(ctx context.Context, txs [][]byte) (bool, error) {
	result, err := x.simulate(ctx, txs)
	if err != nil {
		return false, err
	}
	return result.Success, nil
}

// simulate runs transactions as one block and keeps nothing.
func (x *execution) simulate(ctx context.Context, txs [][]byte) (*executor.Result, error) {
	module, view, at, err := x.next(ctx)
	if err != nil {
		return nil, err
	}
	defer view.Close()
	parent, _ := x.overlays.Committed()
	return module.Execute(ctx, view, &executor.Block{Parent: parent, Context: at, Transactions: txs})
}

// blockVerifier implements engine.Verifier over the pool's cache of verdicts.
type blockVerifier struct {
	execution *execution
	verdicts  *mempool.Verdicts
}

// Verify answers gas limits, or why the block is refused. // rule: verify-before-vote
func (v *blockVerifier) Verify(ctx context.Context, hash types.Hash, maxGas uint64, txs [][]byte) ([]uint64, string, error) {
	if len(txs) == 0 {
		return nil, "", nil
	}
	// A module that is not at hand is no fault of the block's: it is waited for.
	epoch := *v.execution.epochOf(hash)
	epoch.ExecutorHash = hash
	if _, err := v.execution.await(ctx, &epoch); err != nil {
		return nil, "", err
	}
	return mempool.VerifyBlock(ctx, task.Runtime{}, v.execution, v.verdicts, hash, maxGas, txs, runtime.GOMAXPROCS(0))
}
