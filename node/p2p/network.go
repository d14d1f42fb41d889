package p2p

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/libp2p/go-libp2p"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/connmgr"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	libp2pquic "github.com/libp2p/go-libp2p/p2p/transport/quic"
	ma "github.com/multiformats/go-multiaddr"
)

// Network is a node's place in the network of its chain.
type Network struct {
	cfg     Config
	log     *slog.Logger
	self    PeerID
	session []byte
	prefix  string // of protocol and topic names: /bedrock/<chain>/<genesis prefix>
	host    host.Host
	pubsub  *pubsub.PubSub
	metrics *metrics
	began   time.Time
	gater   *gater
	buckets buckets
	votes   *inbox
	blocks  *inbox
	tip     atomic.Uint64

	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu         sync.Mutex
	closed     bool
	validators map[PeerID]bool
	dialled    map[PeerID]*target
	links      map[network.Conn]*link
	peers      map[PeerID]*remote
	handlers   map[string]bool
	topics     map[Topic]*joined
	refusals   map[PeerID]string // what was last logged, bounded by maxRefusals
	faults     map[PeerID]*fault
	lost       map[PeerID]time.Time // when the last connection ended, bounded by maxLost
	announced  map[PeerID][]string  // addresses that validators and configured peers told, bounded by maxLost
}

var _ Transport = (*Network)(nil)

// New listens, begins to dial the configured peers, and returns. Close it.
func New(cfg Config) (*Network, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	n := &Network{
		cfg:        cfg,
		began:      time.Now(),
		prefix:     fmt.Sprintf("/bedrock/%s/%x", cfg.ChainID, cfg.Genesis[:8]),
		session:    make([]byte, sessionBytes),
		validators: make(map[PeerID]bool),
		dialled:    make(map[PeerID]*target),
		links:      make(map[network.Conn]*link),
		peers:      make(map[PeerID]*remote),
		handlers:   make(map[string]bool),
		topics:     make(map[Topic]*joined),
		refusals:   make(map[PeerID]string),
		lost:       make(map[PeerID]time.Time),
		announced:  make(map[PeerID][]string),
		faults:     make(map[PeerID]*fault),
	}
	copy(n.self[:], cfg.Identity.Public().(ed25519.PublicKey))
	n.log = cfg.Log.With("component", "p2p")
	n.tip.Store(cfg.Tip)
	if _, err := rand.Read(n.session); err != nil {
		return nil, fmt.Errorf("draw a session: %w", err)
	}
	if n.metrics, err = newMetrics(cfg.Registerer); err != nil {
		return nil, fmt.Errorf("register p2p metrics: %w", err)
	}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	n.makeInboxes()
	if err := n.start(); err != nil {
		n.cancel()
		if n.host != nil {
			n.host.Close()
		}
		return nil, err
	}
	return n, nil
}

const (
	votesQueued  = 2048 // messages of one peer
	blocksQueued = 16
)

func (n *Network) makeInboxes() {
	drop := func(c Channel) func(PeerID, int) {
		return func(from PeerID, _ int) { n.countDropIn(from, c, "queue_full") }
	}
	n.votes = newInbox(votesQueued, 4<<20, 128<<20, 64, drop(ChannelVotes))
	n.blocks = newInbox(blocksQueued, n.cfg.BlockQueueBytes, 8*n.cfg.BlockQueueBytes, 4, drop(ChannelBlocks))
	n.spawn(func() { n.votes.run(n.ctx) })
	n.spawn(func() { n.blocks.run(n.ctx) })
}

func (n *Network) start() error {
	if err := n.listen(); err != nil {
		return err
	}
	if err := n.startGossip(); err != nil {
		return err
	}
	n.host.SetStreamHandler(handshakeProtocol, n.serveHandshake)
	n.host.SetStreamHandler(n.protocol(pingProtocol), n.answerPing)
	n.host.SetStreamHandler(n.protocol("votes/1"), func(s network.Stream) { n.serveChannel(s, ChannelVotes) })
	n.host.SetStreamHandler(n.protocol("proposals/1"), func(s network.Stream) { n.serveChannel(s, ChannelBlocks) })
	n.host.Network().Notify(&network.NotifyBundle{
		ConnectedF:    func(_ network.Network, c network.Conn) { n.onConnected(c) },
		DisconnectedF: func(_ network.Network, c network.Conn) { n.onDisconnected(c) },
	})
	for _, p := range n.cfg.Peers {
		if err := n.AddPeer(p); err != nil {
			return err
		}
	}
	return nil
}

func (n *Network) listen() error {
	key, err := crypto.UnmarshalEd25519PrivateKey(n.cfg.Identity)
	if err != nil {
		return fmt.Errorf("network identity: %w", err)
	}
	var listen []ma.Multiaddr
	for _, address := range n.cfg.Listen {
		a, err := listenAddress(address)
		if err != nil {
			return err
		}
		listen = append(listen, a)
	}
	n.gater = newGater(n.cfg, n.isExempt)
	resources, err := resourceManager(n.cfg)
	if err != nil {
		return fmt.Errorf("set network limits: %w", err)
	}
	n.host, err = libp2p.New(
		libp2p.Identity(key),
		libp2p.NoListenAddrs,
		libp2p.Transport(libp2pquic.NewTransport),
		libp2p.ResourceManager(resources),
		libp2p.ConnectionGater(n.gater),
		libp2p.ConnectionManager(connmgr.NullConnMgr{}),
		libp2p.SwarmOpts(swarm.WithDialRanker(swarm.NoDelayDialRanker)),
		libp2p.UDPBlackHoleSuccessCounter(nil),
		libp2p.IPv6BlackHoleSuccessCounter(nil),
		libp2p.DisableIdentifyAddressDiscovery(),
		libp2p.DisableRelay(),
		libp2p.DisableMetrics(),
		libp2p.Ping(false),
		libp2p.UserAgent("bedrock"),
	)
	if err != nil {
		return fmt.Errorf("start the network: %w", err)
	}
	if err := n.host.Network().Listen(listen...); err != nil {
		if strings.Contains(err.Error(), syscall.EADDRINUSE.Error()) { // quic-go and the swarm hand up texts
			return fmt.Errorf("p2p.listen: an address of %v is taken by another process: stop that one, or set p2p.listen to a free port: %w", n.cfg.Listen, err)
		}
		return fmt.Errorf("p2p.listen: listen on %v: %w", n.cfg.Listen, err)
	}
	return nil
}

// Close ends all connections and waits for the network's goroutines.
func (n *Network) Close() error {
	n.mu.Lock()
	if n.closed {
		n.mu.Unlock()
		return nil
	}
	n.closed = true
	n.mu.Unlock()
	n.cancel()
	err := n.host.Close()
	n.work.Wait()
	return err
}

// spawn runs f until it returns; Close waits for it. Nothing runs after Close.
func (n *Network) spawn(f func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return
	}
	n.work.Add(1)
	go func() {
		defer n.work.Done()
		f()
	}()
}

// Dropped is how many messages were lost here since the start, either way.
func (n *Network) Dropped() uint64 { return n.metrics.lost.Load() }

// Self implements Transport.
func (n *Network) Self() PeerID { return n.self }

// Votes implements Transport.
func (n *Network) Votes() <-chan Message { return n.votes.out }

// Blocks implements Transport.
func (n *Network) Blocks() <-chan Message { return n.blocks.out }

// SetTip implements Transport.
func (n *Network) SetTip(height uint64) { n.tip.Store(height) }

// Addresses are the `ip:port` that the node listens on.
func (n *Network) Addresses() []string {
	var out []string
	for _, a := range n.host.Network().ListenAddresses() {
		port, err := a.ValueForProtocol(ma.P_UDP)
		if err != nil {
			continue
		}
		if ip := remoteIP(a); ip.IsValid() {
			out = append(out, netip.AddrPortFrom(ip, parsePort(port)).String())
		}
	}
	return out
}

func (n *Network) protocol(name string) protocol.ID { return protocol.ID(n.prefix + "/" + name) }

// isExempt reports whether limits for strangers leave a peer alone.
func (n *Network) isExempt(id PeerID) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.validators[id] || n.dialled[id] != nil
}

func (n *Network) isValidator(id PeerID) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.validators[id]
}
