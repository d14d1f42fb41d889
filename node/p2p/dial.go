package p2p

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peerstore"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
)

// target is a peer that is kept connected.
type target struct {
	addresses []string
	wake      chan struct{} // a token when its connections changed
	gone      bool          // removed; guarded by Network.mu
}

// maxTargets bounds the peers that are kept connected.
const maxTargets = 1024

// AddPeer keeps a peer connected from now on: it is dialled, again after each
// loss, with growing waits. Called again it replaces the addresses.
func (n *Network) AddPeer(p Peer) error {
	if p.ID == n.self {
		return nil
	}
	if len(p.Addresses) == 0 {
		return fmt.Errorf("peer %s has no address", p.ID)
	}
	for _, a := range p.Addresses {
		if err := checkAddress(a); err != nil {
			return fmt.Errorf("peer %s: %w", p.ID, err)
		}
	}
	n.mu.Lock()
	t := n.dialled[p.ID]
	if t == nil && len(n.dialled) >= maxTargets {
		n.mu.Unlock()
		return fmt.Errorf("peer %s: %d peers are configured already, which is the most", p.ID, maxTargets)
	}
	if t != nil {
		t.addresses = p.Addresses
		n.poke(p.ID)
		n.mu.Unlock()
		return nil
	}
	if n.closed {
		n.mu.Unlock()
		return nil
	}
	n.keep(p.ID, &target{addresses: p.Addresses, wake: make(chan struct{}, 1)})
	n.mu.Unlock()
	return nil
}

// keep begins to dial a peer. Callers hold mu and have seen that the network is open.
func (n *Network) keep(id PeerID, t *target) {
	n.dialled[id] = t
	n.work.Add(1)
	go func() {
		defer n.work.Done()
		n.keepConnected(id, t)
	}()
}

// wanted reports whether a target is still to be dialled.
func (n *Network) wanted(t *target) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return !t.gone
}

// poke wakes the dialler of a peer. Callers hold mu.
func (n *Network) poke(id PeerID) {
	t := n.dialled[id]
	if t == nil {
		return
	}
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

func (n *Network) keepConnected(id PeerID, t *target) {
	wait := n.cfg.DialMin
	// Of two that begin at once the one with the lower identity dials first, which
	// saves most pairs a second connection.
	if string(id[:]) < string(n.self[:]) && !n.pause(t, n.cfg.DialMin) {
		return
	}
	lastText, lastTold, first := "", time.Time{}, true
	for n.ctx.Err() == nil && n.wanted(t) {
		if n.connected(id) {
			wait = n.cfg.DialMin
			lastText, lastTold = "", time.Time{}
			select {
			case <-t.wake:
			case <-n.ctx.Done():
			}
			continue
		}
		patience := n.dialPatience(id)
		if first {
			patience, first = dialTimeout, false
		}
		err := n.dial(id, patience)
		if err == nil {
			// The handshake decides; its end wakes this loop.
			n.pause(t, n.cfg.HandshakeTimeout)
		} else if text := err.Error(); text != lastText && time.Since(lastTold) > tellEvery && n.ctx.Err() == nil {
			n.log.Info("peer cannot be reached, will try again", "peer", id, "error", err)
			lastText, lastTold = text, time.Now()
		}
		if n.connected(id) {
			continue
		}
		if !n.sleep(wait/2 + rand.N(wait)) {
			return
		}
		wait = min(2*wait, n.longestWait(id))
	}
}

func (n *Network) connected(id PeerID) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.peers[id] != nil
}

// pause waits for a change of the peer's connections, at most d; false at the end.
func (n *Network) pause(t *target, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-t.wake:
	case <-timer.C:
	case <-n.ctx.Done():
		return false
	}
	return true
}

func (n *Network) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-n.ctx.Done():
		return false
	}
}

const (
	// dialTimeout bounds one dial, and the resolution of names before it.
	dialTimeout = 10 * time.Second
	// quickDial is what most dials of a validator may take: one that began while
	// nothing passed waits longer with each of its packets, a new one does not.
	quickDial = time.Second
	// patientDial is what one of patientDials of them may take, and the first: nothing may
	// be wrong but that the way is long.
	patientDial  = 3 * time.Second
	patientDials = 16
	// tellEvery bounds how often changing reasons are told of one peer.
	tellEvery = time.Minute
)

// dialPatience is how long the next dial of a peer may take.
func (n *Network) dialPatience(id PeerID) time.Duration {
	switch {
	case !n.isValidator(id):
		return dialTimeout
	case rand.N(patientDials) == 0:
		return patientDial
	}
	return quickDial
}

// longestWait bounds the wait between dials of a peer. A network that heals must not
// wait for its validators' next dials.
func (n *Network) longestWait(id PeerID) time.Duration {
	if n.isValidator(id) {
		return min(n.cfg.DialValidatorMax, n.cfg.DialMax)
	}
	return n.cfg.DialMax
}

func (n *Network) dial(id PeerID, patience time.Duration) error {
	n.mu.Lock()
	addresses := n.where(id)
	n.mu.Unlock()
	err := n.dialOnce(id, addresses, patience)
	result := "ok"
	if err != nil {
		result = "failed"
	}
	n.metrics.dials.WithLabelValues(result).Inc()
	return err
}

func (n *Network) dialOnce(id PeerID, addresses []string, patience time.Duration) error {
	names, resolved := context.WithTimeout(n.ctx, dialTimeout)
	defer resolved()
	found, err := resolve(names, n.cfg.Resolver, addresses)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(n.ctx, patience)
	defer cancel()
	pid, err := libp2pID(id)
	if err != nil {
		return err
	}
	// What an earlier dial left behind must not decide this one.
	n.host.Peerstore().ClearAddrs(pid)
	n.host.Peerstore().AddAddrs(pid, found, peerstore.TempAddrTTL)
	if s, ok := n.host.Network().(*swarm.Swarm); ok {
		s.Backoff().Clear(pid)
	}
	_, err = n.host.Network().DialPeer(network.WithDialPeerTimeout(ctx, patience), pid)
	var dialErr *swarm.DialError
	if errors.As(err, &dialErr) && len(dialErr.DialErrors) > 0 {
		return fmt.Errorf("dial %s: %w", dialErr.DialErrors[0].Address, dialErr.DialErrors[0].Cause)
	}
	if err != nil {
		return fmt.Errorf("dial %v: %w", found, err)
	}
	return nil
}
