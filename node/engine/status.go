package engine

import (
	"context"

	"github.com/bedrock-bft/bedrock/node/consensus"
	"github.com/bedrock-bft/bedrock/node/types"
)

// Status is where the engine stands, as of its last step.
type Status struct {
	Consensus consensus.Status
	Epoch     *types.Epoch
	// Signing is whether this process signs, and if not, why.
	Signing bool
	WhyNot  string
	// SyncedHeight is the height whose commit batch is synced.
	SyncedHeight uint64
	// Syncing says that block sync is filling in; Target is where it goes.
	Syncing bool
	Target  uint64
}

// Status is where the engine stood after its last step.
func (e *Engine) Status() Status { return *e.status.Load() }

func (e *Engine) publishStatus() {
	s := &Status{Consensus: e.core.Status(), Epoch: e.epochs[e.epoch], SyncedHeight: e.synced.Load()}
	s.Signing, s.WhyNot = s.Consensus.MaySign, s.Consensus.WhyNot
	s.Syncing, s.Target = e.sync.progress()
	if cc := s.Consensus.HighestCC; cc != nil {
		s.Target = max(s.Target, cc.Outcome.Height)
	}
	e.status.Store(s)
}

// SuspendSigning holds signing back for a person or a supervisor.
// // rule: boot-count
func (e *Engine) SuspendSigning(ctx context.Context, reason string) error {
	return e.call(ctx, func() { e.closeGate(gateAdmin, reason) })
}

// ResumeSigning lifts SuspendSigning.
func (e *Engine) ResumeSigning(ctx context.Context) error {
	return e.call(ctx, func() { e.openGate(gateAdmin) })
}

// filled lets signing go on once the store holds what the vote log saw synced.
func (e *Engine) filled() {
	if _, held := e.signing.closed[gateFilling]; held {
		e.log.Info("the chain volume is filled")
		e.openGate(gateFilling)
	}
}

// DiskLow holds signing back while the disk is nearly full, and lifts it.
func (e *Engine) DiskLow(ctx context.Context, low bool, reason string) error {
	return e.call(ctx, func() {
		if low {
			e.closeGate(gateDisk, reason)
		} else if _, held := e.signing.closed[gateDisk]; held {
			e.openGate(gateDisk)
		}
	})
}

// Receive gives the core a certificate that came by another way than the
// validators' streams (gossip to full nodes).
func (e *Engine) Receive(from consensus.Peer, m types.Message) {
	e.post(consensus.Received{From: from, Message: m})
}

// Turn waits until the loop has taken its turn: an engine that is stuck does not.
func (e *Engine) Turn(ctx context.Context) error { return e.call(ctx, func() {}) }
