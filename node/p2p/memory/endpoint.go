package memory

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/bedrock-bft/bedrock/node/p2p"
)

// queued bounds what waits for an endpoint on each of its channels; the oldest
// goes when it is full.
const queued = 4096

// Endpoint is one node of a Hub.
type Endpoint struct {
	hub    *Hub
	id     p2p.PeerID
	votes  chan p2p.Message
	blocks chan p2p.Message

	mu         sync.Mutex
	closed     bool
	validators []p2p.PeerID
	handlers   map[string]*server
	topics     map[p2p.Topic]*subscription
	tip        uint64
	tips       map[p2p.PeerID]uint64
	penalties  map[p2p.PeerID]int
	dropped    uint64
}

type subscription struct {
	validate p2p.GossipValidator
	out      chan p2p.Message
}

type server struct {
	handler p2p.RequestHandler
	places  chan struct{}
	most    int
}

var _ p2p.Transport = (*Endpoint)(nil)

func newEndpoint(h *Hub, id p2p.PeerID) *Endpoint {
	return &Endpoint{
		hub: h, id: id,
		votes: make(chan p2p.Message, queued), blocks: make(chan p2p.Message, queued),
		handlers: make(map[string]*server), topics: make(map[p2p.Topic]*subscription),
		tips: make(map[p2p.PeerID]uint64), penalties: make(map[p2p.PeerID]int),
	}
}

// Self implements p2p.Transport.
func (e *Endpoint) Self() p2p.PeerID { return e.id }

// SetValidators implements p2p.Transport.
func (e *Endpoint) SetValidators(ids []p2p.PeerID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.validators = nil
	for _, id := range ids {
		if id != e.id {
			e.validators = append(e.validators, id)
		}
	}
}

// SendVotes implements p2p.Transport.
func (e *Endpoint) SendVotes(to p2p.PeerID, data []byte) error {
	return e.send(to, p2p.ChannelVotes, data)
}

// SendBlock implements p2p.Transport.
func (e *Endpoint) SendBlock(to p2p.PeerID, data []byte) error {
	return e.send(to, p2p.ChannelBlocks, data)
}

// MulticastVotes implements p2p.Transport.
func (e *Endpoint) MulticastVotes(data []byte) error { return e.multicast(p2p.ChannelVotes, data) }

// MulticastBlock implements p2p.Transport.
func (e *Endpoint) MulticastBlock(data []byte) error { return e.multicast(p2p.ChannelBlocks, data) }

func (e *Endpoint) open() ([]p2p.PeerID, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, p2p.ErrClosed
	}
	return e.validators, nil
}

func (e *Endpoint) send(to p2p.PeerID, c p2p.Channel, data []byte) error {
	if _, err := e.open(); err != nil {
		return err
	}
	if len(data) == 0 || (c == p2p.ChannelVotes && len(data) > p2p.MaxVoteBytes) {
		return fmt.Errorf("send %d bytes on %s: %w", len(data), c, p2p.ErrTooLarge)
	}
	if e.hub.find(to) == nil {
		return fmt.Errorf("send to %s: %w", to.Short(), p2p.ErrNotConnected)
	}
	kind := Votes
	if c == p2p.ChannelBlocks {
		kind = Blocks
	}
	e.hub.carry(e.id, to, kind, data, func(r *Endpoint, data []byte) {
		box := r.votes
		if c == p2p.ChannelBlocks {
			box = r.blocks
		}
		r.push(box, p2p.Message{From: e.id, Channel: c, Data: data})
	})
	return nil
}

func (e *Endpoint) multicast(c p2p.Channel, data []byte) error {
	validators, err := e.open()
	if err != nil {
		return err
	}
	for _, to := range validators {
		if err := e.send(to, c, data); err != nil && !errors.Is(err, p2p.ErrNotConnected) {
			return err
		}
	}
	return nil
}

// push queues a message, dropping the oldest where the queue is full.
func (e *Endpoint) push(box chan p2p.Message, m p2p.Message) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return
	}
	for {
		select {
		case box <- m:
			return
		default:
		}
		select {
		case <-box:
			e.dropped++
		default:
		}
	}
}

// Votes implements p2p.Transport.
func (e *Endpoint) Votes() <-chan p2p.Message { return e.votes }

// Blocks implements p2p.Transport.
func (e *Endpoint) Blocks() <-chan p2p.Message { return e.blocks }

// Request implements p2p.Transport.
func (e *Endpoint) Request(ctx context.Context, to p2p.PeerID, p p2p.Protocol, request []byte) ([]byte, error) {
	if _, err := e.open(); err != nil {
		return nil, err
	}
	answer, err := e.hub.request(ctx, e.id, to, p, request)
	if err != nil {
		return nil, fmt.Errorf("request %s of %s: %w", p.Name, to.Short(), err)
	}
	return answer, nil
}

// Handle implements p2p.Transport.
func (e *Endpoint) Handle(p p2p.Protocol, h p2p.RequestHandler) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.handlers[p.Name] != nil {
		return fmt.Errorf("protocol %s is served already", p.Name)
	}
	e.handlers[p.Name] = &server{handler: h, places: make(chan struct{}, max(1, p.Concurrent)), most: p.MaxRequestBytes}
	return nil
}

func (e *Endpoint) served(name string) *server {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil
	}
	return e.handlers[name]
}

func (s *server) serve(ctx context.Context, from p2p.PeerID, request []byte) ([]byte, error) {
	if len(request) > s.most {
		return nil, p2p.ErrTooLarge
	}
	select {
	case s.places <- struct{}{}:
		defer func() { <-s.places }()
	default:
		return nil, p2p.ErrBusy
	}
	answer, err := s.handler(ctx, from, request)
	if err != nil {
		return nil, &p2p.RemoteError{Peer: from, Text: err.Error()}
	}
	return answer, nil
}

// Publish implements p2p.Transport.
func (e *Endpoint) Publish(topic p2p.Topic, data []byte) error {
	if _, err := e.open(); err != nil {
		return err
	}
	for _, other := range e.hub.others(e.id) {
		e.hub.carry(e.id, other.id, Gossip, data, func(r *Endpoint, data []byte) { r.hear(topic, e.id, data) })
	}
	return nil
}

// hear judges a gossip message on a goroutine of its own, as p2p does.
func (e *Endpoint) hear(topic p2p.Topic, from p2p.PeerID, data []byte) {
	e.mu.Lock()
	s := e.topics[topic]
	e.mu.Unlock()
	if s == nil {
		return
	}
	go func() {
		if s.validate == nil || s.validate(context.Background(), from, data) == p2p.Accept {
			e.push(s.out, p2p.Message{From: from, Data: data})
		}
	}()
}

// Subscribe implements p2p.Transport.
func (e *Endpoint) Subscribe(topic p2p.Topic, validate p2p.GossipValidator) (<-chan p2p.Message, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, p2p.ErrClosed
	}
	if e.topics[topic] != nil {
		return nil, fmt.Errorf("topic %s has a subscriber already", topic)
	}
	s := &subscription{validate: validate, out: make(chan p2p.Message, queued)}
	e.topics[topic] = s
	return s.out, nil
}

// Peers implements p2p.Transport.
func (e *Endpoint) Peers() []p2p.PeerInfo {
	var out []p2p.PeerInfo
	for _, other := range e.hub.others(e.id) {
		info := p2p.PeerInfo{ID: other.id, Address: "memory", Role: p2p.RoleValidator, Protocol: p2p.ProtocolMax, Connected: time.Time{}}
		other.mu.Lock()
		info.TipHeight = other.tip
		other.mu.Unlock()
		e.mu.Lock()
		info.TipHeight = max(info.TipHeight, e.tips[other.id])
		for _, id := range e.validators {
			info.Validator = info.Validator || id == other.id
		}
		e.mu.Unlock()
		out = append(out, info)
	}
	return out
}

// SetTip implements p2p.Transport.
func (e *Endpoint) SetTip(height uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.tip = height
}

// NoteTip implements p2p.Transport.
func (e *Endpoint) NoteTip(peer p2p.PeerID, height uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.tips[peer] = max(e.tips[peer], height)
}

// Penalise implements p2p.Transport: it only counts.
func (e *Endpoint) Penalise(peer p2p.PeerID, _ string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.penalties[peer]++
}

// Penalties is how often a peer was penalised here.
func (e *Endpoint) Penalties(peer p2p.PeerID) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.penalties[peer]
}

// Close implements p2p.Transport.
func (e *Endpoint) Close() error {
	e.hub.leave(e)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil
	}
	e.closed = true
	close(e.votes)
	close(e.blocks)
	for _, s := range e.topics {
		close(s.out)
	}
	return nil
}
