package consensus

import (
	"container/heap"

	"github.com/bedrock-bft/bedrock/node/types"
)

func (w *world) byPeer(p Peer) *simNode {
	for i, n := range w.nodes {
		if fakePeer(i) == p {
			return n
		}
	}
	return nil
}

func (n *simNode) multicast(m types.Message, to Audience) {
	w := n.w
	e := w.epochs[n.core.Status().Epoch-1]
	for i, p := range w.nodes {
		if i == n.i {
			continue
		}
		if _, in := e.IndexOfNetworkKey(fakePeer(i)); in || to == BothEpochs {
			w.deliver(n, p, m)
		}
	}
}

func (n *simNode) send(to Peer, m types.Message) {
	if p := n.w.byPeer(to); p != nil {
		n.w.deliver(n, p, m)
	}
}

func (w *world) delay() (uint64, bool) {
	if w.now < w.plan.healAt {
		return uint64(w.rnd.Intn(w.plan.maxDelay * 20)), w.rnd.Float64() < w.plan.loss
	}
	return uint64(1 + w.rnd.Intn(w.plan.maxDelay)), false
}

func (w *world) deliver(from, to *simNode, m types.Message) {
	if w.chaos != nil && from == w.chaos.node && !w.chaos.lets(to, m) {
		return
	}
	w.put(from, to, m)
}

func (w *world) put(from, to *simNode, m types.Message) {
	copies := 1
	if w.rnd.Float64() < w.plan.duplicate {
		copies = 2
	}
	for range copies {
		d, lost := w.delay()
		if lost {
			continue
		}
		w.after(d, func() {
			if w.chaos != nil && to == w.chaos.node {
				w.chaos.see(m)
			}
			to.step(Received{From: fakePeer(from.i), Message: m})
		})
	}
}

func (n *simNode) ask(to Peer, ev Event) {
	p := n.w.byPeer(to)
	if p == nil {
		return
	}
	if d, lost := n.w.delay(); !lost {
		n.w.after(d, func() { p.step(ev) })
	}
}

func (n *simNode) fetch(x FetchBlock) {
	for _, from := range x.From {
		p := n.w.byPeer(from)
		if p == nil || p.core == nil {
			continue
		}
		b := p.core.Block(x.ID)
		if b == nil {
			b = p.disk.blocks[x.ID]
		}
		if b == nil && x.Height <= uint64(len(p.disk.finals)) {
			b = p.disk.finals[x.Height-1].Block
		}
		if b == nil || b.ID() != x.ID {
			continue
		}
		if d, lost := n.w.delay(); !lost {
			n.later(d, BlockFetched{From: from, Block: b})
		}
	}
}

// run goes on until the plan's end or the first failure.
func (w *world) run() error {
	for len(w.queue) > 0 && w.err == nil {
		x := heap.Pop(&w.queue).(timelineItem)
		if x.at > w.plan.until {
			break
		}
		w.now = max(w.now, x.at)
		x.do()
	}
	return w.err
}

// lost counts the views with an honest leader that began after the network healed
// and certified nothing, out of all such views.
func (w *world) lost() (lost, views int) {
	set, _ := types.NewValidatorSet(fakeGenesis, w.epochs[0], fakeScheme{})
	var last uint64
	for v := range w.views {
		last = max(last, v)
	}
	for v, certified := range w.views {
		if v+3 > last || w.nodes[set.Leader(v)].byzantine() {
			continue
		}
		if views++; !certified {
			lost++
		}
	}
	return lost, views
}

// lowest is the final height of the honest node that has least.
func (w *world) lowest() uint64 {
	low := ^uint64(0)
	for _, n := range w.nodes {
		if !n.byzantine() {
			low = min(low, uint64(len(n.disk.finals)))
		}
	}
	return low
}
