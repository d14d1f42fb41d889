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
	cut   [][]bool // from, to
	index map[p2p.PeerID]int
}

func newNetwork(w *world) *network {
	net := &network{w: w, rng: w.s.Rand(randNetwork), index: map[p2p.PeerID]int{}}
	for i, n := range w.nodes {
		net.index[n.id] = i
		net.cut = append(net.cut, make([]bool, len(w.nodes)))
	}
	return net
}

// join mends all links.
func (net *network) join() {
	for i := range net.cut {
		clear(net.cut[i])
	}
}

// heal ends all faults of the network.
func (net *network) heal() { net.join() }

// carry brings something from one node to another, perhaps: arrive is called when it is
// there, for each copy.
func (net *network) carry(from, to int, kind byte, data []byte, arrive func()) {
	plan := &net.w.plan
	copies, most := 1, calmDelay
	if !net.w.healed {
		most = max(plan.Delay, leastDelay)
		if net.rng.Float64() < plan.Duplicate {
			copies = 2
		}
	}
	h := fnv.New64a()
	h.Write(data)
	note := binary.LittleEndian.AppendUint64([]byte{byte(from), byte(to), kind}, h.Sum64())
	for range copies {
		if !net.w.healed && (net.cut[from][to] || net.rng.Float64() < plan.Loss) {
			net.w.result.Lost++
			continue
		}
		net.w.s.Call(between(net.rng, leastDelay, most), func() {
			net.w.result.Messages++
			net.w.s.Note('m', note)
			arrive()
		})
	}
}

// at is the endpoint of a node that is up; nil: it is down.
func (net *network) at(i int) *endpoint {
	if e := net.w.nodes[i].endpoint; e != nil && !e.down {
		return e
	}
	return nil
}
