package engine

import (
	"context"
	"log/slog"
	"time"

	"github.com/bedrock-bft/bedrock/node/consensus"
	"github.com/bedrock-bft/bedrock/node/p2p"
	"github.com/bedrock-bft/bedrock/node/types"
)

// A block can be followed by its id through the logs of all nodes, at level debug:
// built, proposed, received, verified, voted to prepare, executed, voted to commit,
// and (by the Observer) final. The lines share the keys block, height, epoch and
// view. At any other level nothing is computed for them.

func (e *Engine) traces() bool { return e.log.Enabled(context.Background(), slog.LevelDebug) }

// trace tells what happened to a block.
func (e *Engine) trace(what string, b *types.Block, more ...any) {
	if e.traces() {
		h := &b.Header
		e.log.Debug(what, append([]any{"height", h.Height, "block", b.ID(), "epoch", h.Epoch, "view", h.View}, more...)...)
	}
}

// traceExecuted tells how long a block took, and what it gave.
func (e *Engine) traceExecuted(b *types.Block, x *Execution, took time.Duration) {
	e.trace("block executed", b, "success", x.Success, "transactions", len(b.Payload), "gas", x.GasUsed, "state_root", x.StateRoot, "took", took)
}

// traceReceived tells of a block that a peer brought.
func (e *Engine) traceReceived(ev consensus.Event) {
	switch ev := ev.(type) {
	case consensus.Received:
		if p := ev.Message.Proposal; p != nil && p.Block != nil && ev.From != (consensus.Peer{}) {
			e.trace("block received", p.Block, "from", p2p.PeerID(ev.From), "by", "proposal")
		}
	case consensus.BlockFetched:
		e.trace("block received", ev.Block, "from", p2p.PeerID(ev.From), "by", "fetch")
	}
}

// traceSigned tells of an own message that says something of a block.
func (e *Engine) traceSigned(m *types.Message) {
	if !e.traces() {
		return
	}
	switch {
	case m.Proposal != nil:
		e.log.Debug("block proposed", "block", m.Proposal.BlockID, "epoch", m.Epoch(), "view", m.View())
	case m.Prepare != nil:
		v := &m.Prepare.Vote
		e.log.Debug("block voted to prepare", "height", v.Height, "block", v.Block, "epoch", m.Epoch(), "view", v.View)
	case m.Commit != nil:
		v := &m.Commit.Vote
		e.log.Debug("block voted to commit", "height", v.Height, "block", v.Block, "epoch", m.Epoch(), "view", v.View, "outcome", v.Outcome)
	}
}
