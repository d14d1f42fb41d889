package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/client/pinned"
	"github.com/bedrock-bft/bedrock/node/engine"
	"github.com/bedrock-bft/bedrock/node/explorer"
	"github.com/bedrock-bft/bedrock/node/rpc"
)

// aliveWithin is how long the engine's loop may be busy before the node counts
// as stuck.
const aliveWithin = 30 * time.Second

// errHalted ends a node that reached the height it was told to halt at.
var errHalted = errors.New("halted at the height that the admin service set")

// Run runs the node until ctx ends, which gives nil, or until it must stop.
func (n *Node) Run(ctx context.Context) error {
	listeners, err := n.listen()
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, l := range listeners {
		group.Go(func() error { return rpc.Serve(ctx, l.listener, l.handler, l.options) })
	}
	group.Go(func() error { return n.engine.Run(ctx) })
	group.Go(func() error { return n.gossip.Run(ctx) })
	group.Go(func() error { return n.watchSpace(ctx) })
	group.Go(func() error { return n.watchHalt(ctx) })
	group.Go(func() error { return n.watchPeers(ctx) })
	group.Go(func() error { return n.prune(ctx) })
	group.Go(func() error { return n.upgrades.run(ctx) })
	group.Go(func() error { return n.runDuties(ctx) })
	n.log.Info("node runs", "chain", n.genesis.ChainID, "genesis", n.genesis.Hash(), "height", n.store.Tip(), "version", n.opt.Version,
		"rpc", n.cfg.RPC.Listen, "ops", n.cfg.Ops.Listen, "p2p", n.cfg.P2P.Listen)
	err = group.Wait()
	if errors.Is(err, errHalted) {
		n.log.Info("halted", "height", n.store.Tip())
		return nil
	}
	return err
}

type served struct {
	listener net.Listener
	handler  http.Handler
	options  rpc.ServeOptions
}

// listen opens the three listeners. Nothing runs yet: a taken port ends the start.
func (n *Node) listen() (out []served, err error) {
	defer func() {
		if err != nil {
			for _, s := range out {
				_ = s.listener.Close() // the start failed already
			}
		}
	}()
	add := func(key, address string, handler http.Handler, opt rpc.ServeOptions) error {
		if address == "" {
			return nil
		}
		l, err := rpc.Listen(key, address)
		if err != nil {
			return err
		}
		opt.Log = n.log
		out = append(out, served{l, handler, opt})
		return nil
	}
	tls, err := rpc.LoadTLS(n.pathOrEmpty(n.cfg.RPC.TLSCertificate), n.pathOrEmpty(n.cfg.RPC.TLSKey))
	if err != nil {
		return out, err
	}
	if err := add("rpc.listen", n.cfg.RPC.Listen, n.public, rpc.ServeOptions{TLS: tls}); err != nil {
		return out, err
	}
	admin := rpc.NewAdmin(adminBackend{n}, rpc.AdminOptions{Level: n.opt.Level, Profile: n.cfg.Telemetry.ProfileAdmin})
	if err := add("admin.listen", n.cfg.Admin.Listen, admin, rpc.ServeOptions{}); err != nil {
		return out, err
	}
	if err := n.addPinned(add, admin); err != nil {
		return out, err
	}
	ops := rpc.NewOps(rpc.Probes{Alive: n.alive, NotReady: n.notReady, Gatherer: n.registry, Log: n.log})
	return out, add("ops.listen", n.cfg.Ops.Listen, ops, rpc.ServeOptions{})
}

// addPinned lets the admin service listen for who holds a key that is pinned. Both sides
// show self-signed certificates; this one's key is the node's identity.
// // rule: pinned-admin
func (n *Node) addPinned(add func(key, address string, handler http.Handler, opt rpc.ServeOptions) error, admin http.Handler) error {
	if n.cfg.Admin.PinnedListen == "" {
		return nil
	}
	var clients []pinned.Key
	for _, text := range n.cfg.Admin.Clients {
		key, err := ledger.ParseID(text)
		if err != nil {
			return fmt.Errorf("admin.clients: %w", err)
		}
		clients = append(clients, pinned.Key(key))
	}
	tls, err := pinned.Server(n.signer.NetworkKey(), clients)
	if err != nil {
		return fmt.Errorf("admin.pinned_listen: %w", err)
	}
	return add("admin.pinned_listen", n.cfg.Admin.PinnedListen, admin, rpc.ServeOptions{TLS: tls})
}

// openPublic makes what rpc.listen serves.
func (n *Node) openPublic(context.Context) (err error) {
	c := &n.cfg.RPC
	opt := rpc.Options{MaxBodyBytes: c.MaxBodyBytes, MaxStreams: c.MaxStreams, ClientRate: c.ClientRate, ClientBurst: c.ClientBurst,
		QueryWorkers: c.QueryWorkers, QueryQueue: c.QueryQueue, QueryTimeout: c.QueryTimeout, AllowedOrigins: c.AllowedOrigins,
		Log: n.log, Registerer: n.registry}
	if c.Explorer {
		opt.Explorer = explorer.Page()
	}
	n.public, err = rpc.NewServer(backend{n}, opt)
	return err
}

func (n *Node) pathOrEmpty(p string) string {
	if p == "" {
		return ""
	}
	return n.path(p)
}

// alive asks the engine's loop for a turn.
func (n *Node) alive() error {
	ctx, cancel := context.WithTimeout(context.Background(), aliveWithin)
	defer cancel()
	return n.engine.Turn(ctx)
}

// notReady lists why this node should get no traffic.
func (n *Node) notReady() []string {
	var reasons []string
	s := n.engine.Status()
	if s.Syncing {
		reasons = append(reasons, fmt.Sprintf("syncs: height %d of %d", n.store.Tip(), s.Target))
	}
	if missing := n.execution.lacks(); missing != "" {
		reasons = append(reasons, "lacks "+missing)
	}
	if n.cfg.Role == "validator" && !s.Signing {
		reasons = append(reasons, "does not sign: "+n.whyNot(&s))
	}
	if len(n.network.Peers()) == 0 && s.Epoch != nil && len(s.Epoch.Validators) > 1 {
		reasons = append(reasons, "no peer is connected")
	}
	return reasons
}

// whyNot is why this process does not sign: with an identity that no set names,
// also what became of the one before. // rule: volume-foreign
func (n *Node) whyNot(s *engine.Status) string {
	if s.Signing || s.Consensus.Self >= 0 {
		return s.WhyNot
	}
	reasons := append([]string{s.WhyNot}, n.signer.Suspended()...) // rule: key-deleted
	if n.aside != "" {
		reasons = append(reasons, fmt.Sprintf("the volume is foreign: %s; let the validator's owner rotate to this identity (%s)", n.aside, n.signer.Record().NetworkKey))
	}
	return strings.Join(reasons, "; ")
}

// watchHalt ends the node once the height of SetHaltHeight is final.
func (n *Node) watchHalt(ctx context.Context) error {
	for height := n.store.Tip(); ; {
		if halt := n.halt.Load(); halt > 0 && height >= halt {
			return errHalted
		}
		next := n.observer.wait(ctx.Done(), height)
		if next == height {
			return nil
		}
		height = next
	}
}
