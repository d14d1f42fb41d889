package p2p

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
)

// PeerID is a node's network identity: its Ed25519 public key.
type PeerID [32]byte

// String is the identity in lower-case hex.
func (p PeerID) String() string { return hex.EncodeToString(p[:]) }

// MarshalText writes p in hex, for logs in JSON.
func (p PeerID) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// Short is the first eight hex digits, for people.
func (p PeerID) Short() string { return hex.EncodeToString(p[:4]) }

// ParsePeerID reads 64 hex digits.
func ParsePeerID(s string) (PeerID, error) {
	var p PeerID
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(p) {
		return p, fmt.Errorf("network identity %q: want 64 hex digits", s)
	}
	copy(p[:], b)
	return p, nil
}

// Channel is a kind of long-lived stream between validators.
type Channel uint8

// The channels.
const (
	ChannelVotes  Channel = 1 // messages of at most MaxVoteBytes
	ChannelBlocks Channel = 2 // messages of at most Config.MaxBlockBytes
)

// String is the channel's name in logs and metrics.
func (c Channel) String() string {
	switch c {
	case ChannelVotes:
		return "votes"
	case ChannelBlocks:
		return "blocks"
	}
	return "unknown"
}

// MaxVoteBytes bounds one message on ChannelVotes.
const MaxVoteBytes = 64 << 10

// Message is what a peer sent. Data belongs to the receiver.
type Message struct {
	From    PeerID
	Channel Channel // zero for gossip
	Data    []byte
}

// Topic names a gossip topic of the chain.
type Topic string

// The topics.
const (
	TopicTx       Topic = "tx"       // batches of transactions
	TopicEvidence Topic = "evidence" // encoded evidence
	TopicBlocks   Topic = "blocks"   // certificate, header and outcome, for full nodes
)

// Verdict is what a validator of gossip says of a message.
type Verdict uint8

// Verdicts of a GossipValidator.
const (
	Accept Verdict = iota // deliver and pass on
	Ignore                // drop, nobody's fault
	Reject                // drop, the sender's fault
)

// GossipValidator judges a message before it is delivered or passed on. It runs
// on many goroutines at once and must bound its own work; data must not be kept
// unless Accept is returned.
type GossipValidator func(ctx context.Context, from PeerID, data []byte) Verdict

// Protocol is one kind of request. Client and server use the same value.
type Protocol struct {
	Name             string // "blocks/1": letters, digits, '-', '/'
	MaxRequestBytes  int
	MaxResponseBytes int
	Timeout          time.Duration // of one request, on both sides
	RatePerSecond    float64       // requests a peer may make
	Burst            int
	Concurrent       int // requests served at once, over all peers
}

// RequestHandler answers a request. Its error is sent to the asker as text, so it
// must not hold secrets. It runs on the request's own goroutine.
type RequestHandler func(ctx context.Context, from PeerID, request []byte) ([]byte, error)

// Errors of Transport. A RemoteError carries the other side's text.
var (
	ErrNotConnected = errors.New("peer is not connected")
	ErrTooLarge     = errors.New("message is larger than its channel allows")
	ErrClosed       = errors.New("network is closed")
	ErrBusy         = errors.New("peer is busy: ask another or later")
)

// RemoteError is the refusal or failure that a peer answered a request with.
type RemoteError struct {
	Peer PeerID
	Text string
}

// Error implements error.
func (e *RemoteError) Error() string {
	return fmt.Sprintf("peer %s answered: %s", e.Peer.Short(), e.Text)
}

// Role is what a node does for the chain.
type Role uint8

// Roles, as in bedrock.p2p.v1.Role.
const (
	RoleFull      Role = 1
	RoleValidator Role = 2
	RoleSentry    Role = 3
	RoleSeed      Role = 4
)

// PeerInfo is one connected peer, for status.
type PeerInfo struct {
	ID          PeerID
	Address     string   // of the newest connection
	Announced   []string // where it says that it is reached, if it is a validator or configured
	Inbound     bool
	Role        Role
	Validator   bool   // in the set last given to SetValidators
	TipHeight   uint64 // as last heard (handshake or NoteTip)
	Protocol    uint32 // the highest number that both speak
	Connected   time.Time
	DroppedIn   uint64 // messages of this peer that were dropped here
	DroppedOut  uint64 // messages to this peer that were dropped here
	QueuedBytes int    // waiting to be sent
}

// Transport is what the engine, the mempool and block sync need of a network.
// Network is the one over QUIC, memory.Endpoint the one for tests.
//
// Send and multicast methods queue and return at once; they fail only if the
// message is too large, the peer is not connected, or the network is closed. A
// multicast goes to all connected members of the validator set but oneself.
// Data must not be changed after it was handed over.
type Transport interface {
	// Self is the node's own identity.
	Self() PeerID
	// SetValidators names the identities that multicasts go to and whose votes
	// and blocks are heard: those of the epoch, and of its neighbours while both
	// matter. Members that are not connected are dialled where an address is known.
	SetValidators(ids []PeerID)
	// SendVotes and MulticastVotes send at most MaxVoteBytes.
	SendVotes(to PeerID, data []byte) error
	MulticastVotes(data []byte) error
	// SendBlock and MulticastBlock send at most Config.MaxBlockBytes.
	SendBlock(to PeerID, data []byte) error
	MulticastBlock(data []byte) error
	// Votes and Blocks deliver what peers sent, in order for each peer. They are
	// closed by Close.
	Votes() <-chan Message
	Blocks() <-chan Message
	// Request asks one peer; ctx and the protocol's timeout bound it.
	Request(ctx context.Context, to PeerID, p Protocol, request []byte) ([]byte, error)
	// Handle serves a protocol; once for each name.
	Handle(p Protocol, h RequestHandler) error
	// Publish gossips data; Subscribe delivers what others published, validated.
	// One subscription for each topic, without one's own messages.
	Publish(topic Topic, data []byte) error
	Subscribe(topic Topic, validate GossipValidator) (<-chan Message, error)
	// Peers lists the connected peers, by identity.
	Peers() []PeerInfo
	// SetTip is the height that later handshakes tell; NoteTip remembers what a
	// peer was heard to have.
	SetTip(height uint64)
	NoteTip(peer PeerID, height uint64)
	// Penalise counts a fault of a peer: so many in a short time and it is
	// disconnected and refused for a while (validators are only counted).
	Penalise(peer PeerID, reason string)
	Close() error
}
