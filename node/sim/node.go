package sim

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"time"

	"github.com/bedrock-bft/bedrock/node/consensus"
	"github.com/bedrock-bft/bedrock/node/engine"
	"github.com/bedrock-bft/bedrock/node/mempool"
	"github.com/bedrock-bft/bedrock/node/p2p"
	"github.com/bedrock-bft/bedrock/node/signer"
	"github.com/bedrock-bft/bedrock/node/storage/disk/simdisk"
	"github.com/bedrock-bft/bedrock/node/storage/votelog"
	"github.com/bedrock-bft/bedrock/node/task"
	"github.com/bedrock-bft/bedrock/node/task/deterministic"
	"github.com/bedrock-bft/bedrock/node/types"
	"github.com/bedrock-bft/bedrock/node/wiring"
)

// logDir is where the vote log lies on a node's disk; segmentBytes its segments' size.
const (
	logDir       = "/signer/votelog"
	segmentBytes = 256 << 10
)

// chain begins at height 0 with epoch 1.
var chain = wiring.Chain{First: 1}

// node is one validator: its keys and volumes, and whatever runs on them now.
type node struct {
	w         *world
	index     int
	validator int // whose keys it has; index, but for a twin
	network   ed25519.PrivateKey
	key       types.PrivateKey
	id        p2p.PeerID
	disk      *simdisk.Disk // the signer volume
	store     *store        // the chain volume
	skew      int64         // of the wall clock, ms
	lives     int

	// Of the present life.
	process  *deterministic.Process // nil: it is down
	lost     bool                   // its disk crashed
	endpoint *endpoint
	pool     *mempool.Pool
	engine   *engine.Engine
}

func newNode(w *world, i, validator int) (*node, error) {
	secret := types.SumHash(fmt.Appendf(nil, "consensus key %d", validator))
	key, err := w.scheme.PrivateKey(secret[:])
	if err != nil {
		return nil, err
	}
	seed := types.SumHash(fmt.Appendf(nil, "network key %d", validator))
	network := ed25519.NewKeyFromSeed(seed[:])
	return &node{w: w, index: i, validator: validator, network: network, key: key, id: p2p.PeerID(network.Public().(ed25519.PublicKey)),
		disk: simdisk.New(w.plan.Seed ^ uint64(i+1)<<32), skew: int64(w.chance.IntN(400)) - 200}, nil
}

// born makes the volumes.
func (n *node) born() error {
	n.store = newStore(n.w.genesisOutcome(), n.w.epoch)
	return votelog.Create(logDir, n.logOptions())
}

func (n *node) logOptions() votelog.Options {
	return votelog.Options{Owner: n.id, FS: n.disk, SegmentBytes: segmentBytes, Serial: true}
}

// supervise keeps the node up.
func (n *node) supervise() {
	for {
		n.lives++
		n.process = n.w.s.Process(fmt.Sprintf("node %d, life %d", n.index, n.lives))
		n.process.Go("node", n.run)
		n.w.tell("node %d begins life %d", n.index, n.lives)
		n.w.s.Await(func() bool { return n.process == nil })
		n.w.s.Sleep(between(n.w.faults, 10*time.Millisecond, 3*time.Second))
	}
}

// crash ends the node here and now; what it had not synced is lost, as chance has it.
func (n *node) crash() {
	if n.process == nil {
		n.disk.PowerCut() // no crash inside a write is left to come
		return
	}
	n.process.Kill()
	if n.endpoint != nil {
		n.endpoint.down = true
	}
	n.disk.PowerCut()
	n.store.cut(n.w.chance)
	n.process, n.lost, n.endpoint, n.pool, n.engine = nil, false, nil, nil, nil
	n.w.result.Crashes++
	n.w.tell("node %d is down", n.index)
}

// died ends what a task does on a disk that has crashed: nothing more leaves the node,
// which is ended soon.
func (n *node) died() {
	n.lost = true
	if n.endpoint != nil {
		n.endpoint.down = true
	}
	n.w.s.Await(func() bool { return false })
}

// run is one life.
func (n *node) run() {
	err := n.live()
	if n.lost || errors.Is(err, simdisk.ErrCrashed) {
		n.died()
	}
	n.w.checks.violated(n, "it ended by itself: %v", err)
	n.died() // one that may: it is down until it crashes
}

func (n *node) live() error {
	log, recovered, err := votelog.Open(logDir, n.logOptions())
	if err != nil {
		return fmt.Errorf("open the vote log: %w", err)
	}
	n.w.checks.opened(n, recovered.SyncedHeight)
	n.w.checks.recovered(n, &recovered.State)
	tasks := n.process.Runtime()
	n.store.wait = func() { n.w.s.Sleep(between(n.w.chance, 0, n.w.plan.SlowDisk)) }
	n.endpoint = newEndpoint(n)
	m := n.machine(tasks)
	if _, m.epoch, err = wiring.Newest(chain, n.store); err != nil {
		return err
	}
	n.pool, err = mempool.New(mempool.Config{Tasks: tasks, Verifier: poolMachine{m}, Checker: poolMachine{m}, Sandbox: poolMachine{m},
		Broadcaster: broadcaster{n.endpoint}, Executor: n.w.epoch.ExecutorHash, Height: n.store.Tip(), Workers: 2, Log: n.w.log.With("node", n.index)})
	if err != nil {
		return fmt.Errorf("open the pool: %w", err)
	}
	m.verdicts = n.pool.Verdicts()
	cfg, err := n.config(tasks, m, log, &recovered)
	if err != nil {
		return err
	}
	if n.engine, err = engine.New(cfg); err != nil {
		return fmt.Errorf("start the engine: %w", err)
	}
	if err := n.hearTransactions(tasks); err != nil {
		return err
	}
	return n.engine.Run(context.Background())
}

func (n *node) machine(tasks task.Runtime) *machine {
	tip := &n.store.heights[n.store.Tip()]
	m := &machine{on: tasks, base: tip.state, block: tip.outcome.Block, height: tip.outcome.Height, above: map[types.Hash]executed{},
		slow: func() time.Duration { return between(n.w.chance, 0, n.w.plan.SlowRun) }}
	if n.w.plan.Epochs {
		m.next = n.w.next
	}
	return m
}

func (n *node) config(tasks task.Runtime, m *machine, log *votelog.Log, recovered *votelog.Recovered) (engine.Config, error) {
	start, err := wiring.Position(chain, n.store, recovered)
	if err != nil {
		return engine.Config{}, err
	}
	s := signer.InMemory(n.network, n.key)
	if err := s.Recovered(n.w.genesis, recovered.State); err != nil {
		return engine.Config{}, err
	}
	cfg := engine.Config{Tasks: tasks,
		Consensus: consensus.Config{Genesis: n.w.genesis, Scheme: n.w.scheme, Timing: n.w.timing, NetworkKey: consensus.Peer(n.id), ConsensusKey: n.key.Public()},
		Start:     start, ChainID: "simulated", Clock: &clock{n: n, on: tasks}, Transport: n.endpoint, VoteLog: &voteLog{n: n, log: log}, Signer: watchedSigner{n, s},
		Executor: m, Verifier: m, Store: n.store, Pool: wiring.Pool{Pool: n.pool, Tip: m}, Observer: observer{n}, Log: n.w.log.With("node", n.index),
		SyncedHeight:  n.store.Tip(),
		OnForeign:     func(reason string) { n.w.checks.foreign(n, reason) },
		OnSuperseded:  func(uint64) error { return nil },
		OnStopSigning: func(consensus.StopSigning) error { return nil },
	}
	if recovered.State.Epoch > 0 {
		cfg.Recorded = &recovered.State
	}
	n.conduct(&cfg)
	return cfg, nil
}

// conduct puts other parts in the place of the node's own.
func (n *node) conduct(cfg *engine.Config) {
	h, handle := &n.w.hooks, &Node{n}
	if h.Transport != nil {
		cfg.Transport = h.Transport(handle, cfg.Transport)
	}
	if h.VoteLog != nil {
		cfg.VoteLog = h.VoteLog(handle, cfg.VoteLog)
	}
	if h.Executor != nil {
		cfg.Executor = h.Executor(handle, cfg.Executor)
	}
	if h.Store != nil {
		cfg.Store = h.Store(handle, cfg.Store)
	}
}

// hearTransactions passes gossip on to the pool.
func (n *node) hearTransactions(tasks task.Runtime) error {
	heard, err := n.endpoint.Subscribe(p2p.TopicTx, func(_ context.Context, _ p2p.PeerID, data []byte) p2p.Verdict {
		if _, err := mempool.DecodeBatch(data); err != nil {
			return p2p.Reject
		}
		return p2p.Accept
	})
	if err != nil {
		return err
	}
	pool := n.pool
	tasks.Go("transactions heard", func() {
		var m p2p.Message
		for task.Select2(tasks, task.Recv(heard, &m), task.Recv[int](nil, nil)) == 0 {
			if txs, err := mempool.DecodeBatch(m.Data); err == nil {
				_ = pool.Offer(txs, mempool.Source(m.From)) // closed: the node ends
			}
		}
	})
	return nil
}

// standing says where the node is.
func (n *node) standing() string {
	if n.engine == nil {
		return fmt.Sprintf("  node %d, life %d, tip %d: down or starting", n.index, n.lives, n.store.Tip())
	}
	s := n.engine.Status()
	c := &s.Consensus
	return fmt.Sprintf("  node %d, life %d, tip %d (synced %d): view %d, final %d, lock %d, signing %v %s, syncing %v to %d", n.index, n.lives,
		n.store.Tip(), n.store.synced, c.View, c.FinalHeight, c.Lock.View, s.Signing, s.WhyNot, s.Syncing, s.Target)
}
