package sim

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// clogged bounds how long a message waits for a clogged link; then it is lost.
const clogged = 4 * time.Second

// clog is a link that takes only so much; what comes in faster waits in a queue.
type clog struct {
	rate int64         // bytes a second; 0: it is free
	busy time.Duration // until when what waits takes it
}

// wait is how long a message waits for its turn. False: the queue is full, it is lost.
func (c *clog) wait(now time.Duration, bytes int) (time.Duration, bool) {
	if c.rate == 0 {
		return 0, true
	}
	begin := max(c.busy, now)
	if begin-now > clogged {
		return 0, false
	}
	c.busy = begin + time.Duration(int64(bytes)*int64(time.Second)/c.rate)
	return c.busy - now, true
}

// queue is the wait of a message for its link.
func (net *network) queue(from, to, bytes int) (time.Duration, bool) {
	link := net.links[[2]int{from, to}]
	if link == nil {
		return 0, true
	}
	wait, ok := link.wait(net.w.s.Elapsed(), bytes)
	if wait > 0 {
		net.w.result.Clogged++
	}
	return wait, ok
}

// clogs makes a part of the links slow, for a while, again and again.
func (w *world) clogs() {
	rng := stream(w.plan.Seed, "clog_bytes at run time")
	for {
		w.s.Sleep(between(rng, 100*time.Millisecond, 4*time.Second))
		if w.healed {
			return
		}
		links, name := w.net.drawClog(rng, int64(w.plan.Clog))
		if w.happens("%s", name) {
			w.net.links = links
		}
		w.s.Sleep(between(rng, 500*time.Millisecond, 10*time.Second))
		w.net.links = nil
	}
}

// drawClog draws which links are slow: a third of all, those of one node, or all.
func (net *network) drawClog(rng *rand.Rand, most int64) (map[[2]int]*clog, string) {
	kind, one := rng.IntN(3), rng.IntN(len(net.w.nodes))
	links := map[[2]int]*clog{}
	for from := range net.w.nodes {
		for to := range net.w.nodes {
			rate := 1 + most/10 + rng.Int64N(most)
			if hit := rng.IntN(3) == 0; kind == 0 && hit || kind == 1 && (from == one || to == one) || kind == 2 {
				links[[2]int{from, to}] = &clog{rate: rate}
			}
		}
	}
	return links, fmt.Sprintf("%d links clog, in way %d", len(links), kind)
}
