package p2p

import (
	"net/netip"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/control"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
	xrate "github.com/libp2p/go-libp2p/x/rate"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
	"golang.org/x/time/rate"
)

// resourceManager bounds what connections may cost before and after their key is
// known. Its limits for one address must leave room for validators, which the
// gater exempts by key.
func resourceManager(cfg Config) (network.ResourceManager, error) {
	scaling := rcmgr.DefaultLimits
	libp2p.SetDefaultServiceLimits(&scaling)
	conns := rcmgr.LimitVal(4*cfg.MaxPeers + cfg.MaxConnections)
	partial := rcmgr.PartialLimitConfig{
		System: rcmgr.ResourceLimits{
			Conns: 2 * conns, ConnsInbound: conns, ConnsOutbound: conns,
			Streams: 64 * conns, StreamsInbound: 32 * conns, StreamsOutbound: 32 * conns,
			Memory: 1 << 30, FD: rcmgr.Unlimited,
		},
		Transient: rcmgr.ResourceLimits{
			Conns: conns, ConnsInbound: conns / 2, ConnsOutbound: conns / 2,
			Streams: 4 * conns, StreamsInbound: 2 * conns, StreamsOutbound: 2 * conns, FD: rcmgr.Unlimited,
		},
		ProtocolDefault: rcmgr.ResourceLimits{
			Streams: 16 * conns, StreamsInbound: 8 * conns, StreamsOutbound: 8 * conns, Memory: 256 << 20,
		},
		ProtocolPeerDefault: rcmgr.ResourceLimits{
			Streams: 64, StreamsInbound: 32, StreamsOutbound: 64, Memory: 64 << 20,
		},
		PeerDefault: rcmgr.ResourceLimits{
			Conns: 8, ConnsInbound: 6, ConnsOutbound: 6,
			Streams: 256, StreamsInbound: 128, StreamsOutbound: 256, Memory: 128 << 20,
		},
	}
	v4 := []rcmgr.ConnLimitPerSubnet{{PrefixLength: 32, ConnCount: cfg.MaxConnections}}
	v6 := []rcmgr.ConnLimitPerSubnet{{PrefixLength: 56, ConnCount: cfg.MaxConnections}}
	limits := partial.Build(scaling.AutoScale())
	return rcmgr.NewResourceManager(rcmgr.NewFixedLimiter(limits), rcmgr.WithLimitPerSubnet(v4, v6),
		rcmgr.WithConnRateLimiters(connectionRates()), rcmgr.WithMetricsDisabled())
}

// Connections of one address, either way: what a validator that is dialled often needs,
// many times over, since several nodes may share an address. libp2p's own limit, one in
// five seconds, would refuse dials for as long as a partition has lasted.
const (
	connectionsPerSecond = 16
	connectionsBurst     = 128
)

// connectionRates bounds how often connections are begun, by address; loopback is free.
func connectionRates() *xrate.Limiter {
	limit := func(prefix, times int) xrate.SubnetLimit {
		return xrate.SubnetLimit{PrefixLength: prefix, Limit: xrate.Limit{RPS: float64(times * connectionsPerSecond), Burst: times * connectionsBurst}}
	}
	return &xrate.Limiter{
		NetworkPrefixLimits: []xrate.PrefixLimit{{Prefix: netip.MustParsePrefix("127.0.0.0/8")}, {Prefix: netip.MustParsePrefix("::1/128")}},
		SubnetRateLimiter: xrate.SubnetLimiter{
			IPv4SubnetLimits: []xrate.SubnetLimit{limit(32, 1)},
			IPv6SubnetLimits: []xrate.SubnetLimit{limit(56, 1), limit(48, 4)},
			GracePeriod:      time.Minute,
		},
	}
}

// gater decides by key and address which connections live. Validators and
// configured peers pass every count; a ban holds for all but them.
type gater struct {
	maxPeers      int
	maxPerAddress int
	exempt        func(PeerID) bool
	extra         func(PeerID, string) error

	mu     sync.Mutex
	banned map[PeerID]time.Time
	open   map[PeerID]*guest // connections that count
	byIP   map[netip.Addr]int
}

type guest struct {
	ip    netip.Addr
	conns int
}

const maxBans = 4096

func newGater(cfg Config, exempt func(PeerID) bool) *gater {
	return &gater{
		maxPeers: cfg.MaxPeers, maxPerAddress: cfg.MaxPerAddress, exempt: exempt, extra: cfg.Gater,
		banned: make(map[PeerID]time.Time), open: make(map[PeerID]*guest), byIP: make(map[netip.Addr]int),
	}
}

// ban refuses a peer until a time. At most maxBans are remembered.
func (g *gater) ban(id PeerID, until time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	for other, end := range g.banned {
		if len(g.banned) < maxBans && end.After(now) {
			break
		}
		delete(g.banned, other)
	}
	g.banned[id] = until
}

func (g *gater) isBanned(id PeerID) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	until, ok := g.banned[id]
	if ok && time.Now().After(until) {
		delete(g.banned, id)
		ok = false
	}
	return ok
}

// admit counts a connection of a peer that is not exempt; false if it is one too
// many. release undoes it.
func (g *gater) admit(id PeerID, ip netip.Addr) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	q := g.open[id]
	if q == nil {
		if len(g.open) >= g.maxPeers || g.byIP[ip] >= g.maxPerAddress {
			return false
		}
		q = &guest{ip: ip}
		g.open[id] = q
		g.byIP[ip]++
	}
	q.conns++
	return true
}

func (g *gater) release(id PeerID) {
	g.mu.Lock()
	defer g.mu.Unlock()
	q := g.open[id]
	if q == nil {
		return
	}
	if q.conns--; q.conns > 0 {
		return
	}
	delete(g.open, id)
	if g.byIP[q.ip]--; g.byIP[q.ip] == 0 {
		delete(g.byIP, q.ip)
	}
}

// InterceptPeerDial implements connmgr.ConnectionGater.
func (g *gater) InterceptPeerDial(pid peer.ID) bool {
	id, ok := identityOf(pid)
	return ok && (g.exempt(id) || !g.isBanned(id))
}

// InterceptAddrDial implements connmgr.ConnectionGater.
func (g *gater) InterceptAddrDial(peer.ID, ma.Multiaddr) bool { return true }

// InterceptAccept implements connmgr.ConnectionGater.
func (g *gater) InterceptAccept(network.ConnMultiaddrs) bool { return true }

// InterceptSecured implements connmgr.ConnectionGater: the key is known here.
func (g *gater) InterceptSecured(_ network.Direction, pid peer.ID, addrs network.ConnMultiaddrs) bool {
	id, ok := identityOf(pid)
	if !ok {
		return false
	}
	if g.exempt(id) {
		return true
	}
	if g.extra != nil && g.extra(id, addrs.RemoteMultiaddr().String()) != nil {
		return false
	}
	return !g.isBanned(id)
}

// InterceptUpgraded implements connmgr.ConnectionGater.
func (g *gater) InterceptUpgraded(network.Conn) (bool, control.DisconnectReason) { return true, 0 }

// remoteIP is a connection's address without its port; the zero Addr if it has none.
func remoteIP(a ma.Multiaddr) netip.Addr {
	ip, err := manet.ToIP(a)
	if err != nil {
		return netip.Addr{}
	}
	addr, _ := netip.AddrFromSlice(ip)
	return addr.Unmap()
}

// buckets are token buckets for each peer and purpose. They outlive connections,
// so that reconnecting refills nothing.
type buckets struct {
	mu   sync.Mutex
	byID map[bucketKey]*rate.Limiter
}

type bucketKey struct {
	peer    PeerID
	purpose string
}

const maxBuckets = 8192

// allow takes n tokens, of a bucket that fills with perSecond up to burst.
func (b *buckets) allow(id PeerID, purpose string, perSecond float64, burst, n int) bool {
	b.mu.Lock()
	key := bucketKey{id, purpose}
	l := b.byID[key]
	if l == nil {
		if b.byID == nil {
			b.byID = make(map[bucketKey]*rate.Limiter)
		}
		now := time.Now()
		for k, old := range b.byID {
			if len(b.byID) < maxBuckets {
				break
			}
			// A full bucket says nothing that a new one would not.
			if old.TokensAt(now) >= float64(old.Burst()) || len(b.byID) >= 2*maxBuckets {
				delete(b.byID, k)
			}
		}
		l = rate.NewLimiter(rate.Limit(perSecond), burst)
		b.byID[key] = l
	}
	b.mu.Unlock()
	return l.AllowN(time.Now(), n)
}
