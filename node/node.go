package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bedrock-bft/bedrock/executor"
	"github.com/bedrock-bft/bedrock/node/config"
	"github.com/bedrock-bft/bedrock/node/consensus"
	"github.com/bedrock-bft/bedrock/node/engine"
	"github.com/bedrock-bft/bedrock/node/genesis"
	"github.com/bedrock-bft/bedrock/node/mempool"
	"github.com/bedrock-bft/bedrock/node/metrics"
	"github.com/bedrock-bft/bedrock/node/p2p"
	"github.com/bedrock-bft/bedrock/node/signer"
	"github.com/bedrock-bft/bedrock/node/storage"
	"github.com/bedrock-bft/bedrock/node/storage/votelog"
	"github.com/bedrock-bft/bedrock/node/types"
	"github.com/bedrock-bft/bedrock/node/wiring"
)

// Options are what a Node is made from.
type Options struct {
	Home    string
	Config  *config.Config
	Log     *slog.Logger
	Level   *slog.LevelVar // of Log, for the admin service
	Version string
	// Transport may put itself before what the engine sends through; nil: nothing. For
	// tests.
	Transport func(engine.Transport) engine.Transport
}

// Node is one node: open after New, running in Run.
type Node struct {
	opt      Options
	cfg      *config.Config
	log      *slog.Logger
	registry *prometheus.Registry
	genesis  *genesis.Genesis
	scheme   types.Scheme
	started  time.Time
	clock    clock

	home      homeFile
	dialled   []string            // peers' entries at the start
	filePeers map[p2p.PeerID]bool // that are dialled as configured

	signer    *signer.Signer
	voteLog   *votelog.Log
	recovered votelog.Recovered
	boots     uint64 // how often the signer volume was opened. // rule: boot-count
	aside     string // what became of the volume's identity before this one; empty: there was none
	store     *storage.Store
	modules   *moduleStore
	execution *execution
	pool      *mempool.Pool
	network   *p2p.Network
	observer  *observer
	faults    *faultCount
	public    http.Handler
	engine    *engine.Engine
	gossip    *wiring.Gossip
	upgrades  *upgrades

	halt    atomic.Uint64  // height; 0: none
	closers []func() error // run last first
}

// New opens everything that a node needs. Errors say what to do; what was opened
// is closed again.
func New(ctx context.Context, opt Options) (n *Node, err error) {
	n = &Node{opt: opt, cfg: opt.Config, log: opt.Log, started: time.Now(), clock: newClock()}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.Close())
			n = nil
		}
	}()
	for _, step := range []func(context.Context) error{
		n.openGenesis, n.openMetrics, n.openSigner, n.openStore, n.openNetwork, n.openExecution, n.openPool, n.openEngine, n.openPublic,
	} {
		if err := step(ctx); err != nil {
			return n, err
		}
	}
	return n, nil
}

// Close closes what New opened, once Run has returned.
func (n *Node) Close() error {
	var all error
	for i := len(n.closers) - 1; i >= 0; i-- {
		all = errors.Join(all, n.closers[i]())
	}
	n.closers = nil
	return all
}

// path is a configured path, relative to the home.
func (n *Node) path(p string) string {
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(n.opt.Home, p)
}

func (n *Node) openGenesis(context.Context) error {
	g, err := genesis.Load(n.path(n.cfg.Genesis.File))
	if err != nil {
		return err
	}
	if pin := n.cfg.Genesis.Hash; pin != "" && pin != g.Hash().String() {
		return fmt.Errorf("genesis.hash pins %s, but %s has the hash %s: use the file that the chain was started with", pin, n.path(n.cfg.Genesis.File), g.Hash())
	}
	scheme, err := types.SchemeByName(g.Scheme)
	if err != nil {
		return err
	}
	n.genesis, n.scheme = g, scheme
	return nil
}

func (n *Node) openMetrics(context.Context) (err error) {
	n.registry, err = metrics.New(metrics.Build{Version: n.opt.Version, ChainID: n.genesis.ChainID, Genesis: n.genesis.Hash().String()})
	if err != nil {
		return err
	}
	n.faults, err = newFaultCount(n.registry, n.log)
	return err
}

// Metrics gathers what /metrics exports.
func (n *Node) Metrics() prometheus.Gatherer { return n.registry }

// openSigner locks the signer volume and reads what was signed. A vote log that
// cannot vouch for that makes the volume foreign: a new identity is born, and
// this process follows the chain without signing. // rule: volume-foreign
func (n *Node) openSigner(context.Context) error {
	s, opened, err := signer.Open(n.path(n.cfg.Dirs.Signer), signer.Options{Marks: n.cfg.Signer.Marks, AllowUnsafeFileSystem: n.unsafeFileSystems()})
	if err != nil {
		return err
	}
	n.signer, n.boots = s, opened.Boots
	n.closers = append(n.closers, s.Close)
	if opened.SetAside != nil {
		n.log.Error("signer volume is foreign: its identity was set aside and a new one was made", "rule", "volume-foreign",
			"set_aside", fmt.Sprintf("%+v", *opened.SetAside), "do", "let the validator's owner rotate to the new identity, or `bedrock identity adopt` the old one")
	}
	n.log.Info("opened the signer volume", "identity", s.Record().NetworkKey, "boots", opened.Boots)
	return n.openVoteLog()
}

func (n *Node) openVoteLog() error {
	record := n.signer.Record()
	_, owner, _, err := record.Keys()
	if err != nil {
		return err
	}
	log, recovered, err := votelog.Open(n.signer.VoteLogDir(), votelog.Options{Owner: owner, AllowUnsafeFileSystem: n.unsafeFileSystems()})
	if errors.Is(err, votelog.ErrForeign) {
		aside, renewErr := n.signer.Foreign(signer.AsideVoteLog, err.Error())
		if renewErr != nil {
			return errors.Join(err, renewErr)
		}
		n.log.Error("vote log cannot vouch for what was signed: the identity was set aside and a new one was made", "rule", "volume-foreign",
			"error", err, "set_aside", fmt.Sprintf("%+v", aside), "do", "let the validator's owner rotate to the new identity")
		return n.openVoteLog()
	}
	if err != nil {
		return err
	}
	if n.aside, err = n.signer.LastAside(); err != nil {
		return fmt.Errorf("look for identities set aside: %w", err)
	}
	n.voteLog, n.recovered = log, recovered
	n.closers = append(n.closers, log.Close)
	for _, d := range recovered.Damage {
		n.log.Warn("vote log: found damage, the other copy vouches", "damage", d.String())
	}
	n.log.Info("opened the vote log", "epoch", recovered.State.Epoch, "voted_view", recovered.State.VotedView,
		"timeout_view", recovered.State.TimeoutView, "synced_height", recovered.SyncedHeight, "bodies", len(recovered.Blocks))
	return n.signer.Recovered(n.genesis.Hash(), recovered.State)
}

func (n *Node) unsafeFileSystems() bool { return n.cfg.Dirs.FileSystems == "allow-unsafe" }

func (n *Node) openStore(ctx context.Context) error {
	dir := n.path(n.cfg.Dirs.Data)
	if err := os.MkdirAll(filepath.Join(dir, "db"), 0o700); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	if err := n.followStopped(ctx); err != nil {
		return err
	}
	store, err := storage.Open(filepath.Join(dir, "db"), storage.Options{
		Genesis: n.genesis.Hash(), Continues: n.continuation(), VoteLogSynced: n.recovered.SyncedHeight, AllowUnsafeFileSystem: n.unsafeFileSystems(),
		BlockCacheBytes: uint64(n.cfg.Storage.BlockCacheBytes), WriteBufferBytes: uint64(n.cfg.Storage.WriteBufferBytes),
		KeepState: n.cfg.Storage.KeepStates, KeepBlocks: n.cfg.Storage.KeepBlocks, Log: n.log,
		Schema: uint32(n.cfg.Storage.Schema),
	})
	if err != nil {
		return err
	}
	n.store = store
	n.closers = append(n.closers, store.Close)
	newest := &types.Epoch{Number: 1, Engine: n.genesis.Engine}
	if store.Continued() {
		first := n.genesis.Epoch()
		newest = &first
	} else if !store.Empty() {
		if _, newest, err = newestEpoch(n.genesis, store); err != nil {
			return err
		}
	}
	options := executor.Options{Number: newest.Engine, VerifyInstances: n.cfg.Executor.VerifyWorkers, CheckEpoch: n.checkEpoch,
		OnHostFault: n.faults.heard}
	if n.modules, err = openModules(filepath.Join(dir, "modules"), n.executorFile(), options, store); err != nil {
		return fmt.Errorf("open the modules for epoch %d: %w", newest.Number, err)
	}
	if err := n.checkLock(); err != nil {
		return err
	}
	if store.Continued() {
		if err := n.recoverStore(ctx); err != nil {
			return err
		}
	}
	if n.genesis.Continues != nil && n.signer != nil {
		if err := n.signer.SetContinued(n.genesis.Hash()); err != nil {
			return err
		}
	}
	return store.KeepDocument(n.genesis.Hash(), n.genesis.Bytes())
}

func (n *Node) executorFile() string {
	if n.cfg.Executor.Module == "" {
		return ""
	}
	return n.path(n.cfg.Executor.Module)
}

func (n *Node) openExecution(ctx context.Context) error {
	if n.store.Empty() {
		n.bringGenesisModule(ctx)
		if err := makeGenesis(ctx, n.genesis, n.modules, n.store); err != nil {
			return err
		}
	}
	overlays, err := openOverlays(n.store, n.cfg.Executor.PageCacheBytes)
	if err != nil {
		return err
	}
	n.execution = &execution{genesis: n.genesis.Hash(), modules: n.modules, overlays: overlays, log: n.log}
	tip, epoch, err := newestEpoch(n.genesis, n.store)
	if err != nil {
		return err
	}
	n.execution.SetTip(tip, epoch)
	return n.checkTip(ctx)
}

func (n *Node) openPool(context.Context) error {
	epoch, tip := n.execution.present()
	journal := ""
	if n.cfg.Mempool.Journal {
		journal = filepath.Join(n.path(n.cfg.Dirs.Data), "mempool.journal")
	}
	pool, err := mempool.New(mempool.Config{
		Verifier: n.execution, Checker: n.execution, Sandbox: n.execution, Broadcaster: n.gossip, Executor: epoch.ExecutorHash, Height: tip.Height,
		Limits:  mempool.Limits{Txs: n.cfg.Mempool.MaxTransactions, Bytes: int(n.cfg.Mempool.MaxBytes), LaneTxs: n.cfg.Mempool.MaxPerSender, TTL: n.cfg.Mempool.TTL},
		Journal: journal, Log: n.log, Registerer: n.registry,
	})
	if err != nil {
		return err
	}
	n.pool, n.gossip.Pool = pool, pool
	n.closers = append(n.closers, pool.Close)
	return nil
}

// maxBlockMessage bounds a proposal with its block: epochs may have other limits
// than genesis, up to types.MaxBlockBytes of payload.
const maxBlockMessage = types.MaxBlockBytes + 4<<20

// A block with every list full, and certificates of 1 MiB beside it, must fit.
const _ = uint(maxBlockMessage - (types.MaxBlockBytes + 8*types.MaxTransactions + types.MaxEvidence*(types.MaxEvidenceBytes+4) + 1<<20))

func (n *Node) openNetwork(context.Context) error {
	if err := n.join(n.store.Tip(), n.registry); err != nil {
		return err
	}
	n.closers = append(n.closers, n.network.Close)
	if err := n.shareModules(); err != nil {
		return err
	}
	n.gossip = &wiring.Gossip{Network: n.network, Log: n.log}
	return n.gossip.Open()
}

// join opens the network, which dials the configured peers.
func (n *Node) join(tip uint64, registry prometheus.Registerer) error {
	peers, err := n.peers()
	if err != nil {
		return err
	}
	roles := map[string]p2p.Role{"validator": p2p.RoleValidator, "full": p2p.RoleFull, "sentry": p2p.RoleSentry, "seed": p2p.RoleSeed}
	n.network, err = p2p.New(p2p.Config{
		Identity: n.signer.NetworkKey(), Listen: n.cfg.P2P.Listen, ChainID: n.genesis.ChainID, Genesis: n.genesis.Hash(), Role: roles[n.cfg.Role],
		Peers: peers, Tip: tip, MaxBlockBytes: maxBlockMessage, BlockQueueBytes: 4 * (int(n.genesis.Block.MaxBytes)*2 + 1<<20), MaxPeers: n.cfg.P2P.MaxPeers,
		MaxPerAddress: n.cfg.P2P.MaxPerAddress, DialMax: n.cfg.P2P.DialMax, Announced: n.announced, BanFor: n.cfg.P2P.BanFor, Log: n.log, Registerer: registry,
	})
	return err
}

func (n *Node) openEngine(context.Context) error {
	start, err := position(n.genesis, n.store, &n.recovered)
	if err != nil {
		return err
	}
	dataDir := n.path(n.cfg.Dirs.Data)
	if start.Stopped, err = readStopped(dataDir); err != nil {
		return err
	}
	if n.observer, err = newObserver(n); err != nil {
		return err
	}
	t := n.genesis.Timing
	cfg := engine.Config{
		Consensus: consensus.Config{Genesis: n.genesis.Hash(), Scheme: n.scheme, NetworkKey: consensus.Peer(n.network.Self()),
			Timing: consensus.Timing{SettleMs: t.SettleMs, BaseMs: t.BaseMs, GrowthPermille: t.GrowthPermille, CapMs: t.CapMs,
				IdleMs: t.IdleIntervalMs, ExecutionLimitMs: t.ExecutionLimitMs, ResendMs: t.ResendMs, DriftMs: t.DriftMs}},
		Start: start, Root: n.genesis.Root(), ChainID: n.genesis.ChainID, Clock: n.clock, Transport: n.transport(), Executor: n.execution,
		Verifier: &blockVerifier{execution: n.execution, verdicts: n.pool.Verdicts()}, Store: storePort{n.store},
		Pool: wiring.Pool{Pool: n.pool, Tip: n.execution}, Observer: n.observer, Log: n.log, SyncedHeight: n.store.Tip(),
		Filling: n.store.Filling,
		OnForeign: func(reason string) {
			if _, err := n.signer.Foreign("own-echo", reason); err != nil {
				n.log.Error("identity was not set aside", "error", err)
			}
		},
		OnSuperseded: func(epoch uint64) error {
			return n.signer.DeleteKeys(fmt.Sprintf("epoch %d left this identity out", epoch))
		},
		OnStopSigning: func(s consensus.StopSigning) error { return writeStopped(dataDir, &s) },
	}
	if n.cfg.Role == "validator" {
		cfg.VoteLog, cfg.Signer, cfg.Consensus.ConsensusKey = n.voteLog, n.signer, n.signer.ConsensusKey()
		if n.recovered.State.Epoch > 0 {
			cfg.Recorded = &n.recovered.State
		}
	}
	n.upgrades = newUpgrades(n)
	n.engine, err = engine.New(cfg)
	n.gossip.Engine = n.engine
	return err
}
