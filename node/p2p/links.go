package p2p

import (
	"bytes"
	"context"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"

	p2pv1 "github.com/bedrock-bft/bedrock/proto/bedrock/p2p/v1"
)

// link is one connection. It is ready once both sides have said who they are.
type link struct {
	id      PeerID
	conn    network.Conn
	counted bool // by the gater
	ready   chan struct{}
	isReady bool // guarded by Network.mu
	hello   *p2pv1.Hello
	ended   chan struct{} // closed with the connection
	heard   atomic.Int64  // when, on Network's clock
}

// remote is a connected peer: at least one ready link, the newest last.
type remote struct {
	id         PeerID
	pid        peer.ID
	links      []*link
	session    []byte
	role       Role
	protocol   uint32
	tip        uint64
	since      time.Time
	ctx        context.Context
	cancel     context.CancelFunc
	senders    map[Channel]*outbox
	droppedIn  atomic.Uint64
	droppedOut atomic.Uint64
}

// maxLinks bounds the connections kept with one peer: two are normal, when both
// dial at once.
const maxLinks = 3

func (n *Network) onConnected(c network.Conn) {
	id, ok := identityOf(c.RemotePeer())
	if !ok {
		c.Close()
		return
	}
	l := &link{id: id, conn: c, ready: make(chan struct{}), ended: make(chan struct{})}
	if !n.isExempt(id) {
		if !n.gater.admit(id, remoteIP(c.RemoteMultiaddr())) {
			n.metrics.refused.WithLabelValues("limit").Inc()
			go c.CloseWithError(network.ConnResourceLimitExceeded)
			return
		}
		l.counted = true
	}
	n.mu.Lock()
	if n.closed {
		n.mu.Unlock()
		return
	}
	n.links[c] = l
	n.mu.Unlock()
	if c.Stat().Direction == network.DirOutbound {
		n.spawn(func() { n.greet(l) })
	} else {
		n.spawn(func() { n.expectGreeting(l) })
	}
}

// expectGreeting closes a connection whose dialler does not say who it is.
func (n *Network) expectGreeting(l *link) {
	timer := time.NewTimer(n.cfg.HandshakeTimeout)
	defer timer.Stop()
	select {
	case <-l.ready:
	case <-n.ctx.Done():
	case <-timer.C:
		l.conn.CloseWithError(network.ConnProtocolViolation)
	}
}

// onReady makes a link usable. A new session of a peer ends the links of the one
// before: that process is gone, even if its connection has not noticed.
func (n *Network) onReady(l *link, hello *p2pv1.Hello) {
	var stale []network.Conn
	n.mu.Lock()
	defer func() {
		n.mu.Unlock()
		for _, c := range stale {
			go c.CloseWithError(network.ConnSupplanted)
		}
	}()
	if n.closed || l.isReady || n.links[l.conn] != l {
		return
	}
	l.isReady, l.hello = true, hello
	close(l.ready)
	p := n.peers[l.id]
	if p != nil && !bytes.Equal(p.session, hello.GetSession()) {
		for _, old := range p.links {
			stale = append(stale, old.conn)
		}
		n.forget(p)
		p = nil
	}
	if p == nil {
		p = n.meet(l, hello)
	}
	n.noteAnnounced(l.id, hello.GetAddresses())
	n.hear(l)
	n.work.Add(1)
	go func() {
		defer n.work.Done()
		n.watch(l)
	}()
	p.links = append(p.links, l)
	if len(p.links) > maxLinks {
		stale = append(stale, p.links[0].conn)
		p.links = p.links[1:]
	}
	p.tip = max(p.tip, hello.GetTipHeight())
	delete(n.refusals, l.id)
	n.poke(l.id)
}

// meet records a peer whose first link is ready. Callers hold mu.
func (n *Network) meet(l *link, hello *p2pv1.Hello) *remote {
	p := &remote{
		id: l.id, pid: l.conn.RemotePeer(), session: hello.GetSession(),
		role: Role(hello.GetRole()), protocol: min(ProtocolMax, hello.GetProtocolMax()),
		since: time.Now(), senders: make(map[Channel]*outbox),
	}
	p.ctx, p.cancel = context.WithCancel(n.ctx)
	n.peers[l.id] = p
	n.metrics.peers.WithLabelValues(roleName(p.role)).Inc()
	n.log.Info("peer connected", "peer", l.id, "address", l.conn.RemoteMultiaddr(),
		"role", roleName(p.role), "tip", hello.GetTipHeight())
	return p
}

// forget drops a peer that has no usable link. Callers hold mu.
func (n *Network) forget(p *remote) {
	p.cancel()
	delete(n.peers, p.id)
	n.noteLost(p.id)
	n.metrics.peers.WithLabelValues(roleName(p.role)).Dec()
	n.log.Info("peer disconnected", "peer", p.id)
}

// noteLost remembers when a peer that matters was last connected. Callers hold mu.
func (n *Network) noteLost(id PeerID) {
	if !n.validators[id] && n.dialled[id] == nil {
		return
	}
	if n.lost[id] = time.Now(); len(n.lost) <= maxLost {
		return
	}
	oldest := id
	for other, at := range n.lost {
		if at.Before(n.lost[oldest]) {
			oldest = other
		}
	}
	delete(n.lost, oldest)
}

// maxLost bounds the peers whose last connection is remembered.
const maxLost = 1024

// Lost is when the last connection to a validator or configured peer ended; zero if
// there was none since the start. Of a connected peer it is of no meaning.
func (n *Network) Lost(id PeerID) time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.lost[id]
}

func (n *Network) onDisconnected(c network.Conn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	l := n.links[c]
	if l == nil {
		return
	}
	delete(n.links, c)
	close(l.ended)
	if l.counted {
		n.gater.release(l.id)
	}
	p := n.peers[l.id]
	if p != nil {
		if i := slices.Index(p.links, l); i >= 0 {
			p.links = slices.Delete(p.links, i, i+1)
			if len(p.links) == 0 {
				n.forget(p)
			}
		}
	}
	n.poke(l.id)
}

// awaitReady waits for the handshake of a stream's connection.
func (n *Network) awaitReady(c network.Conn) (*link, bool) {
	n.mu.Lock()
	l := n.links[c]
	n.mu.Unlock()
	if l == nil {
		return nil, false
	}
	select {
	case <-l.ready:
		return l, true
	default:
	}
	timer := time.NewTimer(n.cfg.HandshakeTimeout)
	defer timer.Stop()
	select {
	case <-l.ready:
		return l, true
	case <-timer.C:
	case <-n.ctx.Done():
	}
	return nil, false
}

// Peers implements Transport.
func (n *Network) Peers() []PeerInfo {
	n.mu.Lock()
	out := make([]PeerInfo, 0, len(n.peers))
	for id, p := range n.peers {
		newest := p.links[len(p.links)-1].conn
		info := PeerInfo{
			ID: id, Address: newest.RemoteMultiaddr().String(), Announced: slices.Clone(n.announced[id]), Inbound: newest.Stat().Direction == network.DirInbound,
			Role: p.role, Validator: n.validators[id], TipHeight: p.tip, Protocol: p.protocol, Connected: p.since,
			DroppedIn: p.droppedIn.Load(), DroppedOut: p.droppedOut.Load(),
		}
		for _, o := range p.senders {
			bytes, dropped := o.load()
			info.QueuedBytes += bytes
			info.DroppedOut += dropped
		}
		out = append(out, info)
	}
	n.mu.Unlock()
	slices.SortFunc(out, func(a, b PeerInfo) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	return out
}

// NoteTip implements Transport.
func (n *Network) NoteTip(id PeerID, height uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if p := n.peers[id]; p != nil {
		p.tip = max(p.tip, height)
	}
}

func (n *Network) countDropIn(from PeerID, c Channel, reason string) {
	n.metrics.drop(c.String(), dirIn, reason, 1)
	n.mu.Lock()
	defer n.mu.Unlock()
	if p := n.peers[from]; p != nil {
		p.droppedIn.Add(1)
	}
}

func parsePort(s string) uint16 {
	p, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		return 0
	}
	return uint16(p)
}
