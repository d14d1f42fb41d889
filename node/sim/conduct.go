package sim

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/bedrock-bft/bedrock/node/consensus"
	"github.com/bedrock-bft/bedrock/node/engine"
	"github.com/bedrock-bft/bedrock/node/mempool"
	"github.com/bedrock-bft/bedrock/node/p2p"
	"github.com/bedrock-bft/bedrock/node/types"
)

// Conduct gives one run's nodes other parts than their own, and hears what happens.
// It is called once, before any node starts. Package byzantine has many.
type Conduct func(*World) Hooks

// Hooks are what a conduct changes and hears. A nil one changes nothing. They are
// called with the baton in hand: they must not wait, but in tasks of their own.
type Hooks struct {
	// Faulty names the validators that may break the rules: no check holds them to
	// anything, nobody waits for them, and their keys may sign whatever a conduct
	// likes. The others are held to everything.
	Faulty func(node int) bool
	// Beyond leaves the powers as they are, though the faulty may have a third or more.
	Beyond bool
	// Twins are the validators that run on a second node too, with volumes of its own.
	// The second nodes have the indexes from Plan.Nodes on.
	Twins []int
	// Timing changes what genesis says of time.
	Timing func(*consensus.Timing)

	// VoteLog, Transport, Executor and Store wrap a part of a node in each of its lives.
	VoteLog   func(n *Node, l engine.VoteLog) engine.VoteLog
	Transport func(n *Node, t engine.Transport) engine.Transport
	Executor  func(n *Node, x engine.Executor) engine.Executor
	Store     func(n *Node, s engine.Store) engine.Store

	// Started says that the run begins: tasks may be started (World.Go).
	Started func()
	// Carry sees everything that a node gives to the network, for each recipient, and
	// may say how long it takes; the network keeps that within the bounds of the plan.
	Carry func(m *Carried)
	// Penalised hears that a node finds fault with a peer, Accused that one publishes
	// evidence, Final that one tells of final blocks, Entered that one enters a view.
	Penalised func(by, peer int, reason string)
	Accused   func(by int, ev *types.Evidence)
	Final     func(by int, blocks []engine.FinalBlock, cc *types.CC)
	Entered   func(by int, v consensus.EnteredView)
	Alarmed   func(by int, a consensus.Alarm)

	// Load is how many nonces clients go ahead of what is final; 0: they offer nothing
	// now. Nil: a few.
	Load func() int
	// Tolerated reports violations that are what a conduct is about.
	Tolerated func(what string) bool
	// Calm says that all is well again: Plan.Watch begins. Over says that it ended, and
	// answers what was not as it must be.
	Calm func()
	Over func() error
}

// What a message is carried as, beside the two channels of p2p.
const (
	CarryRequest = 'q'
	CarryAnswer  = 'a'
	CarryGossip  = 'g'
)

// Carried is one message on its way to one node.
type Carried struct {
	From, To int  // nodes
	Kind     byte // a p2p.Channel, or one of the above
	Data     []byte
	// Delay is how long it takes, between the least and the most that the plan allows
	// now; below 0, as it is given: as chance has it.
	Delay time.Duration
}

// World is a run as a conduct sees it.
type World struct{ w *world }

// Plan is what is run.
func (w *World) Plan() Plan { return w.w.plan }

// Node is one of the nodes: validators first, then the second nodes of twins.
func (w *World) Node(i int) *Node { return &Node{w.w.nodes[i]} }

// IndexOf is the node of an identity; of twins the first. False: there is none.
func (w *World) IndexOf(id p2p.PeerID) (int, bool) {
	i, ok := w.w.net.index[id]
	return i, ok
}

// Genesis is the hash of the simulated genesis.
func (w *World) Genesis() types.Hash { return w.w.genesis }

// Set is an epoch's, once an honest node told that it begins; nil before.
func (w *World) Set(epoch uint64) *types.ValidatorSet { return w.w.checks.sets[epoch] }

// Final is a final outcome; false: no honest node told of it yet.
func (w *World) Final(height uint64) (types.Outcome, bool) {
	if height >= uint64(len(w.w.checks.final)) {
		return types.Outcome{}, false
	}
	return w.w.checks.final[height], true
}

// Nonce is an account's next one, after what is final.
func (w *World) Nonce(account int) uint64 { return w.w.checks.ledger.nonces[account] }

// Tip is the highest height that an honest node told final.
func (w *World) Tip() uint64 { return w.w.checks.highest() }

// Healed reports whether the last benign fault of the network is over.
func (w *World) Healed() bool { return w.w.healed }

// Elapsed is the virtual time since the run began.
func (w *World) Elapsed() time.Duration { return w.w.s.Elapsed() }

// Sleep lets virtual time pass, in a task.
func (w *World) Sleep(d time.Duration) { w.w.s.Sleep(d) }

// Go starts a task that goes on until the run ends.
func (w *World) Go(name string, f func()) { w.w.process.Go(name, f) }

// Call calls f after a time.
func (w *World) Call(d time.Duration, f func()) { w.w.s.Call(d, f) }

// Rand is a source of chance of its own, the same for the same seed and name.
func (w *World) Rand(name string) *rand.Rand {
	h := types.SumHash([]byte("conduct " + name))
	return rand.New(rand.NewPCG(w.w.plan.Seed, uint64(h[0])|uint64(h[1])<<8|uint64(h[2])<<16|uint64(h[3])<<24|uint64(h[4])<<32))
}

// Fail ends the run with a violation.
func (w *World) Fail(err error) { w.w.s.Fail(fmt.Errorf("%w\n%s", err, w.w.standing())) }

// Note adds to the history that is fingerprinted.
func (w *World) Note(data []byte) { w.w.s.Note('b', data) }

// Node is one node as a conduct sees it.
type Node struct{ n *node }

// Index is the node's; Validator that of the validator whose keys it has.
func (n *Node) Index() int     { return n.n.index }
func (n *Node) Validator() int { return n.n.validator }

// ID is the node's identity on the network.
func (n *Node) ID() p2p.PeerID { return n.n.id }

// Up reports whether it runs.
func (n *Node) Up() bool { return n.n.engine != nil && n.n.endpoint != nil && !n.n.endpoint.down }

// Status is what its engine says; false: it is down.
func (n *Node) Status() (engine.Status, bool) {
	if !n.Up() {
		return engine.Status{}, false
	}
	return n.n.engine.Status(), true
}

// Store is its chain volume.
func (n *Node) Store() engine.Store { return n.n.store }

// Sign signs with the validator's key, whatever its vote log says. Faulty ones only.
func (n *Node) Sign(epoch uint64, what types.Signable) []byte {
	if !n.n.w.checks.faulty(n.n.index) {
		panic(fmt.Sprintf("a conduct signs for validator %d, which is honest", n.n.index))
	}
	return n.n.key.Sign(what.SignBytes(types.Domain{Genesis: n.n.w.genesis, Epoch: epoch}))
}

// Send gives a message to the network, for one other node. A node that is down sends nothing.
func (n *Node) Send(to int, c p2p.Channel, data []byte) {
	if e := n.n.endpoint; e != nil && !e.down && to != n.n.index {
		e.deliver(c, data, to)
	}
}

// Publish gossips.
func (n *Node) Publish(topic p2p.Topic, data []byte) {
	if e := n.n.endpoint; e != nil {
		_ = e.Publish(topic, data) // down: nothing is said
	}
}

// Offer gives the node's pool a transaction, as a client of its own does. A node that is
// down takes none.
func (n *Node) Offer(tx []byte) {
	if pool := n.n.pool; n.n.process != nil && pool != nil {
		n.n.process.Go("client", func() {
			_, _ = pool.Add(context.Background(), tx, mempool.Local) // refused: the client sees that it does not become final
		})
	}
}

// Halt ends the node for good.
func (n *Node) Halt() {
	n.n.held++
	n.n.crash()
}

// Crash ends the node; it comes up again after a while.
func (n *Node) Crash() { n.n.crash() }

// bound raises the honest ones' power where that of the faulty is not below a third.
func (w *world) bound(validators []types.Validator) {
	if w.hooks.Faulty == nil || w.hooks.Beyond {
		return
	}
	var honest, faulty uint64
	for i := range validators {
		if w.faultyKey(validators[i].NetworkKey) {
			faulty += validators[i].Power
		} else {
			honest += validators[i].Power
		}
	}
	factor := 2*faulty/max(honest, 1) + 1 // then 2*faulty < honest
	for i := range validators {
		if !w.faultyKey(validators[i].NetworkKey) {
			validators[i].Power *= factor
		}
	}
}

func (w *world) faultyKey(id p2p.PeerID) bool {
	for _, n := range w.nodes {
		if n.id == id {
			return w.hooks.Faulty(n.validator)
		}
	}
	return false
}
