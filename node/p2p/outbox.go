package p2p

import "sync"

// outbox is the bounded queue of what waits to be sent to one peer on one
// channel. When it is full the oldest message goes: consensus sends again what
// still matters, and newer says more.
type outbox struct {
	maxMessages int
	maxBytes    int

	mu       sync.Mutex
	messages [][]byte
	bytes    int
	dropped  uint64
	closed   bool // its peer is gone: what is put is lost
	wake     chan struct{}
}

func newOutbox(maxMessages, maxBytes int) *outbox {
	return &outbox{maxMessages: maxMessages, maxBytes: maxBytes, wake: make(chan struct{}, 1)}
}

// put queues a message and reports how many were dropped for it.
func (o *outbox) put(msg []byte) int {
	lost := 0
	o.mu.Lock()
	if o.closed {
		o.mu.Unlock()
		return 1
	}
	o.messages = append(o.messages, msg)
	o.bytes += len(msg)
	for len(o.messages) > o.maxMessages || (o.bytes > o.maxBytes && len(o.messages) > 1) {
		o.bytes -= len(o.messages[0])
		o.messages[0] = nil
		o.messages = o.messages[1:]
		lost++
	}
	o.dropped += uint64(lost)
	o.mu.Unlock()
	select {
	case o.wake <- struct{}{}:
	default:
	}
	return lost
}

// take removes messages from the front: at least one where there is any, and more
// while their sum stays within limit.
func (o *outbox) take(limit int) [][]byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, sum := 0, 0
	for n < len(o.messages) && (n == 0 || sum+len(o.messages[n]) <= limit) {
		sum += len(o.messages[n])
		n++
	}
	if n == 0 {
		return nil
	}
	taken := make([][]byte, n)
	copy(taken, o.messages)
	clear(o.messages[:n])
	o.messages = o.messages[n:]
	o.bytes -= sum
	return taken
}

// close gives up what waits, and all that comes later, and answers how much waited.
func (o *outbox) close() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	lost := len(o.messages)
	o.messages, o.bytes, o.closed = nil, 0, true
	return lost
}

// drop counts messages that were taken and could not be sent.
func (o *outbox) drop(n int) {
	o.mu.Lock()
	o.dropped += uint64(n)
	o.mu.Unlock()
}

// load is the bytes that wait and the messages dropped so far.
func (o *outbox) load() (bytes int, dropped uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.bytes, o.dropped
}
