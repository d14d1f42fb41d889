package p2p

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A validator whose address changed says so when it connects; once its connection is
// lost it is dialled there, by peers whose configuration names no address that works.
func TestAnnouncedAddressIsDialled(t *testing.T) {
	a := startNode(t, 1, nil)
	_, second := identity(2)
	a.SetValidators([]PeerID{second})
	var b *node
	b = startNode(t, 2, func(c *Config) {
		c.Peers = []Peer{{ID: a.Self(), Addresses: a.Addresses()}}
		c.Announced = func() []string { return b.Addresses() } // asked once connections come
	})
	eventually(t, "they are connected", func() bool { return len(a.Peers()) == 1 })
	b.RemovePeer(a.Self()) // it dials nobody from now on
	pid, err := libp2pID(second)
	if err != nil {
		t.Fatal(err)
	}
	before := a.Peers()[0].Connected
	if err := a.host.Network().ClosePeer(pid); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the one that was told the address dials it", func() bool {
		p := a.Peers()
		return len(p) == 1 && p[0].Connected.After(before) && !p[0].Inbound
	})
}

// What peers announce is bounded, and only addresses count.
func TestAnnouncementsAreBounded(t *testing.T) {
	got := usable([]string{"a.example:7600", "nonsense", "/ip4/1.2.3.4/udp/7600/quic-v1", "host:0", strings.Repeat("a", 300) + ":1", "[::1]:7600"})
	if diff := cmp.Diff([]string{"a.example:7600", "[::1]:7600"}, got); diff != "" {
		t.Errorf("usable (-want +got):\n%s", diff)
	}
	many := make([]string, 100)
	for i := range many {
		many[i] = "a.example:7600"
	}
	if got := usable(many); len(got) != maxAnnounced {
		t.Errorf("%d addresses", len(got))
	}
	n := startNode(t, 1, nil)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.noteAnnounced(PeerID{9}, []string{"a.example:7600"})
	if len(n.announced) != 0 || len(n.dialled) != 0 {
		t.Error("a stranger's addresses are remembered")
	}
}
