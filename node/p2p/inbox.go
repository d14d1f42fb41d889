package p2p

import (
	"context"
	"sync"
)

// inbox holds what peers sent until the node takes it: one bounded queue for each
// peer, served in turn, so that a flood costs its sender's own messages only.
type inbox struct {
	maxMessages int // of one peer
	maxBytes    int // of one peer
	totalBytes  int // of all
	out         chan Message
	dropped     func(from PeerID, bytes int)

	mu     sync.Mutex
	queues map[PeerID]*peerQueue
	turn   []PeerID // peers with something queued, the next first
	bytes  int
	wake   chan struct{} // a token while turn may be non-empty
}

type peerQueue struct {
	messages [][]byte
	channel  Channel
	bytes    int
}

// newInbox bounds one peer to maxMessages and maxBytes, all of them to totalBytes.
// dropped is called for each message that is given up, without the lock.
func newInbox(maxMessages, maxBytes, totalBytes, buffer int, dropped func(PeerID, int)) *inbox {
	return &inbox{
		maxMessages: maxMessages,
		maxBytes:    maxBytes,
		totalBytes:  totalBytes,
		out:         make(chan Message, buffer),
		dropped:     dropped,
		queues:      make(map[PeerID]*peerQueue),
		wake:        make(chan struct{}, 1),
	}
}

// put queues a message; where a bound is passed the oldest of its sender goes, and
// where the bound of all is passed the oldest of the longest queue.
func (b *inbox) put(m Message) {
	type loss struct {
		from  PeerID
		bytes int
	}
	var lost []loss
	b.mu.Lock()
	q := b.queues[m.From]
	if q == nil {
		q = &peerQueue{channel: m.Channel}
		b.queues[m.From] = q
		b.turn = append(b.turn, m.From)
	}
	q.messages = append(q.messages, m.Data)
	q.bytes += len(m.Data)
	b.bytes += len(m.Data)
	for len(q.messages) > b.maxMessages || (q.bytes > b.maxBytes && len(q.messages) > 1) {
		lost = append(lost, loss{m.From, b.dropOldest(q)})
	}
	for b.bytes > b.totalBytes {
		from, longest := b.longest()
		if len(longest.messages) <= 1 {
			break
		}
		lost = append(lost, loss{from, b.dropOldest(longest)})
	}
	b.mu.Unlock()
	for _, l := range lost {
		b.dropped(l.from, l.bytes)
	}
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

func (b *inbox) dropOldest(q *peerQueue) int {
	n := len(q.messages[0])
	q.messages[0] = nil
	q.messages = q.messages[1:]
	q.bytes -= n
	b.bytes -= n
	return n
}

func (b *inbox) longest() (PeerID, *peerQueue) {
	var from PeerID
	var longest *peerQueue
	for id, q := range b.queues {
		if longest == nil || q.bytes > longest.bytes {
			from, longest = id, q
		}
	}
	return from, longest
}

// take removes the oldest message of the peer whose turn it is.
func (b *inbox) take() (Message, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.turn) == 0 {
		return Message{}, false
	}
	from := b.turn[0]
	b.turn = b.turn[1:]
	q := b.queues[from]
	m := Message{From: from, Channel: q.channel, Data: q.messages[0]}
	b.dropOldest(q)
	if len(q.messages) > 0 {
		b.turn = append(b.turn, from)
	} else {
		delete(b.queues, from)
	}
	return m, true
}

// run moves messages to out until ctx ends, then closes out.
func (b *inbox) run(ctx context.Context) {
	defer close(b.out)
	for {
		m, ok := b.take()
		if !ok {
			select {
			case <-b.wake:
				continue
			case <-ctx.Done():
				return
			}
		}
		select {
		case b.out <- m:
		case <-ctx.Done():
			return
		}
	}
}
