package engine

import (
	"fmt"

	"github.com/bedrock-bft/bedrock/node/consensus"
	"github.com/bedrock-bft/bedrock/node/task"
	"github.com/bedrock-bft/bedrock/node/types"
)

// build makes a block for the core; a newer request replaces one that waits.
func (w *worker) build(f consensus.BuildBlock, epoch *types.Epoch) {
	job := func() {
		block := w.buildBlock(f, epoch)
		if block != nil {
			w.contents(block)
			w.e.trace("block built", block, "transactions", len(block.Payload))
		}
		w.e.post(consensus.BlockBuilt{Kind: f.Kind, View: f.View, Block: block})
	}
	select {
	case <-w.building:
	default:
	}
	task.Select2(w.e.tasks, task.Send(w.building, job), task.Done(w.e.ctx))
}

func (w *worker) buildBlock(f consensus.BuildBlock, epoch *types.Epoch) *types.Block {
	ancestors := make([]*flight, len(f.InFlight))
	for i, b := range f.InFlight {
		ancestors[i] = w.contents(b)
	}
	for _, b := range w.e.committer.untold() { // before the pool is asked: what is told by then, it left out
		ancestors = append(ancestors, w.known(b))
	}
	block := &types.Block{Evidence: w.e.evidence.take(w.e.cfg.Clock.Now().MonoMs, func(hash types.Hash) bool {
		for _, a := range ancestors {
			if _, ok := a.evidence[hash]; ok {
				return true
			}
		}
		return false
	})}
	if !f.Empty {
		block.Payload = w.e.cfg.Pool.Build(epoch.MaxBytes, epoch.MaxGas, f.Height, func(tx types.Hash) bool {
			for _, a := range ancestors {
				if _, ok := a.txs[tx]; ok {
					return true
				}
			}
			return false
		})
	}
	if block.Empty() && !f.MayBeEmpty {
		return nil
	}
	block.Header = types.Header{
		Genesis: w.e.cfg.Consensus.Genesis, Epoch: f.Epoch, View: f.View, Height: f.Height, Parent: f.Parent,
		Proposer: f.Proposer, TimestampMs: max(f.MinTimestampMs, w.e.cfg.Clock.Now().WallMs),
		PayloadRoot: types.ListRoot(block.Payload), EvidenceRoot: types.ListRoot(block.Evidence),
	}
	return block
}

// verify judges a block off the loop. // rule: valid-block, verify-before-vote
func (w *worker) verify(f consensus.VerifyBlock, epoch *types.Epoch) {
	w.e.goRun("verify a block", func() {
		if task.Select2(w.e.tasks, task.Send(w.verifying, struct{}{}), task.Done(w.e.ctx)) == 1 {
			return
		}
		defer func() { <-w.verifying }()
		begin := w.e.tasks.Now()
		reason, err := w.verifyBlock(f, epoch)
		if err != nil {
			if w.e.ctx.Err() == nil {
				w.e.fail(fmt.Errorf("verify block %s: %w", f.Block.ID(), err))
			}
			return
		}
		took := w.e.tasks.Since(begin)
		w.e.cfg.Observer.Verified(took, len(f.Block.Payload))
		if reason != "" {
			w.e.log.Warn("block gets no vote", "height", f.Block.Header.Height, "block", f.Block.ID(), "reason", reason)
		}
		w.e.trace("block verified", f.Block, "valid", reason == "", "took", took)
		w.e.post(consensus.BlockVerified{ID: f.Block.ID(), Valid: reason == "", Reason: reason})
	})
}

// verifyBlock gives why a block is refused, empty if it is not.
func (w *worker) verifyBlock(f consensus.VerifyBlock, epoch *types.Epoch) (string, error) {
	block := f.Block
	if epoch == nil {
		return "its epoch is not known", nil
	}
	if size := uint64(block.PayloadBytes()); size > epoch.MaxBytes {
		return fmt.Sprintf("payload of %d bytes, at most %d", size, epoch.MaxBytes), nil
	}
	w.contents(block)
	if reason, err := w.e.evidence.refuse(block, f.InFlight, w); reason != "" || err != nil {
		return reason, err
	}
	gas, refusal, err := w.e.cfg.Verifier.Verify(w.e.ctx, epoch.ExecutorHash, epoch.MaxGas, block.Payload)
	if err != nil || refusal != "" {
		return refusal, err
	}
	var sum uint64
	for _, g := range gas {
		if sum+g < sum || sum+g > epoch.MaxGas {
			return fmt.Sprintf("gas limits above the block's %d", epoch.MaxGas), nil
		}
		sum += g
	}
	return "", nil
}
