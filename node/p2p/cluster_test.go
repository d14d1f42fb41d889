package p2p

import (
	"bytes"
	"crypto/ed25519"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// identity makes a key from a number, so that tests can name nodes.
func identity(n byte) (ed25519.PrivateKey, PeerID) {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, ed25519.SeedSize))
	return key, PeerID(key.Public().(ed25519.PublicKey))
}

// logBuffer collects log lines of one node.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) contains(s string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Contains(l.b.Bytes(), []byte(s))
}

type node struct {
	*Network
	logs *logBuffer
	reg  *prometheus.Registry
}

func testConfig(n byte) (Config, *logBuffer, *prometheus.Registry) {
	key, _ := identity(n)
	logs, reg := &logBuffer{}, prometheus.NewRegistry()
	return Config{
		Identity: key, Listen: []string{"127.0.0.1:0"}, ChainID: "test", Genesis: [32]byte{7},
		Role: RoleValidator, DialMin: 20 * time.Millisecond, DialMax: 200 * time.Millisecond,
		Log: slog.New(slog.NewTextHandler(logs, nil)), Registerer: reg,
	}, logs, reg
}

// startNode runs node n; edit may change its configuration.
func startNode(t *testing.T, n byte, edit func(*Config)) *node {
	t.Helper()
	cfg, logs, reg := testConfig(n)
	if edit != nil {
		edit(&cfg)
	}
	network, err := New(cfg)
	if err != nil {
		t.Fatalf("start node %d: %v", n, err)
	}
	t.Cleanup(func() { network.Close() })
	return &node{Network: network, logs: logs, reg: reg}
}

// cluster runs nodes 1..count, each dialling those before it, and waits until all
// are connected. All are validators.
func cluster(t *testing.T, count int, edit func(*Config)) []*node {
	t.Helper()
	var nodes []*node
	var ids []PeerID
	for i := range count {
		nodes = append(nodes, startNode(t, byte(i+1), func(c *Config) {
			for _, other := range nodes {
				c.Peers = append(c.Peers, Peer{ID: other.Self(), Addresses: other.Addresses()})
			}
			if edit != nil {
				edit(c)
			}
		}))
		ids = append(ids, nodes[i].Self())
	}
	for _, n := range nodes {
		n.SetValidators(ids)
		eventually(t, "all nodes are connected", func() bool { return len(n.Peers()) == count-1 })
	}
	return nodes
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	poll := time.NewTicker(2 * time.Millisecond)
	defer poll.Stop()
	for !cond() {
		select {
		case <-poll.C:
		case <-deadline.C:
			t.Fatalf("never: %s", what)
		}
	}
}

func take(t *testing.T, ch <-chan Message) Message {
	t.Helper()
	select {
	case m, ok := <-ch:
		if !ok {
			t.Fatal("the channel is closed")
		}
		return m
	case <-time.After(30 * time.Second):
		t.Fatal("no message came")
	}
	return Message{}
}

// metric sums a counter's values over its labels that match.
func metric(t *testing.T, reg *prometheus.Registry, name string, labels ...string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
	next:
		for _, m := range f.GetMetric() {
			for i := 0; i+1 < len(labels); i += 2 {
				found := false
				for _, l := range m.GetLabel() {
					found = found || (l.GetName() == labels[i] && l.GetValue() == labels[i+1])
				}
				if !found {
					continue next
				}
			}
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return sum
}
