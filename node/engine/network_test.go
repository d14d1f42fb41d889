package engine

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bedrock-bft/bedrock/node/consensus"
	"github.com/bedrock-bft/bedrock/node/p2p"
	"github.com/bedrock-bft/bedrock/node/p2p/memory"
	"github.com/bedrock-bft/bedrock/node/types"
)

// deadline bounds every wait of these tests: far above what they take.
const deadline = 60 * time.Second

// network is validators over one hub. A node's disk (store, log) outlives it.
type network struct {
	plans   plans
	t       *testing.T
	hub     *memory.Hub
	genesis types.Hash
	epoch   types.Epoch
	scheme  types.Scheme
	timing  consensus.Timing
	nodes   []*testNode
}

// testNode is one validator.
type testNode struct {
	net      *network
	index    int
	key      types.PrivateKey
	id       p2p.PeerID
	store    *fakeStore
	log      *fakeLog
	signer   *fakeSigner
	pool     *fakePool
	executor *fakeExecutor
	observer *quiet
	stopped  string // what OnStopSigning made durable
	foreign  []string
	wall     atomic.Int64  // by how much the wall clock was moved, ms
	gone     atomic.Uint64 // the epoch that OnSuperseded named

	engine *Engine
	stop   context.CancelFunc
	done   chan error
}

func newNetwork(t *testing.T, n int) *network {
	t.Helper()
	scheme := types.Ed25519{}
	net := &network{t: t, genesis: types.SumHash([]byte(t.Name())), scheme: scheme, timing: consensus.DevnetTiming(), hub: memory.NewHub(nil)}
	net.epoch = types.Epoch{Number: 1, Scheme: types.SchemeEd25519, Engine: 1, MaxBytes: 1 << 20, MaxGas: 1 << 30, ExecutorHash: types.SumHash([]byte("module"))}
	for range n {
		net.epoch.Validators = append(net.epoch.Validators, net.instance().validator())
	}
	genesis := net.genesisOutcome()
	for _, n := range net.nodes {
		n.store = newFakeStore(genesis, net.epoch)
	}
	t.Cleanup(net.stopAll)
	return net
}

// instance adds an instance with keys of its own, which is in no set yet.
func (net *network) instance() *testNode {
	net.t.Helper()
	i := len(net.nodes)
	secret := types.SumHash(fmt.Appendf(nil, "consensus key %d", i))
	key, err := net.scheme.PrivateKey(secret[:])
	if err != nil {
		net.t.Fatal(err)
	}
	seed := types.SumHash(fmt.Appendf(nil, "network key %d", i))
	id := p2p.PeerID(ed25519.NewKeyFromSeed(seed[:]).Public().(ed25519.PublicKey))
	n := &testNode{net: net, index: i, key: key, id: id, log: &fakeLog{}}
	if i >= len(net.epoch.Validators) && len(net.epoch.Validators) > 0 {
		n.store = newFakeStore(net.genesisOutcome(), net.epoch)
	}
	net.nodes = append(net.nodes, n)
	return n
}

// validator is the instance as a set names it.
func (n *testNode) validator() types.Validator {
	return types.Validator{ConsensusKey: n.key.Public(), NetworkKey: n.id, Power: 1}
}

func (net *network) genesisOutcome() types.Outcome {
	return types.Outcome{Block: net.genesis, StateRoot: types.SumHash([]byte("state")), ReceiptsRoot: types.ListRoot(nil),
		NextEpoch: net.epoch.Digest(), FailedRun: types.NoFailedRun}
}

// start runs a node on what its disk holds.
func (n *testNode) start() {
	n.net.t.Helper()
	endpoint := n.net.hub.Join(n.id)
	engine := n.open(endpoint, wallClock{time.Now(), &n.wall})
	ctx, cancel := context.WithCancel(context.Background())
	n.engine, n.stop, n.done = engine, cancel, make(chan error, 1)
	n.must(n.follow(ctx, endpoint, engine))
	go func() {
		n.done <- engine.Run(ctx)
		endpoint.Close()
	}()
}

// open makes a node's engine on what its disk holds; nothing runs yet.
func (n *testNode) open(endpoint Transport, clock Clock) *Engine {
	n.net.t.Helper()
	n.signer = &fakeSigner{sign: n.key.Sign, self: n.validator(), chain: n.net.genesis}
	if n.log.last != nil {
		n.signer.recorded = *n.log.last
	}
	n.pool, n.observer = newFakePool(), &quiet{}
	if n.executor == nil {
		n.executor = &fakeExecutor{self: byte(n.index)}
	}
	n.executor.plans = &n.net.plans
	engine, err := New(Config{
		Consensus: consensus.Config{Genesis: n.net.genesis, Scheme: n.net.scheme, Timing: n.net.timing,
			NetworkKey: consensus.Peer(n.id), ConsensusKey: n.key.Public()},
		Start: n.position(), Recorded: n.log.last, ChainID: "test", Clock: clock, Transport: endpoint, VoteLog: n.log, Signer: n.signer,
		Executor: n.executor, Verifier: fakeVerifier{}, Store: n.store, Pool: n.pool, Observer: n.observer,
		Log: slog.New(slog.DiscardHandler).With("node", n.index), SyncedHeight: n.store.Tip(),
		OnForeign:     func(reason string) { n.foreign = append(n.foreign, reason) },
		OnSuperseded:  func(epoch uint64) error { n.gone.Store(epoch); return nil },
		OnStopSigning: func(s consensus.StopSigning) error { n.stopped = s.Reason; return nil },
	})
	n.must(err)
	return engine
}

func (n *testNode) must(err error) {
	n.net.t.Helper()
	if err != nil {
		n.net.t.Fatalf("node %d: %v", n.index, err)
	}
}

// kill stops a node and waits for it; what it had synced stays.
func (n *testNode) kill() error {
	if n.engine == nil {
		return nil
	}
	n.stop()
	err := <-n.done
	n.engine = nil
	return err
}

// ended waits for a node that ends by itself, and gives what it ended with.
func (n *testNode) ended() error {
	n.net.t.Helper()
	select {
	case err := <-n.done:
		n.engine = nil
		return err
	case <-time.After(deadline):
		n.net.t.Fatalf("node %d still runs after %s, want it to end by itself", n.index, deadline)
		return nil
	}
}

func (net *network) startAll() {
	for _, n := range net.nodes {
		n.start()
	}
}

func (net *network) stopAll() {
	for _, n := range net.nodes {
		if err := n.kill(); err != nil && !errors.Is(err, errExpected) {
			net.t.Errorf("node %d ended: %v", n.index, err)
		}
		if n.signer != nil && len(n.signer.early) > 0 {
			net.t.Errorf("node %d signed before it was on record: %v", n.index, n.signer.early)
		}
	}
}

// errExpected marks failures that a test injected.
var errExpected = errors.New("injected")

// load gives every live node the same transactions, as gossip would.
func (net *network) load(from, count int) {
	for i := from; i < from+count; i++ {
		tx := fmt.Appendf(nil, "transaction %d", i)
		for _, n := range net.nodes {
			if n.engine != nil {
				n.pool.add(tx)
			}
		}
	}
}

// waitAll waits until the named nodes have a height.
func (net *network) waitAll(height uint64, nodes ...int) {
	net.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	for _, i := range nodes {
		if err := net.nodes[i].store.waitHeight(ctx, height); err != nil {
			for _, n := range net.nodes {
				if n.engine != nil {
					s := n.engine.Status()
					net.t.Logf("node %d: signing %v %q syncing %v to %d, recorded %+v, %+v", n.index, s.Signing, s.WhyNot, s.Syncing, s.Target, n.log.snapshot(), s.Consensus)
				}
			}
			net.t.Fatalf("node %d: %v", i, err)
		}
	}
}

// progress loads transactions until the named nodes are at least that high.
func (net *network) progress(height uint64, nodes ...int) {
	net.t.Helper()
	var wg sync.WaitGroup
	stop := make(chan struct{})
	wg.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond):
				net.load(1_000_000+int(height)*10_000+i, 1)
			}
		}
	})
	defer func() { close(stop); wg.Wait() }()
	net.waitAll(height, nodes...)
}

// agree checks that all have the same block and outcome wherever two have one.
func (net *network) agree() {
	net.t.Helper()
	longest := net.nodes[0].store
	for _, n := range net.nodes {
		if n.store.Tip() > longest.Tip() {
			longest = n.store
		}
	}
	for _, n := range net.nodes {
		for h := uint64(1); h <= n.store.Tip(); h++ {
			own, _ := n.store.Outcome(h)
			theirs, _ := longest.Outcome(h)
			if *own != *theirs {
				net.t.Fatalf("node %d has another outcome at height %d", n.index, h)
			}
		}
	}
}
