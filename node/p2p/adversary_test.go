package p2p

import (
	"bytes"
	"context"
	"encoding/binary"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/network"

	p2pv1 "github.com/bedrock-bft/bedrock/proto/bedrock/p2p/v1"
)

// rawStream opens a stream of one of the chain's protocols, for a peer that does
// as it likes with it.
func rawStream(t *testing.T, from *node, to PeerID, name string) network.Stream {
	t.Helper()
	pid, err := libp2pID(to)
	if err != nil {
		t.Fatal(err)
	}
	s, err := from.host.NewStream(t.Context(), pid, from.protocol(name))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestFloodCostsOnlyItsSender lets one validator send far more than is taken while
// another sends little: all of the other's messages arrive, memory stays bounded,
// and what is dropped is the flood's.
func TestFloodCostsOnlyItsSender(t *testing.T) {
	nodes := cluster(t, 3, nil)
	victim, flooder, other := nodes[0], nodes[1], nodes[2]
	s := rawStream(t, flooder, victim.Self(), "votes/1")
	frame := appendVoteFrame(nil, make([]byte, 16<<10))
	eventually(t, "the flood is dropped", func() bool {
		for range 64 {
			if _, err := s.Write(frame); err != nil {
				t.Fatal(err)
			}
		}
		return metric(t, victim.reg, "bedrock_p2p_dropped_messages_total", "reason", "queue_full") > 1000
	})
	victim.votes.mu.Lock()
	queued := victim.votes.bytes
	victim.votes.mu.Unlock()
	if queued > 5<<20 {
		t.Errorf("%d bytes are queued for one peer", queued)
	}
	for i := range byte(20) {
		if err := other.SendVotes(victim.Self(), []byte{i}); err != nil {
			t.Fatal(err)
		}
	}
	next := byte(0)
	for range 8192 {
		if m := take(t, victim.Votes()); m.From == other.Self() {
			if m.Data[0] != next {
				t.Fatalf("message %d came, want %d", m.Data[0], next)
			}
			next++
		}
		if next == 20 {
			break
		}
	}
	if next != 20 {
		t.Errorf("%d of 20 messages arrived behind a flood", next)
	}
	for _, p := range victim.Peers() {
		if (p.DroppedIn > 0) != (p.ID == flooder.Self()) {
			t.Errorf("%d messages of %s were dropped", p.DroppedIn, p.ID.Short())
		}
	}
}

func TestMalformedFramesEndTheStreamOnly(t *testing.T) {
	nodes := cluster(t, 2, nil)
	a, b := nodes[0], nodes[1]
	frame := func(kind byte, n uint32, payload ...byte) []byte {
		return append(binary.LittleEndian.AppendUint32([]byte{kind}, n), payload...)
	}
	first := func(total uint32, n uint32) []byte {
		return binary.LittleEndian.AppendUint32(frame(frameFirst, n), total)
	}
	cases := []struct {
		name, protocol string
		bytes          []byte
	}{
		{"unknown kind", "votes/1", frame(9, 1, 0)},
		{"empty vote", "votes/1", frame(frameVote, 0)},
		{"long vote", "votes/1", frame(frameVote, MaxVoteBytes+1)},
		{"block on votes", "votes/1", first(10, 14)},
		{"short first piece", "proposals/1", frame(frameFirst, 4, 0, 0, 0, 0)},
		{"block too large", "proposals/1", first(1<<30, pieceBytes)},
		{"piece above its block", "proposals/1", first(3, 14)},
		{"continuation first", "proposals/1", frame(frameNext, 5)},
	}
	for i, c := range cases {
		s := rawStream(t, b, a.Self(), c.protocol)
		if _, err := s.Write(c.bytes); err != nil {
			t.Fatal(err)
		}
		s.SetReadDeadline(time.Now().Add(30 * time.Second))
		var one [1]byte
		if _, err := s.Read(one[:]); err == nil {
			t.Errorf("%s: the stream was answered", c.name)
		}
		eventually(t, c.name+" is counted", func() bool {
			return metric(t, a.reg, "bedrock_p2p_streams_reset_total", "reason", "malformed") == float64(i+1)
		})
	}
	if err := b.SendVotes(a.Self(), []byte("still here")); err != nil {
		t.Fatal(err)
	}
	if m := take(t, a.Votes()); string(m.Data) != "still here" {
		t.Errorf("heard %q", m.Data)
	}
}

func TestStrangersAreHeardLittle(t *testing.T) {
	nodes := cluster(t, 2, nil)
	a, b := nodes[0], nodes[1]
	a.SetValidators(nil)
	if err := b.SendBlock(a.Self(), bytes.Repeat([]byte{1}, 300<<10)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a stranger's block is dropped", func() bool {
		return metric(t, a.reg, "bedrock_p2p_dropped_messages_total", "reason", "not_validator") == 1
	})
	for range 4 * strangerVotesBurst {
		if err := b.SendVotes(a.Self(), []byte("v")); err != nil {
			t.Fatal(err)
		}
		if b.votesLoad(a.Self()) > votesWaiting/2 {
			eventually(t, "votes drain", func() bool { return b.votesLoad(a.Self()) == 0 })
		}
	}
	eventually(t, "a stranger's votes pass a narrow bucket", func() bool {
		return metric(t, a.reg, "bedrock_p2p_dropped_messages_total", "reason", "rate") > strangerVotesBurst
	})
	take(t, a.Votes())
}

// votesLoad is the number of votes that wait for a peer.
func (n *node) votesLoad(id PeerID) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	o := n.peers[id].senders[ChannelVotes]
	if o == nil {
		return 0
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.messages)
}

func TestPenalisedStrangerIsBanned(t *testing.T) {
	a := startNode(t, 1, nil)
	b := startNode(t, 2, func(c *Config) { c.Peers = []Peer{{ID: a.Self(), Addresses: a.Addresses()}} })
	eventually(t, "connected", func() bool { return len(a.Peers()) == 1 })
	for range maxFaults {
		a.Penalise(b.Self(), "test")
	}
	eventually(t, "the peer is gone", func() bool { return len(a.Peers()) == 0 })
	before := metric(t, b.reg, "bedrock_p2p_dials_total")
	eventually(t, "it dials in vain", func() bool { return metric(t, b.reg, "bedrock_p2p_dials_total") > before+3 })
	if len(a.Peers()) != 0 {
		t.Error("a banned peer came back")
	}
}

func TestPenalisedValidatorStays(t *testing.T) {
	nodes := cluster(t, 2, nil)
	for range 3 * maxFaults {
		nodes[0].Penalise(nodes[1].Self(), "test")
	}
	if err := nodes[1].SendVotes(nodes[0].Self(), []byte("x")); err != nil {
		t.Fatal(err)
	}
	take(t, nodes[0].Votes())
	if !nodes[0].logs.contains("peer misbehaves") {
		t.Error("nothing was said of it")
	}
}

// TestStrangersPerAddressAreFew connects more strangers from one address than one
// may have, and validators beyond that.
func TestStrangersPerAddressAreFew(t *testing.T) {
	const few = 2
	a := startNode(t, 1, func(c *Config) { c.MaxPerAddress = few })
	dial := func(c *Config) { c.Peers = []Peer{{ID: a.Self(), Addresses: a.Addresses()}} }
	_, validator := identity(9)
	a.SetValidators([]PeerID{validator})
	for i := range byte(few + 2) {
		startNode(t, 10+i, dial)
	}
	eventually(t, "some are refused", func() bool {
		return metric(t, a.reg, "bedrock_p2p_handshakes_refused_total", "side", "limit") > 2
	})
	if got := len(a.Peers()); got > few {
		t.Errorf("%d strangers of one address are connected, want at most %d", got, few)
	}
	startNode(t, 9, dial)
	eventually(t, "a validator is let in", func() bool {
		for _, p := range a.Peers() {
			if p.ID == validator {
				return true
			}
		}
		return false
	})
}

func TestSilentConnectionIsClosed(t *testing.T) {
	a := startNode(t, 1, func(c *Config) { c.HandshakeTimeout = 50 * time.Millisecond })
	b := startNode(t, 2, nil)
	// A dialler that never says hello: its side of the handshake is cut off.
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		b.closed = false
		b.mu.Unlock()
	}()
	pid, err := libp2pID(a.Self())
	if err != nil {
		t.Fatal(err)
	}
	b.host.Peerstore().AddAddrs(pid, a.host.Network().ListenAddresses(), time.Hour)
	if _, err := b.host.Network().DialPeer(context.Background(), pid); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the connection is there and then not", func() bool {
		return len(b.host.Network().ConnsToPeer(pid)) == 0
	})
}

func TestHelloIsJudged(t *testing.T) {
	good := func() *p2pv1.Hello {
		return &p2pv1.Hello{ChainId: "c", GenesisHash: make([]byte, 32), ProtocolMin: 2, ProtocolMax: 3,
			Role: p2pv1.Role_ROLE_FULL, Session: make([]byte, sessionBytes)}
	}
	for name, c := range map[string]struct {
		edit func(*p2pv1.Hello)
		ok   bool
	}{
		"same":        {func(*p2pv1.Hello) {}, true},
		"overlapping": {func(h *p2pv1.Hello) { h.ProtocolMin, h.ProtocolMax = 3, 9 }, true},
		"too new":     {func(h *p2pv1.Hello) { h.ProtocolMin, h.ProtocolMax = 4, 9 }, false},
		"too old":     {func(h *p2pv1.Hello) { h.ProtocolMin, h.ProtocolMax = 1, 1 }, false},
		"chain":       {func(h *p2pv1.Hello) { h.ChainId = "d" }, false},
		"genesis":     {func(h *p2pv1.Hello) { h.GenesisHash = []byte{1} }, false},
		"no role":     {func(h *p2pv1.Hello) { h.Role = 0 }, false},
		"no session":  {func(h *p2pv1.Hello) { h.Session = nil }, false},
	} {
		h := good()
		c.edit(h)
		if why := judgeHello(good(), h); (why == "") != c.ok {
			t.Errorf("%s: %q", name, why)
		}
	}
	if judgeHello(good(), nil) == "" {
		t.Error("no hello at all was taken")
	}
}
