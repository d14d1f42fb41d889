package sim

import (
	"context"
	"crypto/ed25519"
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
	births    int           // of identities before this one on it
	store     *store        // the chain volume
	skew      int64         // of the wall clock, ms
	drift     int64         // of both clocks, millionths
	lives     int

	volumeState

	// Of the present life.
	process  *deterministic.Process // nil: it is down
	lost     bool                   // its disk crashed
	ended    error                  // why it ended by itself
	endpoint *endpoint
	pool     *mempool.Pool
	gossip   *wiring.Gossip
	engine   *engine.Engine
}

func (n *node) live() error {
	log, recovered, err := n.openVoteLog()
	if err != nil {
		return err
	}
	if err := n.store.open(recovered.SyncedHeight); err != nil {
		return err
	}
	n.w.checks.opened(n, recovered.SyncedHeight)
	n.w.checks.recovered(n, &recovered.State)
	tasks := n.process.Runtime()
	n.store.wait = func() { n.w.s.Sleep(between(n.w.chance, 0, n.w.plan.SlowDisk)) }
	n.endpoint = newEndpoint(n)
	m, err := n.machine(tasks)
	if err != nil {
		return err
	}
	if _, m.epoch, err = wiring.Newest(chain, n.store); err != nil {
		return err
	}
	n.gossip = &wiring.Gossip{Tasks: tasks, Network: n.endpoint, Log: n.w.log.With("node", n.index)}
	if err := n.gossip.Open(); err != nil {
		return err
	}
	n.pool, err = mempool.New(mempool.Config{Tasks: tasks, Verifier: poolMachine{m}, Checker: poolMachine{m}, Sandbox: poolMachine{m},
		Broadcaster: n.gossip, Executor: n.w.epoch.ExecutorHash, Height: n.store.Tip(), Workers: 2, Log: n.w.log.With("node", n.index)})
	if err != nil {
		return fmt.Errorf("open the pool: %w", err)
	}
	m.verdicts, n.gossip.Pool = n.pool.Verdicts(), n.pool
	cfg, err := n.config(tasks, m, log, &recovered)
	if err != nil {
		return err
	}
	if n.engine, err = engine.New(cfg); err != nil {
		return fmt.Errorf("start the engine: %w", err)
	}
	n.gossip.Engine = n.engine
	tasks.Go("gossip", func() {
		if err := n.gossip.Run(context.Background()); err != nil {
			n.w.checks.violated(n, "gossip ended: %v", err)
		}
	})
	return n.engine.Run(context.Background())
}

func (n *node) machine(tasks task.Runtime) (*machine, error) {
	tip, err := n.store.at(n.store.Tip())
	if err != nil {
		return nil, err
	}
	m := &machine{on: tasks, base: tip.state, block: tip.outcome.Block, height: tip.outcome.Height, above: map[types.Hash]executed{},
		slow: func() time.Duration { return between(n.w.chance, 0, n.w.plan.SlowRun) }}
	if n.w.plan.Epochs {
		m.next = n.w.next
	}
	return m, nil
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
		Filling:       func() bool { return n.store.filling },
		OnForeign:     n.judgedForeign,
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
