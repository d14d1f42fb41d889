package p2p

import (
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
)

// gossipTracer counts what gossip drops, which it does in silence otherwise.
type gossipTracer struct{ m *metrics }

var _ pubsub.RawTracer = (*gossipTracer)(nil)

func (t *gossipTracer) refused(reason string) { t.m.gossipRefused.WithLabelValues(reason).Inc() }

// RejectMessage counts what was judged unfit, and what nobody had time to judge.
func (t *gossipTracer) RejectMessage(_ *pubsub.Message, reason string) {
	switch reason {
	case pubsub.RejectValidationFailed:
		t.refused("invalid")
	case pubsub.RejectValidationIgnored:
		t.refused("ignored")
	case pubsub.RejectValidationQueueFull, pubsub.RejectValidationThrottled:
		t.m.drop(channelGossip, dirIn, "validation_full", 1)
	default:
		t.refused("rejected")
	}
}

// DropRPC counts messages for a peer whose queue is full.
func (t *gossipTracer) DropRPC(rpc *pubsub.RPC, _ peer.ID) {
	t.m.drop(channelGossip, dirOut, "queue_full", max(1, len(rpc.GetPublish())))
}

// UndeliverableMessage counts messages that the node did not take in time.
func (t *gossipTracer) UndeliverableMessage(*pubsub.Message) {
	t.m.drop(channelGossip, dirIn, "subscriber_full", 1)
}

// The rest of the tracer is of no interest.

func (*gossipTracer) OnNewOutboundStream(peer.ID, protocol.ID)             {}
func (*gossipTracer) OnClosedOutboundStream(peer.ID)                       {}
func (*gossipTracer) Join(string)                                          {}
func (*gossipTracer) Leave(string)                                         {}
func (*gossipTracer) Graft(peer.ID, string)                                {}
func (*gossipTracer) Prune(peer.ID, string)                                {}
func (*gossipTracer) ValidateMessage(*pubsub.Message)                      {}
func (*gossipTracer) DeliverMessage(*pubsub.Message)                       {}
func (*gossipTracer) DuplicateMessage(*pubsub.Message)                     {}
func (*gossipTracer) ThrottlePeer(peer.ID)                                 {}
func (*gossipTracer) RecvRPC(*pubsub.RPC)                                  {}
func (*gossipTracer) SendRPC(*pubsub.RPC, peer.ID)                         {}
func (*gossipTracer) SendRPCCompleted(*pubsub.RPC, peer.ID, time.Duration) {}
