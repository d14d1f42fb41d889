package sim

import (
	"time"

	"github.com/bedrock-bft/bedrock/node/consensus"
	"github.com/bedrock-bft/bedrock/node/engine"
	"github.com/bedrock-bft/bedrock/node/types"
)

// observer tells the checks what a node tells its subscribers.
type observer struct{ n *node }

var _ engine.Observer = observer{}

// Final implements engine.Observer.
func (o observer) Final(blocks []engine.FinalBlock, cc *types.CC) {
	o.n.w.checks.toldFinal(o.n, blocks, cc)
	o.n.gossip.Announce(cc)
}

// View implements engine.Observer.
func (o observer) View(v consensus.EnteredView) {
	if h := o.n.w.hooks.Entered; h != nil {
		h(o.n.index, v)
	}
	o.n.w.tell("node %d enters view %d of epoch %d, by a TC: %v", o.n.index, v.View, v.Epoch, v.ByTC)
	o.n.w.log.Debug("entered a view", "node", o.n.index, "epoch", v.Epoch, "view", v.View, "by_tc", v.ByTC)
}

// Voted implements engine.Observer.
func (o observer) Voted([32]byte, *types.SignedCommit) {}

// Alarm implements engine.Observer.
func (o observer) Alarm(a consensus.Alarm) { o.n.w.checks.alarmed(o.n, a) }

// Persisted implements engine.Observer.
func (o observer) Persisted(time.Duration) {}

// Executed implements engine.Observer.
func (o observer) Executed(time.Duration, int) {}

// Verified implements engine.Observer.
func (o observer) Verified(time.Duration, int) {}

// Committed implements engine.Observer.
func (o observer) Committed(time.Duration, int) {}

// Stopped implements engine.Observer.
func (o observer) Stopped(s consensus.StopSigning) {
	o.n.w.checks.violated(o.n, "it stopped signing: %s", s.Reason)
}
