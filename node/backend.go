package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bedrock-bft/bedrock/executor/receipts"
	"github.com/bedrock-bft/bedrock/node/engine"
	"github.com/bedrock-bft/bedrock/node/mempool"
	"github.com/bedrock-bft/bedrock/node/p2p"
	"github.com/bedrock-bft/bedrock/node/rpc"
	"github.com/bedrock-bft/bedrock/node/storage"
	"github.com/bedrock-bft/bedrock/node/types"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

// backend is the node as its RPC uses it.
type backend struct{ n *Node }

var _ rpc.Backend = backend{}

// Genesis implements rpc.Backend.
func (b backend) Genesis() []byte { return b.n.genesis.Bytes() }

// Status implements rpc.Backend.
func (b backend) Status(ctx context.Context) (*nodev1.GetStatusResponse, error) {
	n := b.n
	s := n.engine.Status()
	hash, self := n.genesis.Hash(), n.network.Self()
	outcome, err := b.Outcome(ctx, n.observer.final.Load())
	if err != nil {
		return nil, err
	}
	outcomeHash := outcome.Hash()
	floors, pool := n.store.Floors(), n.pool.Stats()
	epoch, tip := n.execution.present()
	return &nodev1.GetStatusResponse{
		ChainId: n.genesis.ChainID, GenesisHash: hash[:], Version: n.opt.Version, NetworkKey: self[:],
		ValidatorIndex: int32(s.Consensus.Self), Epoch: s.Consensus.Epoch, View: s.Consensus.View,
		FinalHeight: outcome.Height, FinalBlockId: outcome.Block[:], StateRoot: outcome.StateRoot[:], OutcomeHash: outcomeHash[:],
		FinalTimeMs: tip.TimestampMs, TargetHeight: max(s.Target, outcome.Height), Syncing: s.Syncing,
		Signing: s.Signing, NotSigningReason: b.n.whyNot(&s), Peers: uint32(len(n.network.Peers())),
		PoolTransactions: uint32(pool.Txs), PoolBytes: uint64(pool.Bytes),
		BlocksFloor: floors.Blocks, ReceiptsFloor: floors.Blocks, StateFloor: floors.State,
		Timeouts: n.observer.heights.timeouts.Load(), EmptyViews: n.observer.heights.empty.Load(),
		StartedTimeMs: uint64(n.started.UnixMilli()), HostFaults: n.faults.sum.Load(), SignerBoots: n.boots,
		DroppedMessages: n.network.Dropped() + n.pool.Dropped(),
		Executor:        &nodev1.ExecutorStatus{Hash: epoch.ExecutorHash[:], Engine: epoch.Engine, Missing: n.execution.lacks(), Upgrade: n.upgrades.status()},
		Consensus:       b.consensus(&s), OldestWaitingMs: milliseconds(n.pool.OldestWaiting()),
		Database: &nodev1.DatabaseStatus{Schema: n.store.Schema(), OldestReadable: storage.OldestSchema, Newest: storage.SchemaVersion},
	}, nil
}

// consensus tells where consensus stands. // rule: finality-probe
func (b backend) consensus(s *engine.Status) *nodev1.ConsensusStatus {
	n, c := b.n, &s.Consensus
	n.observer.mu.Lock()
	finalAt := n.observer.finalAt
	n.observer.mu.Unlock()
	out := &nodev1.ConsensusStatus{
		Leader: c.Leader, FailedViews: c.FailedViews, ViewTimerMs: c.ViewTimerMs, BaseTimerMs: n.genesis.Timing.BaseMs,
		IdleIntervalMs: n.genesis.Timing.IdleIntervalMs, CommitAgeMs: milliseconds(time.Since(finalAt)),
		ViewAgeMs: n.clock.Now().MonoMs - min(n.clock.Now().MonoMs, c.EnteredMs),
	}
	if s.Epoch != nil && int(c.Leader) < len(s.Epoch.Validators) {
		out.LeaderKey = s.Epoch.Validators[c.Leader].NetworkKey[:]
	}
	return out
}

func milliseconds(d time.Duration) uint64 { return uint64(max(0, d.Milliseconds())) }

// FinalHeight implements rpc.Backend.
func (b backend) FinalHeight() uint64 { return b.n.observer.final.Load() }

// WaitFinal implements rpc.Backend.
func (b backend) WaitFinal(ctx context.Context, above uint64) (uint64, error) {
	if h := b.n.observer.wait(ctx.Done(), above); h > above {
		return h, nil
	}
	return 0, ctx.Err()
}

// answer turns the store's errors into the RPC's.
func answer[T any](value T, err error) (T, error) {
	var pruned *storage.PrunedError
	switch {
	case err == nil:
		return value, nil
	case errors.As(err, &pruned):
		return value, &rpc.BelowFloorError{What: pruned.What, Floor: pruned.Floor}
	case errors.Is(err, storage.ErrNotFound):
		return value, fmt.Errorf("%w: %w", rpc.ErrNotFound, err)
	}
	return value, err
}

// shown waits until a height that the store has is the final height of every answer:
// the store has it a moment before, and who was told of it must not read an older
// state next.
func (b backend) shown(ctx context.Context, height uint64) error {
	if height <= b.FinalHeight() {
		return nil
	}
	_, err := b.WaitFinal(ctx, height-1)
	return err
}

// Block implements rpc.Backend.
func (b backend) Block(ctx context.Context, height uint64) (*types.Block, error) {
	block, err := answer(b.n.store.Block(height))
	if err != nil {
		return nil, err
	}
	return block, b.shown(ctx, height)
}

// Outcome implements rpc.Backend.
func (b backend) Outcome(ctx context.Context, height uint64) (*types.Outcome, error) {
	outcome, err := answer(b.n.store.Outcome(height))
	if err != nil {
		return nil, err
	}
	return outcome, b.shown(ctx, height)
}

// Receipts implements rpc.Backend.
func (b backend) Receipts(ctx context.Context, height uint64) ([]receipts.Receipt, error) {
	list, err := answer(b.n.store.Receipts(height))
	if err != nil {
		return nil, err
	}
	return list, b.shown(ctx, height)
}

// HeightOf implements rpc.Backend.
func (b backend) HeightOf(ctx context.Context, id types.Hash) (uint64, error) {
	block, err := answer(b.n.store.BlockByID(id))
	if err != nil {
		return 0, err
	}
	return block.Header.Height, b.shown(ctx, block.Header.Height)
}

// Certificate implements rpc.Backend.
func (b backend) Certificate(_ context.Context, height uint64) (*types.CC, error) {
	return answer(b.n.store.Certificate(height))
}

// EpochStart implements rpc.Backend.
func (b backend) EpochStart(_ context.Context, number uint64) (*types.EpochStart, error) {
	return answer(b.n.store.EpochStart(number))
}

// Locate implements rpc.Backend.
func (b backend) Locate(ctx context.Context, tx types.Hash) (uint64, int, error) {
	place, err := answer(b.n.store.TxLookup(tx))
	if err != nil {
		return 0, 0, err
	}
	return place.Height, int(place.Index), b.shown(ctx, place.Height)
}

// Pending implements rpc.Backend.
func (b backend) Pending(tx types.Hash) ([]byte, bool) {
	found := b.n.pool.Get(tx)
	return found, found != nil
}

// Submit implements rpc.Backend.
func (b backend) Submit(ctx context.Context, txs [][]byte) ([]*nodev1.SubmitResult, error) {
	results, err := b.n.pool.AddBatch(ctx, txs, mempool.Local)
	if err != nil {
		return nil, err
	}
	statuses := map[mempool.Status]nodev1.SubmitStatus{
		mempool.Accepted: nodev1.SubmitStatus_SUBMIT_STATUS_ACCEPTED, mempool.Duplicate: nodev1.SubmitStatus_SUBMIT_STATUS_DUPLICATE,
		mempool.Held: nodev1.SubmitStatus_SUBMIT_STATUS_HELD, mempool.Rejected: nodev1.SubmitStatus_SUBMIT_STATUS_REJECTED,
	}
	out := make([]*nodev1.SubmitResult, len(results))
	for i := range results {
		r := &results[i]
		out[i] = &nodev1.SubmitResult{TxHash: r.Hash[:], Status: statuses[r.Status], Reason: string(r.Reason), Code: r.Code, Text: r.Text,
			LowestPrice: r.MinGasPrice, NextNonce: r.NextNonce}
	}
	return out, nil
}

// Query implements rpc.Backend: by the module of the height's epoch.
func (b backend) Query(ctx context.Context, q rpc.Query) (*rpc.QueryResult, error) {
	height := q.Height
	if height == 0 {
		height = b.FinalHeight()
	}
	ref, err := answer(b.n.store.StateRef(height))
	if err != nil {
		return nil, err
	}
	epoch, header, err := b.at(height)
	if err != nil {
		return nil, err
	}
	module, err := b.n.modules.Module(ctx, epoch.ExecutorHash, epoch.Engine)
	if err != nil {
		return nil, err
	}
	view, err := b.n.execution.overlays.ViewAt(ref)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", rpc.ErrUnavailable, err)
	}
	defer view.Close()
	res, err := module.Query(ctx, view, blockContext(epoch, header, nil), q.Path, q.Data, q.Prove)
	if err != nil {
		return nil, err
	}
	return &rpc.QueryResult{Code: res.Code, Value: res.Value, Key: res.Key, Absent: res.Absent, Height: height, Proof: res.Proof, Log: res.Log}, nil
}

// at is a height's epoch and header.
func (b backend) at(height uint64) (*types.Epoch, *types.Header, error) {
	header := &types.Header{Genesis: b.n.genesis.Hash(), Epoch: 1}
	if height > 0 {
		block, err := answer(b.n.store.Block(height))
		if err != nil {
			return nil, nil, err
		}
		header = &block.Header
	}
	start, err := answer(b.n.store.EpochStart(header.Epoch))
	if err != nil {
		return nil, nil, err
	}
	return &start.Epoch, header, nil
}

// Simulate implements rpc.Backend.
func (b backend) Simulate(ctx context.Context, txs [][]byte) (*rpc.Simulation, error) {
	result, err := b.n.execution.simulate(ctx, txs)
	if err != nil {
		return nil, err
	}
	_, tip := b.n.execution.present()
	return &rpc.Simulation{Receipts: result.Receipts, GasUsed: result.GasUsed, Height: tip.Height, Failed: result.FailureReason}, nil
}

// Seen implements rpc.Backend.
func (b backend) Seen(context.Context) map[[32]byte]rpc.Seen {
	since := map[p2p.PeerID]time.Time{b.n.network.Self(): b.n.started}
	for _, p := range b.n.network.Peers() {
		since[p.ID] = p.Connected
	}
	out := map[[32]byte]rpc.Seen{}
	s := b.n.engine.Status()
	if s.Epoch == nil {
		return out
	}
	b.n.observer.mu.Lock()
	defer b.n.observer.mu.Unlock()
	for i := range s.Epoch.Validators {
		key := s.Epoch.Validators[i].NetworkKey
		v := b.n.observer.seen[key]
		from, connected := since[key]
		if !connected {
			if from = b.n.network.Lost(key); from.IsZero() {
				from = b.n.started
			}
		}
		seen := rpc.Seen{Moniker: b.n.genesis.Moniker(key), LastVoteHeight: v.height, Connected: connected, ConnectionAge: time.Since(from)}
		if !v.at.IsZero() {
			seen.LastVoteMs, seen.LastVoteAge, seen.LastVoteEpoch = uint64(v.at.UnixMilli()), time.Since(v.at), v.epoch
		}
		out[key] = seen
	}
	return out
}
