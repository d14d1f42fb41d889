package p2p

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

func TestMulticastReachesEveryValidator(t *testing.T) {
	nodes := cluster(t, 4, nil)
	if err := nodes[0].MulticastVotes([]byte("vote")); err != nil {
		t.Fatal(err)
	}
	block := bytes.Repeat([]byte("block"), 3<<20/5)
	if err := nodes[0].MulticastBlock(block); err != nil {
		t.Fatal(err)
	}
	for i, n := range nodes[1:] {
		if m := take(t, n.Votes()); m.From != nodes[0].Self() || m.Channel != ChannelVotes || string(m.Data) != "vote" {
			t.Errorf("node %d heard %q on %s from %s", i+1, m.Data, m.Channel, m.From)
		}
		if m := take(t, n.Blocks()); m.From != nodes[0].Self() || m.Channel != ChannelBlocks || !bytes.Equal(m.Data, block) {
			t.Errorf("node %d heard a block of %d bytes from %s", i+1, len(m.Data), m.From)
		}
	}
	for _, info := range nodes[1].Peers() {
		if !info.Validator || info.Role != RoleValidator || info.Address == "" {
			t.Errorf("peer info %+v", info)
		}
	}
}

func TestMessagesKeepTheirOrder(t *testing.T) {
	nodes := cluster(t, 2, nil)
	const count = 500
	for i := range count {
		if err := nodes[0].SendVotes(nodes[1].Self(), []byte(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	for i := range count {
		if m := take(t, nodes[1].Votes()); string(m.Data) != fmt.Sprint(i) {
			t.Fatalf("message %d is %q", i, m.Data)
		}
	}
}

// A block may be larger than what usually waits: later epochs have other limits.
func TestALargeBlockPassesASmallQueue(t *testing.T) {
	nodes := cluster(t, 2, func(c *Config) { c.MaxBlockBytes, c.BlockQueueBytes = 20<<20, 1<<20 })
	block := bytes.Repeat([]byte{7}, 17<<20)
	if err := nodes[0].MulticastBlock(block); err != nil {
		t.Fatal(err)
	}
	if m := take(t, nodes[1].Blocks()); !bytes.Equal(m.Data, block) {
		t.Errorf("heard a block of %d bytes", len(m.Data))
	}
}

func TestSizesAreRefusedBeforeTheyAreSent(t *testing.T) {
	nodes := cluster(t, 2, func(c *Config) { c.MaxBlockBytes, c.MaxGossipBytes = 1<<20, 1<<20 })
	for name, err := range map[string]error{
		"vote":   nodes[0].SendVotes(nodes[1].Self(), make([]byte, MaxVoteBytes+1)),
		"block":  nodes[0].MulticastBlock(make([]byte, 1<<20+1)),
		"empty":  nodes[0].MulticastVotes(nil),
		"gossip": nodes[0].Publish(TopicTx, make([]byte, 1<<20+1)),
	} {
		if !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: %v, want too large", name, err)
		}
	}
	if err := nodes[0].SendVotes(PeerID{1}, []byte("x")); !errors.Is(err, ErrNotConnected) {
		t.Errorf("unknown peer: %v", err)
	}
	if err := nodes[0].SendVotes(nodes[1].Self(), make([]byte, MaxVoteBytes)); err != nil {
		t.Fatal(err)
	}
	if m := take(t, nodes[1].Votes()); len(m.Data) != MaxVoteBytes {
		t.Errorf("the largest vote arrived with %d bytes", len(m.Data))
	}
}

func TestMismatchIsRefusedWithTheReasonOnBothSides(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(*Config)
		want string
	}{
		"chain":   {func(c *Config) { c.ChainID = "other" }, "the nodes are of different chains"},
		"genesis": {func(c *Config) { c.Genesis = [32]byte{8} }, "made from different genesis files"},
	} {
		t.Run(name, func(t *testing.T) {
			a := startNode(t, 1, nil)
			b := startNode(t, 2, func(cfg *Config) {
				c.edit(cfg)
				cfg.Peers = []Peer{{ID: a.Self(), Addresses: a.Addresses()}}
			})
			for _, n := range []*node{a, b} {
				eventually(t, "the reason is logged", func() bool { return n.logs.contains(c.want) })
				eventually(t, "the refusal is counted", func() bool {
					return metric(t, n.reg, "bedrock_p2p_handshakes_refused_total") > 0
				})
				if len(n.Peers()) != 0 {
					t.Error("a refused peer is listed")
				}
			}
		})
	}
}

func TestRestartedPeerIsConnectedAgain(t *testing.T) {
	nodes := cluster(t, 2, nil)
	_, id := identity(2)
	address := nodes[1].Addresses()
	// Each dials the other from now on.
	if err := nodes[0].AddPeer(Peer{ID: id, Addresses: address}); err != nil {
		t.Fatal(err)
	}
	for round := range 2 {
		if err := nodes[1].Close(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the loss is noticed", func() bool { return len(nodes[0].Peers()) == 0 })
		if age := time.Since(nodes[0].Lost(id)); age > time.Minute {
			t.Errorf("the loss was noted %s ago", age)
		}
		nodes[1] = startNode(t, 2, func(c *Config) {
			c.Listen = address
			c.Peers = []Peer{{ID: nodes[0].Self(), Addresses: nodes[0].Addresses()}}
		})
		nodes[1].SetValidators([]PeerID{nodes[0].Self()})
		eventually(t, "the peer is back", func() bool { return len(nodes[0].Peers()) == 1 && len(nodes[1].Peers()) == 1 })
		want := fmt.Sprint("round ", round)
		if err := nodes[0].SendVotes(id, []byte(want)); err != nil {
			t.Fatal(err)
		}
		if m := take(t, nodes[1].Votes()); string(m.Data) != want {
			t.Errorf("heard %q", m.Data)
		}
	}
}

// TestNewSessionEndsTheOldOne starts a second process of one identity while the
// first still holds its connection, as after a crash that the peer did not notice.
func TestNewSessionEndsTheOldOne(t *testing.T) {
	a := startNode(t, 1, nil)
	dial := func(c *Config) { c.Peers = []Peer{{ID: a.Self(), Addresses: a.Addresses()}} }
	first := startNode(t, 2, dial)
	eventually(t, "the first is connected", func() bool { return len(a.Peers()) == 1 })
	second := startNode(t, 2, func(c *Config) { dial(c); c.Role = RoleFull })
	eventually(t, "the second has taken over", func() bool {
		peers := a.Peers()
		return len(peers) == 1 && peers[0].Role == RoleFull && len(second.Peers()) == 1
	})
	first.Close()
	second.SetValidators([]PeerID{a.Self()})
	eventually(t, "the second is heard", func() bool {
		if err := a.SendVotes(second.Self(), []byte("x")); err != nil {
			return false
		}
		select {
		case <-second.Votes():
			return true
		default:
			return false
		}
	})
}

type fakeDNS struct{ asked chan string }

func (f fakeDNS) LookupIPAddr(_ context.Context, host string) ([]net.IPAddr, error) {
	select {
	case f.asked <- host:
	default:
	}
	if host != "node1.example" {
		return nil, errors.New("no such host")
	}
	return []net.IPAddr{{IP: net.IPv4(127, 0, 0, 1)}}, nil
}

func TestNamesAreResolvedAtEachDial(t *testing.T) {
	a := startNode(t, 1, nil)
	_, port, _ := net.SplitHostPort(a.Addresses()[0])
	dns := fakeDNS{asked: make(chan string, 16)}
	b := startNode(t, 2, func(c *Config) {
		c.Resolver = dns
		c.Peers = []Peer{{ID: a.Self(), Addresses: []string{"node1.example:" + port}}}
	})
	eventually(t, "connected by name", func() bool { return len(b.Peers()) == 1 })
	<-dns.asked
	a.Close()
	<-dns.asked // the dial after the loss asks again
}

func TestBadConfigurationIsRefused(t *testing.T) {
	a := startNode(t, 1, nil)
	for name, c := range map[string]struct {
		edit func(*Config)
		want string
	}{
		"no identity":    {func(c *Config) { c.Identity = nil }, "network identity"},
		"chain id":       {func(c *Config) { c.ChainID = "a/b" }, "chain id"},
		"role":           {func(c *Config) { c.Role = 0 }, "role"},
		"no address":     {func(c *Config) { c.Listen = nil }, "p2p.listen"},
		"host name":      {func(c *Config) { c.Listen = []string{"example.com:1"} }, "must be an IP address"},
		"no port":        {func(c *Config) { c.Listen = []string{"127.0.0.1"} }, "want host:port"},
		"occupied":       {func(c *Config) { c.Listen = a.Addresses() }, "in use"},
		"peer address":   {func(c *Config) { c.Peers = []Peer{{ID: a.Self(), Addresses: []string{"x"}}} }, "want host:port"},
		"peer nowhere":   {func(c *Config) { c.Peers = []Peer{{ID: a.Self()}} }, "no address"},
		"dial backwards": {func(c *Config) { c.DialMax = time.Millisecond }, "longest wait"},
	} {
		cfg, _, _ := testConfig(9)
		c.edit(&cfg)
		network, err := New(cfg)
		if err == nil {
			network.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q in it", name, err, c.want)
		}
	}
}

func TestParsePeer(t *testing.T) {
	_, id := identity(1)
	p, err := ParsePeer(id.String() + "@a.example:1,[::1]:2")
	if err != nil || p.ID != id || len(p.Addresses) != 2 {
		t.Errorf("got %+v, %v", p, err)
	}
	for _, bad := range []string{"", "x@a:1", id.String(), id.String() + "@", id.String() + "@a", id.String() + "@a:99999", id.String() + "@/ip4/x"} {
		if _, err := ParsePeer(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestClosedNetworkAnswersSo(t *testing.T) {
	n := startNode(t, 1, nil)
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	if _, ok := <-n.Votes(); ok {
		t.Error("votes go on after the end")
	}
	if err := n.MulticastVotes([]byte("x")); !errors.Is(err, ErrClosed) {
		t.Errorf("multicast: %v", err)
	}
	if err := n.Publish(TopicTx, []byte("x")); !errors.Is(err, ErrClosed) {
		t.Errorf("publish: %v", err)
	}
	if _, err := n.Subscribe(TopicTx, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("subscribe: %v", err)
	}
}

// What goes to a validator that is not connected, or that goes away with messages
// waiting for it, is lost, and counted.
func TestWhatHasNoReceiverIsCounted(t *testing.T) {
	nodes := cluster(t, 2, nil)
	a, b := nodes[0], nodes[1]
	_, absent := identity(99)
	a.SetValidators([]PeerID{b.Self(), absent})
	if err := a.MulticastVotes([]byte("vote")); err != nil {
		t.Fatal(err)
	}
	if err := a.SendBlock(absent, []byte("block")); !errors.Is(err, ErrNotConnected) {
		t.Errorf("send to an absent peer: %v", err)
	}
	take(t, b.Votes())
	lost := func(channel, reason string) float64 {
		return metric(t, a.reg, "bedrock_p2p_dropped_messages_total", "channel", channel, "direction", "out", "reason", reason)
	}
	if v, bl := lost("votes", "not_connected"), lost("blocks", "not_connected"); v != 1 || bl != 1 || a.Dropped() != 2 {
		t.Errorf("%g votes and %g blocks counted as lost for want of a connection, %d in all, want 1, 1 and 2", v, bl, a.Dropped())
	}
	a.mu.Lock()
	box := a.outboxOf(a.peers[b.Self()], ChannelVotes)
	a.mu.Unlock()
	b.Close()
	eventually(t, "the peer is gone", func() bool { return len(a.Peers()) == 0 })
	eventually(t, "its queue is closed", func() bool { return box.put([]byte("late")) == 1 })
	for _, want := range []int{3, 0} {
		o := newOutbox(4, 1<<20)
		for range want {
			o.put([]byte("waits"))
		}
		if got := o.close(); got != want {
			t.Errorf("an outbox of %d messages gave up %d", want, got)
		}
	}
}
