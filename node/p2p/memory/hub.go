package memory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/bedrock-bft/bedrock/node/p2p"
)

// Traffic is a kind of message that a Rule judges.
type Traffic uint8

// Kinds of traffic.
const (
	Votes Traffic = iota + 1
	Blocks
	Gossip
	Requests
)

// Fate is what becomes of one message.
type Fate struct {
	Drop   bool
	Delay  time.Duration
	Copies int // further deliveries
}

// Rule decides the fate of a message. It is called from many goroutines and must
// be fast.
type Rule func(from, to p2p.PeerID, kind Traffic, data []byte) Fate

// Hub connects its endpoints with one another.
type Hub struct {
	mu        sync.RWMutex
	endpoints map[p2p.PeerID]*Endpoint
	rule      Rule
}

// NewHub makes a network without nodes. A nil rule delivers everything at once.
func NewHub(rule Rule) *Hub {
	return &Hub{endpoints: make(map[p2p.PeerID]*Endpoint), rule: rule}
}

// SetRule replaces the rule, for messages sent from now on.
func (h *Hub) SetRule(rule Rule) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.rule = rule
}

// Join adds a node. One that joins again under the same identity replaces the
// earlier one, which is closed.
func (h *Hub) Join(id p2p.PeerID) *Endpoint {
	e := newEndpoint(h, id)
	h.mu.Lock()
	old := h.endpoints[id]
	h.endpoints[id] = e
	h.mu.Unlock()
	if old != nil {
		old.Close()
	}
	return e
}

func (h *Hub) leave(e *Endpoint) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.endpoints[e.id] == e {
		delete(h.endpoints, e.id)
	}
}

func (h *Hub) find(id p2p.PeerID) *Endpoint {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.endpoints[id]
}

func (h *Hub) others(id p2p.PeerID) []*Endpoint {
	h.mu.RLock()
	defer h.mu.RUnlock()
	var out []*Endpoint
	for other, e := range h.endpoints {
		if other != id {
			out = append(out, e)
		}
	}
	slices.SortFunc(out, func(a, b *Endpoint) int { return bytes.Compare(a.id[:], b.id[:]) })
	return out
}

// fate asks the rule.
func (h *Hub) fate(from, to p2p.PeerID, kind Traffic, data []byte) Fate {
	h.mu.RLock()
	rule := h.rule
	h.mu.RUnlock()
	if rule == nil {
		return Fate{}
	}
	return rule(from, to, kind, data)
}

// carry delivers a message as the rule says.
func (h *Hub) carry(from, to p2p.PeerID, kind Traffic, data []byte, deliver func(*Endpoint, []byte)) {
	f := h.fate(from, to, kind, data)
	if f.Drop {
		return
	}
	for range 1 + f.Copies {
		hand := func() {
			if e := h.find(to); e != nil {
				deliver(e, bytes.Clone(data))
			}
		}
		if f.Delay > 0 {
			time.AfterFunc(f.Delay, hand)
		} else {
			hand()
		}
	}
}

var errLost = errors.New("the network lost the request or its answer")

// request carries a request and its answer.
func (h *Hub) request(ctx context.Context, from, to p2p.PeerID, p p2p.Protocol, request []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, p.Timeout)
	defer cancel()
	wait := func(data []byte, a, b p2p.PeerID) error {
		f := h.fate(a, b, Requests, data)
		if f.Drop {
			return errLost
		}
		if f.Delay <= 0 {
			return nil
		}
		timer := time.NewTimer(f.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err := wait(request, from, to); err != nil {
		return nil, err
	}
	e := h.find(to)
	if e == nil {
		return nil, p2p.ErrNotConnected
	}
	s := e.served(p.Name)
	if s == nil {
		return nil, &p2p.RemoteError{Peer: to, Text: fmt.Sprintf("protocol %s is not served", p.Name)}
	}
	answer, err := s.serve(ctx, from, bytes.Clone(request))
	var remote *p2p.RemoteError
	if errors.As(err, &remote) {
		remote.Peer = to
	}
	if err != nil {
		return nil, err
	}
	if len(answer) > p.MaxResponseBytes {
		return nil, &p2p.RemoteError{Peer: to, Text: "the answer is too large: ask for less"}
	}
	return bytes.Clone(answer), wait(answer, to, from)
}
