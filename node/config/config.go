package config

import (
	"time"
)

// Config is a node's configuration. Defaults, bounds and meanings are in
// fields.go; relative paths are relative to the home.
type Config struct {
	Moniker   string
	Role      string
	Genesis   Genesis
	Dirs      Dirs
	Log       Log
	P2P       P2P
	RPC       RPC
	Admin     Admin
	Ops       Ops
	Storage   Storage
	Mempool   Mempool
	Executor  Executor
	Sync      Sync
	Signer    Signer
	Telemetry Telemetry
}

// Genesis says which chain.
type Genesis struct {
	File string
	Hash string // hex; empty: not pinned
}

// Dirs are the two volumes.
type Dirs struct {
	Data        string
	Signer      string
	FileSystems string // refuse-unsafe or allow-unsafe
}

// Log is about the node's own log.
type Log struct {
	Level  string
	Format string
}

// P2P is the network between nodes.
type P2P struct {
	Listen        []string
	Announce      []string
	AnnounceFile  string   // read at each handshake
	PeersFile     string   // read again and again
	Peers         []string // network key in hex, '@', host:port
	MaxPeers      int
	MaxPerAddress int
	DialMax       time.Duration
	BanFor        time.Duration
}

// RPC is the public interface.
type RPC struct {
	Listen         string
	TLSCertificate string
	TLSKey         string
	MaxBodyBytes   int64
	MaxStreams     int
	ClientRate     int // requests a second and address
	ClientBurst    int
	QueryWorkers   int // 0: half of the cores
	QueryQueue     int
	QueryTimeout   time.Duration
	AllowedOrigins []string
	Explorer       bool
}

// Admin is the administration's listener.
type Admin struct {
	Listen       string   // loopback
	PinnedListen string   // TLS, for who holds a key of Clients
	Clients      []string // Ed25519 public keys in hex
}

// Ops is the listener of probes and metrics.
type Ops struct {
	Listen string
}

// Storage is the database.
type Storage struct {
	WriteBufferBytes int64
	BlockCacheBytes  int64
	KeepStates       uint64 // heights; 0: all
	KeepBlocks       uint64 // heights; 0: all
	Schema           int    // that the database is migrated to; 0: it stays
	SyncInterval     time.Duration
	SyncBytes        int64
}

// Mempool bounds what waits.
type Mempool struct {
	MaxTransactions int
	MaxBytes        int64
	MaxPerSender    int
	TTL             time.Duration
	Journal         bool
}

// Executor is about running modules.
type Executor struct {
	Module         string // a module to take in at start
	Fetch          bool   // from peers
	VerifyWorkers  int    // 0: all cores
	PageCacheBytes int64
}

// Sync is how a node comes up.
type Sync struct {
	Mode string // auto or blocks
}

// Signer is about the signer volume.
type Signer struct {
	Marks []string
}

// Telemetry is what a node tells of itself.
type Telemetry struct {
	ProfileAdmin bool
}
