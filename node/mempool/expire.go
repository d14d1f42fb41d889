package mempool

import (
	"container/heap"
	"time"
)

// arrivals is the order in which transactions came to wait, queued or held. What
// has left stays in it until it is passed or the rest is compacted.
type arrivals struct {
	held  bool // of the held ones
	queue []arrival
}

type arrival struct {
	e     *entry
	added time.Time
}

// current reports whether the record still speaks of an entry that waits here.
func (a *arrivals) current(x arrival) bool {
	return x.e.lane != nil && x.e.held == a.held && x.e.added.Equal(x.added)
}

// push records an entry; live is how many there are, so that the dead stay few.
func (a *arrivals) push(e *entry, live int) {
	a.queue = append(a.queue, arrival{e, e.added})
	if len(a.queue) < 2*live+1024 {
		return
	}
	kept := a.queue[:0]
	for _, x := range a.queue {
		if a.current(x) {
			kept = append(kept, x)
		}
	}
	clear(a.queue[len(kept):])
	a.queue = kept
}

// older takes an entry that has waited since before a time, or nil.
func (a *arrivals) older(than time.Time) *entry {
	for len(a.queue) > 0 {
		x := a.queue[0]
		current := a.current(x)
		if current && !x.added.Before(than) {
			return nil
		}
		a.queue[0] = arrival{}
		a.queue = a.queue[1:]
		if current {
			return x.e
		}
	}
	return nil
}

// oldest is when the one that waits longest came; zero if none waits.
func (a *arrivals) oldest() time.Time {
	for len(a.queue) > 0 {
		if a.current(a.queue[0]) {
			return a.queue[0].added
		}
		a.queue[0] = arrival{}
		a.queue = a.queue[1:]
	}
	return time.Time{}
}

// OldestWaiting is for how long the oldest transaction has waited that may be
// proposed; 0: none waits.
func (p *Pool) OldestWaiting() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if at := p.book.arrivals.oldest(); !at.IsZero() {
		return max(time.Millisecond, p.cfg.Now().Sub(at))
	}
	return 0
}

// sweep drops what has waited too long: TTL in a lane, HoldFor beyond a gap.
func (b *book) sweep(now time.Time) {
	for e := b.waiting.older(now.Add(-b.limits.HoldFor)); e != nil; e = b.waiting.older(now.Add(-b.limits.HoldFor)) {
		b.dropHeld(e, ReasonNonceGap)
	}
	for e := b.arrivals.older(now.Add(-b.limits.TTL)); e != nil; e = b.arrivals.older(now.Add(-b.limits.TTL)) {
		b.dropAt(e.lane, int(e.nonce-e.lane.base), ReasonExpired, now)
	}
}

func (b *book) dropHeld(e *entry, why Reason) {
	l := e.lane
	b.unhold(l, l.heldIndex(e.nonce), why)
	b.tidy(l)
}

// expiries is a heap of the transactions that are valid up to a height.
type expiries []*entry

func (h expiries) Len() int           { return len(h) }
func (h expiries) Less(i, j int) bool { return h[i].validUntil < h[j].validUntil }
func (h expiries) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push implements heap.Interface.
func (h *expiries) Push(x any) { *h = append(*h, x.(*entry)) }

// Pop implements heap.Interface.
func (h *expiries) Pop() any {
	old := *h
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return e
}

// expires records an entry with a last height.
func (b *book) expires(e *entry) {
	heap.Push(&b.expiries, e)
	if len(b.expiries) < 2*(b.txs+b.heldTxs)+1024 {
		return
	}
	kept := b.expiries[:0]
	for _, e := range b.expiries {
		if e.lane != nil {
			kept = append(kept, e)
		}
	}
	clear(b.expiries[len(kept):])
	b.expiries = kept
	heap.Init(&b.expiries)
}

// outlived drops what is not valid above the last committed height.
func (b *book) outlived(now time.Time) {
	for len(b.expiries) > 0 && b.expiries[0].validUntil <= b.height {
		e := heap.Pop(&b.expiries).(*entry)
		switch {
		case e.lane == nil:
		case e.held:
			b.dropHeld(e, ReasonExpired)
		default:
			b.dropAt(e.lane, int(e.nonce-e.lane.base), ReasonExpired, now)
		}
	}
}
