package chaos_test

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bedrock-bft/bedrock/node/devnet"
	"github.com/bedrock-bft/bedrock/node/p2p"
	"github.com/bedrock-bft/bedrock/node/signer"
)

// attackerMemory bounds what a node under attack may take: its caches and all queues of
// its peers, full.
const attackerMemory = 1 << 30

// adversary is a peer that floods nodes over real QUIC with what they must refuse.
type adversary struct {
	net  *p2p.Network
	rng  *rand.Rand
	sent int // messages and requests
}

// newAdversary connects a peer with this key to all nodes that run.
func (c *cluster) newAdversary(rng *rand.Rand, key ed25519.PrivateKey, role p2p.Role) *adversary {
	c.Helper()
	cfg := p2p.Config{Identity: key, Listen: []string{"127.0.0.1:0"}, ChainID: "test", Genesis: c.Trust.Genesis, Role: role}
	var ids []p2p.PeerID
	for i, p := range c.Net.Nodes {
		if !p.Running() {
			continue
		}
		record, err := signer.ReadRecord(filepath.Join(p.Home, "signer"))
		if err != nil {
			c.Fatal(err)
		}
		id, err := p2p.ParsePeerID(record.NetworkKey)
		if err != nil {
			c.Fatal(err)
		}
		ids = append(ids, id)
		cfg.Peers = append(cfg.Peers, p2p.Peer{ID: id, Addresses: []string{net.JoinHostPort(c.Net.Host(i), "7600")}})
	}
	n, err := p2p.New(cfg)
	if err != nil {
		c.Fatal(err)
	}
	c.Cleanup(func() {
		if err := n.Close(); err != nil {
			c.Error(err)
		}
	})
	n.SetValidators(ids)
	a := &adversary{net: n, rng: rand.New(rand.NewPCG(rng.Uint64(), 1))}
	c.Wait("the adversary is connected", func() (bool, string) {
		return len(n.Peers()) == len(ids), fmt.Sprintf("%d of %d peers", len(n.Peers()), len(ids))
	})
	return a
}

// protocols are those that a node serves, with the largest requests that it takes.
var protocols = []p2p.Protocol{
	{Name: "block/1", MaxRequestBytes: 32}, {Name: "ask/1", MaxRequestBytes: 16}, {Name: "epochs/1", MaxRequestBytes: 8},
	{Name: "echo/1", MaxRequestBytes: 64}, {Name: "blocks/1", MaxRequestBytes: 64}, {Name: "modules/1", MaxRequestBytes: 64},
	{Name: "nothing/1", MaxRequestBytes: 1 << 20},
}

// attack sends rubbish of every kind to all, as fast as it is taken, until ctx ends.
func (a *adversary) attack(ctx context.Context) {
	rubbish := make([]byte, 4<<20)
	for i := range rubbish {
		rubbish[i] = byte(a.rng.Uint32())
	}
	some := func(most int) []byte {
		from := a.rng.IntN(len(rubbish) - most)
		return rubbish[from : from+1+a.rng.IntN(most)]
	}
	for ; ctx.Err() == nil; a.sent++ {
		if len(a.net.Peers()) == 0 { // banned: it tries to come back
			select {
			case <-time.After(10 * time.Millisecond):
			case <-ctx.Done():
			}
			a.sent--
			continue
		}
		switch a.rng.IntN(10) {
		case 0:
			_ = a.net.MulticastBlock(some(2 << 20)) // refusals are what it is here for
		case 1:
			_ = a.net.Publish([]p2p.Topic{p2p.TopicTx, p2p.TopicEvidence, p2p.TopicBlocks}[a.rng.IntN(3)], some(64<<10))
		case 2, 3:
			a.request(ctx, some)
		default:
			_ = a.net.MulticastVotes(some(p2p.MaxVoteBytes))
		}
	}
}

// request asks all peers at once for something, with too many bytes in half of the cases.
func (a *adversary) request(ctx context.Context, some func(int) []byte) {
	p := protocols[a.rng.IntN(len(protocols))]
	p.Timeout, p.MaxResponseBytes, p.RatePerSecond, p.Burst, p.Concurrent = time.Second, 1<<20, 1000, 1000, 1000
	request := some(p.MaxRequestBytes)
	if a.rng.IntN(2) == 0 {
		request = some(2 * p.MaxRequestBytes)
		p.MaxRequestBytes *= 2
	}
	var all sync.WaitGroup
	for _, peer := range a.net.Peers() {
		all.Go(func() { _, _ = a.net.Request(ctx, peer.ID, p, request) })
	}
	all.Wait()
}

// A peer that is no validator, and then one with a validator's key, flood all nodes with
// messages that are malformed, oversized or senseless, and with requests: finality goes
// on, no node ends or grows beyond what its queues and caches may hold, and the flood is
// counted as such.
func TestAdversary(t *testing.T) {
	rng := seeded(t)
	c := newCluster(t, devnet.Options{})
	c.StartAll()
	c.WaitSigning(c.All()...)
	w := c.Follow(t.Context())
	tr := c.Send(w, 0, 40, 50, 0, 1, 2)
	c.flows(tr, 50)

	_, stranger, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	c.underAttack(rng, "a stranger", stranger, p2p.RoleFull, func() { c.flows(tr, 400) }, c.All()...)

	c.Kill(3) // its key is the adversary's from here on
	c.underAttack(rng, "a validator", c.networkKey(3), p2p.RoleValidator, func() { c.flows(tr, 400) }, 0, 1, 2)
	c.Start(3)
	c.WaitSigning(3)
	c.votesAgain(0, 3)
	tr.Stop()
	tr.Check()
	w.Hold(1, c.All()...)
	c.NoConflict()
}

// networkKey is the secret of a node's network identity, from its file.
func (c *cluster) networkKey(node int) ed25519.PrivateKey {
	c.Helper()
	b, err := os.ReadFile(filepath.Join(c.Net.Nodes[node].Home, "signer", "network.key"))
	if err != nil {
		c.Fatal(err)
	}
	words := strings.Fields(string(b))
	seed, err := hex.DecodeString(words[len(words)-1])
	if err != nil || len(seed) != ed25519.SeedSize {
		c.Fatalf("the network key of node%d has %d bytes: %v", node, len(seed), err)
	}
	return ed25519.NewKeyFromSeed(seed)
}

// underAttack has what must go on go on while an adversary attacks.
func (c *cluster) underAttack(rng *rand.Rand, who string, key ed25519.PrivateKey, role p2p.Role, goesOn func(), nodes ...int) {
	c.Helper()
	before := c.penalties(nodes)
	a := c.newAdversary(rng, key, role)
	ctx, cancel := context.WithCancel(c.Context())
	var attack sync.WaitGroup
	attack.Go(func() { a.attack(ctx) })
	goesOn()
	most := uint64(0)
	for _, i := range nodes {
		u, err := devnet.ReadUsage(c.Net.Nodes[i].PID())
		if err != nil {
			c.Fatal(err)
		}
		if most = max(most, u.RSSBytes); u.RSSBytes > attackerMemory {
			c.Errorf("node%d takes %d MiB under attack", i, u.RSSBytes>>20)
		}
	}
	cancel()
	attack.Wait()
	counted := c.penalties(nodes) - before
	if counted == 0 {
		c.Errorf("no node counts anything of the flood of %s", who)
	}
	if err := a.net.Close(); err != nil {
		c.Error(err)
	}
	c.Logf("%s sent %d messages and requests to each of %d nodes: at most %d MiB resident, %g faults and drops counted", who, a.sent, len(nodes), most>>20, counted)
}

// penalties are the faults and dropped messages that nodes counted.
func (c *cluster) penalties(nodes []int) float64 {
	c.Helper()
	sum := 0.0
	for _, i := range nodes {
		for _, name := range []string{"bedrock_p2p_penalties_total", "bedrock_p2p_dropped_messages_total{channel=\"votes\",direction=\"in\"", "bedrock_p2p_gossip_refused_messages_total"} {
			for _, v := range c.Metrics(i, name) {
				sum += v
			}
		}
	}
	return sum
}
