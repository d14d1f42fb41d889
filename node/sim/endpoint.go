package sim

import (
	"context"
	"fmt"
	"time"

	"github.com/bedrock-bft/bedrock/node/engine"
	"github.com/bedrock-bft/bedrock/node/p2p"
	"github.com/bedrock-bft/bedrock/node/task"
	"github.com/bedrock-bft/bedrock/node/task/deterministic"
)

// queued bounds what waits for a node on each of its channels; the oldest goes when it
// is full.
const queued = 4096

// endpoint is the network as one node sees it, in one life.
type endpoint struct {
	net     *network
	node    *node
	process *deterministic.Process
	id      p2p.PeerID // of this life
	down    bool

	votes, blocks chan p2p.Message
	validators    []p2p.PeerID
	handlers      map[string]p2p.RequestHandler
	topics        map[p2p.Topic]*subscription
	tips          map[p2p.PeerID]uint64
	tip           uint64
}

type subscription struct {
	validate p2p.GossipValidator
	out      chan p2p.Message
}

var _ engine.Transport = (*endpoint)(nil)

func newEndpoint(n *node) *endpoint {
	return &endpoint{net: n.w.net, node: n, process: n.process, id: n.id, votes: make(chan p2p.Message, queued), blocks: make(chan p2p.Message, queued),
		handlers: map[string]p2p.RequestHandler{}, topics: map[p2p.Topic]*subscription{}, tips: map[p2p.PeerID]uint64{}}
}

// Self implements engine.Transport.
func (e *endpoint) Self() p2p.PeerID { return e.id }

// SetValidators implements engine.Transport.
func (e *endpoint) SetValidators(ids []p2p.PeerID) {
	e.validators = nil
	for _, id := range ids {
		if id != e.id {
			e.validators = append(e.validators, id)
		}
	}
}

// SendVotes implements engine.Transport.
func (e *endpoint) SendVotes(to p2p.PeerID, data []byte) error {
	return e.send(p2p.ChannelVotes, data, to)
}

// SendBlock implements engine.Transport.
func (e *endpoint) SendBlock(to p2p.PeerID, data []byte) error {
	return e.send(p2p.ChannelBlocks, data, to)
}

// MulticastVotes implements engine.Transport.
func (e *endpoint) MulticastVotes(data []byte) error {
	return e.send(p2p.ChannelVotes, data, e.validators...)
}

// MulticastBlock implements engine.Transport.
func (e *endpoint) MulticastBlock(data []byte) error {
	return e.send(p2p.ChannelBlocks, data, e.validators...)
}

func (e *endpoint) send(c p2p.Channel, data []byte, to ...p2p.PeerID) error {
	if e.down {
		return p2p.ErrClosed
	}
	if len(data) == 0 || c == p2p.ChannelVotes && len(data) > p2p.MaxVoteBytes {
		return fmt.Errorf("send %d bytes on %s: %w", len(data), c, p2p.ErrTooLarge)
	}
	e.net.w.checks.sent(e.node, data)
	for _, id := range to {
		i, ok := e.net.index[id]
		if !ok {
			return fmt.Errorf("send to %s: %w", id.Short(), p2p.ErrNotConnected)
		}
		for _, body := range e.net.bodies(i, id) {
			e.deliver(c, data, body)
		}
	}
	return nil
}

// deliver gives a message for one node to the network.
func (e *endpoint) deliver(c p2p.Channel, data []byte, to int) {
	e.net.carry(e.node.index, to, byte(c), data, func() {
		if r := e.net.at(to); r != nil {
			box := r.votes
			if c == p2p.ChannelBlocks {
				box = r.blocks
			}
			push(box, p2p.Message{From: e.id, Channel: c, Data: data})
		}
	})
}

// push queues a message, in the place of the oldest where there is no room.
func push(box chan p2p.Message, m p2p.Message) {
	if len(box) == cap(box) {
		<-box
	}
	box <- m
}

// Votes implements engine.Transport.
func (e *endpoint) Votes() <-chan p2p.Message { return e.votes }

// Blocks implements engine.Transport.
func (e *endpoint) Blocks() <-chan p2p.Message { return e.blocks }

type reply struct {
	data []byte
	err  error
}

// Request implements engine.Transport. Question and answer may be lost: then it runs
// into its time.
func (e *endpoint) Request(ctx context.Context, to p2p.PeerID, p p2p.Protocol, request []byte) ([]byte, error) {
	i, ok := e.net.index[to]
	if e.down || !ok {
		return nil, p2p.ErrNotConnected
	}
	switch all := e.net.bodies(i, to); len(all) {
	case 0:
		return nil, p2p.ErrNotConnected
	case 1:
		i = all[0]
	default:
		i = all[e.net.rng.IntN(len(all))]
	}
	answers := make(chan reply, 4)
	e.net.carry(e.node.index, i, 'q', request, func() {
		if r := e.net.at(i); r != nil {
			r.answer(e.node.index, e.id, p, request, answers)
		}
	})
	timer := e.process.Runtime().Timer()
	defer timer.Stop()
	timer.Reset(p.Timeout)
	var got reply
	switch task.Select3(e.process.Runtime(), task.Recv(answers, &got), task.Fired(timer), task.Done(ctx)) {
	case 1:
		return nil, fmt.Errorf("request %s of %s: no answer within %s", p.Name, to.Short(), p.Timeout)
	case 2:
		return nil, ctx.Err()
	}
	return got.data, got.err
}

// answer serves a request in a task of its own.
func (e *endpoint) answer(from int, asker p2p.PeerID, p p2p.Protocol, request []byte, answers chan<- reply) {
	e.process.Go("serve "+p.Name, func() {
		handler := e.handlers[p.Name]
		if handler == nil {
			return
		}
		ctx, cancel := e.process.Runtime().WithTimeout(context.Background(), p.Timeout)
		defer cancel()
		got := reply{err: p2p.ErrTooLarge}
		if len(request) <= p.MaxRequestBytes {
			got.data, got.err = handler(ctx, asker, request)
		}
		if got.err != nil {
			got = reply{err: &p2p.RemoteError{Peer: e.id, Text: got.err.Error()}}
		} else if len(got.data) > p.MaxResponseBytes {
			got = reply{err: p2p.ErrTooLarge}
		}
		if e.down {
			return
		}
		e.net.carry(e.node.index, from, 'a', got.data, func() {
			select {
			case answers <- got:
			default:
			}
		})
	})
}

// Handle implements engine.Transport.
func (e *endpoint) Handle(p p2p.Protocol, h p2p.RequestHandler) error {
	if e.handlers[p.Name] != nil {
		return fmt.Errorf("protocol %s is served already", p.Name)
	}
	e.handlers[p.Name] = h
	return nil
}

// Publish implements engine.Transport: to each other node, once.
func (e *endpoint) Publish(topic p2p.Topic, data []byte) error {
	if e.down {
		return p2p.ErrClosed
	}
	if topic == p2p.TopicEvidence {
		e.net.w.checks.accused(e.node, data)
	}
	for i := range e.net.w.nodes {
		if i == e.node.index {
			continue
		}
		e.net.carry(e.node.index, i, 'g', data, func() {
			if r := e.net.at(i); r != nil {
				r.hear(topic, e.id, data)
			}
		})
	}
	return nil
}

// hear judges gossip in a task of its own.
func (e *endpoint) hear(topic p2p.Topic, from p2p.PeerID, data []byte) {
	s := e.topics[topic]
	if s == nil {
		return
	}
	e.process.Go("judge gossip", func() {
		if s.validate == nil || s.validate(context.Background(), from, data) == p2p.Accept {
			push(s.out, p2p.Message{From: from, Data: data})
		}
	})
}

// Subscribe implements engine.Transport.
func (e *endpoint) Subscribe(topic p2p.Topic, validate p2p.GossipValidator) (<-chan p2p.Message, error) {
	s := &subscription{validate: validate, out: make(chan p2p.Message, queued)}
	e.topics[topic] = s
	return s.out, nil
}

// Peers implements engine.Transport: the nodes that are up.
func (e *endpoint) Peers() []p2p.PeerInfo {
	var out []p2p.PeerInfo
	for i, n := range e.net.w.nodes {
		r := e.net.at(i)
		if r == nil || n.id == e.id || i >= e.net.w.plan.Nodes {
			continue
		}
		out = append(out, p2p.PeerInfo{ID: r.id, Address: "simulated", Role: p2p.RoleValidator, Validator: true,
			TipHeight: max(r.tip, e.tips[r.id]), Protocol: p2p.ProtocolMax, Connected: time.Time{}})
	}
	return out
}

// SetTip implements engine.Transport.
func (e *endpoint) SetTip(height uint64) { e.tip = height }

// NoteTip implements engine.Transport.
func (e *endpoint) NoteTip(peer p2p.PeerID, height uint64) {
	e.tips[peer] = max(e.tips[peer], height)
}

// Penalise implements engine.Transport.
func (e *endpoint) Penalise(peer p2p.PeerID, reason string) {
	e.net.w.checks.penalised(e.node, peer, reason)
}
