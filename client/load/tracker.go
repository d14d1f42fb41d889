package load

import (
	"sync"
	"time"
)

// tracker knows what was sent and what became of it.
type tracker struct {
	mu       sync.Mutex
	start    time.Time
	pending  map[[32]byte]*sent
	inFlight []int // by sender
	up       []bool

	offered, committed, failed, refused uint64
	lastRefusal                         string
	all                                 histogram
	lastFinal                           time.Time

	second    histogram // of the present one
	secondNow Second
	seconds   []Second

	heights   uint64
	newest    uint64
	stampMs   uint64 // of the newest block
	intervals histogram
}

// sent is one transaction in flight.
type sent struct {
	due      time.Duration
	endpoint int
	sender   int
	seen     time.Time // first notice at any endpoint; zero: none yet
	code     uint32
}

const maxSeconds = 7 * 24 * 3600

func newTracker(senders, endpoints int) *tracker {
	t := &tracker{pending: map[[32]byte]*sent{}, inFlight: make([]int, senders), up: make([]bool, endpoints)}
	for i := range t.up {
		t.up[i] = true
	}
	return t
}

// begin notes that a transaction is handed to an endpoint. False: its sender has
// enough in flight.
func (t *tracker) begin(it *item, endpoint int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if p, again := t.pending[it.hash]; again {
		p.endpoint = endpoint
		return true
	}
	if t.inFlight[it.sender] >= maxInFlight {
		return false
	}
	t.inFlight[it.sender]++
	t.pending[it.hash] = &sent{due: it.due, endpoint: endpoint, sender: it.sender}
	return true
}

// refuse notes that a pool will never take a transaction.
func (t *tracker) refuse(it *item, text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.refused++
	t.lastRefusal = text
	if p, ok := t.pending[it.hash]; ok {
		delete(t.pending, it.hash)
		t.inFlight[p.sender]--
	}
}

// note keeps an error for people.
func (t *tracker) note(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lastRefusal = text
}

// executed notes that an endpoint showed a transaction final.
func (t *tracker) executed(endpoint int, hash [32]byte, code uint32, at time.Time) {
	p, ok := t.pending[hash]
	if !ok {
		return
	}
	if p.seen.IsZero() {
		p.seen, p.code = at, code
	}
	if p.endpoint == endpoint || !t.up[p.endpoint] {
		t.settle(hash, p, at)
	}
}

func (t *tracker) settle(hash [32]byte, p *sent, at time.Time) {
	delete(t.pending, hash)
	t.inFlight[p.sender]--
	if p.code != 0 {
		t.failed++
		return
	}
	latency := at.Sub(t.start) - p.due
	t.committed++
	t.lastFinal = at
	t.all.add(latency)
	t.second.add(latency)
	t.secondNow.Committed++
}

// setUp notes that an endpoint came or went. What it was to show, and another one
// has shown, counts from then.
func (t *tracker) setUp(endpoint int, up bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.up[endpoint] = up
	if up {
		return
	}
	for hash, p := range t.pending {
		if p.endpoint == endpoint && !p.seen.IsZero() {
			t.settle(hash, p, p.seen)
		}
	}
}

// block notes a height, the first time that an endpoint shows it.
func (t *tracker) block(height, timestampMs uint64) {
	if height <= t.newest {
		return
	}
	t.heights++
	if t.stampMs != 0 && timestampMs > t.stampMs && height == t.newest+1 {
		t.intervals.add(time.Duration(timestampMs-t.stampMs) * time.Millisecond)
	}
	t.newest, t.stampMs = height, timestampMs
}

// turn ends the present second and answers how it went.
func (t *tracker) turn(elapsed time.Duration, rate float64, limit time.Duration) Progress {
	t.mu.Lock()
	defer t.mu.Unlock()
	if limit > 0 {
		elapsed = min(elapsed, limit)
	}
	due := uint64(elapsed.Seconds() * rate)
	t.secondNow.Offered = due - min(due, t.offered)
	t.offered = max(t.offered, due)
	t.secondNow.P50, t.secondNow.P99 = t.second.quantile(0.5), t.second.quantile(0.99)
	s := t.secondNow
	if len(t.seconds) < maxSeconds {
		t.seconds = append(t.seconds, s)
	}
	t.second, t.secondNow = histogram{}, Second{}
	return Progress{Offered: t.offered, Committed: t.committed, Refused: t.refused, Height: t.newest,
		TPS: float64(s.Committed), P50: s.P50, P99: s.P99, Text: t.lastRefusal}
}

func (t *tracker) waiting() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.pending)
}
