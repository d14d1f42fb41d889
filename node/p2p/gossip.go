package p2p

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
)

const (
	gossipPeerQueue     = 1024 // RPCs waiting for one peer
	gossipValidateQueue = 1024
	gossipValidating    = 1024 // messages judged at once
	gossipSubscription  = 1024
	gossipTimeout       = 5 * time.Second // of one judgement

	// What one peer may send: bytes, and messages.
	gossipBytesPerSecond    = 32 << 20
	gossipBytesBurst        = 64 << 20
	gossipMessagesPerSecond = 4000
	gossipMessagesBurst     = 8000
)

// joined is a topic that this node has joined.
type joined struct {
	topic *pubsub.Topic
	box   *inbox // nil until subscribed
}

func (n *Network) topicName(t Topic) string { return n.prefix + "/" + string(t) }

func (n *Network) startGossip() error {
	v12 := protocol.ID(n.prefix + "/meshsub/1.2.0")
	params := pubsub.DefaultGossipSubParams()
	params.HeartbeatInterval = 500 * time.Millisecond
	ps, err := pubsub.NewGossipSub(n.ctx, n.host,
		pubsub.WithGossipSubProtocols([]protocol.ID{v12}, func(f pubsub.GossipSubFeature, p protocol.ID) bool {
			return p == v12 && f != pubsub.GossipSubFeaturePX && f != pubsub.GossipSubFeatureExtensions
		}),
		pubsub.WithGossipSubParams(params),
		pubsub.WithMessageSignaturePolicy(pubsub.StrictNoSign),
		pubsub.WithNoAuthor(),
		pubsub.WithMessageIdFn(messageID),
		pubsub.WithMaxMessageSize(n.cfg.MaxGossipBytes+gossipEnvelope),
		pubsub.WithPeerOutboundQueueSize(gossipPeerQueue),
		pubsub.WithValidateQueueSize(gossipValidateQueue),
		pubsub.WithValidateThrottle(4*gossipValidating),
		// One's own messages go to all neighbours: the mesh takes seconds to form, and
		// what is published before is lost otherwise.
		pubsub.WithFloodPublish(true),
		pubsub.WithPeerExchange(false),
		pubsub.WithSubscriptionFilter(pubsub.WrapLimitSubscriptionFilter(pubsub.NewAllowlistSubscriptionFilter(
			n.topicName(TopicTx), n.topicName(TopicEvidence), n.topicName(TopicBlocks)), 16)),
		pubsub.WithRawTracer(&gossipTracer{m: n.metrics}),
		pubsub.WithAppSpecificRpcInspector(n.inspectGossip),
		pubsub.WithLogger(slog.New(gossipLog{n.log.Handler()}).With("part", "gossip")),
	)
	if err != nil {
		return fmt.Errorf("start gossip: %w", err)
	}
	n.pubsub = ps
	return nil
}

// gossipEnvelope is room for topic name and framing beside a message's data.
const gossipEnvelope = 4 << 10

// messageID is the hash of a message's topic and content: who passes it on does
// not change it.
func messageID(m *pb.Message) string {
	h := sha256.New()
	h.Write([]byte(m.GetTopic()))
	h.Write([]byte{0})
	h.Write(m.GetData())
	return string(h.Sum(nil))
}

var errGossipRate = errors.New("peer gossips faster than it may")

// inspectGossip drops what a peer sends above its rate, before it costs anything.
func (n *Network) inspectGossip(pid peer.ID, rpc *pubsub.RPC) error {
	count, size := len(rpc.GetPublish()), 0
	if count == 0 {
		return nil
	}
	id, ok := identityOf(pid)
	if !ok {
		return errGossipRate
	}
	for _, m := range rpc.GetPublish() {
		size += len(m.GetData())
	}
	if n.buckets.allow(id, "gossip/messages", gossipMessagesPerSecond, gossipMessagesBurst, count) &&
		n.buckets.allow(id, "gossip/bytes", gossipBytesPerSecond, gossipBytesBurst, size) {
		return nil
	}
	n.metrics.drop(channelGossip, dirIn, "rate", count)
	return errGossipRate
}

// join joins a topic once.
func (n *Network) join(t Topic) (*joined, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return nil, ErrClosed
	}
	if j := n.topics[t]; j != nil {
		return j, nil
	}
	topic, err := n.pubsub.Join(n.topicName(t))
	if err != nil {
		return nil, fmt.Errorf("join topic %s: %w", t, err)
	}
	j := &joined{topic: topic}
	n.topics[t] = j
	return j, nil
}

// Publish implements Transport.
func (n *Network) Publish(t Topic, data []byte) error {
	if len(data) == 0 || len(data) > n.cfg.MaxGossipBytes {
		return fmt.Errorf("publish %d bytes on %s, which takes 1 to %d: %w", len(data), t, n.cfg.MaxGossipBytes, ErrTooLarge)
	}
	j, err := n.join(t)
	if err != nil {
		return err
	}
	err = j.topic.Publish(n.ctx, data, pubsub.WithLocalPublication(false))
	if errors.Is(err, pubsub.ErrTopicClosed) || errors.Is(err, context.Canceled) {
		return ErrClosed
	}
	if err != nil {
		n.metrics.drop(channelGossip, dirOut, "unsendable", 1)
		return fmt.Errorf("publish on %s: %w", t, err)
	}
	n.metrics.sent.WithLabelValues(channelGossip).Inc()
	n.metrics.sentBytes.WithLabelValues(channelGossip).Add(float64(len(data)))
	return nil
}

// Subscribe implements Transport.
func (n *Network) Subscribe(t Topic, validate GossipValidator) (<-chan Message, error) {
	j, err := n.join(t)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	again := j.box != nil
	if !again {
		j.box = newInbox(gossipSubscription, 16<<20, 128<<20, 16, func(PeerID, int) {
			n.metrics.drop(channelGossip, dirIn, "queue_full", 1)
		})
	}
	n.mu.Unlock()
	if again {
		return nil, fmt.Errorf("topic %s has a subscriber already", t)
	}
	own := n.host.ID()
	judge := func(ctx context.Context, from peer.ID, m *pubsub.Message) pubsub.ValidationResult {
		if from == own {
			return pubsub.ValidationAccept
		}
		return n.judgeGossip(ctx, from, m, validate)
	}
	if err := n.pubsub.RegisterTopicValidator(n.topicName(t), judge,
		pubsub.WithValidatorConcurrency(gossipValidating), pubsub.WithValidatorTimeout(gossipTimeout)); err != nil {
		return nil, fmt.Errorf("validate topic %s: %w", t, err)
	}
	sub, err := j.topic.Subscribe(pubsub.WithBufferSize(gossipSubscription))
	if err != nil {
		return nil, fmt.Errorf("subscribe to %s: %w", t, err)
	}
	n.spawn(func() { j.box.run(n.ctx) })
	n.spawn(func() { n.readGossip(sub, j.box) })
	return j.box.out, nil
}

func (n *Network) judgeGossip(ctx context.Context, from peer.ID, m *pubsub.Message, validate GossipValidator) pubsub.ValidationResult {
	id, ok := identityOf(from)
	if !ok || len(m.GetData()) == 0 || len(m.GetData()) > n.cfg.MaxGossipBytes {
		return pubsub.ValidationReject
	}
	if validate == nil {
		return pubsub.ValidationAccept
	}
	switch validate(ctx, id, m.GetData()) {
	case Accept:
		return pubsub.ValidationAccept
	case Reject:
		n.Penalise(id, "invalid gossip")
		return pubsub.ValidationReject
	}
	return pubsub.ValidationIgnore
}

func (n *Network) readGossip(sub *pubsub.Subscription, box *inbox) {
	defer sub.Cancel()
	for {
		m, err := sub.Next(n.ctx)
		if err != nil {
			return
		}
		id, ok := identityOf(m.ReceivedFrom)
		if !ok || id == n.self {
			continue
		}
		n.metrics.received.WithLabelValues(channelGossip).Inc()
		n.metrics.receivedBytes.WithLabelValues(channelGossip).Add(float64(len(m.Data)))
		box.put(Message{From: id, Data: m.Data})
	}
}
