package p2p

import (
	"time"

	"github.com/libp2p/go-libp2p/core/network"
)

// fault counts what a peer did wrong lately.
type fault struct {
	count int
	since time.Time
}

const (
	// maxFaults in faultWindow end a peer's connections.
	maxFaults   = 20
	faultWindow = time.Minute
	maxFaulty   = 4096
)

// Penalise implements Transport.
func (n *Network) Penalise(id PeerID, reason string) {
	n.metrics.penalties.Inc()
	now := time.Now()
	n.mu.Lock()
	f := n.faults[id]
	if f == nil {
		for other, old := range n.faults {
			if len(n.faults) < maxFaulty && now.Sub(old.since) < faultWindow {
				break
			}
			delete(n.faults, other)
		}
		f = &fault{since: now}
		n.faults[id] = f
	}
	if now.Sub(f.since) > faultWindow {
		*f = fault{since: now}
	}
	f.count++
	over := f.count >= maxFaults
	if over {
		delete(n.faults, id)
	}
	exempt := n.validators[id] || n.dialled[id] != nil
	var conns []network.Conn
	if over && !exempt {
		for c, l := range n.links {
			if l.id == id {
				conns = append(conns, c)
			}
		}
	}
	n.mu.Unlock()
	n.log.Debug("fault of a peer", "peer", id, "reason", reason)
	if !over {
		return
	}
	n.log.Warn("peer misbehaves", "peer", id, "reason", reason, "faults", maxFaults, "banned", !exempt)
	if exempt {
		return
	}
	n.gater.ban(id, now.Add(n.cfg.BanFor))
	for _, c := range conns {
		go c.CloseWithError(network.ConnGated)
	}
}
