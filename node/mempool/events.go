package mempool

import (
	"time"

	"github.com/bedrock-bft/bedrock/node/types"
)

// Subscription delivers what enters and leaves the pool. One that is not read loses
// events, which Lost counts; it is told again by nothing.
type Subscription struct {
	pool   *Pool
	events chan Event
	lost   uint64
}

// Events is closed by Cancel and by the pool's Close.
func (s *Subscription) Events() <-chan Event { return s.events }

// Lost is the number of events that were dropped because nobody read.
func (s *Subscription) Lost() uint64 {
	s.pool.mu.Lock()
	defer s.pool.mu.Unlock()
	return s.lost
}

// Cancel ends the subscription.
func (s *Subscription) Cancel() {
	s.pool.mu.Lock()
	defer s.pool.mu.Unlock()
	if s.pool.subscribers[s] {
		delete(s.pool.subscribers, s)
		close(s.events)
	}
}

// Subscribe delivers events from now on.
func (p *Pool) Subscribe() *Subscription {
	s := &Subscription{pool: p, events: make(chan Event, p.cfg.Limits.Subscriber)}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		close(s.events)
		return s
	}
	p.subscribers[s] = true
	return s
}

// publish tells subscribers. The lock is held.
func (p *Pool) publish(e Event) {
	for s := range p.subscribers {
		select {
		case s.events <- e:
		default:
			s.lost++
		}
	}
}

// timedSet is a bounded set of hashes that are forgotten at a time.
type timedSet struct {
	most  int
	until map[types.Hash]time.Time
	order []types.Hash // in the order of their ends
}

func newTimedSet(most int) *timedSet {
	return &timedSet{most: most, until: make(map[types.Hash]time.Time)}
}

func (s *timedSet) add(h types.Hash, until time.Time) {
	if _, ok := s.until[h]; !ok {
		s.order = append(s.order, h)
	}
	s.until[h] = until
	for len(s.until) > s.most {
		delete(s.until, s.order[0])
		s.order = s.order[1:]
	}
}

func (s *timedSet) has(h types.Hash, now time.Time) bool {
	until, ok := s.until[h]
	return ok && now.Before(until)
}

func (s *timedSet) remove(h types.Hash) { delete(s.until, h) }

func (s *timedSet) expire(now time.Time) {
	for len(s.order) > 0 {
		until, ok := s.until[s.order[0]]
		if ok && now.Before(until) {
			return
		}
		delete(s.until, s.order[0])
		s.order = s.order[1:]
	}
}

// dirtySet is the senders that wait to be checked again, in order; full where each
// transaction must be.
type dirtySet struct {
	full  map[string]bool
	order []string
}

func (d *dirtySet) len() int { return len(d.order) }

func (d *dirtySet) add(sender string, full bool) {
	if d.full == nil {
		d.full = make(map[string]bool)
	}
	was, ok := d.full[sender]
	if !ok {
		d.order = append(d.order, sender)
	}
	d.full[sender] = was || full
}

// take removes at most most senders.
func (d *dirtySet) take(most int) (senders []string, full []bool) {
	n := min(most, len(d.order))
	senders = d.order[:n:n]
	d.order = d.order[n:]
	for _, s := range senders {
		full = append(full, d.full[s])
		delete(d.full, s)
	}
	return senders, full
}
