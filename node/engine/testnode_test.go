package engine

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/bedrock-bft/bedrock/node/consensus"
	"github.com/bedrock-bft/bedrock/node/p2p"
	"github.com/bedrock-bft/bedrock/node/p2p/memory"
	"github.com/bedrock-bft/bedrock/node/types"
	"github.com/bedrock-bft/bedrock/node/wire"
)

// plans says what transactions change of the epoch that executes them.
type plans struct {
	mu sync.Mutex
	of map[string]func(next *types.Epoch) bool // false: nothing to change
}

func (p *plans) change(epoch *types.Epoch, tx []byte) *types.Epoch {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.of[string(tx)]
	if f == nil {
		return nil
	}
	next := *epoch
	next.Number++
	next.Validators = slices.Clone(epoch.Validators)
	if !f(&next) {
		return nil
	}
	return &next
}

// plan makes a transaction that changes the epoch, and gives it to all pools.
func (net *network) plan(name string, f func(next *types.Epoch) bool) {
	net.plans.mu.Lock()
	if net.plans.of == nil {
		net.plans.of = map[string]func(*types.Epoch) bool{}
	}
	net.plans.of[name] = f
	net.plans.mu.Unlock()
	for _, n := range net.nodes {
		if n.engine != nil {
			n.pool.add([]byte(name))
		}
	}
}

// joins brings an instance in.
func joins(n *testNode) func(*types.Epoch) bool {
	return func(next *types.Epoch) bool {
		if _, in := next.IndexOfNetworkKey(n.id); in {
			return false
		}
		next.Validators = append(next.Validators, n.validator())
		return true
	}
}

// leaves takes an instance out.
func leaves(n *testNode) func(*types.Epoch) bool {
	return func(next *types.Epoch) bool {
		i, in := next.IndexOfNetworkKey(n.id)
		if in {
			next.Validators = slices.Delete(next.Validators, i, i+1)
		}
		return in
	}
}

// succeeds puts one instance in the place of another.
func succeeds(old, successor *testNode) func(*types.Epoch) bool {
	return func(next *types.Epoch) bool {
		i, in := next.IndexOfNetworkKey(old.id)
		if in {
			next.Validators[i] = successor.validator()
		}
		return in
	}
}

// waitEpoch waits until the named nodes are in an epoch.
func (net *network) waitEpoch(number uint64, nodes ...int) {
	net.t.Helper()
	for _, i := range nodes {
		waitFor(net.t, "a node to enter the epoch", func() bool { return net.nodes[i].engine.Status().Consensus.Epoch >= number }, nil)
	}
}

// follow passes certificates to nodes that are in no set, as the gossip of a whole
// node does.
func (n *testNode) follow(ctx context.Context, endpoint *memory.Endpoint, e *Engine) error {
	n.observer.publish = func(cc *types.CC) {
		_ = endpoint.Publish(p2p.TopicBlocks, wire.EncodeMessage(&types.Message{CC: cc})) // closed: the node ends
	}
	heard, err := endpoint.Subscribe(p2p.TopicBlocks, nil)
	if err != nil {
		return err
	}
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case m := <-heard:
				if message, err := wire.DecodeMessage(m.Data); err == nil && e.Status().Consensus.Self < 0 {
					e.Receive(consensus.Peer(m.From), message)
				}
			}
		}
	}()
	return nil
}

// position is where a node's disk stands, as the wiring of a whole node finds it.
func (n *testNode) position() consensus.Start {
	n.net.t.Helper()
	root := consensus.Final{Outcome: n.net.genesisOutcome()}
	start := consensus.Start{Epoch: n.net.epoch, Root: root, Tip: root, Outcomes: n.log.signed, Stopped: n.stopped}
	number, tip := uint64(1), n.store.Tip()
	if tip > 0 {
		start.Tip = n.final(tip)
		block, err := n.store.Block(tip)
		n.must(err)
		number = block.Header.Epoch
	}
	if last := n.log.last; last != nil && last.Epoch >= number && n.store.epochs[last.Epoch] != nil {
		number, start.Safety = last.Epoch, last
	}
	if present := n.store.epochs[number]; number > 1 {
		start.Epoch, start.Previous = present.Epoch, &n.store.epochs[number-1].Epoch
		start.Root = n.final(present.Certificate.Outcome.Height)
		start.Root.View, start.Root.Certificate = 0, present.Certificate
	}
	if next := n.store.epochs[number+1]; next != nil && start.Tip.Outcome.EndsEpoch() && tip > 0 {
		start.TipChange = &next.Epoch
	}
	for _, b := range n.log.blocks {
		start.Blocks = append(start.Blocks, b)
	}
	return start
}

func (n *testNode) final(height uint64) consensus.Final {
	block, err := n.store.Block(height)
	n.must(err)
	outcome, err := n.store.Outcome(height)
	n.must(err)
	cc, err := n.store.Certificate(height)
	n.must(err)
	return consensus.Final{View: block.Header.View, TimestampMs: block.Header.TimestampMs, Outcome: *outcome, Certificate: cc}
}

func (net *network) must(err error) {
	net.t.Helper()
	if err != nil {
		net.t.Fatal(err)
	}
}

// progressThrough is progress of all, where one node may end once to be started
// again: its chain volume has reached the vote log's epoch.
func (net *network) progressThrough(height uint64, filling int) {
	net.t.Helper()
	n := net.nodes[filling]
	waitFor(net.t, "all to be there", func() bool {
		select {
		case err := <-n.done:
			if !errors.Is(err, ErrCaughtUp) {
				net.t.Fatalf("node %d ended: %v", filling, err)
			}
			n.engine = nil
			n.start()
		default:
		}
		for _, n := range net.nodes {
			if n.store.Tip() < height {
				return false
			}
		}
		return true
	}, func() { net.load(2_000_000+int(height)*10_000+int(net.nodes[0].store.Tip()), 1) })
}

// count is how many messages were given to be signed.
func (s *fakeSigner) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.signed)
}

// barrier waits until the writer has done what it was asked for so far.
func (n *testNode) barrier() {
	done := make(chan struct{})
	n.engine.writer.then(func() { close(done) })
	<-done
}
