package config

import (
	"time"
)

// field is one setting: its key in the file, what it means and how it is read.
type field struct {
	key    string // dotted path
	doc    string // one line
	unit   string // how values are written: text, size, duration, number, list, switch
	preset string // as written in the file
	set    func(*Config, string, []string) error
	get    func(*Config) any
}

const (
	kib = 1 << 10
	mib = 1 << 20
	gib = 1 << 30
)

// fields is the whole schema, in the order of the file. A section's comment is in
// sections.
func fields() []field {
	return []field{
		text("moniker", "Name of this node for people.", "", isMoniker, func(c *Config) *string { return &c.Moniker }),
		text("role", "validator, full, sentry or seed.", "validator", oneOf("validator", "full", "sentry", "seed"), func(c *Config) *string { return &c.Role }),

		text("genesis.file", "The genesis document.", "genesis.json", isPath, func(c *Config) *string { return &c.Genesis.File }),
		text("genesis.hash", "SHA-256 of that file in hex; the node refuses any other. Empty: not pinned.", "", isHashOrEmpty, func(c *Config) *string { return &c.Genesis.Hash }),

		text("dirs.data", "Chain volume: everything that can be executed again.", "data", isPath, func(c *Config) *string { return &c.Dirs.Data }),
		text("dirs.signer", "Signer volume: identity, keys and vote log. Never copy it.", "signer", isPath, func(c *Config) *string { return &c.Dirs.Signer }),
		text("dirs.file_systems", "refuse-unsafe, or allow-unsafe for network and overlay file systems (devnets only).", "refuse-unsafe", oneOf("refuse-unsafe", "allow-unsafe"), func(c *Config) *string { return &c.Dirs.FileSystems }),

		text("log.level", "debug, info, warn or error; the admin service changes it at run time.", "info", oneOf("debug", "info", "warn", "error"), func(c *Config) *string { return &c.Log.Level }),
		text("log.format", "text or json.", "text", oneOf("text", "json"), func(c *Config) *string { return &c.Log.Format }),

		list("p2p.listen", "UDP addresses to listen on.", []string{"0.0.0.0:7600"}, 16, isAddress, func(c *Config) *[]string { return &c.P2P.Listen }),
		list("p2p.announce", "Addresses that others reach this node at, read anew for each handshake; empty: none is told.", nil, 16, isAddress, func(c *Config) *[]string { return &c.P2P.Announce }),
		text("p2p.announce_file", "File with one such address a line, read anew for each handshake, in place of p2p.announce; empty: none.", "", isPathOrEmpty, func(c *Config) *string { return &c.P2P.AnnounceFile }),
		list("p2p.peers", "Nodes that are always dialled: NETWORK_KEY@HOST:PORT, the host resolved at each dial; a change in the file is taken up within seconds.", nil, 1024, isPeer, func(c *Config) *[]string { return &c.P2P.Peers }),
		text("p2p.peers_file", "File with one such node a line, beside p2p.peers; a change is taken up within seconds, without a restart; empty: none.", "", isPathOrEmpty, func(c *Config) *string { return &c.P2P.PeersFile }),
		number("p2p.max_peers", "Connected peers that are neither validators nor listed above.", 128, 0, 4096, func(c *Config) *int { return &c.P2P.MaxPeers }),
		number("p2p.max_per_address", "Connections of such peers from one address.", 8, 1, 4096, func(c *Config) *int { return &c.P2P.MaxPerAddress }),
		duration("p2p.dial_max", "Longest wait between dials of one peer.", 15*time.Second, time.Second, time.Hour, func(c *Config) *time.Duration { return &c.P2P.DialMax }),
		duration("p2p.ban_for", "How long a penalised peer is refused.", 10*time.Minute, time.Second, 720*time.Hour, func(c *Config) *time.Duration { return &c.P2P.BanFor }),

		text("rpc.listen", "Address of the public interface; empty: none.", "127.0.0.1:7601", isAddressOrEmpty, func(c *Config) *string { return &c.RPC.Listen }),
		text("rpc.tls_certificate", "PEM file; without it the interface is in clear.", "", isPathOrEmpty, func(c *Config) *string { return &c.RPC.TLSCertificate }),
		text("rpc.tls_key", "PEM file of the certificate's key.", "", isPathOrEmpty, func(c *Config) *string { return &c.RPC.TLSKey }),
		size("rpc.max_body_bytes", "Largest request.", 4*mib, 64*kib, 64*mib, func(c *Config) *int64 { return &c.RPC.MaxBodyBytes }),
		number("rpc.max_streams", "Open streams, over all clients.", 256, 1, 65_536, func(c *Config) *int { return &c.RPC.MaxStreams }),
		number("rpc.client_rate", "Requests a second and client address.", 500, 1, 1_000_000, func(c *Config) *int { return &c.RPC.ClientRate }),
		number("rpc.client_burst", "Requests that a client may make at once.", 1000, 1, 1_000_000, func(c *Config) *int { return &c.RPC.ClientBurst }),
		number("rpc.query_workers", "Queries and simulations that run at once; 0: half of the cores.", 0, 0, 1024, func(c *Config) *int { return &c.RPC.QueryWorkers }),
		number("rpc.query_queue", "Queries that may wait.", 64, 1, 65_536, func(c *Config) *int { return &c.RPC.QueryQueue }),
		duration("rpc.query_timeout", "Deadline of a query by the wall clock.", 5*time.Second, 10*time.Millisecond, time.Minute, func(c *Config) *time.Duration { return &c.RPC.QueryTimeout }),
		list("rpc.allowed_origins", "Web origins whose pages may call this node; '*': all.", nil, 64, isOrigin, func(c *Config) *[]string { return &c.RPC.AllowedOrigins }),
		toggle("rpc.explorer", "Serve the explorer page at '/'.", true, func(c *Config) *bool { return &c.RPC.Explorer }),

		text("admin.listen", "Address of the admin service: loopback only; empty: none.", "127.0.0.1:7602", isLoopbackOrEmpty, func(c *Config) *string { return &c.Admin.Listen }),
		text("admin.pinned_listen", "Address of the admin service over TLS, on any interface, for who holds a key of admin.clients; the node's own key is its network identity. Empty: none.", "", isAddressOrEmpty, func(c *Config) *string { return &c.Admin.PinnedListen }),
		list("admin.clients", "Ed25519 public keys in hex, one, or two while one follows the other.", nil, 2, isKey, func(c *Config) *[]string { return &c.Admin.Clients }),
		text("ops.listen", "Address of /healthz, /readyz and /metrics; empty: none.", "127.0.0.1:7603", isAddressOrEmpty, func(c *Config) *string { return &c.Ops.Listen }),

		size("storage.write_buffer_bytes", "Memory for writes that are not in files yet.", 128*mib, 8*mib, 16*gib, func(c *Config) *int64 { return &c.Storage.WriteBufferBytes }),
		size("storage.block_cache_bytes", "Memory for blocks of files that were read.", 128*mib, 8*mib, 256*gib, func(c *Config) *int64 { return &c.Storage.BlockCacheBytes }),
		count("storage.keep_states", "Heights whose state is kept; 0: all.", 0, func(c *Config) *uint64 { return &c.Storage.KeepStates }),
		count("storage.keep_blocks", "Heights whose blocks are kept; 0: all.", 0, func(c *Config) *uint64 { return &c.Storage.KeepBlocks }),
		number("storage.schema", "Schema that the database is migrated to at the start, without a way back; 0: it stays as it is.", 0, 0, 1_000_000, func(c *Config) *int { return &c.Storage.Schema }),
		duration("storage.sync_interval", "Commit batches are synced at least this often.", 50*time.Millisecond, time.Millisecond, 50*time.Millisecond, func(c *Config) *time.Duration { return &c.Storage.SyncInterval }),
		size("storage.sync_bytes", "Commit batches are synced after so many bytes.", 64*mib, mib, 64*mib, func(c *Config) *int64 { return &c.Storage.SyncBytes }),

		number("mempool.max_transactions", "Transactions that may wait.", 50_000, 16, 10_000_000, func(c *Config) *int { return &c.Mempool.MaxTransactions }),
		size("mempool.max_bytes", "Their bytes.", 64*mib, mib, 16*gib, func(c *Config) *int64 { return &c.Mempool.MaxBytes }),
		number("mempool.max_per_sender", "Transactions that one sender may have waiting.", 1024, 1, 1024, func(c *Config) *int { return &c.Mempool.MaxPerSender }),
		duration("mempool.ttl", "How long a transaction may wait.", 10*time.Minute, time.Second, 168*time.Hour, func(c *Config) *time.Duration { return &c.Mempool.TTL }),
		toggle("mempool.journal", "Keep waiting transactions over a restart.", true, func(c *Config) *bool { return &c.Mempool.Journal }),

		text("executor.module", "A module file to take in at start, beside the built-in one.", "", isPathOrEmpty, func(c *Config) *string { return &c.Executor.Module }),
		toggle("executor.fetch", "Bring modules that the chain names from peers, by their hash; without it they come from `bedrock executor add` alone.", true, func(c *Config) *bool { return &c.Executor.Fetch }),
		number("executor.verify_workers", "Signature checks that run at once; 0: all cores.", 0, 0, 1024, func(c *Config) *int { return &c.Executor.VerifyWorkers }),
		size("executor.page_cache_bytes", "Memory for committed tree pages.", 128*mib, mib, 256*gib, func(c *Config) *int64 { return &c.Executor.PageCacheBytes }),

		text("sync.mode", "auto or blocks: how a node that is behind comes up.", "auto", oneOf("auto", "blocks"), func(c *Config) *string { return &c.Sync.Mode }),

		list("signer.marks", "What the signer volume is mounted as (UIDs of volume and cluster); empty: machine, file system and inode.", nil, 16, isMark, func(c *Config) *[]string { return &c.Signer.Marks }),

		toggle("telemetry.profile_admin", "Serve pprof on the admin listener.", true, func(c *Config) *bool { return &c.Telemetry.ProfileAdmin }),
	}
}

// sections comments the file's top-level keys.
var sections = map[string]string{
	"genesis":   "Which chain.",
	"dirs":      "The two volumes. Each is locked while the node runs.",
	"p2p":       "The network between nodes: QUIC over UDP, identified by network key.",
	"rpc":       "The public interface: Connect, gRPC, gRPC-Web and HTTP+JSON.",
	"admin":     "Administration.",
	"ops":       "Probes and metrics, plain HTTP.",
	"storage":   "RocksDB.",
	"mempool":   "Transactions that wait.",
	"executor":  "WASM modules.",
	"sync":      "Coming up.",
	"signer":    "The signer volume.",
	"telemetry": "What the node tells of itself.",
	"log":       "The node's log.",
}
