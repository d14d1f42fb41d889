package chaintest

import (
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/controllers/chain"
	"github.com/bedrock-bft/bedrock/node/types"
)

// Node is one node of the chain, with a signer volume: the identity on it is number
// generation of its volume's name.
type Node struct {
	c        *Chain
	endpoint chain.Endpoint

	volume     string
	generation int
	up, synced bool
	mute       bool // runs and does not vote
	suspended  string
	boots      uint64
	version    string
	schema     uint32 // of its database
	newest     uint32 // that its program writes
	waiting    time.Duration
	started    time.Duration
	seen       map[ledger.ID]vote
	blind      map[ledger.ID]bool
	cut        map[ledger.ID]time.Duration // unconnected since
	modules    []types.Hash
	halt       uint64
}

type vote struct {
	height uint64
	at     time.Duration
}

func secret(volume string, generation int) ed25519.PrivateKey {
	return key(fmt.Sprintf("identity %s %d", volume, generation))
}

func identityOf(volume string, generation int) ledger.ID {
	return ledger.ID(secret(volume, generation).Public().(ed25519.PublicKey))
}

func consensusOf(volume string, generation int) []byte {
	return key(fmt.Sprintf("consensus %s %d", volume, generation)).Public().(ed25519.PublicKey)
}

// AddNode adds a node with the first identity of a signer volume, running and synced.
// Its volume's name decides its keys: the same name, the same keys.
func (c *Chain) AddNode(at chain.Endpoint, volume string) *Node {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := &Node{c: c, endpoint: at, volume: volume, generation: 1, up: true, synced: true, boots: 1, version: "test", schema: c.opt.Schema, newest: c.opt.Schema,
		seen: map[ledger.ID]vote{}, blind: map[ledger.ID]bool{}, cut: map[ledger.ID]time.Duration{}, started: c.elapsed}
	if c.nodes[at] == nil {
		c.order = append(c.order, at)
	}
	c.nodes[at] = n
	return n
}

// RemoveNode takes a node away with its volumes.
func (c *Chain) RemoveNode(at chain.Endpoint) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.nodes, at)
}

// Node is the one at an endpoint, or nil.
func (c *Chain) Node(at chain.Endpoint) *Node {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.nodes[at]
}

// Endpoints are those of all nodes, in the order in which they were added.
func (c *Chain) Endpoints() []chain.Endpoint {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []chain.Endpoint
	for _, at := range c.order {
		if c.nodes[at] != nil {
			out = append(out, at)
		}
	}
	return out
}

func (n *Node) identityLocked() ledger.ID { return identityOf(n.volume, n.generation) }
func (n *Node) keyLocked() []byte         { return consensusOf(n.volume, n.generation) }

// set changes a node under the chain's lock.
func (n *Node) set(f func()) {
	n.c.mu.Lock()
	defer n.c.mu.Unlock()
	f()
}

// Identity is its present network identity.
func (n *Node) Identity() (id ledger.ID) {
	n.set(func() { id = n.identityLocked() })
	return id
}

// ConsensusKey is its present consensus key.
func (n *Node) ConsensusKey() (b []byte) {
	n.set(func() { b = n.keyLocked() })
	return b
}

// Record is the public record of its identity, as `bedrock identity init` prints it.
func (n *Node) Record() string {
	var s string
	n.set(func() { s = Record(n.volume, n.generation) })
	return s
}

// Record is the public record of the identity that a volume's name gives.
func Record(volume string, generation int) string {
	id := identityOf(volume, generation)
	return fmt.Sprintf(`{"version":1,"scheme":"ed25519","consensus_key":"%s","possession":"","network_key":"%s","volume_id":"%s","source":"born","created_ms":%d}`,
		hex.EncodeToString(consensusOf(volume, generation)), id, ledger.ID(ledger.Hash([]byte(volume))), int64(startMs))
}

// Stop ends its process: nobody reaches it, and it does not vote.
func (n *Node) Stop() { n.set(func() { n.up = false; n.seen = map[ledger.ID]vote{} }) }

// Start starts it again on the same volumes.
func (n *Node) Start() {
	n.set(func() {
		n.up, n.started, n.suspended = true, n.c.elapsed, ""
		n.boots++
	})
}

// Rollback sets its boot count, as a volume that was rolled back shows.
func (n *Node) Rollback(boots uint64) { n.set(func() { n.boots = boots }) }

// SetSynced says whether its block sync is done: one that is not does not vote.
func (n *Node) SetSynced(synced bool) { n.set(func() { n.synced = synced }) }

// Mute keeps it running and connected without votes.
func (n *Node) Mute(mute bool) { n.set(func() { n.mute = mute }) }

// SetVersion changes what program it runs, with the schema of its database and the
// newest that the program writes.
func (n *Node) SetVersion(version string, schema, newest uint32) {
	n.set(func() { n.version, n.schema, n.newest = version, schema, newest })
}

// Foreign sets its identity aside for a new one. // rule: volume-foreign
func (n *Node) Foreign() { n.set(func() { n.generation++ }) }

// Blind keeps it from seeing the votes of an identity.
func (n *Node) Blind(identity ledger.ID, blind bool) { n.set(func() { n.blind[identity] = blind }) }

// Cut ends, or restores, its connection to an identity, votes included.
func (n *Node) Cut(identity ledger.ID, cut bool) {
	n.set(func() {
		n.blind[identity] = cut
		delete(n.cut, identity)
		if cut {
			n.cut[identity] = n.c.elapsed
		}
	})
}

// Waiting sets the age of the oldest transaction that waits in its pool, beside what
// was submitted; 0: none.
func (n *Node) Waiting(age time.Duration) { n.set(func() { n.waiting = age }) }
