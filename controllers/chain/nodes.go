package chain

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"sync"
	"time"

	"connectrpc.com/connect"

	"github.com/bedrock-bft/bedrock/client"
	"github.com/bedrock-bft/bedrock/client/pinned"
	"github.com/bedrock-bft/bedrock/node/genesis"
)

// maxEndpoints bounds the nodes of one network that are remembered; above it all
// are forgotten, which costs reading the epochs anew.
const maxEndpoints = 256

// maxAnswer bounds what one node can have the operator read at once: many are asked at
// the same time, and their addresses are given by whoever makes a Validator.
const maxAnswer = 16 << 20

// Options shape a Nodes.
type Options struct {
	// Trust is what answers are verified against; TrustOf makes it of a genesis
	// document.
	Trust client.Trust
	// TLS is for https endpoints; nil: the system's.
	TLS *tls.Config
	// Timeout bounds one call [10 s].
	Timeout time.Duration
}

// TrustOf is the trust that a genesis document gives.
func TrustOf(document []byte) (client.Trust, error) {
	g, err := genesis.Parse(document)
	if err != nil {
		return client.Trust{}, err
	}
	return client.Trust{Genesis: g.Hash(), Epoch: g.Epoch()}, nil
}

// Nodes is the Client over the nodes' RPC.
type Nodes struct {
	opt Options

	mu    sync.Mutex
	known map[Endpoint]*client.Client
}

var _ Client = (*Nodes)(nil)

// New makes a client of one network's nodes. It does not connect.
func New(opt Options) (*Nodes, error) {
	if opt.Timeout <= 0 {
		opt.Timeout = 10 * time.Second
	}
	n := &Nodes{opt: opt, known: map[Endpoint]*client.Client{}}
	// A trust that holds nothing shows now and not at the first call.
	if _, err := client.New("http://localhost:1", client.Options{Trust: opt.Trust}); err != nil {
		return nil, err
	}
	return n, nil
}

// at is the client of one node, with the epochs that were verified by it.
func (n *Nodes) at(e Endpoint) (*client.Client, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if c := n.known[e]; c != nil {
		return c, nil
	}
	c, err := client.New(string(e), client.Options{Trust: n.opt.Trust, TLS: n.opt.TLS, Timeout: n.opt.Timeout, MaxAnswer: maxAnswer})
	if err != nil {
		return nil, err
	}
	if len(n.known) >= maxEndpoints {
		clear(n.known)
	}
	n.known[e] = c
	return c, nil
}

// failed says what was asked of whom, and marks what is only a lack of an answer.
func failed(at Endpoint, what string, err error) error {
	if errors.Is(err, pinned.ErrNotPinned) {
		return fmt.Errorf("%s of %s: %w", what, at, err) // somebody answers, and is not who was meant
	}
	switch connect.CodeOf(err) {
	case connect.CodeUnavailable, connect.CodeDeadlineExceeded, connect.CodeCanceled:
		return fmt.Errorf("%s of %s: %w: %w", what, at, ErrUnreachable, err)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s of %s: %w: %w", what, at, ErrUnreachable, err)
	}
	var refused *client.ExecutorError
	if errors.As(err, &refused) {
		return fmt.Errorf("%s of %s: %w: %w", what, at, ErrNoLedger, err)
	}
	return fmt.Errorf("%s of %s: %w", what, at, err)
}
