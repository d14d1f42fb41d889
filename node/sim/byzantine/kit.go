package byzantine

import (
	"regexp"
	"time"

	"github.com/bedrock-bft/bedrock/node/consensus"
	"github.com/bedrock-bft/bedrock/node/engine"
	"github.com/bedrock-bft/bedrock/node/p2p"
	"github.com/bedrock-bft/bedrock/node/sim"
	"github.com/bedrock-bft/bedrock/node/types"
)

func (k *kit) hooks() sim.Hooks {
	return sim.Hooks{
		Faulty: k.faulty, Beyond: k.setup.Beyond, Twins: k.twins, Timing: k.timing,
		Transport: func(n *sim.Node, t engine.Transport) engine.Transport {
			if p := k.puppets[n.Index()]; p != nil {
				return p.mask(n, t)
			}
			return t
		},
		VoteLog: func(n *sim.Node, l engine.VoteLog) engine.VoteLog {
			if p := k.puppets[n.Index()]; p != nil && p.base.forgets {
				return amnesiac{l, p}
			}
			return l
		},
		Started:   k.started,
		Carry:     k.carry,
		Penalised: k.penalised,
		Accused: func(by int, ev *types.Evidence) {
			if !k.faulty(by) {
				k.report.Evidence[ev.Kind]++
			}
		},
		Final: func(by int, blocks []engine.FinalBlock, cc *types.CC) {
			if !k.isFaulty(by) {
				k.memory.final(blocks)
				k.views.final(blocks, cc)
			}
		},
		Entered: func(by int, v consensus.EnteredView) {
			if !k.isFaulty(by) {
				k.views.entered(v)
			}
		},
	}
}

// isFaulty reports whether a node, a twin among them, is Byzantine.
func (k *kit) isFaulty(node int) bool { return k.puppets[node] != nil }

// digits are what makes reasons differ that are one.
var digits = regexp.MustCompile(`[0-9]+`)

func (k *kit) penalised(by, peer int, reason string) {
	if !k.isFaulty(by) && k.isFaulty(peer) {
		k.report.Penalised[digits.ReplaceAllString(reason, "n")]++
	}
}

// started begins each puppet's mischief.
func (k *kit) started() {
	for i := range k.w.Plan().Nodes + len(k.twins) {
		if p := k.puppets[i]; p != nil {
			k.w.Go("mischief", p.mischief)
		}
	}
}

// carry sees what goes over the network.
func (k *kit) carry(m *sim.Carried) {
	if m.Kind != byte(p2p.ChannelVotes) && m.Kind != byte(p2p.ChannelBlocks) {
		return
	}
	message, fresh := k.memory.see(m.Data)
	if message == nil {
		return
	}
	if fresh && !k.isFaulty(m.From) { // they do not answer one another
		k.views.heard(message)
		for i := range k.w.Plan().Nodes + len(k.twins) {
			if p := k.puppets[i]; p != nil {
				p.see(m.From, message)
			}
		}
	}
	if k.ambush.on {
		k.ambush.delay(m, message)
	}
}

// after calls f once a puppet's node has had so much time.
func (k *kit) after(d time.Duration, f func()) { k.w.Call(d, f) }
