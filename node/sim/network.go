package sim

import (
	"encoding/binary"
	"hash/fnv"
	"math/rand/v2"
	"time"

	"github.com/bedrock-bft/bedrock/node/p2p"
)

// Delays of a healthy network.
const (
	leastDelay = time.Millisecond
	calmDelay  = 10 * time.Millisecond
)

// network carries what nodes send, by the plan while faults come.
type network struct {
	w     *world
	rng   *rand.Rand
	cut   [][]bool         // from, to
	links map[[2]int]*clog // from, to: those that clog now
	index map[p2p.PeerID]int
}

func newNetwork(w *world) *network {
	net := &network{w: w, rng: w.s.Rand(randNetwork), index: map[p2p.PeerID]int{}}
	for i, n := range w.nodes {
		if i < w.plan.Nodes {
			net.index[n.id] = i
		}
		net.cut = append(net.cut, make([]bool, len(w.nodes)))
	}
	return net
}

// join mends all links.
func (net *network) join() {
	net.w.tell("all links are up")
	for i := range net.cut {
		clear(net.cut[i])
	}
}

// heal ends all faults of the network.
func (net *network) heal() {
	net.join()
	net.links = nil
}

// carry brings something from one node to another, perhaps: arrive is called when it is
// there, for each copy.
func (net *network) carry(from, to int, kind byte, data []byte, arrive func()) {
	plan := &net.w.plan
	copies, most := 1, calmDelay
	if plan.Calm > 0 {
		most = plan.Calm
	}
	if !net.w.healed {
		most = max(plan.Delay, leastDelay)
		if net.rng.Float64() < plan.Duplicate && net.w.happens("message %c from %d to %d twice", kind, from, to) {
			copies = 2
		}
	}
	h := fnv.New64a()
	h.Write(data)
	note := binary.LittleEndian.AppendUint64([]byte{byte(from), byte(to), kind}, h.Sum64())
	wanted := net.wanted(from, to, kind, data)
	for range copies {
		if !net.w.healed && (net.cut[from][to] || net.rng.Float64() < plan.Loss && net.w.happens("message %c from %d to %d lost", kind, from, to)) {
			net.w.result.Lost++
			continue
		}
		delay := between(net.rng, leastDelay, most)
		if wanted >= 0 {
			delay = min(max(wanted, leastDelay), max(most, leastDelay))
		}
		wait, room := net.queue(from, to, len(data))
		if !room {
			net.w.result.Lost++
			continue
		}
		net.w.s.Call(wait+delay, func() {
			net.w.result.Messages++
			net.w.s.Note('m', note)
			arrive()
		})
	}
}

// wanted is how long a conduct wants a message to take; below 0: it does not care.
func (net *network) wanted(from, to int, kind byte, data []byte) time.Duration {
	if net.w.hooks.Carry == nil {
		return -1
	}
	m := Carried{From: from, To: to, Kind: kind, Data: data, Delay: -1}
	net.w.hooks.Carry(&m)
	return m.Delay
}

// bodies are the nodes that have an identity, of which the first had it at the beginning:
// more than one of a twin or a copy, none of one that was set aside.
func (net *network) bodies(first int, id p2p.PeerID) []int {
	var all []int
	if net.w.nodes[first].id == id {
		all = append(all, first)
	}
	for j := max(first+1, net.w.plan.Nodes); j < len(net.w.nodes); j++ {
		if net.w.nodes[j].id == id {
			all = append(all, j)
		}
	}
	return all
}

// at is the endpoint of a node that is up; nil: it is down.
func (net *network) at(i int) *endpoint {
	if e := net.w.nodes[i].endpoint; e != nil && !e.down {
		return e
	}
	return nil
}
