package deterministic

import (
	"container/heap"
	"time"
)

// timer is a call that is due.
type timer struct {
	at  time.Duration
	seq uint64 // of one instant the first asked for comes first
	f   func() // nil: cancelled
}

type timers struct {
	heap timerHeap
	dead int // cancelled ones still in the heap
}

type timerHeap []*timer

func (h timerHeap) Len() int { return len(h) }
func (h timerHeap) Less(i, j int) bool {
	return h[i].at < h[j].at || h[i].at == h[j].at && h[i].seq < h[j].seq
}
func (h timerHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// Push implements heap.Interface.
func (h *timerHeap) Push(x any) { *h = append(*h, x.(*timer)) }

// Pop implements heap.Interface.
func (h *timerHeap) Pop() any {
	old := *h
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return t
}

// Call calls f, which must not wait, when d has passed, whichever process lives then.
func (s *Scheduler) Call(d time.Duration, f func()) (stop func()) { return s.call(d, f) }

func (s *Scheduler) call(d time.Duration, f func()) (stop func()) {
	s.seq++
	t := &timer{at: s.now + max(0, d), seq: s.seq, f: f}
	heap.Push(&s.timers.heap, t)
	return func() {
		if t.f == nil {
			return
		}
		t.f = nil
		if s.timers.dead++; s.timers.dead > len(s.timers.heap)/2+64 {
			s.timers.compact()
		}
	}
}

// compact forgets cancelled timers.
func (q *timers) compact() {
	kept := q.heap[:0]
	for _, t := range q.heap {
		if t.f != nil {
			kept = append(kept, t)
		}
	}
	clear(q.heap[len(kept):])
	q.heap, q.dead = kept, 0
	heap.Init(&q.heap)
}

// advance goes to the next timer and calls it. False: there is none.
func (s *Scheduler) advance() bool {
	for len(s.timers.heap) > 0 {
		t := heap.Pop(&s.timers.heap).(*timer)
		if t.f == nil {
			s.timers.dead--
			continue
		}
		if t.at > s.now {
			s.now = t.at
			s.still = s.switches.Load()
		}
		f := t.f
		t.f = nil
		f()
		return true
	}
	return false
}
