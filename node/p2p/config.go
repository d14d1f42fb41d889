package p2p

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"regexp"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Peer is a node that is always dialled. Addresses are `host:port` (UDP, the host
// an IP address or a DNS name that is resolved at each dial) or multiaddrs.
type Peer struct {
	ID        PeerID
	Addresses []string
}

// Resolver turns a DNS name into addresses; net.DefaultResolver does.
type Resolver interface {
	LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error)
}

// Config of a Network. Identity, Listen, ChainID, Genesis and Role are required;
// zero elsewhere stands for the default in brackets.
type Config struct {
	Identity ed25519.PrivateKey
	Listen   []string // `ip:port` or multiaddrs; port 0 picks one
	ChainID  string
	Genesis  [32]byte
	Role     Role
	Peers    []Peer
	Tip      uint64 // height told in the first handshakes

	// MaxBlockBytes bounds a message of the blocks channel [4 MiB].
	MaxBlockBytes int
	// BlockQueueBytes bounds what waits of one peer on the blocks channel, each way,
	// a single larger message excepted; of all peers eight times that is received
	// [4 * MaxBlockBytes].
	BlockQueueBytes int
	// MaxGossipBytes bounds a gossip message [4 MiB].
	MaxGossipBytes int
	// MaxPeers bounds the connected peers that are neither validators nor
	// configured [128].
	MaxPeers int
	// MaxPerAddress bounds the connections of such peers from one IP address [8].
	MaxPerAddress int
	// MaxConnections bounds connections of any kind from one IP address, before
	// their key is known [512].
	MaxConnections int
	// DialMin and DialMax bound the wait between dials of one peer [250 ms, 15 s];
	// DialValidatorMax that between dials of a validator [500 ms].
	DialMin, DialMax, DialValidatorMax time.Duration
	// SilenceMax ends a connection with a validator or configured peer on which nothing
	// was heard for so long [3 s].
	SilenceMax time.Duration
	// HandshakeTimeout ends a connection that has not said who it is [10 s].
	HandshakeTimeout time.Duration
	// WriteTimeout gives a stream up whose peer does not read [10 s].
	WriteTimeout time.Duration
	// BanFor is how long a penalised peer is refused [10 min].
	BanFor time.Duration

	// Announced, if set, gives the addresses that others reach this node at, at most
	// 16, for each handshake anew.
	Announced func() []string
	// Gater, if set, may refuse a peer before its handshake, with the reason.
	Gater      func(id PeerID, address string) error
	Resolver   Resolver
	Log        *slog.Logger          // discards
	Registerer prometheus.Registerer // metrics are kept, not exported
}

var chainIDPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

func (c Config) withDefaults() (Config, error) {
	if len(c.Identity) != ed25519.PrivateKeySize {
		return c, fmt.Errorf("network identity of %d bytes, want an Ed25519 private key of %d", len(c.Identity), ed25519.PrivateKeySize)
	}
	if !chainIDPattern.MatchString(c.ChainID) {
		return c, fmt.Errorf("chain id %q: want 1 to 64 letters, digits, '.', '_' or '-'", c.ChainID)
	}
	if c.Role < RoleFull || c.Role > RoleSeed {
		return c, fmt.Errorf("role %d is none of full, validator, sentry, seed", c.Role)
	}
	if len(c.Listen) == 0 {
		return c, errors.New("no listen address: set p2p.listen, for example 0.0.0.0:7600")
	}
	setInt(&c.MaxBlockBytes, 4<<20)
	setInt(&c.BlockQueueBytes, 4*c.MaxBlockBytes)
	setInt(&c.MaxGossipBytes, 4<<20)
	setInt(&c.MaxPeers, 128)
	setInt(&c.MaxPerAddress, 8)
	setInt(&c.MaxConnections, 512)
	setDuration(&c.DialMin, 250*time.Millisecond)
	setDuration(&c.DialMax, 15*time.Second)
	setDuration(&c.DialValidatorMax, max(c.DialMin, 500*time.Millisecond))
	setDuration(&c.SilenceMax, 3*time.Second)
	setDuration(&c.HandshakeTimeout, 10*time.Second)
	setDuration(&c.WriteTimeout, 10*time.Second)
	setDuration(&c.BanFor, 10*time.Minute)
	if c.DialMax < c.DialMin {
		return c, fmt.Errorf("longest wait between dials %s is below the shortest, %s", c.DialMax, c.DialMin)
	}
	if c.Resolver == nil {
		c.Resolver = net.DefaultResolver
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

func setInt(v *int, preset int) {
	if *v <= 0 {
		*v = preset
	}
}

func setDuration(v *time.Duration, preset time.Duration) {
	if *v <= 0 {
		*v = preset
	}
}
