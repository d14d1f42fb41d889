package p2p

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
)

const silent = "bedrock_p2p_silent_connections_total"

// brokenLink passes datagrams between a dialler and a node, or loses all of them.
type brokenLink struct {
	front  net.PacketConn
	broken atomic.Bool
	done   sync.WaitGroup
	mu     sync.Mutex
	backs  map[string]*net.UDPConn // by the dialler's address
}

func breakable(t *testing.T, to string) *brokenLink {
	t.Helper()
	front, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	target, err := net.ResolveUDPAddr("udp4", to)
	if err != nil {
		t.Fatal(err)
	}
	b := &brokenLink{front: front, backs: map[string]*net.UDPConn{}}
	b.done.Go(func() {
		buf := make([]byte, 64<<10)
		for {
			n, from, err := front.ReadFrom(buf)
			if err != nil {
				return
			}
			back, err := b.back(from, target)
			if err == nil && !b.broken.Load() {
				_, _ = back.Write(buf[:n]) // lost, as a datagram may be
			}
		}
	})
	t.Cleanup(func() {
		front.Close()
		b.mu.Lock()
		for _, back := range b.backs {
			back.Close()
		}
		b.mu.Unlock()
		b.done.Wait()
	})
	return b
}

// back is the socket that stands for a dialler before the node.
func (b *brokenLink) back(from net.Addr, target *net.UDPAddr) (*net.UDPConn, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if back := b.backs[from.String()]; back != nil {
		return back, nil
	}
	back, err := net.DialUDP("udp4", nil, target)
	if err != nil {
		return nil, err
	}
	b.backs[from.String()] = back
	b.done.Go(func() {
		buf := make([]byte, 64<<10)
		for {
			n, err := back.Read(buf)
			if err != nil {
				return
			}
			if !b.broken.Load() {
				_, _ = b.front.WriteTo(buf[:n], from) // lost, as a datagram may be
			}
		}
	})
	return back, nil
}

// A link that breaks under load is ended by both sides long before QUIC gives it up
// (half a minute), and is made again once it can be, however long that takes.
func TestBrokenLinkIsEndedAndMadeAgain(t *testing.T) {
	short := func(c *Config) { c.SilenceMax = 300 * time.Millisecond }
	a := startNode(t, 1, short)
	link := breakable(t, a.Addresses()[0])
	b := startNode(t, 2, func(c *Config) {
		short(c)
		c.Peers = []Peer{{ID: a.Self(), Addresses: []string{link.front.LocalAddr().String()}}}
	})
	a.SetValidators([]PeerID{a.Self(), b.Self()})
	b.SetValidators([]PeerID{a.Self(), b.Self()})
	connected := func() bool { return len(a.Peers()) == 1 && len(b.Peers()) == 1 }
	eventually(t, "the nodes are connected", connected)
	for round := range 2 {
		link.broken.Store(true)
		began := time.Now()
		eventually(t, "both have ended the broken link", func() bool {
			_ = a.MulticastVotes(make([]byte, 4<<10)) // as consensus sends again
			_ = b.MulticastVotes(make([]byte, 4<<10))
			return len(a.Peers()) == 0 && len(b.Peers()) == 0
		})
		if took := time.Since(began); took > 15*time.Second {
			t.Errorf("round %d: the link was ended after %s, as by QUIC itself", round, took)
		}
		failed := metric(t, b.reg, "bedrock_p2p_dials_total", "result", "failed")
		eventually(t, "dials go on", func() bool { return metric(t, b.reg, "bedrock_p2p_dials_total", "result", "failed") >= failed+2 })
		link.broken.Store(false)
		eventually(t, "the nodes are connected again", connected)
	}
	if metric(t, a.reg, silent) == 0 || metric(t, b.reg, silent) == 0 {
		t.Error("no silent connection is counted")
	}
}

// A link on which nothing is said is asked, and stays: also one to a peer whose software
// does not know the question.
func TestQuietLinkStays(t *testing.T) {
	short := func(c *Config) { c.SilenceMax = 1500 * time.Millisecond }
	nodes := cluster(t, 2, short)
	nodes[1].host.RemoveStreamHandler(nodes[1].protocol(pingProtocol))
	links := func() (list []*link) {
		for _, n := range nodes {
			n.mu.Lock()
			for _, l := range n.links {
				list = append(list, l)
			}
			n.mu.Unlock()
		}
		return list
	}
	first := links()
	for range 3 { // each time both are silent, and ask
		for _, l := range first {
			was := l.heard.Load()
			eventually(t, "a silent peer is heard again", func() bool { return l.heard.Load() > was })
		}
	}
	for _, n := range nodes {
		if got := metric(t, n.reg, silent); got != 0 {
			t.Errorf("%v connections were ended as silent", got)
		}
	}
}

// What a validator's next dial waits for is bounded, however long it has been away.
func TestValidatorsAreDialledOften(t *testing.T) {
	a := startNode(t, 1, func(c *Config) { c.DialMin, c.DialMax = 250*time.Millisecond, 15*time.Second })
	_, validator := identity(2)
	_, other := identity(3)
	a.SetValidators([]PeerID{validator})
	if got := a.longestWait(validator); got > 500*time.Millisecond {
		t.Errorf("a validator is dialled after %s", got)
	}
	if got := a.longestWait(other); got != 15*time.Second {
		t.Errorf("another peer is dialled after %s", got)
	}
	quick := 0
	for range 400 {
		if a.dialPatience(validator) == quickDial {
			quick++
		}
	}
	if quick < 300 || quick == 400 {
		t.Errorf("%d of 400 dials of a validator are quick", quick)
	}
	if got := a.dialPatience(other); got != dialTimeout {
		t.Errorf("a dial of another peer takes up to %s", got)
	}
}

// An address is dialled as often as a validator that is away is, for minutes; a flood of
// connections from one is refused. (On loopback, where other tests are, nothing is.)
func TestAnAddressIsDialledOftenAndNotWithoutEnd(t *testing.T) {
	cfg, _, _ := testConfig(1)
	cfg, err := cfg.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	resources, err := resourceManager(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer resources.Close()
	begun := 0
	for ; begun < 10*connectionsBurst; begun++ {
		conn, err := resources.OpenConnection(network.DirOutbound, false, quicAddress(netip.MustParseAddr("10.1.2.3"), 7600))
		if err != nil {
			break
		}
		conn.Done()
	}
	if begun < connectionsBurst || begun == 10*connectionsBurst {
		t.Errorf("%d connections with one address at once: want %d and not without end", begun, connectionsBurst)
	}
}

// An answer that comes counts as a sign of life.
func TestAnswersAreHeard(t *testing.T) {
	nodes := cluster(t, 2, func(c *Config) { c.SilenceMax = time.Hour }) // nobody asks
	p := Protocol{Name: "test/1", MaxRequestBytes: 8, MaxResponseBytes: 8, Timeout: 30 * time.Second, RatePerSecond: 10, Burst: 10, Concurrent: 1}
	if err := nodes[1].Handle(p, func(_ context.Context, _ PeerID, request []byte) ([]byte, error) { return request, nil }); err != nil {
		t.Fatal(err)
	}
	heard := func() (at int64) {
		nodes[0].mu.Lock()
		defer nodes[0].mu.Unlock()
		for _, l := range nodes[0].links {
			at = max(at, l.heard.Load())
		}
		return at
	}
	before := heard()
	if _, err := nodes[0].Request(t.Context(), nodes[1].Self(), p, []byte("there?")); err != nil {
		t.Fatal(err)
	}
	if heard() <= before {
		t.Error("an answer came, and the link counts as silent since before")
	}
}
